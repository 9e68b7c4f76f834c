/*
 * The way of a request takes no lock: amounts move by compare-and-swap, and only who
 * finds a line nearly empty, or a window over, takes the purse's mutex.  `left` grows by
 * leases under that mutex and shrinks anywhere, so what does not fit under it does not
 * fit at all.
 */
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/store/purse_priv.h"
#include "gateway/store/store_priv.h"

__extension__ typedef __int128 wide;

enum {
    STEP_PARTS = 100, /* a lease grows by this part of the limit at least, */
    STEP_BOUNDS = 8,  /* or by so many of the largest recent bound */
    FADE = 8,         /* what was largest loses this part with each lease */
};

static const int thresholds[] = {80, 95};
enum { THRESHOLDS = sizeof thresholds / sizeof thresholds[0], CLOSED_BIT = 1 << THRESHOLDS };

static int64_t get(const _Atomic int64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

static void add(_Atomic int64_t *n, int64_t by)
{
    atomic_fetch_add_explicit(n, by, memory_order_relaxed);
}

static char *copy(struct str s)
{
    char *p = mem_zalloc(s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

struct purse *purse_new(struct store *s, int64_t id, struct str team, struct str key_id,
                        enum period per)
{
    struct purse *p = NEW(struct purse);
    p->refs = 1;
    p->store = s;
    p->id = id;
    p->team = team.n ? copy(team) : NULL;
    p->key_id = key_id.n ? copy(key_id) : NULL;
    p->per = per;
    p->limit[MEASURE_usd] = p->limit[MEASURE_tokens] = BUDGET_NONE;
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

struct purse *purse_ref(struct purse *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void purse_unref(struct purse *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    for (struct purse_window *w = p->current, *older; w; w = older) {
        older = w->older;
        free(w);
    }
    pthread_mutex_destroy(&p->lock);
    free(p->team);
    free(p->key_id);
    free(p);
}

/* ---- windows */

/*
 * Nobody comes for a window that is two windows old: a request looks for its own with no
 * wait in between, so who saw it as the current one has taken hold of it an hour ago.
 */
static void drop_old(struct purse_window *newest)
{
    struct purse_window **link = newest->older ? &newest->older->older : &newest->older;
    while (*link) {
        struct purse_window *w = *link;
        if (get(&w->holders) > 0) {
            link = &w->older;
            continue;
        }
        *link = w->older;
        free(w);
    }
}

struct purse_window *purse_open(struct purse *p, int64_t wall_ms)
{
    struct purse_window *w = aligned_alloc(_Alignof(struct purse_window), sizeof *w);
    if (!w)
        abort(); /* out of memory, as in mem.c */
    memset(w, 0, sizeof *w);
    period_window(p->per, wall_ms, &w->from_ms, &w->to_ms);
    w->purse = p;
    w->older = p->current;
    drop_old(w);
    atomic_store_explicit(&p->current, w, memory_order_release);
    return w;
}

/* A clock that was put back by more than a window finds the oldest that is kept. */
struct purse_window *purse_window_of(struct purse *p, int64_t wall_ms)
{
    struct purse_window *w = atomic_load_explicit(&p->current, memory_order_acquire);
    if (wall_ms >= w->from_ms && wall_ms < w->to_ms)
        return w;
    pthread_mutex_lock(&p->lock);
    w = p->current;
    if (wall_ms >= w->to_ms)
        w = purse_open(p, wall_ms);
    while (wall_ms < w->from_ms && w->older)
        w = w->older;
    pthread_mutex_unlock(&p->lock);
    return w;
}

/* ---- leases */

struct lease {
    struct purse_window *window;
    enum measure measure;
    int64_t target;
};

static int64_t step_of(const struct purse *p, enum measure m, const struct purse_line *l)
{
    int64_t limit = get(&p->limit[m]), step = limit / STEP_PARTS, bounds;
    if (__builtin_mul_overflow(get(&l->largest), (int64_t)STEP_BOUNDS, &bounds))
        bounds = INT64_MAX / 2;
    step = bounds > step ? bounds : step;
    return step > 0 ? step : 1;
}

static void set_low(const struct purse *p, enum measure m, struct purse_line *l)
{
    bool more = get(&p->limit[m]) > l->leased;
    l->low = more ? step_of(p, m, l) / 2 : INT64_MIN;
}

static bool write_lease(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct lease *lease = arg;
    return lease_write(db, lease->window, lease->measure, lease->target, err);
}

static void let_go(struct purse_window *w)
{
    struct purse *p = w->purse;
    atomic_fetch_sub(&w->holders, 1);
    purse_unref(p);
}

static void lease_is_written(void *arg, bool ok)
{
    struct lease *lease = arg;
    struct purse_window *w = lease->window;
    struct purse *p = w->purse;
    struct purse_line *l = &w->lines[lease->measure];
    pthread_mutex_lock(&p->lock);
    int64_t limit = get(&p->limit[lease->measure]);
    int64_t target = limit < lease->target ? limit : lease->target;
    if (ok && target > l->leased) {
        add(&l->left, target - l->leased);
        l->leased = target;
    }
    l->largest -= l->largest / FADE;
    set_low(p, lease->measure, l);
    l->leasing = false;
    struct hold_wait *waiting = w->waiting;
    w->waiting = NULL;
    pthread_mutex_unlock(&p->lock);
    for (struct hold_wait *next; waiting; waiting = next) {
        next = waiting->next;
        waiting->fn(waiting, ok);
    }
    let_go(w);
    free(lease);
}

/* Under the lock; `need`: what somebody waits for. */
static void begin_lease(struct purse_window *w, enum measure m, int64_t need)
{
    struct purse *p = w->purse;
    struct purse_line *l = &w->lines[m];
    int64_t limit = get(&p->limit[m]), step = step_of(p, m, l);
    if (l->leasing || l->leased >= limit)
        return;
    step = need > step ? need : step;
    struct lease *lease = NEW(struct lease);
    *lease = (struct lease){w, m, step < limit - l->leased ? l->leased + step : limit};
    l->leasing = true;
    add(&w->holders, 1);
    purse_ref(p);
    store_post(p->store, write_lease, lease, lease_is_written);
}

/* ---- taking */

static bool take(struct purse_line *l, int64_t n)
{
    int64_t left = get(&l->left);
    do {
        if (left < n)
            return false;
    } while (!atomic_compare_exchange_weak(&l->left, &left, left - n));
    add(&l->reserved, n);
    return true;
}

/* Nearly empty: the next ones are not to wait. */
static void lease_ahead(struct purse_window *w, enum measure m)
{
    struct purse_line *l = &w->lines[m];
    if (get(&l->left) >= get(&l->low) || l->leasing)
        return;
    pthread_mutex_lock(&w->purse->lock);
    begin_lease(w, m, 0);
    pthread_mutex_unlock(&w->purse->lock);
}

static enum hold_answer take_or_wait(struct purse_window *w, enum measure m, int64_t n,
                                     struct hold_wait *wait)
{
    struct purse *p = w->purse;
    struct purse_line *l = &w->lines[m];
    enum hold_answer answer = HOLD_WAIT;
    pthread_mutex_lock(&p->lock);
    int64_t left = get(&l->left), rest = get(&p->limit[m]) - l->leased;
    if (take(l, n)) {
        answer = HOLD_YES;
    } else if (left + (rest > 0 ? rest : 0) < n) {
        answer = HOLD_NO;
    } else {
        if (wait) {
            wait->next = w->waiting;
            w->waiting = wait;
        }
        begin_lease(w, m, n - left);
    }
    pthread_mutex_unlock(&p->lock);
    return answer;
}

static enum hold_answer reserve(struct purse_window *w, enum measure m, int64_t n,
                                struct hold_wait *wait)
{
    struct purse_line *l = &w->lines[m];
    if (get(&w->purse->limit[m]) ==
        BUDGET_NONE) { /* counted all the same: a limit may be set while it is held */
        add(&l->reserved, n);
        add(&l->left, -n);
        return HOLD_YES;
    }
    if (l->closed)
        return HOLD_NO;
    enum hold_answer answer = take(l, n) ? HOLD_YES : take_or_wait(w, m, n, wait);
    if (answer != HOLD_YES)
        return answer;
    if (n > get(&l->largest))
        atomic_store_explicit(&l->largest, n, memory_order_relaxed);
    lease_ahead(w, m);
    return HOLD_YES;
}

static void give_back(struct purse_line *l, int64_t n)
{
    add(&l->reserved, -n);
    add(&l->left, n);
}

void hold_begin(struct hold *h, struct purse *const *purses, unsigned n, int64_t wall_ms)
{
    *h = (struct hold){.n = n < PURSES_MAX ? n : PURSES_MAX};
    for (unsigned i = 0; i < h->n; i++) {
        h->windows[i] = purse_window_of(purses[i], wall_ms);
        add(&h->windows[i]->holders, 1);
    }
}

static void look(const struct purse_window *w, struct purse_state *s)
{
    const struct purse *p = w->purse;
    *s = (struct purse_state){
        .team = p->team, .key_id = p->key_id, .per = p->per, .reset_ms = w->to_ms};
    for (unsigned m = 0; m < MEASURE_count; m++) {
        s->limit.of[m] = get(&p->limit[m]);
        s->spent.of[m] = get(&w->lines[m].spent);
        s->reserved.of[m] = get(&w->lines[m].reserved);
        s->lost.of[m] = get(&w->lost[m]);
        s->closed |= w->lines[m].closed && s->limit.of[m] != BUDGET_NONE;
    }
}

enum hold_answer hold_grow(struct hold *h, const struct amount *more, struct hold_wait *wait,
                           struct hold_refusal *why)
{
    for (unsigned i = 0; i < h->n * MEASURE_count; i++) {
        enum measure m = i % MEASURE_count;
        enum hold_answer answer = reserve(h->windows[i / MEASURE_count], m, more->of[m], wait);
        if (answer == HOLD_YES)
            continue;
        if (answer == HOLD_NO) {
            look(h->windows[i / MEASURE_count], &why->state);
            why->measure = m;
        }
        while (i-- > 0)
            give_back(&h->windows[i / MEASURE_count]->lines[i % MEASURE_count],
                      more->of[i % MEASURE_count]);
        return answer;
    }
    for (unsigned m = 0; m < MEASURE_count; m++)
        h->held.of[m] += more->of[m];
    return HOLD_YES;
}

/* ---- settling */

static bool is_above(int64_t spent, int64_t limit, int percent)
{
    return limit > 0 && (wide)spent * 100 >= (wide)limit * percent;
}

/* The highest threshold that was crossed just now; 0: none. */
static int crossed(struct purse_line *l, int64_t limit)
{
    int highest = 0;
    uint8_t had = l->noticed;
    for (unsigned i = 0; i < THRESHOLDS; i++)
        if (!(had & 1 << i) && is_above(get(&l->spent), limit, thresholds[i]) &&
            !(atomic_fetch_or(&l->noticed, (uint8_t)(1 << i)) & 1 << i))
            highest = thresholds[i];
    return highest;
}

static bool write_closed(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct lease *lease = arg;
    return lease_mark_closed(db, lease->window, lease->measure, err);
}

static void closed_is_written(void *arg, bool ok)
{
    (void)ok; /* the ledger has the row that says why */
    struct lease *lease = arg;
    let_go(lease->window);
    free(lease);
}

/* True for who closed it. */
static bool close_line(struct purse_window *w, enum measure m)
{
    if (atomic_fetch_or(&w->lines[m].noticed, (uint8_t)CLOSED_BIT) & CLOSED_BIT)
        return false;
    w->lines[m].closed = true;
    struct lease *lease = NEW(struct lease);
    *lease = (struct lease){.window = w, .measure = m};
    add(&w->holders, 1);
    purse_ref(w->purse);
    store_post(w->purse->store, write_closed, lease, closed_is_written);
    return true;
}

static void settle_line(struct purse_window *w, enum measure m, int64_t held, int64_t used,
                        bool close, hold_notice *notice, void *arg)
{
    struct purse_line *l = &w->lines[m];
    add(&l->spent, used);
    add(&l->left, -used);
    give_back(l, held);
    int64_t limit = get(&w->purse->limit[m]);
    if (limit == BUDGET_NONE)
        return;
    struct purse_state s;
    int percent = crossed(l, limit);
    bool closed = close && close_line(w, m);
    if (!percent && !closed)
        return;
    look(w, &s);
    if (percent)
        notice(arg, &s, m, percent);
    if (closed)
        notice(arg, &s, m, 0);
}

void hold_settle(struct hold *h, const struct amount *used, bool close, hold_notice *notice,
                 void *arg)
{
    for (unsigned i = 0; i < h->n; i++) {
        for (unsigned m = 0; m < MEASURE_count; m++)
            settle_line(h->windows[i], m, h->held.of[m], used->of[m], close, notice, arg);
        atomic_fetch_sub(&h->windows[i]->holders, 1);
    }
    *h = (struct hold){0};
}

/* ---- what commands see and change */

void purse_look(struct purse *p, int64_t wall_ms, struct purse_state *s)
{
    look(purse_window_of(p, wall_ms), s);
}

bool purse_has_limit(const struct purse *p, enum measure m)
{
    return get(&p->limit[m]) != BUDGET_NONE;
}

int purse_threshold(const struct purse_state *s)
{
    int highest = 0;
    for (unsigned m = 0; m < MEASURE_count; m++)
        for (unsigned i = 0; i < THRESHOLDS; i++)
            if (thresholds[i] > highest && is_above(s->spent.of[m], s->limit.of[m], thresholds[i]))
                highest = thresholds[i];
    return highest;
}

int64_t purse_left(const struct purse_state *s, enum measure m)
{
    if (s->limit.of[m] == BUDGET_NONE)
        return INT64_MAX;
    int64_t left = s->limit.of[m] - s->spent.of[m] - s->reserved.of[m];
    return s->closed || left < 0 ? 0 : left;
}

static void set_limit(struct purse *p, struct purse_window *w, enum measure m, int64_t limit)
{
    struct purse_line *l = &w->lines[m];
    p->limit[m] = limit;
    if (limit != BUDGET_NONE &&
        l->leased > limit) { /* `left` may fall below 0, until what is held comes back */
        add(&l->left, limit - l->leased);
        l->leased = limit;
    }
    uint8_t noticed = 0;
    for (unsigned i = 0; i < THRESHOLDS; i++)
        noticed |= (uint8_t)(is_above(get(&l->spent), limit, thresholds[i]) << i);
    l->noticed = noticed;
    l->closed = false;
    set_low(p, m, l);
}

void purse_set_limits(struct purse *p, const struct amount *limit)
{
    pthread_mutex_lock(&p->lock);
    for (unsigned m = 0; m < MEASURE_count; m++)
        set_limit(p, p->current, m, limit->of[m]);
    pthread_mutex_unlock(&p->lock);
}

void purse_forgive(struct purse *p, int64_t wall_ms, const struct amount *by)
{
    struct amount limit = {{get(&p->limit[MEASURE_usd]), get(&p->limit[MEASURE_tokens])}};
    struct purse_window *w = purse_window_of(p, wall_ms);
    pthread_mutex_lock(&p->lock);
    for (unsigned m = 0; m < MEASURE_count; m++) {
        add(&w->lines[m].spent, -by->of[m]);
        w->lines[m].leased -= by->of[m];
        w->lost[m] = 0;
    }
    pthread_mutex_unlock(&p->lock);
    purse_set_limits(p, &limit);
}
