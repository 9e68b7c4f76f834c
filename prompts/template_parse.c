/*
 * The text between tags is found first, its white space cut where a tag says so
 * ('{%-', '-%}'); what stands within a tag is read by expr_parse.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "prompts/tree.h"

struct tag {
    char kind;       /* '{', '%', '#'; '\0': the end of the template */
    size_t at;       /* of its "{{" */
    size_t from, to; /* what is within */
    size_t end;      /* behind it */
    bool trim_before, trim_after;
};

struct reader {
    struct parser p;
    struct tag tag; /* the last that was read */
    bool trim;      /* it wants the white space behind it gone */
};

/* What ends a list of nodes. */
enum ending { END_OF_TEXT, END_elif, END_else, END_endif, END_endfor };

struct conf_place template_place(const struct template *t, size_t offset)
{
    struct conf_place at = t->at;
    for (size_t i = 0; i < offset && i < t->source.n; i++) {
        unsigned char c = (unsigned char)t->source.p[i];
        at.column += (c & 0xc0) != 0x80; /* characters, not bytes */
        if (c == '\n')
            at = (struct conf_place){at.line + 1, 1};
    }
    return at;
}

bool parser_fail(struct parser *p, size_t at, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!p->failed)
        conf_problem(p->c, template_place(p->t, at), "%s", text);
    p->failed = true;
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void parser_skip_space(struct parser *p)
{
    while (p->at < p->end && is_space(p->t->source.p[p->at]))
        p->at++;
}

struct str parser_name(struct parser *p)
{
    parser_skip_space(p);
    size_t start = p->at;
    const char *s = p->t->source.p;
    if (p->at < p->end && s[p->at] >= '0' && s[p->at] <= '9')
        return (struct str){"", 0};
    while (p->at < p->end && is_name_byte(s[p->at]))
        p->at++;
    return (struct str){s + start, p->at - start};
}

bool parser_take(struct parser *p, const char *sign)
{
    size_t n = strlen(sign);
    parser_skip_space(p);
    if (p->end - p->at < n || memcmp(p->t->source.p + p->at, sign, n) != 0)
        return false;
    p->at += n;
    return true;
}

bool parser_take_word(struct parser *p, const char *word)
{
    size_t before = p->at;
    if (parser_take(p, word) && (p->at == p->end || !is_name_byte(p->t->source.p[p->at])))
        return true;
    p->at = before;
    return false;
}

static size_t find(const struct parser *p, size_t from, const char *sign)
{
    const char *s = p->t->source.p,
               *found = memmem(s + from, p->t->source.n - from, sign, strlen(sign));
    return found ? (size_t)(found - s) : p->t->source.n;
}

/* A tag's end; quotes may hold what looks like it. */
static size_t find_end(const struct parser *p, size_t from, const char *sign)
{
    const char *s = p->t->source.p;
    char quote = '\0';
    for (size_t i = from; i + 1 < p->t->source.n; i++) {
        if (quote && s[i] == '\\')
            i++;
        else if (quote)
            quote = s[i] == quote ? '\0' : quote;
        else if (s[i] == sign[0] && s[i + 1] == sign[1])
            return i;
        else if (*sign != '#' && (s[i] == '"' || s[i] == '\''))
            quote = s[i];
    }
    return p->t->source.n;
}

static size_t find_tag(const struct parser *p, size_t from)
{
    const char *s = p->t->source.p;
    for (;; from++) {
        from = find(p, from, "{");
        if (from + 1 >= p->t->source.n)
            return p->t->source.n;
        if (strchr("{%#", s[from + 1]))
            return from;
    }
}

static bool read_tag(struct reader *r, size_t at)
{
    const char *s = r->p.t->source.p;
    static const char *const signs[] = {"}}", "%}", "#}"};
    r->tag = (struct tag){.at = at, .end = at};
    if (at >= r->p.t->source.n)
        return true;
    const char *sign = signs[s[at + 1] == '{' ? 0 : s[at + 1] == '%' ? 1 : 2];
    size_t to = find_end(&r->p, at + 2, sign);
    if (to >= r->p.t->source.n)
        return parser_fail(&r->p, at, "this '{%c' is not closed; '%s' is missing", s[at + 1], sign);
    r->tag = (struct tag){.kind = s[at + 1], .at = at, .from = at + 2, .to = to, .end = to + 2};
    r->tag.trim_before = r->tag.from < to && s[r->tag.from] == '-';
    r->tag.from += r->tag.trim_before;
    r->tag.trim_after = r->tag.to > r->tag.from && s[to - 1] == '-';
    r->tag.to -= r->tag.trim_after;
    return true;
}

