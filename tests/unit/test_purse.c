/*
 * Clients as they are in the gateway: many on each of two threads, each with a hold that
 * it begins, grows, waits for and settles, against a store on a real disk.  What an upstream
 * charges is counted as soon as it is asked, so that what a killed process never settled
 * counts too.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "gateway/base/clock.h"
#include "gateway/store/budgets.h"
#include "gateway/store/keyring.h"
#include "gateway/store/keys.h"
#include "tests/unit/ledger_rows.h"

enum { CLIENTS = 500, LOOPS = 2, CI_SEEDS = 4, LONG_SEEDS = 20, KILLS = 3 };

static const int64_t CAP = 1000000000; /* one dollar */

enum state { IDLE, WAITING, LEASED, HOLDING };

struct client {
    struct hold_wait wait; /* first: is_leased() finds the client by it */
    _Atomic int state;
    struct hold hold;
    struct amount bound, actual;
    unsigned n;
};

struct truth { /* shared with the process that is killed */
    _Atomic int64_t charged, refused, over;
    _Atomic bool stop;
};

struct load {
    struct store *store;
    struct purse *const *purses;
    unsigned n_purses;
    struct truth *truth;
    uint64_t seed;
    int64_t bound_max;
    int64_t requests; /* of each loop; it ends too when much was refused */
    bool adversarial;
};

static unsigned seeds(void)
{
    return getenv("LONG") ? LONG_SEEDS : CI_SEEDS;
}

static uint64_t roll(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void is_leased(struct hold_wait *w, bool ok)
{
    assert_true(ok);
    ((struct client *)w)->state = LEASED;
}

static void no_notice(void *arg, const struct purse_state *s, enum measure m, int percent)
{
    (void)arg, (void)s, (void)m, (void)percent;
}

static void start(const struct load *l, struct client *c)
{
    struct hold_refusal why;
    c->state = WAITING;
    c->wait.fn = is_leased;
    switch (hold_grow(&c->hold, &c->bound, &c->wait, &why)) {
    case HOLD_WAIT:
        return;
    case HOLD_NO:
        atomic_fetch_add(&l->truth->refused, 1);
        hold_settle(&c->hold, &(struct amount){{0, 0}}, false, no_notice, NULL);
        c->state = IDLE;
        return;
    case HOLD_YES:
        atomic_fetch_add(&l->truth->charged,
                         c->actual.of[MEASURE_usd]); /* from here on the upstream counts */
        c->state = HOLDING;
    }
}

/* An adversary asks for the most that can be said; an upstream tells less than was used, or
 * nothing. */
static void begin(const struct load *l, struct client *c, uint64_t *dice)
{
    c->bound.of[MEASURE_usd] = 1 + (int64_t)(roll(dice) % (uint64_t)l->bound_max);
    if (l->adversarial && roll(dice) % 8 == 0)
        c->bound.of[MEASURE_usd] = roll(dice) % 2 ? INT64_MAX : CAP / 3;
    c->bound.of[MEASURE_tokens] = c->bound.of[MEASURE_usd];
    int64_t most = c->bound.of[MEASURE_usd] < CAP ? c->bound.of[MEASURE_usd] : CAP;
    bool whole = roll(dice) % 2;
    c->actual.of[MEASURE_usd] = whole ? most : (int64_t)(roll(dice) % (uint64_t)(most + 1));
    c->actual.of[MEASURE_tokens] = 1;
    hold_begin(&c->hold, l->purses, l->n_purses, clock_wall_ms());
    start(l, c);
}

static void end(const struct load *l, struct client *c, uint64_t id)
{
    char text[40];
    snprintf(text, sizeof text, "req_zz%020llu", (unsigned long long)id);
    struct ledger_request r = some_request(text);
    r.started_ms = clock_wall_ms();
    r.status = 200;
    r.finish = STR("complete");
    r.cost = (struct ledger_cost){.cost_nusd = c->actual.of[MEASURE_usd],
                                  .cost_source = STR("reported")};
    r.cost.tokens[TOKENS_OUTPUT] = c->actual.of[MEASURE_tokens];
    ledger_settle(l->store, &r);
    hold_settle(&c->hold, &c->actual, false, no_notice, NULL);
    c->state = IDLE;
}

static void *run_loop(void *arg)
{
    const struct load *l = arg;
    uint64_t dice = l->seed, id = l->seed << 32;
    int64_t begun = 0;
    struct client *clients = calloc(CLIENTS / LOOPS, sizeof *clients);
    for (unsigned busy = 1; busy || begun < l->requests;) {
        struct client *c = &clients[roll(&dice) % (CLIENTS / LOOPS)];
        if (c->state == LEASED)
            start(l, c);
        else if (c->state == HOLDING)
            end(l, c, ++id);
        else if (c->state == IDLE && begun < l->requests) {
            begun++;
            begin(l, c, &dice);
        }
        busy = 0;
        if (begun >= l->requests)
            for (unsigned i = 0; i < CLIENTS / LOOPS; i++)
                busy += clients[i].state != IDLE;
        if (begun < l->requests || busy)
            continue;
    }
    free(clients);
    return NULL;
}

static struct purse *purse_of(struct store *s, struct keyring **k, unsigned i)
{
    *k = keyring_current(s);
    const struct key *key = keyring_find_id(*k, STR("key_1"));
    assert_non_null(key);
    assert_true(i < key->n_purses);
    return key->purses[i];
}

static void run_load(struct load *l)
{
    struct keyring *k;
    purse_of(l->store, &k, 0);
    const struct key *key = keyring_find_id(k, STR("key_1"));
    struct load of[LOOPS];
    pthread_t threads[LOOPS];
    for (unsigned i = 0; i < LOOPS; i++) {
        of[i] = *l;
        of[i].purses = key->purses;
        of[i].n_purses = key->n_purses;
        of[i].seed = l->seed * LOOPS + i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, run_loop, &of[i]), 0);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        pthread_join(threads[i], NULL);
    keyring_unref(k);
}

