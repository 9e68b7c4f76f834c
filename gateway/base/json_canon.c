/*
 * The text is known to be JSON, so each value's end is found by what it begins with.
 * Members are written in the order in which they stand and then put in the order of
 * their names: a copy for each object that is not in order already.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json_priv.h"
#include "gateway/base/mem.h"

enum { MEMBERS_ON_STACK = 32 };

struct canon {
    const char *p, *end;
    struct buf *out;
    const char *const *without; /* names of members of the outermost object; NULL-terminated */
    struct buf scratch;
};

struct canon_member { /* places in out */
    size_t from, name_end, to;
};

static void canon_value(struct canon *c, bool outermost);

static void skip_white(struct canon *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
        c->p++;
}

/* A quote ends it but after an odd number of backslashes. */
static bool is_escaped(const char *from, const char *quote)
{
    const char *p = quote;
    while (p > from && p[-1] == '\\')
        p--;
    return (quote - p) % 2 != 0;
}

static struct str take_string(struct canon *c)
{
    const char *from = c->p, *quote = from;
    do
        quote = memchr(quote + 1, '"', (size_t)(c->end - quote - 1));
    while (quote && is_escaped(from + 1, quote));
    assert(quote);
    c->p = quote + 1;
    return (struct str){from, (size_t)(c->p - from)};
}

static struct str take_word(struct canon *c) /* a number, true, false, null */
{
    const char *from = c->p;
    while (c->p < c->end && !strchr(",]} \n\r\t", *c->p))
        c->p++;
    return (struct str){from, (size_t)(c->p - from)};
}

static bool is_without(const struct canon *c, struct str name)
{
    struct json_value v = {.kind = VALUE_STRING, .raw = name};
    for (const char *const *w = c->without; *w; w++)
        if (json_text_is(&v, str_of(*w)))
            return true;
    return false;
}

static int compare(const char *text, const struct canon_member *a, const struct canon_member *b)
{
    size_t an = a->name_end - a->from, bn = b->name_end - b->from;
    int order = memcmp(text + a->from, text + b->from, an < bn ? an : bn);
    if (order == 0 && an != bn)
        order = an < bn ? -1 : 1;
    return order ? order : a->from < b->from ? -1 : 1; /* of twins the first stays first */
}

/* Few, and often in order: by insertion. */
static bool sort(const char *text, struct canon_member *m, size_t n)
{
    bool moved = false;
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && compare(text, &m[k - 1], &m[k]) > 0; k--) {
            struct canon_member other = m[k];
            m[k] = m[k - 1];
            m[k - 1] = other;
            moved = true;
        }
    return moved;
}

static void put_in_order(struct canon *c, size_t from, struct canon_member *m, size_t n)
{
    if (!sort(c->out->p, m, n))
        return;
    buf_cut(&c->scratch, 0);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add(&c->scratch, STR(","));
        buf_add(&c->scratch, (struct str){c->out->p + m[i].from, m[i].to - m[i].from});
    }
    buf_cut(c->out, from);
    buf_add(c->out, buf_str(&c->scratch));
}

static void canon_member(struct canon *c, bool outermost, struct canon_member *m)
{
    skip_white(c);
    struct str name = take_string(c);
    bool leave_out = outermost && is_without(c, name);
    m->from = c->out->n;
    buf_add(c->out, name);
    m->name_end = c->out->n;
    skip_white(c);
    c->p++; /* ':' */
    buf_add(c->out, STR(":"));
    canon_value(c, false);
    if (leave_out)
        buf_cut(c->out, m->from);
    m->to = c->out->n;
    skip_white(c);
}

static void canon_object(struct canon *c, bool outermost)
{
    struct canon_member few[MEMBERS_ON_STACK], *m = few;
    size_t n = 0, room = MEMBERS_ON_STACK;
    c->p++;
    buf_add(c->out, STR("{"));
    size_t from = c->out->n;
    for (skip_white(c); *c->p != '}'; c->p += *c->p == ',') {
        if (n == room) {
            struct canon_member *more = mem_zalloc(2 * room * sizeof *more);
            memcpy(more, m, n * sizeof *m);
            if (m != few)
                free(m);
            m = more;
            room *= 2;
        }
        if (n)
            buf_add(c->out, STR(","));
        canon_member(c, outermost, &m[n]);
        if (m[n].to > m[n].from)
            n++;
        else if (n)
            buf_cut(c->out, c->out->n - 1);
    }
    c->p++;
    put_in_order(c, from, m, n);
    buf_add(c->out, STR("}"));
    if (m != few)
        free(m);
}

static void canon_array(struct canon *c)
{
    c->p++;
    buf_add(c->out, STR("["));
    for (skip_white(c); *c->p != ']'; skip_white(c)) {
        if (*c->p == ',') {
            buf_add(c->out, STR(","));
            c->p++;
        }
        canon_value(c, false);
    }
    c->p++;
    buf_add(c->out, STR("]"));
}

/* As deep as the scan let the text be. */
static void canon_value(struct canon *c, bool outermost) /* NOLINT(misc-no-recursion) */
{
    skip_white(c);
    switch (*c->p) {
    case '{':
        canon_object(c, outermost);
        break;
    case '[':
        canon_array(c);
        break;
    case '"':
        buf_add(c->out, take_string(c));
        break;
    default:
        buf_add(c->out, take_word(c));
    }
}

void json_canonical(struct buf *out, struct str text, const char *const *without)
{
    struct canon c = {.p = text.p, .end = text.p + text.n, .out = out, .without = without, .scratch = BUF_INIT(text.n)};
    canon_value(&c, true);
    buf_done(&c.scratch);
}
