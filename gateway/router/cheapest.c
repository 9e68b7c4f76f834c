/* cheapest - by what this request is likely to cost; equal ones keep the order of the config. */
#include "gateway/router/strategy.h"

static void cheapest_order(struct candidate *c, size_t n, uint64_t dice)
{
    (void)dice;
    for (size_t i = 0; i < n; i++)
        c[i].score = c[i].expected_nusd;
    candidates_sort(c, n);
}

const struct strategy strategy_cheapest = {
    .name = "cheapest",
    .help = "what this request is likely to cost decides",
    .order = cheapest_order,
};
