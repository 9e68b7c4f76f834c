/*
 * stats.h - the few formulas of a comparison; worked numbers stand in tests/unit/test_stats.c.
 *
 * Pure.  Intervals are of 95 %; p-values two-sided.
 */
#ifndef EVAL_STATS_H
#define EVAL_STATS_H

#include <stddef.h>
#include <stdint.h>

struct interval {
    double low, high;
};

struct interval stats_wilson(int64_t k, int64_t n); /* Wilson 1927; of no rows: 0 to 1 */

/* k of n less l of m, of two independent samples: Newcombe 1998, method 10. */
struct interval stats_newcombe(int64_t k, int64_t n, int64_t l, int64_t m);

/* Of b and c, the pairs of which only one side passed (McNemar 1947). */
struct mcnemar {
    double exact, mid, chi2, p; /* mid-p: Fagerland 2013; p: of chi2, without correction */
};
struct mcnemar stats_mcnemar(int64_t b, int64_t c);

/* c - b of n pairs, each of a half more, within -1 and 1: Agresti and Min 2005. */
struct interval stats_paired_rates(int64_t b, int64_t c, int64_t n);

struct paired {
    double mean, se, sd; /* sd: of one difference */
    size_t clusters;     /* its degrees of freedom and one */
};

/*
 * Of n differences; those of one cluster, which stand together, count as one draw (Miller
 * 2024, with the factor C/(C-1)).  cluster NULL: each is its own.
 */
struct paired stats_paired(const double *difference, const uint64_t *cluster, size_t n);

double stats_t_p(double t, double df);
double stats_t_quantile(double df); /* of 97.5 % */

/* Rows with which a true difference is found with 80 %, of differences of this variance. */
double stats_rows(double variance, double difference);

/* The difference that n pairs find with 80 %, where this share of them is discordant. */
double stats_mde(int64_t n, double discordant);

#endif
