#include "gateway/router/strategy.h"

#include "tests/unit/test.h"

enum { N = 3 };

static void assert_order_of(const struct candidate given[N], const char *strategy, uint64_t dice,
                            const char *order)
{
    struct candidate c[N];
    for (unsigned i = 0; i < N; i++) {
        c[i] = given[i];
        c[i].target = i;
    }
    strategy_find(str_of(strategy))->order(c, N, dice);
    char got[] = {(char)('a' + c[0].target), (char)('a' + c[1].target), (char)('a' + c[2].target),
                  '\0'};
    assert_string_equal(got, order);
}

static void assert_order(const char *strategy, uint64_t dice, const char *order)
{
    static const struct candidate c[N] = {{.weight = 5}, {.weight = 3}, {.weight = 2}};
    assert_order_of(c, strategy, dice, order);
}

static void weighted_draws_by_weight_and_keeps_the_rest_in_order(void **state)
{
    (void)state;
    static const struct {
        uint64_t dice;
        const char *order;
    } cases[] = {{0, "abc"}, {4, "abc"}, {5, "bac"}, {7, "bac"}, {8, "cab"}, {10, "abc"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_order("weighted", cases[i].dice, cases[i].order);
}

static void weights_of_zero_keep_the_order(void **state)
{
    (void)state;
    static const struct candidate c[N] = {{.weight = 0}};
    assert_order_of(c, "weighted", 7, "abc");
}

static void failover_and_cascade_keep_the_order_of_the_config(void **state)
{
    (void)state;
    for (uint64_t dice = 0; dice < 20; dice++) {
        assert_order("failover", dice, "abc");
        assert_order("cascade", dice, "abc");
    }
    assert_true(strategy_find(STR("cascade"))->judges);
    assert_false(strategy_find(STR("failover"))->judges);
}

static void cheapest_is_by_expected_cost_and_the_unpriced_come_last(void **state)
{
    (void)state;
    static const struct candidate c[N] = {
        {.expected_nusd = INT64_MAX}, {.expected_nusd = 200}, {.expected_nusd = 100}};
    assert_order_of(c, "cheapest", 1, "cba");
}

static void equal_costs_keep_the_order(void **state)
{
    (void)state;
    static const struct candidate c[N] = {
        {.expected_nusd = 100}, {.expected_nusd = 100}, {.expected_nusd = 0}};
    assert_order_of(c, "cheapest", 5, "cab");
}

static void fastest_is_by_the_time_to_the_first_token(void **state)
{
    (void)state;
    static const struct candidate c[N] = {
        {.first_us = 3000}, {.first_us = 1000}, {.first_us = 2000}};
    for (uint64_t dice = 0; dice < 20; dice++)
        assert_order_of(c, "fastest", dice, "bca");
}

static void what_fails_is_slow(void **state)
{
    (void)state;
    static const struct candidate c[N] = {
        {.first_us = 1000, .error_ppm = 900000}, {.first_us = 5000}, {.error_ppm = 500000}};
    assert_order_of(c, "fastest", 3, "bac");
}

static void what_was_never_measured_is_measured_by_one(void **state)
{
    (void)state;
    static const struct candidate idle[N] = {
        {.first_us = 1000}, {.first_us = 0}, {.first_us = 2000}};
    assert_order_of(idle, "fastest", 0, "bac");
    static const struct candidate busy[N] = {
        {.first_us = 1000}, {.first_us = 0, .in_flight = 1}, {.first_us = 2000}};
    assert_order_of(busy, "fastest", 0, "acb");
}

static void of_near_equals_the_less_busy_of_two_that_are_drawn(void **state)
{
    (void)state;
    static const struct candidate c[N] = {{.first_us = 1000, .in_flight = 9},
                                          {.first_us = 1040, .in_flight = 2},
                                          {.first_us = 5000, .in_flight = 0}};
    for (uint64_t dice = 0; dice < 20; dice++)
        assert_order_of(c, "fastest", dice, "bac");
}

static void every_near_equal_is_drawn(void **state)
{
    (void)state;
    unsigned first[N] = {0};
    for (uint64_t dice = 0; dice < 60; dice++) {
        struct candidate c[N] = {{.target = 0, .first_us = 1000},
                                 {.target = 1, .first_us = 1000},
                                 {.target = 2, .first_us = 1000}};
        strategy_find(STR("fastest"))->order(c, N, dice);
        first[c[0].target]++;
    }
    for (unsigned i = 0; i < N - 1;
         i++) /* of two that are equal in all, the earlier: the last never wins */
        assert_true(first[i] > 0);
}

static void balanced_weighs_a_tenth_of_cost_like_a_tenth_of_time(void **state)
{
    (void)state;
    static const struct candidate c[N] = {{.expected_nusd = 100000, .first_us = 1000},
                                          {.expected_nusd = 20000, .first_us = 4000},
                                          {.expected_nusd = 400000, .first_us = 500}};
    assert_order_of(c, "balanced", 0, "bac");
}

static void what_is_free_does_not_win_at_any_latency(void **state)
{
    (void)state;
    static const struct candidate c[N] = {{.expected_nusd = 0, .first_us = 60000000},
                                          {.expected_nusd = 10000, .first_us = 500000},
                                          {.expected_nusd = INT64_MAX, .first_us = 100}};
    assert_order_of(c, "balanced", 0, "bac");
}

static void an_unknown_strategy_is_not_found(void **state)
{
    (void)state;
    assert_null(strategy_find(STR("weihgted")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weighted_draws_by_weight_and_keeps_the_rest_in_order),
        cmocka_unit_test(weights_of_zero_keep_the_order),
        cmocka_unit_test(failover_and_cascade_keep_the_order_of_the_config),
        cmocka_unit_test(cheapest_is_by_expected_cost_and_the_unpriced_come_last),
        cmocka_unit_test(equal_costs_keep_the_order),
        cmocka_unit_test(fastest_is_by_the_time_to_the_first_token),
        cmocka_unit_test(what_fails_is_slow),
        cmocka_unit_test(what_was_never_measured_is_measured_by_one),
        cmocka_unit_test(of_near_equals_the_less_busy_of_two_that_are_drawn),
        cmocka_unit_test(every_near_equal_is_drawn),
        cmocka_unit_test(balanced_weighs_a_tenth_of_cost_like_a_tenth_of_time),
        cmocka_unit_test(what_is_free_does_not_win_at_any_latency),
        cmocka_unit_test(an_unknown_strategy_is_not_found),
    };
    return cmocka_run_group_tests_name("strategy", tests, NULL, NULL);
}
