/* The live rollouts over a store: what is in force when, and what a start makes of the rows. */
#include "prompts/rollouts.h"

#include <pthread.h>

#include "gateway/store/rollouts.h"
#include "prompts/bucket.h"
#include "tests/unit/ledger_rows.h"

#define NAME "model:m"

static const struct rollout_spec spec = {{NAME, sizeof NAME - 1}, {"up/a", 4}, {"up/b", 4}, 5000};

static struct rollouts *open_rollouts(struct store *s)
{
    struct err err = {0};
    struct rollouts *rs = rollouts_open(s, TIME_MS, &err);
    assert_string_equal(err.detail, "");
    assert_non_null(rs);
    return rs;
}

static void start(struct rollouts *rs, const struct rollout_spec *what)
{
    struct err err = {0};
    assert_true(rollouts_start(rs, what, false, TIME_MS, &err));
}

static struct draw draw(struct rollouts *rs, unsigned unit)
{
    struct draw d;
    char text[16];
    snprintf(text, sizeof text, "u%u", unit);
    rollouts_draw(rs, true, STR("m"), str_of(text), &d);
    return d;
}

/* A request of each unit; the canary's answers are broken.  How many were drawn. */
static unsigned break_canary(struct rollouts *rs, unsigned units)
{
    for (unsigned u = 0; u < units; u++) {
        struct draw d = draw(rs, u);
        struct outcome o = {0};
        if (!d.rollout)
            return u;
        o.known[GUARD_error] = o.known[GUARD_format] = true;
        o.value[GUARD_format] = d.arm == ARM_canary;
        rollouts_ended(rs, &d, &o, false, TIME_MS);
    }
    return units;
}

static const char *text_of(json_t *doc, const char *member)
{
    return json_string_value(json_object_get(doc, member));
}

static void assert_state(struct rollouts *rs, const char *state)
{
    struct err err = {0};
    json_t *doc = rollouts_status(rs, spec.name, &err);
    assert_string_equal(text_of(doc, "state"), state);
    json_decref(doc);
}

static void assert_replays(struct rollouts *rs, const char *verdict)
{
    struct err err = {0};
    json_t *doc = rollouts_replay(rs, spec.name, &err);
    assert_true(json_is_true(json_object_get(doc, "equal")));
    assert_string_equal(text_of(json_object_get(doc, "replayed"), "verdict"), verdict);
    json_decref(doc);
}

static void nothing_is_drawn_where_nothing_is_under_way(void **state)
{
    (void)state;
    struct draw d = draw(NULL, 1);
    assert_null(d.rollout);
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct rollouts *rs = open_rollouts(s);
    start(rs, &spec);
    rollouts_draw(rs, false, STR("m"), STR("u"), &d);
    assert_null(d.rollout);
    rollouts_draw(rs, false, STR(NAME), STR("u"), &d);
    assert_null(d.rollout); /* no prompt is called so */
    rollouts_draw(rs, true, STR("mm"), STR("u"), &d);
    assert_null(d.rollout);
    d = draw(rs, 1);
    assert_string_equal(d.chosen, d.arm == ARM_canary ? "up/b" : "up/a");
    assert_int_equal(d.arm == ARM_canary,
                     bucket_is_canary(bucket_of(STR(NAME "/1"), STR("u1")), 5000));
    rollouts_free(rs);
    store_close(s);
    place_drop(&p);
}

static void a_verdict_is_in_force_at_once_and_after_a_start(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct rollouts *rs = open_rollouts(s);
    start(rs, &spec);
    unsigned units = break_canary(rs, 1000);
    assert_true(units < 1000);
    assert_state(rs, "rolled_back");
    assert_replays(rs, "rolled_back");
    rollouts_free(rs);
    store_close(s);
    s = place_open(&p, false);
    rs = open_rollouts(s);
    assert_int_equal(break_canary(rs, 1), 0);
    assert_state(rs, "rolled_back");
    assert_replays(rs, "rolled_back");
    rollouts_free(rs);
    store_close(s);
    place_drop(&p);
}

/* As if killed between the two: the outcomes are on disk, their verdict is not. */
static void a_verdict_whose_row_was_lost_is_reached_again(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct rollouts *rs = open_rollouts(s);
    start(rs, &spec);
    break_canary(rs, 1000);
    rollouts_free(rs);
    store_close(s);
    tamper(&p,
           "UPDATE rollouts SET state = 'running', ended_ms = NULL, guard = NULL, log_e = NULL");
    s = place_open(&p, false);
    rs = open_rollouts(s);
    assert_int_equal(break_canary(rs, 1), 0);
    assert_state(rs, "rolled_back");
    assert_replays(rs, "rolled_back");
    rollouts_free(rs);
    store_close(s);
    place_drop(&p);
}

static void a_start_goes_on_where_it_was(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct rollouts *rs = open_rollouts(s);
    start(rs, &spec);
    unsigned whole = break_canary(rs, 1000);
    rollouts_free(rs);
    store_close(s);
    place_drop(&p);

    p = place_new();
    for (unsigned units = 1; units <= whole; units++) { /* a start before every outcome */
        s = place_open(&p, false);
        rs = open_rollouts(s);
        if (units == 1)
            start(rs, &spec);
        assert_int_equal(break_canary(rs, units), units);
        assert_replays(rs, units == whole ? "rolled_back" : "none");
        rollouts_free(rs);
        store_close(s);
    }
    place_drop(&p);
}

enum { THREADS = 4, UNITS = 2000 };

struct caller {
    pthread_t thread;
    struct rollouts *rs;
    unsigned from, drawn;
};

