/* fastest - by the time to the first token, failures included. */
#include "gateway/router/strategy.h"

static void fastest_order(struct candidate *c, size_t n, uint64_t dice)
{
    for (size_t i = 0; i < n; i++)
        c[i].score = candidate_us(&c[i]);
    candidates_draw(c, n, dice);
}

const struct strategy strategy_fastest = {
    .name = "fastest",
    .help = "the shortest time to the first token decides; among near equals the less busy of two "
            "that are drawn",
    .order = fastest_order,
};
