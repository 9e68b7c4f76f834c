/*
 * conf_parse.c - libfyaml's events become a tree.
 *
 * Its own documents are not used: they expand aliases without a bound.  libfyaml
 * counts lines and columns from 0 in events, from 1 in its errors; the mark of a quoted
 * text is behind its quote, and that of an alias behind its '*'.  Its errors about quotes
 * and commas are put where the cause begins.
 */
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/conf_priv.h"
#include "gateway/base/utf8.h"

struct anchor {
    struct anchor *older;
    struct str name;
    struct conf_node *node;
};

struct open { /* a list or map whose end has not come */
    struct conf_node *node;
    struct str name; /* of the member whose value is next */
    struct conf_place name_at;
    bool has_name;
    size_t cap;
    size_t from; /* offset in the text */
};

struct parse {
    struct conf *c;
    struct str text;
    struct open stack[CONF_DEPTH];
    size_t depth;
    struct anchor *anchors;
    struct conf_node *root;
    bool failed;
};

static bool is_behind_its_mark(struct fy_event *e)
{
    if (e->type == FYET_ALIAS)
        return true;
    if (e->type != FYET_SCALAR || !e->scalar.value)
        return false;
    enum fy_scalar_style style = fy_token_scalar_style(e->scalar.value);
    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static struct conf_place mark_place(const struct fy_mark *m)
{
    return m ? (struct conf_place){(unsigned)m->line + 1, (unsigned)m->column + 1}
             : (struct conf_place){1, 1};
}

static struct conf_place place_of(struct fy_event *e)
{
    struct conf_place at = mark_place(fy_event_start_mark(e));
    if (is_behind_its_mark(e) && at.column > 1)
        at.column--;
    return at;
}

static bool fail(struct parse *p, struct conf_place at, const char *what)
{
    if (!p->failed)
        conf_problem(p->c, at, "%s", what);
    p->failed = true;
    return false;
}

static struct str token_text(struct parse *p, struct fy_token *t)
{
    size_t n = 0;
    const char *text = t ? fy_token_get_text(t, &n) : NULL;
    return (struct str){arena_strdup(&p->c->arena, (struct str){text, text ? n : 0}), text ? n : 0};
}

static bool has_zero(struct str s)
{
    return s.n && memchr(s.p, '\0', s.n);
}

static void grow(struct parse *p, struct open *o)
{
    if (o->node->n < o->cap)
        return;
    size_t cap = o->cap ? 2 * o->cap : 8;
    struct conf_entry *entries = arena_alloc(&p->c->arena, cap * sizeof *entries);
    if (o->node->n)
        memcpy(entries, o->node->entries, o->node->n * sizeof *entries);
    o->node->entries = entries;
    o->cap = cap;
}

static const struct conf_entry *find_entry(const struct conf_node *map, struct str name)
{
    for (size_t i = 0; i < map->n; i++)
        if (str_eq(map->entries[i].name, name))
            return &map->entries[i];
    return NULL;
}

/* A scalar where a name is due. */
static bool take_name(struct parse *p, struct open *o, struct conf_node *node)
{
    if (node->kind != CONF_SCALAR)
        return fail(p, node->at, "a name must be a plain text");
    const struct conf_entry *twin = find_entry(o->node, node->text);
    if (twin)
        conf_problem(p->c, node->at, "'%s' is given twice; first at %u:%u",
                     conf_quote(p->c, node->text), twin->at.line, twin->at.column);
    o->name = node->text;
    o->name_at = node->at;
    o->has_name = true;
    return true;
}

/* A whole value, or one that has just been opened, goes where it belongs. */
static bool place_node(struct parse *p, struct conf_node *node)
{
    if (p->depth == 0) {
        p->root = node;
        return true;
    }
    struct open *o = &p->stack[p->depth - 1];
    if (o->node->kind == CONF_MAP && !o->has_name)
        return take_name(p, o, node);
    grow(p, o);
    o->node->entries[o->node->n++] = (struct conf_entry){o->name, o->name_at, node};
    o->has_name = false;
    return true;
}

static bool add_weight(struct parse *p, struct conf_node *to, size_t weight, struct conf_place at)
{
    to->weight += weight;
    return to->weight <= CONF_NODES ||
           fail(p, at, "this is too large; more values than a config may have");
}

static struct conf_node *node_new(struct parse *p, struct fy_event *e, enum conf_kind kind)
{
    struct conf_node *node = arena_alloc(&p->c->arena, sizeof *node);
    *node = (struct conf_node){.kind = kind, .at = place_of(e), .weight = 1};
    struct fy_token *anchor = fy_event_get_anchor_token(e);
    if (anchor) {
        struct anchor *a = arena_alloc(&p->c->arena, sizeof *a);
        *a = (struct anchor){p->anchors, token_text(p, anchor), node};
        p->anchors = a;
    }
    return node;
}

static bool on_scalar(struct parse *p, struct fy_event *e)
{
    struct conf_node *node = node_new(p, e, CONF_SCALAR);
    struct fy_token *t = e->scalar.value;
    node->text = token_text(p, t);
    node->plain = !t || fy_token_scalar_style(t) == FYSS_PLAIN;
    if (has_zero(node->text))
        return fail(p, node->at, "a text may not hold a zero byte");
    bool is_name = p->depth && p->stack[p->depth - 1].node->kind == CONF_MAP &&
                   !p->stack[p->depth - 1].has_name;
    if (!place_node(p, node))
        return false;
    return is_name || !p->depth || add_weight(p, p->stack[p->depth - 1].node, 1, node->at);
}

static bool on_open(struct parse *p, struct fy_event *e, enum conf_kind kind)
{
    struct conf_node *node = node_new(p, e, kind);
    if (p->depth == CONF_DEPTH)
        return fail(p, node->at, "this is nested too deeply");
    if (!place_node(p, node))
        return false;
    const struct fy_mark *m = fy_event_start_mark(e);
    p->stack[p->depth++] = (struct open){.node = node, .from = m ? m->input_pos : p->text.n};
    return true;
}

static bool on_close(struct parse *p)
{
    if (p->depth == 0)
        return true;
    struct conf_node *node = p->stack[--p->depth].node;
    return p->depth == 0 || add_weight(p, p->stack[p->depth - 1].node, node->weight, node->at);
}

static bool is_open(const struct parse *p, const struct conf_node *node)
{
    for (size_t i = 0; i < p->depth; i++)
        if (p->stack[i].node == node)
            return true;
    return false;
}

static bool on_alias(struct parse *p, struct fy_event *e)
{
    struct conf_place at = place_of(e);
    struct str name = token_text(p, e->alias.anchor);
    const struct anchor *a = p->anchors;
    while (a && !str_eq(a->name, name))
        a = a->older;
    if (!a) {
        conf_problem(p->c, at, "no '&%s' stands before this alias", conf_quote(p->c, name));
        p->failed = true;
        return false;
    }
    if (is_open(p, a->node))
        return fail(p, at, "an alias may not stand inside what it stands for");
    if (!place_node(p, a->node))
        return false;
    return !p->depth || add_weight(p, p->stack[p->depth - 1].node, a->node->weight, at);
}

static bool on_event(struct parse *p, struct fy_event *e)
{
    struct fy_token *tag = fy_event_get_tag_token(e);
    if (tag)
        return fail(p, mark_place(fy_token_start_mark(tag)), "tags ('!…') have no meaning here");
    switch (e->type) {
    case FYET_SCALAR:
        return on_scalar(p, e);
    case FYET_MAPPING_START:
        return on_open(p, e, CONF_MAP);
    case FYET_SEQUENCE_START:
        return on_open(p, e, CONF_LIST);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return on_close(p);
    case FYET_ALIAS:
        return on_alias(p, e);
    case FYET_DOCUMENT_START:
        return !p->root || fail(p, place_of(e), "only one document may stand in a file");
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END:
        return true;
    }
    return true;
}

/* What stands before the place in its line. */
static struct str line_before(const struct parse *p, struct conf_place at)
{
    struct str rest = p->text, line = {"", 0};
    for (unsigned i = 0; i < at.line && rest.n; i++)
        str_next(&rest, '\n', &line);
    size_t n = 0;
    for (unsigned i = 1; i < at.column && n < line.n; i++)
        n += utf8_len((struct str){line.p + n, line.n - n});
    return (struct str){line.p, n};
}

/* From behind a quoted name to its first quote, or from behind a quote to the quote. */
static struct conf_place cause_of(const struct parse *p, struct conf_place at, const char *what)
{
    struct str line = line_before(p, at);
    if (line.n == 0 || (line.p[line.n - 1] != '"' && line.p[line.n - 1] != '\''))
        return at;
    size_t from = line.n - 1;
    if (strstr(what, "missing comma"))
        while (from > 0 && line.p[--from] != line.p[line.n - 1])
            at.column -= ((unsigned char)line.p[from] & 0xc0) != 0x80; /* characters, not bytes */
    else if (!strstr(what, "without closing quote"))
        return at;
    if (line.p[from] == line.p[line.n - 1])
        at.column -= from == line.n - 1 ? 1 : 2;
    return at;
}

/* What a parser's words mean to who wrote the text. */
static const char *plain_words(const char *what)
{
    return strcmp(what, "invalid nested block mapping on the same line") == 0
               ? "a second ':' in this line; put the text in quotes, or begin a new line for it"
               : what;
}

/* libfyaml's own complaint, and where the bracket stands that may be the cause. */
static void syntax_problem(struct parse *p, struct fy_diag *diag)
{
    void *iter = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &iter);
    struct conf_place at = {1, 1};
    if (e && e->line > 0)
        at = (struct conf_place){(unsigned)e->line, e->column > 0 ? (unsigned)e->column : 1};
    const char *what =
        e && e->msg ? plain_words(conf_quote(p->c, str_of(e->msg))) : "this is no YAML";
    at = cause_of(p, at, what);
    p->failed = true;
    for (size_t i = p->depth; i-- > 0;) {
        size_t from = p->stack[i].from;
        if (from < p->text.n && (p->text.p[from] == '[' || p->text.p[from] == '{')) {
            struct conf_place open = p->stack[i].node->at;
            conf_problem(p->c, at, "%s; is the '%c' at %u:%u closed?", what, p->text.p[from],
                         open.line, open.column);
            return;
        }
    }
    conf_problem(p->c, at, "%s", what);
}

