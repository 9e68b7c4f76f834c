/*
 * latency.h - how long an upstream takes to say its first word, as far as is known.
 *
 * A moving average that believes bad news sooner than good, after the peak EWMA of Twitter's
 * Finagle: a longer time than the average pulls it up by a quarter of the difference, and at
 * most to twice what it was; a shorter one pulls it down by a sixteenth, or by what halves
 * in LATENCY_HALF_US where that is more.  (Finagle's jumps to the peak at once, which with
 * models, whose slowest answer in a hundred takes twice the usual time, drives traffic away
 * from the best: tests/unit/test_route_sim.c.)  What has not been measured for a while counts
 * for less and less, which has it measured again (see health.c).
 *
 * Microseconds on the monotonic clock, passed in.  Pure.
 */
#ifndef GATEWAY_ROUTER_LATENCY_H
#define GATEWAY_ROUTER_LATENCY_H

#include <stdint.h>

enum { LATENCY_HALF_US = 30 * 1000 * 1000 };

struct latency {
    int64_t us;    /* 0: never measured */
    int64_t at_us; /* when it was last */
};

void latency_add(struct latency *l, int64_t sample_us, int64_t now_us);

/* What the average counts for now. */
int64_t latency_faded_us(const struct latency *l, int64_t now_us);

/* v after `age_us`, if it halves every `half_us`: exact at whole halves, straight lines between. */
int64_t latency_halve(int64_t v, int64_t age_us, int64_t half_us);

#endif