static void set_budget(struct store *s, enum period per, int64_t nusd, int64_t tokens)
{
    struct err err = {0};
    struct budget_spec b = {
        .owner = {.team = "red", .key_id = ""}, .per = per, .limit = {{nusd, tokens}}};
    assert_true(budget_set(s, &b, false, &err));
}

/* A team red with the key key_1, which is in the ledger's rows. */
static struct place place_with_key(void)
{
    struct place p = place_new();
    struct err err = {0};
    struct store *s = place_open(&p, false);
    assert_true(team_create(s, "red", false, &err));
    store_close(s);
    tamper(&p, "INSERT INTO keys(id, hash, team, name, models, tags, metadata, created_ms, admin)"
               " VALUES('key_1', zeroblob(32), 'red', '', '[\"*\"]', '[]', '{}', 0, 0)");
    return p;
}

static struct purse_state look(struct store *s)
{
    struct keyring *k;
    struct purse_state state;
    purse_look(purse_of(s, &k, 0), clock_wall_ms(), &state);
    keyring_unref(k);
    return state;
}

static struct truth *truth_new(void)
{
    struct truth *t =
        mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(t, MAP_FAILED);
    return t;
}

static void a_budget_is_never_exceeded_and_hardly_left_unused(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= seeds(); seed++) {
        struct place p = place_with_key();
        struct truth *truth = truth_new();
        struct store *s = place_open(&p, false);
        set_budget(s, PERIOD_total, CAP, BUDGET_NONE);
        struct load l = {
            .store = s, .truth = truth, .seed = seed, .bound_max = CAP / 200, .requests = 2000};
        run_load(&l);
        flush(s);
        struct purse_state end = look(s);
        int64_t ledger = ask(&p, "SELECT sum(cost_nusd) FROM requests");
        assert_int_equal(end.spent.of[MEASURE_usd], ledger);
        assert_int_equal(truth->charged, ledger);
        assert_int_equal(end.reserved.of[MEASURE_usd], 0);
        assert_true(ledger <= CAP);
        assert_true(ledger >= CAP / 100 * 95);
        assert_true(truth->refused > 0);
        store_close(s);
        s = place_open(&p, false); /* closed in order: nothing is lost */
        end = look(s);
        assert_int_equal(end.spent.of[MEASURE_usd], ledger);
        assert_int_equal(end.lost.of[MEASURE_usd], 0);
        store_close(s);
        munmap(truth, sizeof *truth);
        place_drop(&p);
    }
}

