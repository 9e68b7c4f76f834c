/*
 * gcra.h - a rate that any number of threads share: the generic cell rate algorithm
 * (ITU-T I.371, as a leaky bucket with a virtual schedule).
 *
 * The state is one number, the theoretical arrival time: when the bucket will be full
 * again, in µs on a clock that never goes back.  Each unit moves it by minute /
 * per_minute; what would move it more than burst units ahead of now is refused.  So in
 * any 60 s at most per_minute + burst units pass, and under saturation per_minute do.
 */
#ifndef GATEWAY_BASE_GCRA_H
#define GATEWAY_BASE_GCRA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gcra_rate {
    int64_t per_minute; /* 1 or more */
    int64_t burst;      /* 1 or more: units that may come at once */
};

/* Takes n units; false: none was taken, and n would fit after *wait_us.  More than burst count as
 * burst. */
bool gcra_take(_Atomic int64_t *tat_us, const struct gcra_rate *r, int64_t n, int64_t now_us,
               int64_t *wait_us);

/* Would gcra_take() succeed? */
bool gcra_would_take(const _Atomic int64_t *tat_us, const struct gcra_rate *r, int64_t n,
                     int64_t now_us, int64_t *wait_us);

/* n more units have been used than were taken, or with a negative n fewer. */
void gcra_correct(_Atomic int64_t *tat_us, const struct gcra_rate *r, int64_t n);

/* Units that could be taken now, and how long until all of burst could. */
int64_t gcra_left(const _Atomic int64_t *tat_us, const struct gcra_rate *r, int64_t now_us,
                  int64_t *full_us);

#endif
