/*
 * Payloads are written once per request on the writer thread, so by hand into one
 * buffer that is kept; they are read back only by verify, rebuild and at the start.
 */
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "gateway/store/column_priv.h"
#include "gateway/store/entry_priv.h"

static const char *const kind_words[ENTRY_count] = {"reserve", "attempt", "settle",
                                                    "orphan",  "adjust",  "checkpoint"};

struct str entry_kind_word(enum entry_kind kind)
{
    return str_of(kind_words[kind]);
}

bool entry_kind_find(struct str word, enum entry_kind *kind)
{
    for (int k = 0; k < ENTRY_count; k++)
        if (str_eq(word, str_of(kind_words[k]))) {
            *kind = (enum entry_kind)k;
            return true;
        }
    return false;
}

static void add_int(struct buf *out, int64_t n)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
    do
        digits[--at] = (char)('0' + left % 10);
    while (left /= 10);
    if (n < 0)
        digits[--at] = '-';
    buf_add(out, (struct str){digits + at, sizeof digits - at});
}

static void add_member(struct buf *out, struct str member, bool *first)
{
    if (!*first)
        buf_add(out, STR(","));
    *first = false;
    buf_add(out, member);
}

static void add_column(struct buf *out, const struct column *c, const void *base, bool *first)
{
    struct str text;
    int64_t n;
    add_member(out, c->member, first);
    switch (c->kind) {
    case COLUMN_TEXT:
        text = COLUMN_OF(struct str, base, c);
        if (text.n)
            json_quote(out, text);
        else
            buf_add(out, STR("null"));
        return;
    case COLUMN_BOOL:
        buf_add(out, COLUMN_OF(bool, base, c) ? STR("true") : STR("false"));
        return;
    case COLUMN_INT64:
    case COLUMN_NUMBER:
    case COLUMN_INT:
        n = c->kind != COLUMN_INT ? COLUMN_OF(int64_t, base, c) : COLUMN_OF(int, base, c);
        if (n == LEDGER_NULL)
            buf_add(out, STR("null"));
        else
            add_int(out, n);
        return;
    }
}

/* What a member is that is absent: nothing. */
static bool is_absent(const struct column *c, const void *base)
{
    switch (c->kind) {
    case COLUMN_TEXT:
        return COLUMN_OF(struct str, base, c).n == 0;
    case COLUMN_BOOL:
        return !COLUMN_OF(bool, base, c);
    case COLUMN_INT64:
    case COLUMN_NUMBER:
        return COLUMN_OF(int64_t, base, c) == 0;
    case COLUMN_INT:
        return COLUMN_OF(int, base, c) == 0;
    }
    return false;
}

static bool is_same(const struct column *a, const void *base_a, const struct column *b,
                    const void *base_b)
{
    switch (a->kind) {
    case COLUMN_TEXT:
        return str_eq(COLUMN_OF(struct str, base_a, a), COLUMN_OF(struct str, base_b, b));
    case COLUMN_BOOL:
        return COLUMN_OF(bool, base_a, a) == COLUMN_OF(bool, base_b, b);
    case COLUMN_INT64:
    case COLUMN_NUMBER:
        return COLUMN_OF(int64_t, base_a, a) == COLUMN_OF(int64_t, base_b, b);
    case COLUMN_INT:
        return COLUMN_OF(int, base_a, a) == COLUMN_OF(int, base_b, b);
    }
    return false;
}

/* All columns but the request_id, which the ledger has in a column of its own. */
static void add_columns(struct buf *out, const struct columns *cs, const void *base, bool *first)
{
    for (size_t i = 1; i < cs->n; i++)
        if (!is_absent(&cs->all[i], base))
            add_column(out, &cs->all[i], base, first);
}

static void add_call(struct buf *out, const struct ledger_attempt *a,
                     const struct ledger_request *r)
{
    bool first = true;
    buf_add(out, STR("{"));
    for (size_t i = 1; i < attempt_columns.n; i++) {
        const struct column *c = &attempt_columns.all[i];
        if (!c->twin || !is_same(c, a, c->twin, r))
            add_column(out, c, a, &first);
    }
    buf_add(out, STR("}"));
}

static void add_calls(struct buf *out, const struct entry *e, bool *first)
{
    if (!e->n_attempts)
        return;
    add_member(out, STR("\"calls\":["), first);
    for (size_t i = 0; i < e->n_attempts; i++) {
        if (i)
            buf_add(out, STR(","));
        add_call(out, e->attempts[i], e->request);
    }
    buf_add(out, STR("]"));
}

