/*
 * Numbers: the published or independently computed ones that the names of the tests
 * say; simulations: seeded, so that they cannot fail by chance.
 */
#include "prompts/trial.h"

#include <string.h>

#include "tests/unit/rollout_sim.h"
#include "tests/unit/test.h"

#define ASSERT_NEAR(a, b, digits) assert_true(fabs((a) - (b)) < 0.50001 * pow(10, -(digits)))

static const struct str salt = {"support/v7-vs-v8", 16};

static void units_fall_where_the_vectors_say(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        uint64_t bucket;
        bool canary[5];
    } cases[] = {
        {"user-1", 0x0f483c2171d4f2b7, {0, 0, 1, 1, 1}},
        {"user-2", 0x9eec810d5644690f, {0}},
        {"user-3", 0x88b0c9e2a4ef0b35, {0}},
        {"user-42", 0x4841889ca292307e, {0, 0, 0, 0, 1}},
        {"alice@example.com", 0xb9e6b2779285cbc0, {0}},
        {"", 0xec85e8701d8dcf13, {0}},
    };
    static const unsigned shares[] = {100, 500, 1000, 2500, 5000};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(bucket_of(salt, str_of(cases[i].unit)) == cases[i].bucket);
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(bucket_is_canary(cases[i].bucket, shares[k]), cases[i].canary[k]);
    }
}

static void shares_hold_and_only_grow(void **state)
{
    (void)state;
    static const unsigned shares[] = {100, 500, 1000, 2500, 5000},
                          expected[] = {100, 516, 1016, 2555, 5043};
    unsigned n[5] = {0};
    for (unsigned u = 1; u <= 10000; u++) {
        char unit[32];
        snprintf(unit, sizeof unit, "user-%u", u);
        uint64_t bucket = bucket_of(salt, str_of(unit));
        assert_false(bucket_is_canary(bucket, 0));
        assert_true(bucket_is_canary(bucket, SHARE_ALL));
        for (size_t k = 0; k < 5; k++) {
            n[k] += bucket_is_canary(bucket, shares[k]);
            assert_true(k == 0 || bucket_is_canary(bucket, shares[k]) >=
                                      bucket_is_canary(bucket, shares[k - 1]));
        }
    }
    for (size_t k = 0; k < 5; k++)
        assert_int_equal(n[k], expected[k]);
    assert_false(bucket_is_canary(UINT64_MAX, SHARE_ALL - 1));
}

static void feed(struct eprocess *e, const char *control, const char *canary)
{
    for (; *control; control++)
        eprocess_add(e, false, *control - '0');
    for (; *canary; canary++)
        eprocess_add(e, true, *canary - '0');
}

static void blocks_are_bet_on_as_the_worked_numbers_say(void **state)
{
    (void)state;
    struct eprocess e = {0};
    static const char *const control[] = {"000", "10000", "00", "0000"}, *const canary[] = {
                                                                             "1", "0", "0", "1"};
    static const double expected[] = {1.21525049, 1.14976048, 1.14976048, 1.43941459};
    for (size_t i = 0; i < 4; i++) {
        feed(&e, control[i], canary[i]);
        ASSERT_NEAR(exp(eprocess_log(&e)), expected[i], 8);
    }
    assert_int_equal(e.blocks, 4);
}

static void six_failures_in_a_row_are_not_enough(void **state)
{
    (void)state;
    struct eprocess e = {0};
    static const double expected[] = {1.21525049, 1.54270054, 2.05913028,
                                      2.90000159, 4.30696453, 6.71515708};
    for (size_t i = 0; i < 6; i++) {
        feed(&e, "0", "1");
        ASSERT_NEAR(exp(eprocess_log(&e)), expected[i], 8);
    }
}

static void what_is_equal_moves_nothing(void **state)
{
    (void)state;
    struct eprocess e = {0};
    for (const char *d = "1001000100"; *d; d++)
        feed(&e, "0", (char[]){*d, '\0'});
    ASSERT_NEAR(exp(eprocess_log(&e)), 2.05913028, 8);
}

static void an_open_block_does_not_outlive_its_stage(void **state)
{
    (void)state;
    struct eprocess e = {0};
    feed(&e, "111", "");
    eprocess_drop_block(&e);
    feed(&e, "0", "1");
    ASSERT_NEAR(exp(eprocess_log(&e)), 1.21525049, 8);
}

