/* What is known of an upstream: breaker, latency, errors, answers; and the turns of keys. */
#include "gateway/router/health.h"

#include <pthread.h>

#include "gateway/router/latency.h"
#include "gateway/router/rotation.h"
#include "tests/unit/test.h"

enum { TRIP_AFTER = 3, REST_MS = 1000 };

static int start(void **state)
{
    *state = health_new(TRIP_AFTER, REST_MS);
    return 0;
}

static int stop(void **state)
{
    health_unref(*state);
    return 0;
}

static int64_t us(int64_t ms)
{
    return ms * 1000;
}

static uint64_t begin(struct health *h, int64_t now_ms)
{
    return health_begin(h, true, us(now_ms));
}

static bool end(struct health *h, uint64_t ticket, enum verdict verdict, int64_t begun_ms,
                int64_t now_ms)
{
    const struct health_report r = {
        .verdict = verdict, .is_stream = true, .begun_us = us(begun_ms), .output_tokens = -1};
    return health_end(h, ticket, &r, us(now_ms));
}

static bool report(struct health *h, enum verdict verdict, int64_t now_ms)
{
    uint64_t ticket = begin(h, now_ms);
    assert_true(ticket);
    return end(h, ticket, verdict, now_ms, now_ms);
}

static struct health_view look(struct health *h, int64_t now_ms)
{
    struct health_view v;
    health_look(h, us(now_ms), &v);
    return v;
}

static void fail_until_open(struct health *h, int64_t now_ms)
{
    for (int i = 1; i <= TRIP_AFTER; i++)
        assert_int_equal(report(h, VERDICT_failure, now_ms), i == TRIP_AFTER);
    assert_false(begin(h, now_ms));
}

static void a_success_between_failures_keeps_it_closed(void **state)
{
    struct health *h = *state;
    report(h, VERDICT_failure, 0);
    report(h, VERDICT_failure, 0);
    report(h, VERDICT_success, 0);
    report(h, VERDICT_failure, 0);
    report(h, VERDICT_failure, 0);
    assert_false(look(h, 0).open);
}

static void no_verdict_neither_counts_nor_clears(void **state)
{
    struct health *h = *state;
    report(h, VERDICT_failure, 0);
    report(h, VERDICT_none, 0);
    report(h, VERDICT_failure, 0);
    assert_false(look(h, 0).open);
    assert_true(report(h, VERDICT_failure, 0));
    assert_true(look(h, 0).open);
}

static void an_open_one_rests_then_lets_one_probe_through(void **state)
{
    struct health *h = *state;
    fail_until_open(h, 0);
    assert_int_equal(look(h, 1).rests_ms, REST_MS - 1);
    assert_false(begin(h, REST_MS - 1));
    assert_int_equal(look(h, REST_MS).rests_ms, 0);
    uint64_t probe = begin(h, REST_MS);
    assert_true(probe);
    assert_false(begin(h, REST_MS));
    end(h, probe, VERDICT_success, REST_MS, REST_MS);
    assert_false(look(h, REST_MS).open);
    report(h, VERDICT_failure, REST_MS);
    assert_false(look(h, REST_MS).open);
}

static void a_failed_probe_opens_it_again(void **state)
{
    struct health *h = *state;
    fail_until_open(h, 0);
    assert_false(report(h, VERDICT_failure, REST_MS)); /* it has been open all the time */
    assert_int_equal(look(h, REST_MS).trips, 1);
    assert_false(begin(h, 2 * REST_MS - 1));
    report(h, VERDICT_none, 2 * REST_MS);
}

static void a_probe_whose_client_leaves_makes_way_at_once(void **state)
{
    struct health *h = *state;
    fail_until_open(h, 0);
    report(h, VERDICT_none, REST_MS);
    report(h, VERDICT_success, REST_MS);
    assert_false(look(h, REST_MS).open);
}

static void a_probe_that_vanishes_makes_way_after_a_rest(void **state)
{
    struct health *h = *state;
    fail_until_open(h, 0);
    uint64_t vanished = begin(h, REST_MS);
    assert_true(vanished);
    assert_false(begin(h, 2 * REST_MS - 1));
    uint64_t probe = begin(h, 2 * REST_MS);
    assert_true(probe);
    end(h, vanished, VERDICT_success, REST_MS, 2 * REST_MS);
    assert_true(look(h, 2 * REST_MS).open);
    end(h, probe, VERDICT_success, 2 * REST_MS, 2 * REST_MS);
    assert_false(look(h, 2 * REST_MS).open);
}

static void late_reports_from_before_it_opened_change_nothing(void **state)
{
    struct health *h = *state;
    uint64_t late[TRIP_AFTER];
    for (int i = 0; i < TRIP_AFTER; i++)
        late[i] = begin(h, 0);
    fail_until_open(h, 0);
    end(h, late[0], VERDICT_success, 0, 0);
    assert_true(look(h, 0).open);
    report(h, VERDICT_success, REST_MS);
    for (int i = 1; i < TRIP_AFTER; i++)
        end(h, late[i], VERDICT_failure, 0, REST_MS);
    assert_false(look(h, REST_MS).open);
    assert_int_equal(look(h, REST_MS).in_flight, 0);
}

static void without_a_breaker_it_never_opens(void **state)
{
    (void)state;
    struct health *h = health_new(0, 0);
    for (int i = 0; i < 100; i++)
        assert_false(report(h, VERDICT_failure, 0));
    assert_false(look(h, 0).open);
    health_unref(h);
}

enum { THREADS = 4 };

