/*
 * interval.h - 95 % intervals that hold at every look at once, for what `--status` shows.
 *
 * struct rate_sequence: of the mean of values in [0, 1], from their order.  Empirical
 * Bernstein confidence sequence with predictable plug-in bets (I. Waudby-Smith, A. Ramdas,
 * JRSS-B 86(1), 2024, arXiv:2010.09686; confseq's predmix.py).
 *
 * struct mean_sequence: of the mean of anything, from count, mean and variance.
 * Asymptotic confidence sequence (I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy,
 * A. Ramdas, Annals of Statistics 52(6), 2024); tighter as n grows, honest from some
 * dozens on.
 *
 * Pure.  Zeroed is ready.
 */
#ifndef PROMPTS_INTERVAL_H
#define PROMPTS_INTERVAL_H

#include <stdint.h>

struct interval {
    double low, high;
};

struct rate_sequence {
    int64_t n;
    double sum;
    double squares; /* of distances from the running mean that counts half a value in front */
    struct {
        double weight, weighted, variance;
    } side[2]; /* of x, and of 1 - x */
};
void rate_add(struct rate_sequence *s, double value);
struct interval rate_interval(const struct rate_sequence *s); /* 0..1 while there is nothing */

struct mean_sequence {
    int64_t n;
    double mean, squares; /* of distances from the mean (Welford) */
};
void mean_add(struct mean_sequence *s, double value);
double mean_margin(const struct mean_sequence *s); /* to both sides; infinite while n < 2 */

#endif