static void *call(void *arg)
{
    struct caller *c = arg;
    for (unsigned u = c->from; u < UNITS; u += THREADS) {
        struct draw d = draw(c->rs, u);
        struct outcome o = {0};
        if (!d.rollout)
            break;
        c->drawn++;
        o.known[GUARD_error] = o.known[GUARD_format] = true;
        o.value[GUARD_format] = d.arm == ARM_canary && u % 3 == 0;
        rollouts_ended(c->rs, &d, &o, false, TIME_MS);
    }
    return NULL;
}

/* Whatever order the loops feed them in: it is the order of the rows, and one verdict. */
static void many_loops_reach_one_verdict(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct rollouts *rs = open_rollouts(s);
    struct caller callers[THREADS];
    unsigned drawn = 0;
    start(rs, &spec);
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.rs = rs, .from = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        drawn += callers[i].drawn;
    }
    assert_true(drawn < UNITS);
    assert_state(rs, "rolled_back");
    assert_replays(rs, "rolled_back");
    assert_int_equal(ask(&p, "SELECT sum(control_requests + canary_requests) FROM rollout_stages"), drawn);
    assert_true(ask(&p, "SELECT max(seq) FROM rollout_events") <= drawn);
    assert_int_equal(ask(&p, "SELECT max(seq) - count(DISTINCT unit_hash) FROM rollout_events"), 0);
    rollouts_free(rs);
    store_close(s);
    place_drop(&p);
}

static void what_ended_late_is_counted_and_no_more(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct rollouts *rs = open_rollouts(s);
    start(rs, &spec);
    struct draw late = draw(rs, 1);
    struct rollout_spec wider = spec;
    wider.share = 6000;
    start(rs, &wider);
    struct outcome o = {.known[GUARD_error] = true, .value[GUARD_error] = 1};
    rollouts_ended(rs, &late, &o, false, TIME_MS);
    flush(s);
    assert_int_equal(ask(&p, "SELECT count(*) FROM rollout_events"), 0);
    assert_int_equal(
        ask(&p, "SELECT control_requests + canary_requests FROM rollout_stages WHERE stage = 1"),
        1);
    assert_state(rs, "running");
    rollouts_free(rs);
    store_close(s);
    place_drop(&p);
}

static void a_promotion_stands_until_it_is_taken_back(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct rollouts *rs = open_rollouts(s);
    struct err err = {0};
    start(rs, &spec);
    assert_true(rollouts_decide(rs, spec.name, ROLLOUT_PROMOTE, false, TIME_MS, &err));
    for (unsigned round = 0; round < 2; round++) {
        struct draw d = draw(rs, 1);
        assert_null(d.rollout);
        assert_string_equal(d.chosen, "up/b");
        rollouts_free(rs);
        rs = open_rollouts(s);
    }
    assert_false(rollouts_decide(rs, spec.name, ROLLOUT_PAUSE, false, TIME_MS, &err));
    assert_int_equal(err.code, ERR_not_found);
    err = (struct err){0};
    assert_true(rollouts_decide(rs, spec.name, ROLLOUT_ROLL_BACK, false, TIME_MS, &err));
    assert_null(draw(rs, 1).chosen);
    rollouts_free(rs);
    rs = open_rollouts(s);
    assert_null(draw(rs, 1).chosen);
    rollouts_free(rs);
    store_close(s);
    place_drop(&p);
}

static void one_canary_a_name_at_a_time(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct rollouts *rs = open_rollouts(s);
    struct err err = {0};
    struct rollout_spec other = spec;
    other.canary = STR("up/c");
    start(rs, &spec);
    assert_false(rollouts_start(rs, &other, false, TIME_MS, &err));
    assert_int_equal(err.code, ERR_conflict);
    other.canary = other.control;
    err = (struct err){0};
    other.name = STR("model:n");
    assert_false(rollouts_start(rs, &other, false, TIME_MS, &err));
    assert_int_equal(err.code, ERR_bad_request);
    rollouts_free(rs);
    store_close(s);
    place_drop(&p);
}

static void shares_are_read_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned share;
    } cases[] = {{"10%", 1000},
                 {"10", 1000},
                 {"0.5%", 50},
                 {"0.01", 1},
                 {"100%", 10000},
                 {"100.00", 10000},
                 {"0%", 0},
                 {"100.01", 0},
                 {"101%", 0},
                 {"", 0},
                 {"%", 0},
                 {".5", 0},
                 {"1e1", 0},
                 {"-1", 0},
                 {"0.001", 0},
                 {"1.", 100},
                 {"99999999999999999999", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned share = 0;
        bool ok = share_parse(str_of(cases[i].text), &share);
        if (ok != (cases[i].share > 0) || (ok && share != cases[i].share))
            fail_msg("%s: %u", cases[i].text, share);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_drawn_where_nothing_is_under_way),
        cmocka_unit_test(a_verdict_is_in_force_at_once_and_after_a_start),
        cmocka_unit_test(a_verdict_whose_row_was_lost_is_reached_again),
        cmocka_unit_test(a_start_goes_on_where_it_was),
        cmocka_unit_test(many_loops_reach_one_verdict),
        cmocka_unit_test(what_ended_late_is_counted_and_no_more),
        cmocka_unit_test(a_promotion_stands_until_it_is_taken_back),
        cmocka_unit_test(one_canary_a_name_at_a_time),
        cmocka_unit_test(shares_are_read_as_people_write_them),
    };
    return cmocka_run_group_tests_name("rollouts", tests, NULL, NULL);
}