static struct interval repeat(const double *x, size_t n, size_t times)
{
    struct rate_sequence s = {0};
    for (size_t i = 0; i < n * times; i++)
        rate_add(&s, x[i % n]);
    return rate_interval(&s);
}

static void rates_have_the_intervals_of_the_reference(void **state)
{
    (void)state;
    static const double bits[] = {1, 0, 1, 1, 0, 1, 1, 1, 0, 1}, scores[] = {.9, .8, 1, .7, .85};
    struct interval i = repeat(bits, 10, 10);
    ASSERT_NEAR(i.low, .53307599, 8);
    ASSERT_NEAR(i.high, .86009628, 8);
    i = repeat(bits, 10, 100);
    ASSERT_NEAR(i.low, .64090670, 8);
    ASSERT_NEAR(i.high, .75654676, 8);
    i = repeat(scores, 5, 40);
    ASSERT_NEAR(i.low, .80756898, 8);
    ASSERT_NEAR(i.high, .89088585, 8);
    i = rate_interval(&(struct rate_sequence){0});
    assert_true(i.low == 0 && i.high == 1);
}

static void means_have_the_margins_of_the_paper(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        double margin;
    } cases[] = {{100, .161333}, {1000, .048838}, {10000, .016911}};
    for (size_t i = 0; i < 3; i++) {
        struct mean_sequence s = {0};
        for (int64_t k = 0; k < cases[i].n; k++)
            mean_add(&s, (double)(k % 2)); /* variance .25 */
        ASSERT_NEAR(s.mean, .5, 9);
        ASSERT_NEAR(mean_margin(&s), cases[i].margin, 6);
    }
    assert_true(isinf(mean_margin(&(struct mean_sequence){.n = 1})));
}

static struct outcome format(double value)
{
    struct outcome o = {0};
    o.known[GUARD_error] = o.known[GUARD_format] = true;
    o.value[GUARD_format] = value;
    return o;
}

static void a_unit_has_one_outcome_a_stage(void **state)
{
    (void)state;
    struct trial t = {0};
    struct outcome bad = format(1), good = format(0);
    trial_begin_stage(&t, 1);
    assert_true(trial_add(&t, 0, ARM_control, &good));
    assert_false(trial_add(&t, 0, ARM_control, &bad));
    assert_true(trial_add(&t, 7, ARM_canary, &bad));
    assert_false(trial_add(&t, 7, ARM_canary, &bad));
    assert_int_equal(t.seq, 2);
    assert_int_equal(t.harm[GUARD_format].blocks, 1);
    trial_begin_stage(&t, 2);
    assert_true(trial_add(&t, 7, ARM_canary, &bad));
    assert_int_equal(t.seq, 1);
    assert_int_equal(t.arms[ARM_canary].units, 2);
    trial_done(&t);
}

static void the_verdict_latches(void **state)
{
    (void)state;
    struct trial t = {0};
    uint64_t unit = 1;
    trial_begin_stage(&t, 1);
    ASSERT_NEAR(exp(trial_log_threshold()), 40, 9);
    while (!t.harmful) {
        struct outcome bad = format(1), good = format(0);
        trial_add(&t, unit++, ARM_control, &good);
        trial_add(&t, unit++, ARM_canary, &bad);
        assert_int_equal(t.harmful, eprocess_log(&t.harm[GUARD_format]) >= log(40));
        assert_true(unit < 100);
    }
    assert_int_equal(t.guilty, GUARD_format);
    double stood = eprocess_log(&t.harm[GUARD_format]);
    assert_true(stood >= log(40));
    struct outcome good = format(0);
    assert_false(trial_add(&t, unit, ARM_control, &good));
    assert_true(eprocess_log(&t.harm[GUARD_format]) == stood);
    trial_done(&t);
}

static void a_guard_that_does_not_apply_says_nothing(void **state)
{
    (void)state;
    struct trial t = {0};
    struct outcome o = {.known[GUARD_error] = true};
    trial_begin_stage(&t, 1);
    for (uint64_t unit = 1; unit < 100; unit++)
        trial_add(&t, unit, unit % 2 ? ARM_canary : ARM_control, &o);
    assert_int_equal(t.harm[GUARD_format].blocks, 0);
    assert_true(eprocess_log(&t.harm[GUARD_format]) == 0);
    assert_int_equal(t.harm[GUARD_error].blocks, 49);
    trial_done(&t);
}

