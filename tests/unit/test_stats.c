/* Worked numbers: scipy 1.10, Newcombe 1998, Miller 2024; see the comments. */
#include "eval/compare.h"

#include <math.h>

#include "gateway/base/str.h"
#include "tests/unit/test.h"

static void near(double is, double should_be, double within)
{
    if (fabs(is - should_be) > within)
        fail_msg("%.9f is not %.9f", is, should_be);
}

static void intervals_of_wilson(void **state)
{
    (void)state;
    static const struct {
        int64_t k, n;
        double low, high;
    } cases[] = {{10, 20, .2992980, .7007020},  {22, 49, .3185284, .5868489},
                 {1, 1, .2065493, 1},           {0, 10, 0, .2775328},
                 {0, 100, 0, .0369935},         {97, 100, .9154806, .9897455},
                 {81, 263, .2552885, .3662096}, {0, 0, 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct interval w = stats_wilson(cases[i].k, cases[i].n);
        near(w.low, cases[i].low, 5e-8);
        near(w.high, cases[i].high, 5e-8);
    }
}

static void a_difference_of_two_rates(void **state)
{
    (void)state;
    struct interval d = stats_newcombe(56, 70, 48, 80);
    near(d.low, .0524, 5e-5);
    near(d.high, .3339, 5e-5);
    assert_true(stats_paired_rates(12, 0, 12).low == -1);
    assert_true(stats_paired_rates(0, 12, 12).high == 1);
}

static void pairs_that_differ(void **state)
{
    (void)state;
    static const struct {
        int64_t b, c;
        double exact, mid, chi2;
    } cases[] = {{12, 5, .143463, .096252, 2.8824}, {2, 10, .038574, .022461, 5.3333},
                 {0, 5, .0625, .03125, 5},          {0, 6, .03125, .015625, 6},
                 {1, 9, .021484, .011719, 6.4},     {37, 20, .033144, .024746, 5.0702}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mcnemar m = stats_mcnemar(cases[i].b, cases[i].c);
        near(m.exact, cases[i].exact, 5e-7);
        near(m.mid, cases[i].mid, 5e-7);
        near(m.chi2, cases[i].chi2, 5e-5);
    }
    near(stats_mcnemar(12, 5).p, .089555, 5e-7);
    near(stats_mcnemar(37, 20).p, .024341, 5e-7);
    near(stats_mcnemar(121, 59).chi2, 21.3556, 5e-5);
    near(stats_mcnemar(150, 86).chi2, 17.3559, 5e-5);
    near(stats_mcnemar(0, 0).mid, 1, 0);
}

static void paired_errors(void **state)
{
    (void)state;
    static const char a[] = "110101101101", b[] = "111101111011";
    double d[12];
    for (int i = 0; i < 12; i++)
        d[i] = b[i] - a[i];
    struct paired p = stats_paired(d, NULL, 12);
    near(p.mean, .166666667, 5e-9);
    near(p.se, .1666667, 5e-8);
    near(stats_t_p(p.mean / p.se, 11), .338801, 5e-7);
    near(stats_mcnemar(1, 3).exact, .625, 1e-12);
}

static void errors_of_clusters(void **state)
{
    (void)state;
    static const double x[] = {1, 1, 0, 1, 0, 0, 0, 0, 1, 1};
    static const uint64_t cluster[] = {1, 1, 1, 2, 2, 3, 3, 3, 3, 4};
    near(stats_paired(x, NULL, 10).se, .1666667, 5e-8);
    near(stats_paired(x, cluster, 10).se, .1414214, 5e-8);
}

static void how_many_rows_and_what_they_find(void **state)
{
    (void)state;
    near(ceil(stats_rows(1.0 / 9, .03)), 969, 0);
    near(ceil(stats_rows(1.0 / 9 + 2.0 / 6, .03)), 3876, 0);
    near(stats_rows(1.0 / 9 + 2.0 / 60, .03), 1259.7, .1);
    near(stats_mde(100, .05), .063, 5e-4);
    near(stats_mde(100, .10), .089, 5e-4);
    near(stats_mde(100, .20), .125, 5e-4);
    near(stats_mde(100, .30), .153, 5e-4);
    near(stats_mde(1000, .05), .020, 5e-4);
    near(stats_mde(1000, .30), .049, 5e-4);
}

static void quantiles_of_student(void **state)
{
    (void)state;
    near(stats_t_quantile(1), 12.706205, 1e-6);
    near(stats_t_quantile(11), 2.200985, 1e-6);
    near(stats_t_quantile(59), 2.000995, 1e-6);
    near(stats_t_quantile(1e6), 1.959966, 1e-6);
}

static uint64_t dice(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double chance(uint64_t *state)
{
    return (double)(dice(state) >> 11) / 9007199254740992.0;
}

enum { RUNS = 1000, ROWS = 200, REPEATS = 4 };

/* Equal versions: each row has a rate of its own, and both draw from it. */
static void equal_versions_are_seldom_called_worse(void **state)
{
    (void)state;
    uint64_t seed = 20261124;
    double a[ROWS], b[ROWS];
    uint64_t own[ROWS], shared[ROWS];
    int worse[2] = {0};
    for (int i = 0; i < ROWS; i++) {
        own[i] = (uint64_t)i;
        shared[i] = (uint64_t)(i / REPEATS);
    }
    for (int run = 0; run < RUNS; run++) {
        double rate = 0;
        for (int i = 0; i < ROWS; i++) {
            rate = i % REPEATS == 0 ? chance(&seed) : rate;
            a[i] = chance(&seed) < rate;
            b[i] = chance(&seed) < rate;
        }
        struct comparison c;
        compare_scores(a, b, own, ROWS, .02, &c);
        worse[0] += c.verdict == VERDICT_worse;
        compare_scores(a, b, shared, ROWS, .02, &c);
        worse[1] += c.verdict == VERDICT_worse;
    }
    assert_in_range(worse[0], 1, RUNS / 20);
    assert_in_range(worse[1], 1, RUNS / 20);
}

static void sixty_rows_that_cannot_tell_say_how_many_would(void **state)
{
    (void)state;
    double a[60], b[60];
    for (int i = 0; i < 60; i++) {
        a[i] = i >= 6;
        b[i] = i >= 9;
    }
    struct comparison c;
    compare_scores(a, b, NULL, 60, .02, &c);
    assert_int_equal(c.verdict, VERDICT_inconclusive);
    near(c.difference, -.05, 1e-12);
    /* (1.95996 + 0.84162)^2 x 0.048305 / 0.05^2 */
    assert_int_equal(c.rows_needed,
                     (int64_t)ceil(7.8488797 * (3 * .95 * .95 + 57 * .05 * .05) / 59 / .0025));
}

static void nothing_that_differs_proves_nothing_in_few_rows(void **state)
{
    (void)state;
    static const double ones[400] = {0};
    struct comparison c;
    compare_scores(ones, ones, NULL, 12, .02, &c);
    assert_int_equal(c.verdict, VERDICT_inconclusive);
    compare_scores(ones, ones, NULL, 400, .02, &c);
    assert_int_equal(c.verdict, VERDICT_no_worse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_of_wilson),
        cmocka_unit_test(a_difference_of_two_rates),
        cmocka_unit_test(pairs_that_differ),
        cmocka_unit_test(paired_errors),
        cmocka_unit_test(errors_of_clusters),
        cmocka_unit_test(how_many_rows_and_what_they_find),
        cmocka_unit_test(quantiles_of_student),
        cmocka_unit_test(equal_versions_are_seldom_called_worse),
        cmocka_unit_test(sixty_rows_that_cannot_tell_say_how_many_would),
        cmocka_unit_test(nothing_that_differs_proves_nothing_in_few_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
