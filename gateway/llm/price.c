/*
 * price.c - exact sums over the tokens of an attempt, rounded once.
 *
 * A price is in pico-USD per million tokens, a cost in nano-USD: tokens times price is
 * in units of 1e-18 USD, of which a nano-USD has 1e9.  At most seven products of 63-bit
 * numbers fit an __int128 with one bit to spare.
 */
#include "gateway/llm/price.h"

#include <stddef.h>

__extension__ typedef __int128 wide;

enum { WIDE_PER_NUSD = 1000000000 };

static const struct price_tier *tier_for(const struct price *p, int64_t input)
{
    const struct price_tier *tier = &p->tiers[0];
    for (unsigned i = 1; i < p->n_tiers && input > p->tiers[i].above_input; i++)
        tier = &p->tiers[i];
    return tier;
}

/* The part of *left that is of one kind; a count that contradicts its total is cut to it. */
static int64_t part(int64_t *left, int64_t n)
{
    if (n < 0)
        n = 0;
    if (n > *left)
        n = *left;
    *left -= n;
    return n;
}

static int64_t clamp(wide nusd)
{
    return nusd > INT64_MAX ? INT64_MAX : (int64_t)nusd;
}

int64_t price_cost_nusd(const struct price *p, const struct usage *u)
{
    const struct price_tier *t = tier_for(p, u->input);
    int64_t input = u->input > 0 ? u->input : 0, output = u->output > 0 ? u->output : 0;
    wide sum = 0;
    sum += (wide)part(&input, u->cached) * t->cached_input;
    sum += (wide)part(&input, u->cache_write) * t->cache_write;
    sum += (wide)part(&input, u->audio_in) * t->audio_input;
    sum += (wide)input * t->input;
    sum += (wide)part(&output, u->reasoning) * t->reasoning;
    sum += (wide)part(&output, u->audio_out) * t->audio_output;
    sum += (wide)output * t->output;

    wide nusd = sum / WIDE_PER_NUSD, rest = sum % WIDE_PER_NUSD;
    if (2 * rest > WIDE_PER_NUSD || (2 * rest == WIDE_PER_NUSD && nusd % 2 != 0))
        nusd++;
    return clamp(nusd);
}

static int64_t dearest(const int64_t *prices, size_t n)
{
    int64_t most = 0;
    for (size_t i = 0; i < n; i++)
        if (prices[i] > most)
            most = prices[i];
    return most;
}

int64_t price_bound_nusd(const struct price *p, int64_t input, int64_t output)
{
    if (input < 0)
        input = 0;
    if (output < 0)
        output = 0;
    wide most = 0;
    for (unsigned i = 0; i < p->n_tiers && (i == 0 || input > p->tiers[i].above_input); i++) {
        const struct price_tier *t = &p->tiers[i];
        int64_t in[] = {t->input, t->cached_input, t->cache_write, t->audio_input};
        int64_t out[] = {t->output, t->reasoning, t->audio_output};
        wide sum = (wide)input * dearest(in, sizeof in / sizeof in[0]) +
                   (wide)output * dearest(out, sizeof out / sizeof out[0]);
        if (sum > most)
            most = sum;
    }
    return clamp((most + WIDE_PER_NUSD - 1) / WIDE_PER_NUSD);
}
