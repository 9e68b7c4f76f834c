/* Limits in simulated time: what passes in every 60 s, of one thread and of four. */
#include "gateway/base/gcra.h"

#include <pthread.h>
#include <stdlib.h>

#include "gateway/base/clock.h"
#include "gateway/base/period.h"
#include "tests/unit/test.h"

enum { SECOND_US = 1000 * 1000, MINUTE_US = 60 * SECOND_US, PER_MINUTE = 600, BURST = 20 };

static const struct gcra_rate rate = {PER_MINUTE, BURST};

static uint64_t roll(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* The most and the least that stand in any 60 s between the first and the last. */
static void count_windows(const int64_t *at_us, size_t n, size_t *most, size_t *least)
{
    *most = 0;
    *least = SIZE_MAX;
    for (size_t from = 0, to = 0; from < n; from++) {
        while (to < n && at_us[to] - at_us[from] <= MINUTE_US)
            to++;
        *most = to - from > *most ? to - from : *most;
        if (to < n && to - from < *least)
            *least = to - from;
    }
}

static void
no_minute_holds_more_than_the_rate_and_the_burst_nor_fewer_under_saturation(void **state)
{
    (void)state;
    int64_t *passed = calloc(20 * PER_MINUTE, sizeof *passed), wait_us;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        _Atomic int64_t tat_us = 0;
        uint64_t dice = seed;
        size_t n = 0, most, least;
        for (int64_t now_us = 1000, end_us = 10 * (int64_t)MINUTE_US;
             now_us < end_us;) { /* 5,000 a minute offered */
            if (gcra_take(&tat_us, &rate, 1, now_us, &wait_us))
                passed[n++] = now_us;
            now_us += (int64_t)(roll(&dice) % (2 * MINUTE_US / 5000));
        }
        count_windows(passed, n, &most, &least);
        assert_in_range(most, 1, PER_MINUTE + BURST);
        assert_in_range(least, 595, PER_MINUTE + BURST);
    }
    free(passed);
}

static void after_a_rest_the_burst_is_there_again_and_no_more(void **state)
{
    (void)state;
    _Atomic int64_t tat_us = 0;
    int64_t now_us = SECOND_US, wait_us;
    for (int rests = 0; rests < 3; rests++, now_us += 3600 * (int64_t)SECOND_US) {
        for (int i = 0; i < BURST; i++)
            assert_true(gcra_take(&tat_us, &rate, 1, now_us, &wait_us));
        assert_false(gcra_take(&tat_us, &rate, 1, now_us, &wait_us));
        assert_int_equal(wait_us, MINUTE_US / PER_MINUTE);
        assert_false(gcra_take(&tat_us, &rate, 1, now_us + wait_us - 1, &(int64_t){0}));
        assert_true(gcra_take(&tat_us, &rate, 1, now_us + wait_us, &(int64_t){0}));
    }
}

struct taker {
    _Atomic int64_t *tat_us;
    int64_t passed;
};

static void *take_often(void *arg)
{
    struct taker *t = arg;
    int64_t wait_us;
    for (int64_t now_us = SECOND_US; now_us <= SECOND_US + MINUTE_US; now_us += MINUTE_US / 5000)
        t->passed += gcra_take(t->tat_us, &rate, 1, now_us, &wait_us);
    return NULL;
}

