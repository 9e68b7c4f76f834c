/*
 * balanced - cost times latency: a tenth cheaper is worth a tenth slower.
 *
 * The score is the expected cost, at least COST_FLOOR so that what is free does not win
 * at any latency, times the time to the first token, failures included.  A product needs no
 * scale: it does not change its mind because another target was added.
 */
#include "gateway/router/strategy.h"

enum { COST_FLOOR_NUSD = 1000 }; /* a millionth of a dollar */

static int64_t score(const struct candidate *c)
{
    int64_t nusd = c->expected_nusd > COST_FLOOR_NUSD ? c->expected_nusd : COST_FLOOR_NUSD, product;
    return __builtin_mul_overflow(nusd, candidate_us(c), &product) ? INT64_MAX : product;
}

static void balanced_order(struct candidate *c, size_t n, uint64_t dice)
{
    for (size_t i = 0; i < n; i++)
        c[i].score = score(&c[i]);
    candidates_draw(c, n, dice);
}

const struct strategy strategy_balanced = {
    .name = "balanced",
    .help = "expected cost times time to the first token decides: a tenth cheaper is worth a tenth "
            "slower",
    .order = balanced_order,
};
