/*
 * cascade - always in the order of the config, small before large.  What makes it one is
 * that an answer may be turned down, see judges.
 */
#include "gateway/router/strategy.h"

static void cascade_order(struct candidate *c, size_t n, uint64_t dice)
{
    (void)c, (void)n, (void)dice;
}

const struct strategy strategy_cascade = {
    .name = "cascade",
    .help = "the small one first; the next on a refusal, broken JSON, a length cut, or an answer "
            "it is unsure of",
    .order = cascade_order,
    .judges = true,
};
