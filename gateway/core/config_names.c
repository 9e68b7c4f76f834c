/* config_names.c - from a name that was asked to a model, its target's name and price. */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/core/config_priv.h"

static int compare(struct str a, struct str b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *a, const void *b)
{
    return compare(((const struct config_name *)a)->name, ((const struct config_name *)b)->name);
}

static int by_length(const void *a, const void *b)
{
    size_t na = strlen((*(const struct model *const *)a)->name),
           nb = strlen((*(const struct model *const *)b)->name);
    return (na < nb) - (na > nb);
}

static const struct config_name *find_name(const struct config_memory *m, struct str name)
{
    const struct config_name key = {.name = {name.p ? name.p : "", name.n}};
    return m->n_names ? bsearch(&key, m->names, m->n_names, sizeof *m->names, by_name) : NULL;
}

static const struct model *find_wildcard(const struct config_memory *m, struct str name)
{
    for (size_t i = 0; i < m->n_wildcards; i++) {
        size_t n = strlen(m->wildcards[i]->name) - 1;
        if (name.n > n && memcmp(name.p, m->wildcards[i]->name, n) == 0)
            return m->wildcards[i];
    }
    return NULL;
}

const struct model *config_model(const struct config *c, struct str name)
{
    const struct config_name *found = find_name(c->memory, name);
    return found ? found->model : find_wildcard(c->memory, name);
}

struct str config_alias(const struct config *c, struct str name)
{
    const struct config_name *found = find_name(c->memory, name);
    return found ? found->of : name;
}

struct str target_model(const struct config *c, const struct model *m, const struct target *t,
                        struct str asked, struct arena *a)
{
    const char *star = m->is_wildcard ? strchr(t->model, '*') : NULL;
    if (!star)
        return str_of(t->model);
    struct str rest = config_alias(c, asked);
    size_t before = strlen(m->name) - 1;
    size_t head = (size_t)(star - t->model), tail = strlen(star + 1);
    if (!rest.p || rest.n < before)
        return str_of(t->model);
    rest = (struct str){rest.p + before, rest.n - before};
    char *name = arena_alloc(a, head + rest.n + tail + 1);
    memcpy(name, t->model, head);
    memcpy(name + head, rest.p, rest.n);
    memcpy(name + head + rest.n, star + 1, tail);
    return (struct str){name, head + rest.n + tail};
}

const struct price *target_price(const struct config *c, const struct target *t, struct str model)
{
    const struct price *p =
        c->prices ? price_find(c->prices, str_of(t->provider->name), model) : NULL;
    if (p || !c->has_catalogue || !t->provider->dialect)
        return p;
    return price_builtin(str_of(t->provider->dialect->name), model);
}

static void add_models(struct config_memory *m)
{
    for (unsigned i = 0; i < m->config.n_models; i++) {
        const struct model *model = &m->config.models[i];
        struct str name = str_of(model->name);
        if (model->is_wildcard)
            m->wildcards[m->n_wildcards++] = model;
        else
            m->names[m->n_names++] = (struct config_name){name, name, model};
    }
    qsort(m->names, m->n_names, sizeof *m->names, by_name);
    qsort(m->wildcards, m->n_wildcards, sizeof(m->wildcards[0]), by_length);
}

/* An alias of an alias would be a second way to say the same, so there is none. */
static void unknown_model(struct config_memory *m, const struct conf_word *word)
{
    const char *quoted = word->hidden ? "…" : conf_quote(m->conf, str_of(word->text));
    struct str near = config_nearest_model(&m->config, str_of(word->text));
    if (near.n && !word->hidden)
        conf_problem(m->conf, word->at, "'models' has no '%s'; did you mean '" STR_FMT "'?", quoted, STR_ARG(near));
    else
        conf_problem(m->conf, word->at, "'models' has no '%s'", quoted);
}

static void add_aliases(struct config_memory *m)
{
    size_t n = m->n_names;
    for (size_t i = 0; i < m->aliases.n; i++) {
        const struct conf_pair *alias = &m->aliases.v[i];
        struct str name = str_of(alias->name.text), of = str_of(alias->value.text);
        const struct model *model = config_model(&m->config, of);
        if (find_name(m, name))
            conf_problem(m->conf, alias->name.at, "'models' has a '%s' already",
                         conf_quote(m->conf, name));
        else if (!model)
            unknown_model(m, &alias->value);
        else
            m->names[n++] = (struct config_name){name, of, model};
    }
    m->n_names = n;
    qsort(m->names, m->n_names, sizeof *m->names, by_name);
}

struct str config_nearest_model(const struct config *c, struct str name)
{
    struct buf names = BUF_INIT(64 * 1024);
    for (unsigned i = 0; i < c->n_models; i++)
        buf_addf(&names, "%s|", c->models[i].name);
    struct str near = conf_nearest(name, buf_str(&names));
    for (unsigned i = 0; near.n && i < c->n_models; i++)
        if (str_eq(near, str_of(c->models[i].name)))
            near = str_of(c->models[i].name); /* which outlives the list */
    buf_done(&names);
    return near;
}

void config_make_names(struct config_memory *m)
{
    m->names = mem_zalloc((m->config.n_models + m->aliases.n) * sizeof *m->names);
    m->wildcards = mem_zalloc(m->config.n_models * sizeof *m->wildcards);
    add_models(m);
    add_aliases(m);
    m->config.default_model = m->default_model.text;
    if (m->default_model.text && !config_model(&m->config, str_of(m->default_model.text)))
        unknown_model(m, &m->default_model);
}

bool target_is(const struct target *t, const char *name)
{
    size_t n = strlen(t->provider->name);
    return strncmp(name, t->provider->name, n) == 0 && name[n] == '/' && strcmp(name + n + 1, t->model) == 0;
}