static void who_asks_for_more_than_there_is_takes_nothing_from_the_others(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= seeds(); seed++) {
        struct place p = place_with_key();
        struct truth *truth = truth_new();
        struct store *s = place_open(&p, false);
        set_budget(s, PERIOD_total, CAP, BUDGET_NONE);
        set_budget(s, PERIOD_day, CAP * 2, 1000000000);
        struct load l = {.store = s,
                         .truth = truth,
                         .seed = seed,
                         .bound_max = CAP / 50,
                         .requests = 2000,
                         .adversarial = true};
        run_load(&l);
        struct purse_state end = look(s);
        assert_true(truth->charged <= CAP);
        assert_int_equal(end.spent.of[MEASURE_usd], truth->charged);
        assert_int_equal(end.reserved.of[MEASURE_usd], 0);
        store_close(s);
        munmap(truth, sizeof *truth);
        place_drop(&p);
    }
}

static void nothing_is_refused_where_the_bounds_fit(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= seeds(); seed++) {
        struct place p = place_with_key();
        struct truth *truth = truth_new();
        struct store *s = place_open(&p, false);
        set_budget(s, PERIOD_total, CAP, 2 * CAP);
        struct load l = {
            .store = s, .truth = truth, .seed = seed, .bound_max = CAP / 4000, .requests = 2000};
        run_load(&l);
        assert_int_equal(truth->refused, 0);
        store_close(s);
        munmap(truth, sizeof *truth);
        place_drop(&p);
    }
}

static void killed_at_any_moment_what_was_charged_stays_within_the_budget(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= seeds(); seed++) {
        struct place p = place_with_key();
        struct truth *truth = truth_new();
        struct store *s = place_open(&p, false);
        set_budget(s, PERIOD_total, CAP, BUDGET_NONE);
        store_close(s);
        for (unsigned kill_n = 0; kill_n < KILLS; kill_n++) {
            int64_t before = truth->charged;
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                struct load l = {.store = place_open(&p, false),
                                 .truth = truth,
                                 .seed = seed * KILLS + kill_n,
                                 .bound_max = CAP / 2000,
                                 .requests = INT64_MAX};
                run_load(&l);
                _exit(0);
            }
            int64_t goal = before + CAP / 8, last = -1;
            while (truth->charged < goal && (truth->refused == 0 || truth->charged != last))
                last = truth->charged;
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            assert_true(truth->charged <= CAP);
            s = place_open(&p, false);
            struct purse_state now = look(s);
            assert_true(now.spent.of[MEASURE_usd] >= truth->charged); /* what nobody knows counts */
            assert_true(now.spent.of[MEASURE_usd] <= CAP);
            store_close(s);
            assert_whole(&p);
        }
        munmap(truth, sizeof *truth);
        place_drop(&p);
    }
}

static void what_a_crash_took_is_given_back_by_release(void **state)
{
    (void)state;
    struct place p = place_with_key();
    struct store *s = place_open(&p, false);
    set_budget(s, PERIOD_total, CAP, BUDGET_NONE);
    store_close(s);
    tamper(&p, "INSERT INTO leases(budget, from_ms, measure, leased) VALUES(1, 0, 'usd', 700)");
    s = place_open(&p, false);
    struct purse_state now = look(s);
    assert_int_equal(now.spent.of[MEASURE_usd], 700);
    assert_int_equal(now.lost.of[MEASURE_usd], 700);
    store_close(s);
    s = place_open(&p, false); /* it stays lost */
    now = look(s);
    assert_int_equal(now.spent.of[MEASURE_usd], 700);
    struct err err = {0};
    struct amount by;
    struct budget_owner red = {.team = "red", .key_id = ""};
    assert_true(budget_release(s, &red, true, &by, &err));
    assert_int_equal(by.of[MEASURE_usd], 700);
    assert_int_equal(look(s).spent.of[MEASURE_usd], 700);
    assert_true(budget_release(s, &red, false, &by, &err));
    now = look(s);
    assert_int_equal(now.spent.of[MEASURE_usd], 0);
    assert_int_equal(purse_left(&now, MEASURE_usd), CAP);
    assert_true(budget_release(s, &red, false, &by, &err));
    assert_int_equal(by.of[MEASURE_usd], 0);
    store_close(s);
    place_drop(&p);
}

/* ---- one hold at a time */

struct one {
    struct place place;
    struct store *store;
    struct keyring *keys;
    const struct key *key;
    struct hold hold;
    struct client client;
};

