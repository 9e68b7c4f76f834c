/* config_rag.c - collections, and what names them. */
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/core/config_priv.h"
#include "prompts/prompt.h"

static const char *const *names_of(struct config_memory *m, const struct conf_words *w)
{
    const char **names = arena_alloc(conf_arena(m->conf), (w->n + 1) * sizeof *names);
    for (size_t i = 0; i < w->n; i++)
        names[i] = w->v[i].text;
    return names;
}

static void check_name(struct config_memory *m, const struct conf_word *id)
{
    size_t n = strlen(id->text);
    int64_t number;
    if (n == 0 || n > 64 || id->text[0] == '.' || str_int(str_of(id->text), &number) ||
        strcmp(id->text, "off") == 0 ||
        strspn(id->text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-") != n)
        conf_problem(m->conf, id->at,
                     "a collection's name has 1 to 64 of the characters A-Z a-z 0-9 . _ -, is no "
                     "number and not 'off'");
}

static void make_collection(struct config_memory *m, const struct collection_spec *spec,
                            struct collection *c)
{
    *c = (struct collection){
        .name = spec->id.text,
        .dir = spec->dir.text ? conf_path(m->conf, str_of(spec->dir.text)) : NULL,
        .access = {names_of(m, &spec->teams), names_of(m, &spec->tags)},
        .embedder = spec->embedder_model.text,
        .lexical_only = spec->embedder_kind == 1,
        .k = spec->k,
        .tokens = spec->tokens,
        .nothing_found = (enum nothing_found)spec->nothing_found,
    };
    check_name(m, &spec->id);
    if (c->embedder && c->lexical_only)
        conf_problem(m->conf, spec->embedder_model.at,
                     "'embedder.kind' is off; leave one of the two out");
    if (c->embedder && !config_model(&m->config, str_of(c->embedder)))
        conf_problem(m->conf, spec->embedder_model.at, "'models' has no '%s'",
                     spec->embedder_model.hidden ? "…" : conf_quote(m->conf, str_of(c->embedder)));
}

static void unknown_collection(struct config_memory *m, const struct conf_word *word, struct str name)
{
    struct buf names = BUF_INIT(64 * 1024);
    for (unsigned i = 0; i < m->config.n_collections; i++)
        buf_addf(&names, "%s|", m->config.collections[i].name);
    struct str near = conf_nearest(name, buf_str(&names));
    const char *quoted = word->hidden ? "…" : conf_quote(m->conf, name);
    if (near.n && !word->hidden)
        conf_problem(m->conf, word->at, "'rag.collections' has no '%s'; did you mean '" STR_FMT "'?", quoted,
                     STR_ARG(near));
    else
        conf_problem(m->conf, word->at, "'rag.collections' has no '%s'", quoted);
    buf_done(&names);
}

static void check_models(struct config_memory *m)
{
    const struct model_spec *specs = m->models.v;
    for (size_t i = 0; i < m->models.n; i++) {
        struct str rest = str_of(specs[i].rag.text), name;
        if (rest.n && str_next(&rest, '@', &name) && !config_collection(&m->config, name))
            unknown_collection(m, &specs[i].rag, name);
    }
}

void config_make_collections(struct config_memory *m)
{
    const struct collection_spec *specs = m->collections.v;
    struct collection *all = arena_alloc(conf_arena(m->conf), (m->collections.n + 1) * sizeof *all);
    for (size_t i = 0; i < m->collections.n; i++)
        make_collection(m, &specs[i], &all[i]);
    m->config.collections = all;
    m->config.n_collections = (unsigned)m->collections.n;
    check_models(m);
}

bool config_prompt_fits(const struct config *c, const char *file, const struct prompt *p, struct buf *line)
{
    SCOPED(buf_done) struct buf names = BUF_INIT(64 * 1024);
    struct str rest = str_of(p->rag), name = STR("");
    str_next(&rest, '@', &name);
    if (!p->rag || str_eq(str_of(p->rag), STR("off")) || config_collection(c, name))
        return true;
    for (unsigned i = 0; i < c->n_collections; i++)
        buf_addf(&names, "%s|", c->collections[i].name);
    struct str near = conf_nearest(name, buf_str(&names));
    buf_addf(line, "%s:%u:%u: 'rag.collections' of the config has no '%.*s'", file, p->rag_at.line, p->rag_at.column,
             (int)(name.n < 64 ? name.n : 64), name.p);
    if (near.n)
        buf_addf(line, "; did you mean '" STR_FMT "'?", STR_ARG(near));
    else
        buf_add(line, STR("; add it there, or name one that is"));
    return false;
}

const struct collection *config_collection(const struct config *c, struct str name)
{
    for (unsigned i = 0; i < c->n_collections; i++)
        if (str_eq(str_of(c->collections[i].name), name))
            return &c->collections[i];
    return NULL;
}
