/*
 * purse.h - what budgets leave to be spent, in memory.
 *
 * A purse is one budget of a team or key.  In each of its windows it counts what was
 * spent and what is reserved, of money (nano-USD) and of tokens, on one cache line each,
 * and never hands out more than its lease: an amount that the writer has put on disk
 * first.  So however a process ends, what it spent is at most what is on disk.  After a
 * crash the whole lease counts as spent until budget_release().
 *
 * A request holds its bound: hold_begin(), hold_grow() once or more, hold_settle() once.
 * None of it blocks, all of it from any thread; one hold by one thread at a time.
 */
#ifndef GATEWAY_STORE_PURSE_H
#define GATEWAY_STORE_PURSE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/period.h"
#include "gateway/store/store.h"

struct purse;
struct purse_window;

enum measure { MEASURE_usd, MEASURE_tokens, MEASURE_count };

enum { PURSES_MAX = 2 * PERIOD_count /* of one key: its own and its team's */, BUDGET_NONE = -1 };

struct amount {
    int64_t of[MEASURE_count]; /* nano-USD, tokens */
};

/* A purse at one moment. */
struct purse_state {
    const char *team, *key_id; /* one of them is NULL; they live as long as the purse */
    enum period per;
    int64_t reset_ms;    /* wall clock; INT64_MAX: never */
    struct amount limit; /* BUDGET_NONE where there is none */
    struct amount spent; /* what was lost in a crash included */
    struct amount reserved, lost;
    bool closed; /* an upstream reported more than the bound */
};

struct purse *purse_ref(struct purse *p);
void purse_unref(struct purse *p); /* NULL is fine */

bool purse_has_limit(const struct purse *p, enum measure m);

/* Of the window that wall_ms lies in. */
void purse_look(struct purse *p, int64_t wall_ms, struct purse_state *s);

/* What of `m` could still be reserved; INT64_MAX if that has no limit. */
int64_t purse_left(const struct purse_state *s, enum measure m);

/* The highest threshold that was reached: 80, 95; 0: none. */
int purse_threshold(const struct purse_state *s);

struct hold {
    struct purse_window *windows[PURSES_MAX];
    unsigned n;
    struct amount held;
};

enum hold_answer {
    HOLD_YES,
    HOLD_WAIT, /* more is being leased: `wait` is called once, then ask again */
    HOLD_NO,   /* a budget does not have it */
};

/* Lives until fn was called, on the writer's thread. */
struct hold_wait {
    void (*fn)(struct hold_wait *w, bool ok); /* !ok: the disk took no lease */
    struct hold_wait *next;
};

/* The budget that said no. */
struct hold_refusal {
    struct purse_state state;
    enum measure measure;
};

/* The windows in which a request that began at wall_ms counts.  The purses outlive the hold. */
void hold_begin(struct hold *h, struct purse *const *purses, unsigned n, int64_t wall_ms);

/* Reserves `more` of every budget, or of none.  wait NULL: with HOLD_WAIT nobody is called. */
enum hold_answer hold_grow(struct hold *h, const struct amount *more, struct hold_wait *wait,
                           struct hold_refusal *why);

/* One that has crossed a threshold, or was closed (percent 0): said once a window. */
typedef void hold_notice(void *arg, const struct purse_state *s, enum measure m, int percent);

/* Books what was really used, and gives the rest back.  `close`: it was above the bound. */
void hold_settle(struct hold *h, const struct amount *used, bool close, hold_notice *notice,
                 void *arg);

#endif
