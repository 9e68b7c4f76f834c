/*
 * rollout_sim.h - rollouts with users made up by a seeded generator, looked at after
 * every request.
 *
 * A user's rate of failures is drawn from a Beta distribution with the given mean and
 * intra-class correlation, rho = 1 / (a + b + 1); its requests come in random order among
 * those of the others.
 */
#ifndef TESTS_UNIT_ROLLOUT_SIM_H
#define TESTS_UNIT_ROLLOUT_SIM_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "prompts/bucket.h"
#include "prompts/trial.h"

struct sim {
    unsigned users, requests; /* of each user */
    unsigned share;
    double rate[ARM_count][2]; /* of errors and of format failures, by arm */
    double icc;
};

static inline uint64_t sim_random(uint64_t *state) /* splitmix64, Steele et al. 2014 */
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline double sim_uniform(uint64_t *state)
{
    return ((double)(sim_random(state) >> 11) + 0.5) / 9007199254740992.0;
}

/* Johnk's generator: right for shapes of up to 1 or so, which is what an ICC of .3 needs. */
static inline double sim_beta(uint64_t *state, double a, double b)
{
    for (;;) {
        double x = pow(sim_uniform(state), 1 / a), y = pow(sim_uniform(state), 1 / b);
        if (x + y <= 1 && x + y > 0)
            return x / (x + y);
    }
}

static inline double sim_rate(uint64_t *state, double mean, double icc)
{
    if (mean <= 0 || icc <= 0)
        return mean;
    double both = 1 / icc - 1;
    return sim_beta(state, mean * both, (1 - mean) * both);
}

/* Runs it to its end or its verdict; the outcomes that were needed. */
static inline int64_t sim_run(const struct sim *s, uint64_t seed, struct trial *t)
{
    uint64_t state = seed * 0x2545F4914F6CDD1DULL + 1;
    size_t n = (size_t)s->users * s->requests;
    unsigned *order = malloc(n * sizeof *order);
    uint64_t *buckets = malloc(s->users * sizeof *buckets);
    double(*rates)[2] = malloc(s->users * sizeof *rates);
    char salt[32], unit[32];
    snprintf(salt, sizeof salt, "sim/%llu", (unsigned long long)seed);
    for (unsigned u = 0; u < s->users; u++) {
        snprintf(unit, sizeof unit, "user-%u", u);
        buckets[u] = bucket_of(str_of(salt), str_of(unit));
        enum arm arm = bucket_is_canary(buckets[u], s->share) ? ARM_canary : ARM_control;
        for (unsigned g = 0; g < 2; g++)
            rates[u][g] = sim_rate(&state, s->rate[arm][g], s->icc);
    }
    for (size_t i = 0; i < n; i++) { /* Fisher and Yates, from the front */
        size_t j = (size_t)(sim_random(&state) % (i + 1));
        order[i] = order[j];
        order[j] = (unsigned)(i % s->users);
    }
    trial_begin_stage(t, 1);
    for (size_t i = 0; i < n && !t->harmful; i++) {
        unsigned u = order[i];
        struct outcome o = {0};
        for (unsigned g = 0; g < 2; g++) {
            o.known[g] = true;
            o.value[g] = sim_uniform(&state) < rates[u][g];
        }
        trial_add(t, buckets[u], bucket_is_canary(buckets[u], s->share) ? ARM_canary : ARM_control,
                  &o);
    }
    free(order);
    free(buckets);
    free(rates);
    return t->seq;
}

#endif