/* Each sees the same minute at its own pace: one that is ahead only helps the others to less. */
static void four_threads_have_one_rate(void **state)
{
    (void)state;
    _Atomic int64_t tat_us = 0;
    struct taker takers[4];
    pthread_t threads[4];
    int64_t passed = 0;
    for (int i = 0; i < 4; i++) {
        takers[i] = (struct taker){&tat_us, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, take_often, &takers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        passed += takers[i].passed;
    }
    assert_in_range(passed, 595, PER_MINUTE + BURST);
}

static void what_was_taken_too_much_comes_back(void **state)
{
    (void)state;
    static const struct gcra_rate tokens = {1000, 1000};
    _Atomic int64_t tat_us = 0;
    int64_t now_us = SECOND_US, wait_us, full_us;
    assert_true(gcra_take(&tat_us, &tokens, 900, now_us, &wait_us));
    assert_int_equal(gcra_left(&tat_us, &tokens, now_us, &full_us), 100);
    assert_int_equal(full_us, 54 * SECOND_US);
    assert_false(gcra_would_take(&tat_us, &tokens, 101, now_us, &wait_us));
    gcra_correct(&tat_us, &tokens, 100 - 900);
    assert_int_equal(gcra_left(&tat_us, &tokens, now_us, &full_us), 900);
    gcra_correct(&tat_us, &tokens, 2900);
    assert_int_equal(gcra_left(&tat_us, &tokens, now_us, &full_us), 0);
    assert_int_equal(full_us, 180 * (int64_t)SECOND_US);
    assert_false(gcra_take(&tat_us, &tokens, 1, now_us + 2 * (int64_t)MINUTE_US, &wait_us));
    assert_true(gcra_take(&tat_us, &tokens, 5000, now_us + 3 * (int64_t)MINUTE_US,
                          &wait_us)); /* counts as 1000 */
}

static void rates_that_do_not_divide_a_minute_are_rounded_down(void **state)
{
    (void)state;
    static const int64_t rates[] = {1, 7, 599, 60000001, 999999999};
    for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct gcra_rate r = {rates[i], rates[i]};
        _Atomic int64_t tat_us = 0;
        int64_t full_us, wait_us;
        assert_true(gcra_take(&tat_us, &r, rates[i], SECOND_US, &wait_us));
        assert_int_equal(gcra_left(&tat_us, &r, SECOND_US, &full_us), 0);
        assert_int_equal(full_us, MINUTE_US);
    }
}

static int64_t ms(const char *text)
{
    int64_t wall_ms;
    assert_true(clock_parse(str_of(text), &wall_ms));
    return wall_ms;
}

static void windows_are_those_of_the_calendar(void **state)
{
    (void)state;
    static const struct {
        enum period per;
        const char *now, *from, *to;
    } cases[] = {
        {PERIOD_hour, "2026-11-24T20:59:59.999Z", "2026-11-24T20:00:00Z", "2026-11-24T21:00:00Z"},
        {PERIOD_hour, "2026-11-24T21:00:00Z", "2026-11-24T21:00:00Z", "2026-11-24T22:00:00Z"},
        {PERIOD_day, "2026-12-31T23:59:59Z", "2026-12-31", "2027-01-01"},
        {PERIOD_month, "2026-12-31T23:59:59Z", "2026-12-01", "2027-01-01"},
        {PERIOD_month, "2028-02-29T12:00:00Z", "2028-02-01", "2028-03-01"},
        {PERIOD_month, "2026-02-01T00:00:00Z", "2026-02-01", "2026-03-01"},
        {PERIOD_month, "2026-01-31T00:00:00Z", "2026-01-01", "2026-02-01"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t from_ms, to_ms;
        period_window(cases[i].per, ms(cases[i].now), &from_ms, &to_ms);
        assert_int_equal(from_ms, ms(cases[i].from));
        assert_int_equal(to_ms, ms(cases[i].to));
    }
    enum period per;
    assert_true(period_find(STR("month"), &per));
    assert_false(period_find(STR("week"), &per));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            no_minute_holds_more_than_the_rate_and_the_burst_nor_fewer_under_saturation),
        cmocka_unit_test(after_a_rest_the_burst_is_there_again_and_no_more),
        cmocka_unit_test(four_threads_have_one_rate),
        cmocka_unit_test(what_was_taken_too_much_comes_back),
        cmocka_unit_test(rates_that_do_not_divide_a_minute_are_rounded_down),
        cmocka_unit_test(windows_are_those_of_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
