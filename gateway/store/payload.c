/*
 * Payloads are written once per request on the writer thread, so by hand into one
 * buffer that is kept; they are read back only by verify, rebuild and at the start.
 */
#include <string.h>

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

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* Rows hold UTF-8 without NUL, see row.c, so only this much needs an escape. */
static void add_text(struct buf *out, struct str s)
{
    buf_add(out, STR("\""));
    for (size_t i = 0; i < s.n;) {
        size_t from = i;
        while (i < s.n && is_plain(s.p[i]))
            i++;
        buf_add(out, (struct str){s.p + from, i - from});
        if (i < s.n)
            buf_addf(out, "\\u%04x", (unsigned char)s.p[i++]);
    }
    buf_add(out, STR("\""));
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
    int64_t n = 0;
    struct str text = {0};
    switch (c->kind) {
    case COLUMN_TEXT:
        text = COLUMN_OF(struct str, base, c);
        if (text.n == 0)
            return;
        break;
    case COLUMN_INT64:
        n = COLUMN_OF(int64_t, base, c);
        break;
    case COLUMN_INT:
        n = COLUMN_OF(int, base, c);
        break;
    case COLUMN_BOOL:
        add_member(out, c->member, first);
        buf_add(out, COLUMN_OF(bool, base, c) ? STR("true") : STR("false"));
        return;
    }
    if (c->kind != COLUMN_TEXT && n == LEDGER_NULL)
        return;
    add_member(out, c->member, first);
    if (c->kind == COLUMN_TEXT)
        add_text(out, text);
    else
        add_int(out, n);
}

/* All columns but the request_id, which the ledger has in a column of its own. */
static bool add_columns(struct buf *out, const struct columns *cs, const void *base)
{
    bool first = true;
    for (size_t i = 1; i < cs->n; i++)
        add_column(out, &cs->all[i], base, &first);
    return first;
}

static void add_attempt(struct buf *out, const struct ledger_attempt *a)
{
    buf_add(out, STR("{"));
    add_columns(out, &attempt_columns, a);
    buf_add(out, STR("}"));
}

void payload_write(struct buf *out, const struct entry *e)
{
    if (e->kind == ENTRY_adjust || e->kind == ENTRY_checkpoint) {
        buf_add(out, e->document);
        return;
    }
    if (e->kind == ENTRY_attempt) {
        add_attempt(out, e->attempts[0]);
        return;
    }
    buf_add(out, STR("{"));
    bool first = add_columns(out, &request_columns, e->request);
    if (e->n_attempts)
        add_member(out, STR("\"calls\":["), &first);
    for (size_t i = 0; i < e->n_attempts; i++) {
        if (i)
            buf_add(out, STR(","));
        add_attempt(out, e->attempts[i]);
    }
    buf_add(out, e->n_attempts ? STR("]}") : STR("}"));
}

static bool read_column(const json_t *in, const struct column *c, void *base)
{
    const json_t *v = json_object_getn(in, c->name.p, c->name.n);
    switch (c->kind) {
    case COLUMN_TEXT:
        if (v)
            *COLUMN_AT(struct str, base, c) =
                (struct str){json_string_value(v), json_string_length(v)};
        return !v || json_is_string(v);
    case COLUMN_INT64:
        *COLUMN_AT(int64_t, base, c) = v ? json_integer_value(v) : LEDGER_NULL;
        return !v || json_is_integer(v);
    case COLUMN_INT:
        *COLUMN_AT(int, base, c) = v ? (int)json_integer_value(v) : LEDGER_NULL;
        return !v || json_is_integer(v);
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
        if (!read_column(in, &cs->all[i], base))
            return false;
    return json_is_object(in);
}

static bool read_attempts(struct payload *p, json_t *const *calls, size_t n, struct str id)
{
    p->attempts = mem_zalloc(n * sizeof *p->attempts);
    p->pointers = mem_zalloc(n * sizeof *p->pointers);
    for (size_t i = 0; i < n; i++) {
        if (!read_columns(calls[i], &attempt_columns, id, &p->attempts[i]))
            return false;
        p->pointers[i] = &p->attempts[i];
    }
    p->entry.attempts = p->pointers;
    p->entry.n_attempts = n;
    return true;
}

static bool read_calls(struct payload *p, struct str id)
{
    const json_t *calls = json_object_get(p->root, "calls");
    size_t n = json_array_size(calls);
    json_t **all = mem_zalloc(n * sizeof(json_t *));
    for (size_t i = 0; i < n; i++)
        all[i] = json_array_get(calls, i);
    bool ok = read_attempts(p, all, n, id);
    free(all);
    return ok;
}

bool payload_read(struct payload *p, enum entry_kind kind, struct str id, struct str text,
                  struct err *err)
{
    *p = (struct payload){.entry = {.kind = kind, .request_id = id, .document = text}};
    p->root = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
    bool ok = json_is_object(p->root);
    if (ok && kind == ENTRY_attempt) {
        ok = read_attempts(p, &p->root, 1, id);
    } else if (ok && kind <= ENTRY_orphan) {
        ok = read_columns(p->root, &request_columns, id, &p->request) && read_calls(p, id);
        p->entry.request = &p->request;
    }
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