void payload_write(struct buf *out, const struct entry *e)
{
    if (e->kind == ENTRY_adjust || e->kind == ENTRY_checkpoint) {
        buf_add(out, e->document);
        return;
    }
    bool first = true;
    buf_add(out, STR("{"));
    if (e->kind == ENTRY_attempt) {
        add_columns(out, &attempt_columns, e->attempts[0], &first);
    } else {
        add_columns(out, &request_columns, e->request, &first);
        add_calls(out, e, &first);
    }
    buf_add(out, STR("}"));
}

/* `v` is the member's value; absent members keep what *base holds. */
static bool read_column(const json_t *v, const struct column *c, void *base)
{
    bool null = json_is_null(v);
    if (!v)
        return true;
    switch (c->kind) {
    case COLUMN_TEXT:
        *COLUMN_AT(struct str, base, c) =
            null ? (struct str){0} : (struct str){json_string_value(v), json_string_length(v)};
        return null || json_is_string(v);
    case COLUMN_NUMBER:
        *COLUMN_AT(int64_t, base, c) = json_integer_value(v);
        return json_is_integer(v);
    case COLUMN_INT64:
        *COLUMN_AT(int64_t, base, c) = null ? LEDGER_NULL : json_integer_value(v);
        return null || json_is_integer(v);
    case COLUMN_INT:
        *COLUMN_AT(int, base, c) = null ? LEDGER_NULL : (int)json_integer_value(v);
        return null || json_is_integer(v);
    case COLUMN_BOOL:
        *COLUMN_AT(bool, base, c) = json_is_true(v);
        return json_is_boolean(v);
    }
    return false;
}

static bool read_columns(const json_t *in, const struct columns *cs, struct str id, void *base)
{
    *COLUMN_AT(struct str, base, &cs->all[0]) = id;
    for (size_t i = 1; i < cs->n; i++)
        if (!read_column(json_object_getn(in, cs->all[i].name.p, cs->all[i].name.n), &cs->all[i],
                         base))
            return false;
    return json_is_object(in);
}

static void copy_twins(struct ledger_attempt *a, const struct ledger_request *r)
{
    for (size_t i = 1; i < attempt_columns.n; i++) {
        const struct column *c = &attempt_columns.all[i];
        if (!c->twin)
            continue;
        switch (c->kind) {
        case COLUMN_TEXT:
            *COLUMN_AT(struct str, a, c) = COLUMN_OF(struct str, r, c->twin);
            break;
        case COLUMN_INT64:
        case COLUMN_NUMBER:
            *COLUMN_AT(int64_t, a, c) = COLUMN_OF(int64_t, r, c->twin);
            break;
        case COLUMN_INT:
            *COLUMN_AT(int, a, c) = COLUMN_OF(int, r, c->twin);
            break;
        case COLUMN_BOOL:
            *COLUMN_AT(bool, a, c) = COLUMN_OF(bool, r, c->twin);
            break;
        }
    }
}

static void make_attempts(struct payload *p, size_t n)
{
    p->attempts = mem_zalloc(n * sizeof *p->attempts);
    p->pointers = mem_zalloc(n * sizeof *p->pointers);
    for (size_t i = 0; i < n; i++)
        p->pointers[i] = &p->attempts[i];
    p->entry.attempts = p->pointers;
    p->entry.n_attempts = n;
}

static bool read_attempt(struct payload *p, struct str id)
{
    make_attempts(p, 1);
    return read_columns(p->root, &attempt_columns, id, &p->attempts[0]);
}

static bool read_request(struct payload *p, struct str id)
{
    p->entry.request = &p->request;
    if (!read_columns(p->root, &request_columns, id, &p->request))
        return false;
    const json_t *calls = json_object_get(p->root, "calls");
    make_attempts(p, json_array_size(calls));
    for (size_t i = 0; i < p->entry.n_attempts; i++) {
        copy_twins(&p->attempts[i], &p->request);
        if (!read_columns(json_array_get(calls, i), &attempt_columns, id, &p->attempts[i]))
            return false;
    }
    return true;
}

bool payload_read(struct payload *p, enum entry_kind kind, struct str id, struct str text,
                  struct err *err)
{
    *p = (struct payload){.entry = {.kind = kind, .request_id = id, .document = text}};
    p->root = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
    bool ok = json_is_object(p->root);
    if (ok && kind == ENTRY_attempt)
        ok = read_attempt(p, id);
    else if (ok && kind <= ENTRY_orphan)
        ok = read_request(p, id);
    if (ok)
        return true;
    payload_done(p);
    return err_set(err, ERR_ledger_broken, "the payload makes no sense");
}

void payload_done(struct payload *p)
{
    json_decref(p->root);
    free(p->attempts);
    free(p->pointers);
    *p = (struct payload){0};
}
