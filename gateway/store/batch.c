/*
 * Coalesces what was handed over together: a request whose settle is in the batch
 * becomes one row of the ledger, with the attempts in it; the others keep a row
 * each.  What is derived from them is the same either way.
 */
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/store_priv.h"

struct group { /* the rows of one request */
    struct str id;
    struct row *reserve, *settle;
    struct row *attempts, **attempts_end;
    size_t n_attempts;
};

struct batch {
    struct group *groups; /* in the order of their first rows */
    size_t n;
    uint32_t *slots; /* open addressing: 1 + the index of a group, or 0 */
    size_t n_slots;  /* a power of two, at least twice the rows */
    const struct ledger_attempt **attempts;
};

static size_t hash_of(struct str id)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < id.n; i++)
        h = (h ^ (uint8_t)id.p[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static struct group *group_of(struct batch *b, struct str id)
{
    size_t at = hash_of(id) & (b->n_slots - 1);
    for (; b->slots[at]; at = (at + 1) & (b->n_slots - 1))
        if (str_eq(b->groups[b->slots[at] - 1].id, id))
            return &b->groups[b->slots[at] - 1];
    struct group *g = &b->groups[b->n++];
    b->slots[at] = (uint32_t)b->n;
    g->id = id;
    g->attempts_end = &g->attempts;
    return g;
}

static void add_row(struct batch *b, struct row *r)
{
    r->more = NULL;
    struct group *g = group_of(b, r->request.request_id);
    if (r->kind == ROW_reserve) {
        g->reserve = r;
    } else if (r->kind == ROW_settle) {
        g->settle = r;
    } else {
        *g->attempts_end = r;
        g->attempts_end = &r->more;
        g->n_attempts++;
    }
}

static bool append_group(struct book *book, struct batch *b, const struct group *g, int64_t wall_ms,
                         struct err *err)
{
    struct entry e = {.kind = ENTRY_reserve, .request_id = g->id};
    if (g->reserve && !g->settle) {
        e.request = &g->reserve->request;
        if (!book_append(book, &e, wall_ms, err))
            return false;
    }
    e = (struct entry){.kind = ENTRY_attempt, .request_id = g->id, .attempts = b->attempts};
    size_t n = 0;
    for (const struct row *r = g->attempts; r; r = r->more) {
        b->attempts[n] = &r->attempt;
        if (g->settle) {
            n++;
            continue;
        }
        e.n_attempts = 1;
        if (!book_append(book, &e, wall_ms, err))
            return false;
    }
    if (!g->settle)
        return true;
    e.kind = ENTRY_settle;
    e.request = &g->settle->request;
    e.n_attempts = n;
    return book_append(book, &e, wall_ms, err);
}

bool batch_append(struct book *book, struct row *rows, int64_t wall_ms, struct err *err)
{
    size_t n = 0, n_slots = 2;
    for (const struct row *r = rows; r; r = r->next)
        n++;
    while (n_slots < 2 * n)
        n_slots *= 2;
    SCOPED(scope_free) struct group *groups = mem_zalloc(n * sizeof *groups);
    SCOPED(scope_free) uint32_t *slots = mem_zalloc(n_slots * sizeof *slots);
    SCOPED(scope_free) const struct ledger_attempt **attempts = mem_zalloc(n * sizeof *attempts);
    struct batch b = {.groups = groups, .slots = slots, .n_slots = n_slots, .attempts = attempts};
    for (struct row *r = rows; r; r = r->next)
        if (r->kind != ROW_note)
            add_row(&b, r);
    for (size_t i = 0; i < b.n; i++)
        if (!append_group(book, &b, &groups[i], wall_ms, err))
            return false;
    return true;
}
