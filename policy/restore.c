#include "policy/restore.h"

#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"

enum { URL_NONE, URL_WITHIN = 3 };

void restorer_init(struct restorer *r, const struct pseudonyms *names, unsigned where, bool escapes)
{
    *r = (struct restorer){.names = names, .where = where, .escapes = escapes};
}

/* Follows "://" up to what ends a URL. */
static unsigned follow_url(unsigned url, char c)
{
    if (url == URL_WITHIN)
        return c <= ' ' || c == '"' || c == '<' || c == '>' || c == ')' ? URL_NONE : URL_WITHIN;
    if (c == "://"[url])
        return url + 1;
    return c == ':';
}

static void pass(struct restorer *r, struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++)
        r->url = follow_url(r->url, text.p[i]);
    buf_add(out, text);
}

static void put(struct restorer *r, const struct pseudonym *n, struct buf *out)
{
    bool keeps = !(n->rule->restore & r->where) || (n->rule->never_in_url && r->url == URL_WITHIN);
    if (keeps) {
        pass(r, (struct str){n->name, PSEUDONYM_BYTES}, out);
        return;
    }
    if (!r->escapes) {
        buf_add(out, n->value);
        return;
    }
    SCOPED(buf_done) struct buf quoted = BUF_INIT(SIZE_MAX);
    json_quote(&quoted, n->value);
    buf_add(out, (struct str){quoted.p + 1, quoted.n - 2});
}

/* A 'P' at text.p[at]: a name (whole), how one begins (part), or nothing. */
static const struct pseudonym *look(const struct restorer *r, struct str text, size_t at,
                                    bool *part)
{
    size_t left = text.n - at;
    *part = left < PSEUDONYM_BYTES && pseudonym_begins(r->names, (struct str){text.p + at, left});
    return left < PSEUDONYM_BYTES ? NULL : pseudonym_find(r->names, text.p + at);
}

/* Returns how many bytes of the text were dealt with. */
static size_t restore(struct restorer *r, struct str text, struct buf *out)
{
    size_t given = 0;
    for (size_t at = 0; at < text.n;) {
        const char *p = memchr(text.p + at, 'P', text.n - at);
        bool part;
        if (!p)
            break;
        at = (size_t)(p - text.p);
        const struct pseudonym *n = look(r, text, at, &part);
        if (!n && !part) {
            at++;
            continue;
        }
        pass(r, (struct str){text.p + given, at - given}, out);
        given = at;
        if (part)
            return given;
        put(r, n, out);
        at = given = at + PSEUDONYM_BYTES;
    }
    pass(r, (struct str){text.p + given, text.n - given}, out);
    return text.n;
}

void restorer_feed(struct restorer *r, struct str text, struct buf *out)
{
    if (r->n_held == 0) {
        size_t n = restore(r, text, out);
        text = (struct str){text.p + n, text.n - n};
        memcpy(r->held, text.p, text.n);
        r->n_held = (unsigned)text.n;
        return;
    }
    SCOPED(buf_done) struct buf whole = BUF_INIT(SIZE_MAX);
    buf_add(&whole, (struct str){r->held, r->n_held});
    buf_add(&whole, text);
    r->n_held = 0;
    restorer_feed(r, buf_str(&whole), out);
}

void restorer_end(struct restorer *r, struct buf *out)
{
    pass(r, (struct str){r->held, r->n_held}, out);
    r->n_held = 0;
}
