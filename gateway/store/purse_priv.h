/*
 * purse_priv.h - a purse from inside: its windows, the lines on which they count, and
 * how they stand in the database.
 *
 * spent + reserved + left = leased, and of a measure with a limit leased <= limit.  `left` is
 * negative where there is no limit, one was lowered, or usage above the bound was booked.
 */
#ifndef GATEWAY_STORE_PURSE_PRIV_H
#define GATEWAY_STORE_PURSE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/store/purse.h"
#include "gateway/store/sql_priv.h"

struct purse_line { /* one cache line */
    _Alignas(64) _Atomic int64_t left;
    _Atomic int64_t spent, reserved;
    _Atomic int64_t low;     /* when less is left more is leased; INT64_MIN: there is no more */
    _Atomic int64_t largest; /* reserved at once, lately */
    atomic_bool leasing, closed;
    _Atomic uint8_t noticed; /* a bit for each threshold */
    int64_t leased;          /* guarded by purse.lock */
};

struct purse_window {
    struct purse_line lines[MEASURE_count];
    int64_t from_ms, to_ms;
    struct purse *purse;
    struct purse_window *older;
    _Atomic int64_t holders;             /* nobody's: it may be freed once it is old */
    struct hold_wait *waiting;           /* guarded by purse.lock */
    _Atomic int64_t lost[MEASURE_count]; /* by a crash, and counted as spent */
};

struct purse {
    _Atomic unsigned refs;
    struct store *store;
    int64_t id;
    char *team, *key_id; /* one of them is NULL */
    enum period per;
    pthread_mutex_t lock;
    _Atomic int64_t limit[MEASURE_count];
    _Atomic(struct purse_window *) current; /* the newest; the others hang on it */
};

struct purse *purse_new(struct store *s, int64_t id, struct str team, struct str key_id,
                        enum period per);

/* Puts a window in front, with what is known to be spent; before or under the lock. */
struct purse_window *purse_open(struct purse *p, int64_t wall_ms);

/* The window that wall_ms lies in, made if it is new. */
struct purse_window *purse_window_of(struct purse *p, int64_t wall_ms);

/* Does what `budgets set` says: BUDGET_NONE for none.  Opens what was closed. */
void purse_set_limits(struct purse *p, const struct amount *limit);

/* Of the window of wall_ms: `by` was counted as spent, and no longer is; nothing is lost any more.
 */
void purse_forgive(struct purse *p, int64_t wall_ms, const struct amount *by);

/* ---- with the database; on the writer's thread, or before it runs */

/* Brings s->purses in line with the table `budgets`; `changed`: the id of the one that was set, or
 * 0. */
bool purses_load(struct store *s, int64_t changed, struct err *err);

/* Nothing is held any more and every row is committed: leases are given back. */
bool leases_close(sqlite3 *db, struct err *err);

bool lease_write(sqlite3 *db, const struct purse_window *w, enum measure m, int64_t leased,
                 struct err *err);
bool lease_mark_closed(sqlite3 *db, const struct purse_window *w, enum measure m, struct err *err);

/* Forgets what crashes took from the budget; *by: how much less counts as spent, for
 * purse_forgive(). */
bool lease_release(sqlite3 *db, struct purse *p, int64_t wall_ms, struct amount *by, bool dry_run,
                   struct err *err);

#endif
