#include "prompts/datum.h"

#include <inttypes.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"

struct reader { /* of a text that is known to be JSON */
    const char *at, *end;
    bool author;
    const struct input *from;
    struct arena *arena;
};

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/* Up to the closing quote; *at is behind it afterwards.  Most strings have no escape in them. */
static struct str read_raw(struct reader *r, bool *escaped)
{
    const char *start = ++r->at, *quote = memchr(start, '"', (size_t)(r->end - start));
    *escaped = memchr(start, '\\', (size_t)(quote - start)) != NULL;
    if (!*escaped) {
        r->at = quote + 1;
        return (struct str){start, (size_t)(quote - start)};
    }
    while (*r->at != '"')
        r->at += *r->at == '\\' ? 2 : 1;
    return (struct str){start, (size_t)(r->at++ - start)};
}

static struct str decoded(struct str raw, struct arena *a)
{
    const struct json_value v = {.kind = VALUE_STRING, .raw = {raw.p - 1, raw.n + 2}};
    SCOPED(buf_done) struct buf text = BUF_INIT(raw.n);
    json_text(&v, &text);
    return (struct str){arena_strdup(a, buf_str(&text)), text.n};
}

static struct str read_string(struct reader *r, struct str *raw)
{
    bool escaped;
    *raw = read_raw(r, &escaped);
    return escaped ? decoded(*raw, r->arena) : *raw;
}

static struct datum read_datum(struct reader *r);

static void *grown(struct arena *a, const void *old, size_t n, size_t each)
{
    void *fresh = arena_alloc(a, (n ? 2 * n : 4) * each);
    if (n)
        memcpy(fresh, old, n * each);
    return fresh;
}

static bool is_full(size_t n)
{
    return n == 0 || (n >= 4 && (n & (n - 1)) == 0);
}

static void read_items(struct reader *r, struct datum *d, char close)
{
    struct datum *items = NULL;
    struct str *names = NULL, raw;
    for (r->at++; skip_space(r), *r->at != close;) {
        if (*r->at == ',') {
            r->at++;
            continue;
        }
        if (is_full(d->n)) {
            items = grown(r->arena, items, d->n, sizeof *items);
            names = close == '}' ? grown(r->arena, names, d->n, sizeof *names) : NULL;
        }
        if (names) {
            names[d->n] = read_string(r, &raw);
            skip_space(r);
            r->at++; /* ':' */
            skip_space(r);
        }
        items[d->n++] = read_datum(r);
    }
    r->at++;
    d->items = items;
    d->names = names;
}

static void read_plain(struct reader *r, struct datum *d)
{
    const char *start = r->at;
    while (r->at < r->end && !strchr(",]} \n\r\t", *r->at))
        r->at++;
    d->raw = (struct str){start, (size_t)(r->at - start)};
    if (*start == 't' || *start == 'f') {
        d->kind = DATUM_BOOL;
        d->truth = *start == 't';
    } else if (*start == 'n') {
        d->kind = DATUM_NULL;
    } else {
        const struct json_value v = {.kind = VALUE_NUMBER, .raw = d->raw};
        d->kind = DATUM_NUMBER;
        d->text = d->raw;
        json_double(&v, &d->number);
    }
}

static struct datum read_datum(struct reader *r)
{
    struct datum d = {.author = r->author, .from = r->from};
    const char *start = r->at;
    switch (*r->at) {
    case '"':
        d.kind = DATUM_STRING;
        d.text = read_string(r, &d.raw);
        return d;
    case '[':
        d.kind = DATUM_LIST;
        read_items(r, &d, ']');
        break;
    case '{':
        d.kind = DATUM_MAP;
        read_items(r, &d, '}');
        break;
    default:
        read_plain(r, &d);
        return d;
    }
    d.raw = (struct str){start, (size_t)(r->at - start)};
    return d;
}

struct datum datum_parse(struct str json, bool author, const struct input *from, struct arena *a)
{
    struct reader r = {json.p, json.p + json.n, author, from, a};
    skip_space(&r);
    return read_datum(&r);
}

struct datum datum_int(int64_t n, struct arena *a)
{
    char text[INT_TEXT_BYTES];
    struct str s = {text, int_text(n, text)};
    return (struct datum){.kind = DATUM_NUMBER,
                          .author = true,
                          .text = {arena_strdup(a, s), s.n},
                          .number = (double)n};
}

const struct datum *datum_member(const struct datum *d, struct str name)
{
    for (size_t i = d->kind == DATUM_MAP ? d->n : 0; i-- > 0;)
        if (str_eq(d->names[i], name))
            return &d->items[i];
    return NULL;
}

bool datum_truth(const struct datum *d)
{
    switch (d->kind) {
    case DATUM_UNDEFINED:
    case DATUM_NULL:
        return false;
    case DATUM_BOOL:
        return d->truth;
    case DATUM_NUMBER:
        return d->number != 0;
    case DATUM_STRING:
        return d->text.n > 0;
    case DATUM_LIST:
    case DATUM_MAP:
        return d->n > 0;
    }
    return false;
}

bool datum_equal(const struct datum *a, const struct datum *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case DATUM_UNDEFINED:
    case DATUM_NULL:
        return true;
    case DATUM_BOOL:
        return a->truth == b->truth;
    case DATUM_NUMBER:
        return a->number == b->number;
    case DATUM_STRING:
        return str_eq(a->text, b->text);
    case DATUM_LIST:
    case DATUM_MAP:
        return a->raw.p && b->raw.p && str_eq(a->raw, b->raw);
    }
    return false;
}

/* An integral number without a point or exponent, as the subset says: 1.0 and 1e0 are 1. */
static void print_number(const struct datum *d, struct buf *out)
{
    const double exact = 9007199254740992.0; /* 2^53: every whole number up to it is a double */
    int64_t plain;
    if (str_int(d->text, &plain) || d->number >= exact || d->number <= -exact ||
        (double)(int64_t)d->number != d->number)
        buf_add(out, d->text);
    else
        buf_add_int(out, (int64_t)d->number);
}

static void items_json(const struct datum *d, struct buf *out)
{
    buf_add(out, d->kind == DATUM_MAP ? STR("{") : STR("["));
    for (size_t i = 0; i < d->n && buf_ok(out); i++) {
        if (i)
            buf_add(out, STR(","));
        if (d->kind == DATUM_MAP) {
            json_quote(out, d->names[i]);
            buf_add(out, STR(":"));
        }
        datum_json(&d->items[i], out);
    }
    buf_add(out, d->kind == DATUM_MAP ? STR("}") : STR("]"));
}

void datum_json(const struct datum *d, struct buf *out)
{
    switch (d->kind) {
    case DATUM_UNDEFINED:
    case DATUM_NULL:
        buf_add(out, STR("null"));
        break;
    case DATUM_BOOL:
        buf_add(out, d->truth ? STR("true") : STR("false"));
        break;
    case DATUM_NUMBER:
        print_number(d, out);
        break;
    case DATUM_STRING:
        json_quote(out, d->text);
        break;
    case DATUM_LIST:
    case DATUM_MAP:
        items_json(d, out);
        break;
    }
}

void datum_print(const struct datum *d, struct buf *out)
{
    if (d->kind == DATUM_STRING)
        buf_add(out, d->text);
    else if (d->kind != DATUM_UNDEFINED && d->kind != DATUM_NULL)
        datum_json(d, out);
}