static void *ask_once(void *h)
{
    return (void *)(uintptr_t)begin(h, REST_MS);
}

static void of_many_threads_one_is_the_probe(void **state)
{
    struct health *h = *state;
    pthread_t threads[THREADS];
    unsigned probes = 0;
    fail_until_open(h, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_once, h), 0);
    for (int i = 0; i < THREADS; i++) {
        void *ticket;
        pthread_join(threads[i], &ticket);
        probes += ticket != NULL;
    }
    assert_int_equal(probes, 1);
}

static void bad_news_is_believed_sooner_than_good(void **state)
{
    (void)state;
    struct latency l = {0};
    latency_add(&l, 1000, 0);
    assert_int_equal(l.us, 1000);
    latency_add(&l, 1800, 10); /* a quarter of the way up */
    assert_int_equal(l.us, 1200);
    latency_add(&l, 90000, 20); /* at most twice what it was */
    assert_int_equal(l.us, 2400);
    latency_add(&l, 800, 30); /* a sixteenth of the way down */
    assert_int_equal(l.us, 2300);
    latency_add(&l, 1300, 30 + LATENCY_HALF_US); /* half of it after a half-life */
    assert_int_equal(l.us, 1800);
}

static void what_is_old_fades(void **state)
{
    (void)state;
    const struct latency l = {.us = 4000, .at_us = 100};
    assert_int_equal(latency_faded_us(&l, 100), 4000);
    assert_int_equal(latency_faded_us(&l, 100 + LATENCY_HALF_US), 2000);
    assert_int_equal(latency_faded_us(&l, 100 + LATENCY_HALF_US / 2), 3000);
    assert_int_equal(latency_faded_us(&l, 100 + 60 * (int64_t)LATENCY_HALF_US), 1);
    assert_int_equal(latency_halve(1000, -5, 10), 1000);
}

static void who_waits_for_long_is_news_before_there_is_an_answer(void **state)
{
    struct health *h = *state;
    uint64_t first = begin(h, 0);
    health_first(h, true, 0, us(100));
    const struct health_report r = {.is_stream = true, .had_first = true, .output_tokens = 10};
    health_end(h, first, &r, us(200));
    uint64_t next = begin(h, 1000);
    assert_int_equal(look(h, 1050).first_us[1], us(100));
    assert_int_equal(look(h, 3000).first_us[1], us(2000));
    assert_int_equal(look(h, 3000).in_flight, 1);
    end(h, next, VERDICT_none, 1000, 3000);
    assert_int_equal(look(h, 3000).in_flight, 0);
    assert_true(look(h, 3000).first_us[1] < us(100)); /* nobody is asked, so it fades */
    assert_int_equal(look(h, 3000).first_us[0], 0);   /* bodies are measured apart */
}

static void answers_are_averaged(void **state)
{
    struct health *h = *state;
    for (int i = 1; i <= 3; i++) {
        const struct health_report r = {.is_stream = true, .output_tokens = 100L * i};
        health_end(h, begin(h, 0), &r, 0);
    }
    assert_int_equal(look(h, 0).output_tokens, 200);
    for (int i = 0; i < 200; i++) {
        const struct health_report r = {.is_stream = true, .output_tokens = 1000};
        health_end(h, begin(h, 0), &r, 0);
    }
    assert_in_range(look(h, 0).output_tokens, 990, 1000);
}

static void errors_are_counted_and_forgotten(void **state)
{
    (void)state;
    struct health *h = health_new(0, 0);
    for (int i = 0; i < 50; i++)
        report(h, VERDICT_failure, 0);
    assert_in_range(look(h, 0).error_ppm, 990000, 1000000);
    assert_in_range(look(h, 30 * 1000).error_ppm, 490000, 500000);
    health_unref(h);
}

static void keys_take_turns_and_rest(void **state)
{
    (void)state;
    struct rotation *r = rotation_new(3);
    unsigned taken[3] = {0};
    for (int i = 0; i < 9; i++)
        taken[rotation_take(r, 0)]++;
    assert_true(taken[0] == 3 && taken[1] == 3 && taken[2] == 3);
    rotation_rest(r, 1, 100);
    for (int i = 0; i < 9; i++)
        assert_int_not_equal(rotation_take(r, 99), 1);
    assert_true(rotation_has_one(r, 99));
    rotation_rest(r, 0, 300);
    rotation_rest(r, 2, 200);
    assert_false(rotation_has_one(r, 99));
    assert_int_equal(rotation_take(r, 99), 1); /* its rest ends first */
    assert_int_equal(rotation_rests_ms(r, 2, 150), 50);
    rotation_unref(rotation_ref(r));
    rotation_unref(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_success_between_failures_keeps_it_closed),
        TEST(no_verdict_neither_counts_nor_clears),
        TEST(an_open_one_rests_then_lets_one_probe_through),
        TEST(a_failed_probe_opens_it_again),
        TEST(a_probe_whose_client_leaves_makes_way_at_once),
        TEST(a_probe_that_vanishes_makes_way_after_a_rest),
        TEST(late_reports_from_before_it_opened_change_nothing),
        TEST(without_a_breaker_it_never_opens),
        TEST(of_many_threads_one_is_the_probe),
        TEST(bad_news_is_believed_sooner_than_good),
        TEST(what_is_old_fades),
        TEST(who_waits_for_long_is_news_before_there_is_an_answer),
        TEST(answers_are_averaged),
        TEST(errors_are_counted_and_forgotten),
        TEST(keys_take_turns_and_rest),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
