/*
 * A role is only ever read in the template, and before it is rendered: a line of the
 * author's text, with nothing on it but the role, a colon and white space.  Tags and
 * comments before it on the line do not count; a value does.
 */
#include <string.h>
#include <strings.h>

#include "prompts/tree.h"

struct marking {
    struct template *t;
    struct conf *c;
    struct arena *a;
    struct str thread;
};

static const char *const roles[] = {"system", "developer", "user", "assistant"};
static const char *const odd_roles[] = {"tool", "function"}; /* need an id besides */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Is there nothing before this offset on its line but blanks, blocks and comments? */
static bool begins_line(const struct template *t, size_t at)
{
    const char *s = t->source.p;
    while (at > 0 && s[at - 1] != '\n') {
        if (is_blank(s[at - 1])) {
            at--;
            continue;
        }
        bool block = at >= 4 && s[at - 1] == '}' && (s[at - 2] == '%' || s[at - 2] == '#');
        if (!block)
            return false;
        const char open[] = {'{', s[at - 2]};
        for (at -= 2; at >= 2 && memcmp(s + at - 2, open, 2) != 0;)
            at--;
        at -= at >= 2 ? 2 : at;
    }
    return true;
}

/* The role of "user:" with blanks around it; NULL: it is none. */
static const char *role_of(struct str line, const char *const *of, size_t n)
{
    while (line.n && is_blank(line.p[0]))
        line = (struct str){line.p + 1, line.n - 1};
    while (line.n && is_blank(line.p[line.n - 1]))
        line.n--;
    if (line.n < 2 || line.p[line.n - 1] != ':')
        return NULL;
    for (line.n--; line.n && is_blank(line.p[line.n - 1]);)
        line.n--;
    for (size_t i = 0; i < n; i++)
        if (strlen(of[i]) == line.n && strncasecmp(of[i], line.p, line.n) == 0)
            return of[i];
    return NULL;
}

struct line {
    size_t from, to; /* in the text; to is behind its line end */
    const char *role;
};

/* The next line that is a role, from `at` on. */
static bool find_role(struct marking *m, const struct node *n, size_t at, struct line *line)
{
    bool at_end = n->at + n->text.n == m->t->source.n;
    for (size_t to; at < n->text.n; at = to) {
        const char *end = memchr(n->text.p + at, '\n', n->text.n - at);
        to = end ? (size_t)(end - n->text.p) + 1 : n->text.n;
        struct str text = {n->text.p + at, to - at - (end != NULL)};
        if ((!end && !at_end) || (at == 0 && !begins_line(m->t, n->at)))
            continue;
        *line = (struct line){at, to, role_of(text, roles, sizeof roles / sizeof roles[0])};
        if (line->role)
            return true;
        const char *odd = role_of(text, odd_roles, sizeof odd_roles / sizeof odd_roles[0]);
        if (odd)
            conf_problem(m->c, template_place(m->t, n->at + at),
                         "a message of the role '%s' needs an id, so no line can begin it; write "
                         "the body as a "
                         "JSON array of messages",
                         odd);
    }
    return false;
}

/* A part of n as a node of its own. */
static struct node *cut(struct marking *m, const struct node *n, size_t from, size_t to)
{
    struct node *part = arena_alloc(m->a, sizeof *part);
    *part = *n;
    part->at += from;
    part->text = (struct str){n->text.p + from, to - from};
    part->raw = text_escape(m->a, part->text);
    return part;
}

static struct node *mark_text(struct marking *m, struct node *n)
{
    struct line line;
    struct node *rest = n->next, *last = NULL;
    size_t at = 0;
    struct node whole = *n;
    while (find_role(m, &whole, at, &line)) {
        struct node *text = line.from > at ? cut(m, &whole, at, line.from) : NULL;
        struct node *role = cut(m, &whole, line.from, line.to);
        role->kind = NODE_ROLE;
        role->text = str_of(line.role);
        if (!last) { /* n itself becomes the first of them */
            struct node *second = text ? role : NULL;
            *n = text ? *text : *role;
            n->next = second;
            last = second ? second : n;
        } else {
            last->next = text ? text : role;
            if (text)
                text->next = role;
            last = role;
        }
        at = line.to;
    }
    if (!last)
        return n;
    if (at < whole.text.n) {
        last->next = cut(m, &whole, at, whole.text.n);
        last = last->next;
    }
    last->next = rest;
    return last;
}

static void mark_nodes(struct marking *m, struct node *n)
{
    for (; n; n = n->next) {
        if (n->kind == NODE_TEXT && !n->verbatim)
            n = mark_text(m, n);
        else if (n->kind == NODE_FOR)
            mark_nodes(m, n->body);
        for (struct branch *b = n->kind == NODE_IF ? n->branches : NULL; b; b = b->next)
            mark_nodes(m, b->body);
        bool is_thread = n->kind == NODE_VALUE && m->thread.n && n->expr->kind == EXPR_VAR &&
                         n->expr->n_path == 0 && str_eq(n->expr->name, m->thread);
        if (is_thread)
            n->kind = NODE_THREAD;
    }
}

void roles_mark(struct template *t, struct conf *c, struct str thread)
{
    struct marking m = {t, c, conf_arena(c), thread};
    mark_nodes(&m, t->nodes);
}