static struct one *one_new(void)
{
    struct one *o = calloc(1, sizeof *o);
    o->place = place_with_key();
    o->store = place_open(&o->place, false);
    return o;
}

static void one_free(struct one *o)
{
    keyring_unref(o->keys);
    store_close(o->store);
    place_drop(&o->place);
    free(o);
}

static void hold_at(struct one *o, int64_t wall_ms)
{
    keyring_unref(o->keys);
    o->keys = keyring_current(o->store);
    o->key = keyring_find_id(o->keys, STR("key_1"));
    hold_begin(&o->hold, o->key->purses, o->key->n_purses, wall_ms);
}

static enum hold_answer grow(struct one *o, int64_t nusd, int64_t tokens, struct hold_refusal *why)
{
    for (;;) {
        o->client.wait.fn = is_leased;
        o->client.state = WAITING;
        enum hold_answer a =
            hold_grow(&o->hold, &(struct amount){{nusd, tokens}}, &o->client.wait, why);
        if (a != HOLD_WAIT)
            return a;
        flush(o->store); /* the writer has done what was posted before */
        assert_int_equal(o->client.state, LEASED);
    }
}

static unsigned noticed;
static int noticed_percent;

static void notice(void *arg, const struct purse_state *s, enum measure m, int percent)
{
    assert_ptr_equal(arg, &noticed);
    assert_string_equal(s->team, "red");
    assert_int_equal(m, MEASURE_usd);
    noticed++;
    noticed_percent = percent;
}

static void settle(struct one *o, int64_t nusd, bool close)
{
    noticed = 0;
    hold_settle(&o->hold, &(struct amount){{nusd, 0}}, close, notice, &noticed);
}

static void the_first_budget_that_lacks_it_is_named_and_nothing_is_kept(void **state)
{
    (void)state;
    struct one *o = one_new();
    struct hold_refusal why;
    set_budget(o->store, PERIOD_total, 1000, BUDGET_NONE);
    set_budget(o->store, PERIOD_hour, 10000, 50);
    hold_at(o, clock_wall_ms());
    assert_int_equal(o->hold.n, 2);
    assert_int_equal(grow(o, 1001, 10, &why), HOLD_NO);
    assert_int_equal(why.state.per, PERIOD_total);
    assert_int_equal(why.measure, MEASURE_usd);
    assert_int_equal(grow(o, 10001, 51, &why), HOLD_NO);
    assert_int_equal(why.state.per, PERIOD_hour);
    assert_int_equal(grow(o, 100, 51, &why), HOLD_NO);
    assert_int_equal(why.measure, MEASURE_tokens);
    assert_int_equal(why.state.reserved.of[MEASURE_usd],
                     100); /* of the same budget, until the refusal is through */
    assert_int_equal(grow(o, 1000, 50, &why), HOLD_YES);
    assert_int_equal(grow(o, 1, 0, &why), HOLD_NO);
    settle(o, 0, false);
    assert_int_equal(look(o->store).reserved.of[MEASURE_usd], 0);
    one_free(o);
}

static void each_window_begins_with_nothing_spent(void **state)
{
    (void)state;
    struct one *o = one_new();
    struct hold_refusal why;
    int64_t now_ms = clock_wall_ms(), hour_ms = 3600 * 1000;
    set_budget(o->store, PERIOD_hour, 1000, BUDGET_NONE);
    hold_at(o, now_ms);
    assert_int_equal(grow(o, 1000, 0, &why), HOLD_YES);
    settle(o, 1000, false);
    hold_at(o, now_ms);
    assert_int_equal(grow(o, 1, 0, &why), HOLD_NO);
    assert_int_equal(why.state.reset_ms, now_ms - now_ms % hour_ms + hour_ms);
    settle(o, 0, false);
    hold_at(o, now_ms + hour_ms);
    struct hold late = o->hold;
    assert_int_equal(grow(o, 1000, 0, &why), HOLD_YES);
    struct hold held = o->hold;
    hold_at(o, now_ms); /* one that began before the hour was over counts there */
    assert_int_equal(grow(o, 1, 0, &why), HOLD_NO);
    assert_ptr_not_equal(o->hold.windows[0], late.windows[0]);
    settle(o, 0, false);
    o->hold = held;
    settle(o, 999, false);
    for (int i = 2; i < 100; i++) { /* old windows are let go */
        hold_at(o, now_ms + i * hour_ms);
        assert_int_equal(grow(o, 1000, 0, &why), HOLD_YES);
        settle(o, 1, false);
    }
    one_free(o);
}