static void callers_that_leave_are_missing_data(void **state)
{
    (void)state;
    struct trial t = {0};
    struct outcome good = format(0);
    trial_begin_stage(&t, 1);
    trial_add(&t, 1000, ARM_canary, &good);
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t unit = 1; unit < TRIAL_LEFT_MAX; unit++) {
            assert_false(trial_left(&t, unit, ARM_canary));
            assert_false(trial_left(&t, 1000, ARM_canary)); /* has had its outcome */
        }
        if (round == 0)
            trial_add(&t, 1001, ARM_canary, &good);
    }
    assert_true(trial_left(&t, 99, ARM_canary));
    trial_done(&t);
}

/* Looked at after every request; a false alarm may happen in one run of twenty. */
static unsigned false_alarms(unsigned runs, unsigned share, double rate)
{
    unsigned alarms = 0;
    struct sim s = {2000, 20, share, {{rate, rate}, {rate, rate}}, .3};
    for (unsigned seed = 1; seed <= runs; seed++) {
        struct trial t = {0};
        sim_run(&s, seed, &t);
        alarms += t.harmful;
        trial_done(&t);
    }
    return alarms;
}

static void equal_arms_are_rarely_rolled_back(void **state)
{
    (void)state;
    unsigned runs = getenv("LONG") ? 1000 : 100, worst = 0;
    static const unsigned shares[] = {500, 2000, 5000};
    static const double rates[] = {.02, .1, .3};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < (getenv("LONG") ? 3 : 1); k++) {
            unsigned alarms = false_alarms(runs, shares[i], rates[k]);
            worst = alarms > worst ? alarms : worst;
            print_message(
                "A/A, %u runs of 2000 users x 20 requests, ICC .3, share %u %%, failing %.0f %%: "
                "%u rolled back\n",
                runs, shares[i] / 100, 100 * rates[k], alarms);
        }
    assert_true(worst * 20 <= runs);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void broken_json_is_rolled_back_every_time(void **state)
{
    (void)state;
    struct sim s = {2000, 20, 2000, {{0, 0}, {0, .2}}, 0};
    int64_t needed[50], canary[50];
    for (unsigned seed = 0; seed < 50; seed++) {
        struct trial t = {0};
        needed[seed] = sim_run(&s, seed + 1, &t);
        canary[seed] = t.arms[ARM_canary].units;
        assert_true(t.harmful);
        assert_int_equal(t.guilty, GUARD_format);
        trial_done(&t);
    }
    qsort(needed, 50, sizeof needed[0], compare);
    qsort(canary, 50, sizeof canary[0], compare);
    print_message("20 %% broken JSON at a share of 20 %%: rolled back in 50 of 50 seeds, after a "
                  "median of %lld units, "
                  "%lld of them the canary's\n",
                  (long long)needed[25], (long long)canary[25]);
    assert_true(needed[25] < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_fall_where_the_vectors_say),
        cmocka_unit_test(shares_hold_and_only_grow),
        cmocka_unit_test(blocks_are_bet_on_as_the_worked_numbers_say),
        cmocka_unit_test(six_failures_in_a_row_are_not_enough),
        cmocka_unit_test(what_is_equal_moves_nothing),
        cmocka_unit_test(an_open_block_does_not_outlive_its_stage),
        cmocka_unit_test(rates_have_the_intervals_of_the_reference),
        cmocka_unit_test(means_have_the_margins_of_the_paper),
        cmocka_unit_test(a_unit_has_one_outcome_a_stage),
        cmocka_unit_test(the_verdict_latches),
        cmocka_unit_test(a_guard_that_does_not_apply_says_nothing),
        cmocka_unit_test(callers_that_leave_are_missing_data),
        cmocka_unit_test(equal_arms_are_rarely_rolled_back),
        cmocka_unit_test(broken_json_is_rolled_back_every_time),
    };
    return cmocka_run_group_tests_name("trial", tests, NULL, NULL);
}
