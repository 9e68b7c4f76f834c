/*
 * usage.h - tokens in normal form, whatever the vendor calls them.
 *
 * input and output are totals: cached, cache_write and audio_in are within input,
 * reasoning and audio_out within output.  All are counts of tokens, 0 or more.
 */
#ifndef GATEWAY_LLM_USAGE_H
#define GATEWAY_LLM_USAGE_H

#include <stdint.h>

struct usage {
    int64_t input, cached, cache_write, audio_in;
    int64_t output, reasoning, audio_out;
};

/* Where a count, and so a cost, comes from; the words of x-penstock-cost-source. */
enum cost_source {
    COST_none,      /* nothing was asked */
    COST_reported,  /* by the upstream */
    COST_estimated, /* from the bytes that were relayed */
    COST_bound,     /* the most it can have been: nobody knows better */
    COST_unpriced,  /* the tokens are known, their price is not */
};
const char *cost_source_word(enum cost_source s);

void usage_add(struct usage *sum, const struct usage *u);

#endif
