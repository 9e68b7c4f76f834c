/*
 * Markdown: the file as it stands, its ATX and setext headings as the outline.  Front
 * matter may name `id`, `title` and `acl`; what else stands there is its author's.
 */
#include <string.h>

#include "gateway/base/conf.h"
#include "gateway/base/scope.h"
#include "rag/document_priv.h"

struct front {
    struct conf_word unused;
    const char *id, *title;
    struct conf_words teams, tags;
};

static const struct conf_row rows[] = {
    {"id", CONF_TYPE_TEXT, offsetof(struct front, id), NULL, 1, DOCUMENT_ID_BYTES, NULL, NULL, ""},
    {"title", CONF_TYPE_TEXT, offsetof(struct front, title), NULL, 1, DOCUMENT_TITLE_BYTES, NULL,
     NULL, ""},
    {"acl.teams", CONF_TYPE_WORDS, offsetof(struct front, teams), NULL, 0, 0, NULL, NULL, ""},
    {"acl.tags", CONF_TYPE_WORDS, offsetof(struct front, tags), NULL, 0, 0, NULL, NULL, ""},
};
static const struct conf_table table = {"front matter", rows, sizeof rows / sizeof rows[0],
                                        sizeof(struct front)};

static struct str line_at(struct str text, size_t at)
{
    const char *end = memchr(text.p + at, '\n', text.n - at);
    struct str line = {text.p + at, end ? (size_t)(end - text.p) - at : text.n - at};
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static size_t next_line(struct str text, size_t at)
{
    const char *end = memchr(text.p + at, '\n', text.n - at);
    return end ? (size_t)(end - text.p) + 1 : text.n;
}

static void pass_on(void *arg, const char *line)
{
    struct corpus *c = arg;
    c->problems++;
    c->complain(c->arg, line);
}

static const char *const *names_of(struct arena *a, const struct conf_words *w)
{
    const char **names = arena_alloc(a, (w->n + 1) * sizeof *names);
    for (size_t i = 0; i < w->n; i++)
        names[i] = arena_strdup(a, str_of(w->v[i].text));
    return names;
}

/* What is the author's own stays out of the reader's sight, but for slips of the pen. */
static void keep_ours(struct conf *conf, struct conf_node *root)
{
    size_t kept = 0;
    for (size_t i = 0; i < root->n; i++) {
        struct str name = root->entries[i].name;
        bool ours =
            str_eq(name, STR("id")) || str_eq(name, STR("title")) || str_eq(name, STR("acl"));
        if (!ours && (conf_nearest(name, STR("acl")).n || str_eq(name, STR("teams")) ||
                      str_eq(name, STR("access"))))
            conf_problem(conf, root->entries[i].at, "unknown option '%s'; did you mean 'acl'?",
                         conf_quote(conf, name));
        if (ours)
            root->entries[kept++] = root->entries[i];
    }
    root->n = kept;
}

static bool read_front(struct source *s, struct str front, struct document *d)
{
    struct arena *a = &s->corpus->arena;
    struct conf *conf = conf_new(s->file);
    struct conf_node *root = conf_parse(conf, front);
    struct front f = {0};
    if (root && root->kind != CONF_MAP)
        conf_problem(conf, (struct conf_place){2, 1},
                     "front matter is 'name: value' lines between two lines '---'");
    if (root && root->kind == CONF_MAP) {
        keep_ours(conf, root);
        conf_read(conf, root, &table, &f);
        for (size_t i = 0; i < root->n; i++)
            d->has_access |= str_eq(root->entries[i].name, STR("acl"));
        d->access = (struct access){names_of(a, &f.teams), names_of(a, &f.tags)};
        if (f.id)
            d->id = (struct str){arena_strdup(a, str_of(f.id)), strlen(f.id)};
        if (f.title)
            d->title = (struct str){arena_strdup(a, str_of(f.title)), strlen(f.title)};
    }
    bool ok = conf_report(conf, pass_on, s->corpus) == 0;
    conf_free(conf);
    return ok;
}

/* Where the text begins; *ok: false, and a problem, if front matter is wrong. */
static size_t skip_front(struct source *s, struct document *d, bool *ok)
{
    struct str text = s->bytes;
    if (!str_eq(line_at(text, 0), STR("---")))
        return 0;
    for (size_t at = next_line(text, 0); at < text.n; at = next_line(text, at))
        if (str_eq(line_at(text, at), STR("---"))) {
            *ok = read_front(s, (struct str){text.p, at}, d);
            return next_line(text, at);
        }
    source_problem(s, 0, "front matter is not closed; end it with a line '---'");
    *ok = false;
    return text.n;
}

static struct str heading_text(struct str line, char mark)
{
    while (line.n && (line.p[0] == ' ' || line.p[0] == mark))
        line = (struct str){line.p + 1, line.n - 1};
    while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == mark))
        line.n--;
    return line;
}

static unsigned atx_level(struct str line)
{
    unsigned n = 0;
    while (n < line.n && line.p[n] == '#')
        n++;
    return n >= 1 && n <= 6 && (n == line.n || line.p[n] == ' ' || line.p[n] == '\t') ? n : 0;
}

static bool is_fence(struct str line)
{
    struct str s = str_trim(line);
    return str_starts(s, STR("```")) || str_starts(s, STR("~~~"));
}

static unsigned setext_level(struct str under)
{
    if (!under.n || (under.p[0] != '=' && under.p[0] != '-'))
        return 0;
    for (size_t i = 0; i < under.n; i++)
        if (under.p[i] != under.p[0])
            return 0;
    return under.n < 3 ? 0 : under.p[0] == '=' ? 1 : 2;
}

static void read_outline(struct str text, size_t from, struct outline *o, struct str *title)
{
    bool fenced = false;
    o->levels[0] = STR("");
    for (size_t at = from; at < text.n; at = next_line(text, at)) {
        struct str line = line_at(text, at);
        size_t after = next_line(text, at);
        fenced ^= is_fence(line);
        if (fenced || text_is_blank(line))
            continue;
        unsigned level = atx_level(line);
        if (!level && after < text.n && !atx_level(line_at(text, after)))
            level = setext_level(line_at(text, after));
        if (!level)
            continue;
        struct str heading = heading_text(line, '#');
        if (heading.n > 200)
            heading.n = 200;
        outline_heading(o, level, heading, at);
        if (!title->n)
            *title = heading;
    }
    outline_end(o, text.n);
}

void read_markdown(struct source *s)
{
    bool ok = true;
    struct document d = {.id = s->id, .title = STR(""), .text = s->bytes};
    struct outline o = {.arena = &s->corpus->arena};
    if (!source_is_text(s))
        return;
    size_t from = skip_front(s, &d, &ok);
    if (!ok)
        return;
    if (text_is_blank((struct str){s->bytes.p + from, s->bytes.n - from})) {
        source_problem(s, from,
                       "nothing follows the front matter; write something, or remove the file");
        return;
    }
    o.v = arena_alloc(o.arena, 16 * sizeof *o.v);
    o.room = 16;
    o.v[o.n++] = (struct section){STR(""), from, from};
    read_outline(s->bytes, from, &o, &d.title);
    d.sections = o.v;
    d.n_sections = o.n;
    source_add(s, &d, 1, 1);
}