static struct node *node_new(struct reader *r, enum node_kind kind, size_t at)
{
    struct node *n = arena_alloc(r->p.a, sizeof *n);
    n->kind = kind;
    n->at = at;
    return n;
}

struct str text_escape(struct arena *a, struct str text)
{
    SCOPED(buf_done) struct buf quoted = BUF_INIT(6 * text.n + 2);
    json_quote(&quoted, text);
    return (struct str){arena_strdup(a, (struct str){quoted.p + 1, quoted.n - 2}), quoted.n - 2};
}

/* The text from..to, less what its neighbours cut; NULL if nothing is left. */
static struct node *text_node(struct reader *r, size_t from, size_t to, bool cut_end)
{
    const char *s = r->p.t->source.p;
    while (r->trim && from < to && is_space(s[from]))
        from++;
    while (cut_end && to > from && is_space(s[to - 1]))
        to--;
    if (from == to)
        return NULL;
    struct node *n = node_new(r, NODE_TEXT, from);
    n->text = (struct str){s + from, to - from};
    n->raw = text_escape(r->p.a, n->text);
    return n;
}

/* Sets p to read what is within the tag. */
static void enter(struct reader *r)
{
    r->p.at = r->tag.from;
    r->p.end = r->tag.to;
}

static bool leave(struct reader *r)
{
    parser_skip_space(&r->p);
    if (r->p.at != r->p.end)
        return parser_fail(
            &r->p, r->p.at,
            "the tag should end here; there is no arithmetic, and no call but of a filter");
    return true;
}

static bool read_nodes(struct reader *r, struct node **list, enum ending *how);

static bool read_value(struct reader *r, struct node *n)
{
    n->expr = expr_parse(&r->p);
    return n->expr && leave(r);
}

static bool fail_unclosed(struct reader *r, size_t at, const char *what, const char *end)
{
    return parser_fail(&r->p, at, "this '{%% %s %%}' is not closed; '{%% %s %%}' is missing", what,
                       end);
}

static bool read_if(struct reader *r, struct node *n)
{
    struct branch **last = &n->branches;
    enum ending how = END_elif;
    while (how != END_endif) {
        struct branch *b = *last = arena_alloc(r->p.a, sizeof *b);
        last = &b->next;
        if (how == END_elif && !(b->test = expr_parse(&r->p)))
            return false;
        bool was_else = how == END_else;
        if (!leave(r) || !read_nodes(r, &b->body, &how))
            return false;
        if (how == END_OF_TEXT)
            return fail_unclosed(r, n->at, "if", "endif");
        if (how == END_endfor || (was_else && how != END_endif))
            return parser_fail(&r->p, r->tag.at,
                               "'{%% endif %%}' should stand here, for the if that is open");
    }
    return leave(r);
}

static bool read_for(struct reader *r, struct node *n)
{
    enum ending how;
    n->text = parser_name(&r->p);
    if (!n->text.n || !parser_take_word(&r->p, "in"))
        return parser_fail(&r->p, n->at, "a loop is written '{%% for NAME in LIST %%}'");
    if (str_eq(n->text, STR("loop")))
        return parser_fail(&r->p, n->at, "a loop's variable may not be called 'loop'");
    n->expr = expr_parse(&r->p);
    if (!n->expr || !leave(r) || !read_nodes(r, &n->body, &how))
        return false;
    if (how == END_OF_TEXT)
        return fail_unclosed(r, n->at, "for", "endfor");
    if (how != END_endfor)
        return parser_fail(&r->p, r->tag.at,
                           "'{%% endfor %%}' should stand here, for the loop that is open");
    return leave(r);
}

