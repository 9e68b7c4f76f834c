#include "gateway/router/rotation.h"

#include <stdatomic.h>

#include "gateway/base/mem.h"

struct rotation {
    _Atomic unsigned refs;
    unsigned n;
    _Atomic unsigned turn;
    _Atomic int64_t rests_until_ms[];
};

struct rotation *rotation_new(unsigned n)
{
    struct rotation *r = mem_zalloc(sizeof *r + n * sizeof r->rests_until_ms[0]);
    r->refs = 1;
    r->n = n;
    return r;
}

struct rotation *rotation_ref(struct rotation *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void rotation_unref(struct rotation *r)
{
    if (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1)
        free(r);
}

int64_t rotation_rests_ms(const struct rotation *r, unsigned key, int64_t now_ms)
{
    int64_t until_ms = atomic_load_explicit(&r->rests_until_ms[key], memory_order_relaxed);
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

unsigned rotation_take(struct rotation *r, int64_t now_ms)
{
    unsigned turn = r->n > 1 ? atomic_fetch_add_explicit(&r->turn, 1, memory_order_relaxed) : 0;
    unsigned best = turn % r->n;
    for (unsigned i = 0; i < r->n; i++) {
        unsigned key = (turn + i) % r->n;
        if (rotation_rests_ms(r, key, now_ms) < rotation_rests_ms(r, best, now_ms))
            best = key;
    }
    return best;
}

void rotation_rest(struct rotation *r, unsigned key, int64_t until_ms)
{
    atomic_store_explicit(&r->rests_until_ms[key], until_ms, memory_order_relaxed);
}

bool rotation_has_one(const struct rotation *r, int64_t now_ms)
{
    for (unsigned i = 0; i < r->n; i++)
        if (!rotation_rests_ms(r, i, now_ms))
            return true;
    return false;
}