static void usage_above_the_bound_is_booked_and_closes_the_budget_once(void **state)
{
    (void)state;
    struct one *o = one_new();
    struct hold_refusal why;
    set_budget(o->store, PERIOD_total, 1000, BUDGET_NONE);
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 10, 0, &why), HOLD_YES);
    struct hold first = o->hold;
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 10, 0, &why), HOLD_YES);
    settle(o, 20, true);
    assert_int_equal(noticed, 1);
    assert_int_equal(noticed_percent, 0);
    o->hold = first;
    settle(o, 20, true);
    assert_int_equal(noticed, 0);
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 0, 0, &why), HOLD_NO);
    assert_true(why.state.closed);
    assert_int_equal(why.state.spent.of[MEASURE_usd], 40);
    settle(o, 0, false);
    keyring_unref(o->keys);
    o->keys = NULL;
    store_close(o->store);
    o->store = place_open(&o->place, false); /* it stays closed */
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 1, 0, &why), HOLD_NO);
    settle(o, 0, false);
    set_budget(o->store, PERIOD_total, 1000, BUDGET_NONE);
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 1, 0, &why), HOLD_YES);
    settle(o, 1, false);
    one_free(o);
}

static void thresholds_are_told_once_a_window(void **state)
{
    (void)state;
    struct one *o = one_new();
    struct hold_refusal why;
    static const struct {
        int64_t spend;
        unsigned told;
        int percent;
    } steps[] = {{799, 0, 0}, {1, 1, 80}, {100, 0, 0}, {50, 1, 95}, {50, 0, 0}};
    set_budget(o->store, PERIOD_month, 1000, BUDGET_NONE);
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        hold_at(o, clock_wall_ms());
        assert_int_equal(grow(o, steps[i].spend, 0, &why), HOLD_YES);
        settle(o, steps[i].spend, false);
        assert_int_equal(noticed, steps[i].told);
        if (noticed)
            assert_int_equal(noticed_percent, steps[i].percent);
    }
    one_free(o);
}

static void a_limit_may_change_while_amounts_are_held(void **state)
{
    (void)state;
    struct one *o = one_new();
    struct hold_refusal why;
    set_budget(o->store, PERIOD_total, BUDGET_NONE, 100); /* money is not limited yet */
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 600, 10, &why), HOLD_YES);
    struct hold first = o->hold;
    set_budget(o->store, PERIOD_total, 1000, BUDGET_NONE);
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 401, 10, &why), HOLD_NO);
    assert_int_equal(grow(o, 400, 10, &why), HOLD_YES);
    struct hold second = o->hold;
    set_budget(o->store, PERIOD_total, 500, BUDGET_NONE);
    o->hold = first;
    settle(o, 100, false);
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 1, 0, &why), HOLD_NO);
    settle(o, 0, false);
    o->hold = second;
    settle(o, 100, false);
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 301, 0, &why), HOLD_NO);
    assert_int_equal(grow(o, 300, 0, &why), HOLD_YES);
    settle(o, 300, false);
    set_budget(o->store, PERIOD_total, 600, BUDGET_NONE);
    hold_at(o, clock_wall_ms());
    assert_int_equal(grow(o, 100, 0, &why), HOLD_YES);
    settle(o, 100, false);
    one_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_is_never_exceeded_and_hardly_left_unused),
        cmocka_unit_test(who_asks_for_more_than_there_is_takes_nothing_from_the_others),
        cmocka_unit_test(nothing_is_refused_where_the_bounds_fit),
        cmocka_unit_test(killed_at_any_moment_what_was_charged_stays_within_the_budget),
        cmocka_unit_test(what_a_crash_took_is_given_back_by_release),
        cmocka_unit_test(the_first_budget_that_lacks_it_is_named_and_nothing_is_kept),
        cmocka_unit_test(each_window_begins_with_nothing_spent),
        cmocka_unit_test(usage_above_the_bound_is_booked_and_closes_the_budget_once),
        cmocka_unit_test(thresholds_are_told_once_a_window),
        cmocka_unit_test(a_limit_may_change_while_amounts_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