static bool read_raw(struct reader *r, struct node *n)
{
    size_t from = r->tag.end;
    if (!leave(r))
        return false;
    for (size_t at = from;; at = r->tag.end) {
        at = find(&r->p, at, "{%");
        if (at >= r->p.t->source.n)
            return fail_unclosed(r, n->at, "raw", "endraw");
        if (!read_tag(r, at))
            return false;
        enter(r);
        if (!parser_take_word(&r->p, "endraw"))
            continue;
        n->kind = NODE_TEXT;
        n->verbatim = true;
        n->text = (struct str){r->p.t->source.p + from, at - from};
        n->raw = text_escape(r->p.a, n->text);
        return leave(r);
    }
}

static bool unknown_tag(struct reader *r)
{
    size_t at = r->p.at;
    struct str name = parser_name(&r->p);
    struct str near = conf_nearest(name, STR("if|elif|else|endif|for|endfor|raw|endraw"));
    const char *quoted = conf_quote(r->p.c, name);
    if (near.n)
        return parser_fail(&r->p, at, "there is no tag '%s'; did you mean '" STR_FMT "'?", quoted,
                           STR_ARG(near));
    return parser_fail(
        &r->p, at,
        "there is no tag '%s'; it may be if, elif, else, endif, for, endfor, raw or endraw",
        quoted);
}

/* A '{% … %}'.  *ends: it ended the list that is read. */
static bool read_block(struct reader *r, struct node *n, enum ending *how, bool *ends)
{
    static const char *const words[] = {
        [END_elif] = "elif", [END_else] = "else", [END_endif] = "endif", [END_endfor] = "endfor"};
    parser_skip_space(&r->p);
    for (enum ending e = END_elif; e <= END_endfor; e++)
        if (parser_take_word(&r->p, words[e])) {
            *how = e;
            *ends = true;
            if (r->p.depth > 1)
                return true;
            return parser_fail(&r->p, n->at, "this '%s' has nothing that it belongs to", words[e]);
        }
    if (parser_take_word(&r->p, "if")) {
        n->kind = NODE_IF;
        return read_if(r, n);
    }
    if (parser_take_word(&r->p, "for")) {
        n->kind = NODE_FOR;
        return read_for(r, n);
    }
    if (parser_take_word(&r->p, "raw"))
        return read_raw(r, n);
    return unknown_tag(r);
}

static bool read_one(struct reader *r, struct node ***last, enum ending *how, bool *ends)
{
    struct node *n = node_new(r, NODE_VALUE, r->tag.at);
    enter(r);
    if (r->tag.kind == '{' && !read_value(r, n))
        return false;
    if (r->tag.kind == '%' && !read_block(r, n, how, ends))
        return false;
    if (r->tag.kind == '#' || *ends)
        return true;
    **last = n;
    *last = &n->next;
    return true;
}

static bool read_nodes(struct reader *r, struct node **list, enum ending *how)
{
    struct node **last = list;
    bool ends = false;
    if (r->p.depth++ == TEMPLATE_DEPTH)
        return parser_fail(&r->p, r->tag.at, "this is nested too deeply; at most %d levels",
                           TEMPLATE_DEPTH);
    *how = END_OF_TEXT;
    while (!ends) {
        size_t from = r->tag.end;
        bool trim = r->tag.trim_after;
        if (!read_tag(r, find_tag(&r->p, from)))
            return false;
        r->trim = trim;
        struct node *text = text_node(r, from, r->tag.at, r->tag.trim_before);
        if (text) {
            *last = text;
            last = &text->next;
        }
        if (r->tag.kind == '\0')
            break;
        if (!read_one(r, &last, how, &ends))
            return false;
    }
    r->p.depth--;
    return true;
}

struct template *template_parse(struct conf *c, struct str text, struct conf_place at)
{
    struct arena *a = conf_arena(c);
    struct template *t = arena_alloc(a, sizeof *t);
    *t = (struct template){.source = {arena_strdup(a, text), text.n}, .at = at};
    struct reader r = {.p = {.c = c, .a = a, .t = t}};
    enum ending how;
    return read_nodes(&r, &t->nodes, &how) ? t : NULL;
}