static void run(struct parse *p, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_event *e;
    while (!p->failed && (e = fy_parser_parse(parser))) {
        on_event(p, e);
        fy_parser_event_free(parser, e);
    }
    if (!p->failed && (fy_diag_got_error(diag) || p->depth))
        syntax_problem(p, diag);
}

static bool parse_text(struct parse *p)
{
    struct fy_diag_cfg to_us;
    fy_diag_cfg_default(&to_us);
    to_us.fp = NULL;
    to_us.colorize = false;
    struct fy_diag *diag = fy_diag_create(&to_us);
    if (!diag)
        abort();
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg how = {
        .flags = FYPCF_QUIET | FYPCF_JSON_NONE | FYPCF_ALLOW_DUPLICATE_KEYS |
                 FYPCF_SLOPPY_FLOW_INDENTATION,
        .diag = diag,
    };
    struct fy_parser *parser = fy_parser_create(&how);
    if (!parser || fy_parser_set_string(parser, p->text.p, p->text.n) != 0)
        abort();
    run(p, parser, diag);
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return !p->failed;
}

/* libfyaml reads on past what is no UTF-8, so that is looked at first. */
static bool check_bytes(struct conf *c, struct str text)
{
    struct conf_place at = {1, 1};
    for (size_t i = 0, n; i < text.n; i += n) {
        n = utf8_len((struct str){text.p + i, text.n - i});
        if (n == 0 || text.p[i] == '\0') {
            conf_problem(c, at, n ? "a zero byte" : "this is not UTF-8");
            return false;
        }
        at.column++;
        if (text.p[i] == '\n')
            at = (struct conf_place){at.line + 1, 1};
    }
    return true;
}

struct conf_node *conf_parse(struct conf *c, struct str text)
{
    if (text.n > CONF_TEXT_BYTES) {
        conf_problem(c, (struct conf_place){1, 1}, "the file is longer than %d bytes",
                     CONF_TEXT_BYTES);
        return NULL;
    }
    if (!check_bytes(c, text))
        return NULL;
    struct parse p = {.c = c, .text = {arena_strdup(&c->arena, text), text.n}};
    if (text.n && !parse_text(&p))
        return NULL;
    if (!p.root || (p.root->kind == CONF_SCALAR && p.root->plain && p.root->text.n == 0)) {
        p.root = arena_alloc(&c->arena, sizeof *p.root);
        *p.root = (struct conf_node){.kind = CONF_MAP, .at = {1, 1}, .weight = 1};
    }
    return p.root;
}
