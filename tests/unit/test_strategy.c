#include "gateway/router/strategy.h"

#include "tests/unit/test.h"

static void assert_order(const char *strategy, uint64_t dice, const char *order)
{
    struct candidate c[] = {{.target = 0, .weight = 5}, {.target = 1, .weight = 3}, {.target = 2, .weight = 2}};
    strategy_find(str_of(strategy))->order(c, 3, dice);
    char got[] = {(char)('a' + c[0].target), (char)('a' + c[1].target), (char)('a' + c[2].target), '\0'};
    assert_string_equal(got, order);
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
    struct candidate c[] = {{.target = 0}, {.target = 1}};
    strategy_find(STR("weighted"))->order(c, 2, 7);
    assert_int_equal(c[0].target, 0);
    assert_int_equal(c[1].target, 1);
}

static void failover_keeps_the_order_of_the_config(void **state)
{
    (void)state;
    for (uint64_t dice = 0; dice < 20; dice++)
        assert_order("failover", dice, "abc");
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
        cmocka_unit_test(failover_keeps_the_order_of_the_config),
        cmocka_unit_test(an_unknown_strategy_is_not_found),
    };
    return cmocka_run_group_tests_name("strategy", tests, NULL, NULL);
}
