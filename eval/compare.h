/*
 * compare.h - two runs over the same rows: is the second better, no worse, worse, or can
 * these rows not tell?
 *
 * worse: the interval of the difference lies below 0 and so says the test (p < 0.05);
 * better: above 0; no worse: it does not reach below -margin; else inconclusive.
 */
#ifndef EVAL_COMPARE_H
#define EVAL_COMPARE_H

#include <jansson.h>
#include <stdbool.h>

#include "eval/stats.h"

enum compare_verdict {
    VERDICT_better,
    VERDICT_no_worse,
    VERDICT_worse,
    VERDICT_inconclusive,
    VERDICT_count
};
extern const char *const compare_words[VERDICT_count];

struct comparison {
    enum compare_verdict verdict;
    size_t rows, clusters;   /* pairs; tests that they are of */
    int64_t only_a, only_b;  /* pairs of which only one passed */
    double a, b, difference; /* means; b - a */
    struct interval interval;
    double p;
    const char *method;
    int64_t rows_needed; /* of an inconclusive one, about; 0: no number would do */
    double mde;          /* what so many rows find with 80 % */
};

/* n pairs of scores, of which 0 is all failed and 1 passed; those of one test stand together. */
void compare_scores(const double *a, const double *b, const uint64_t *cluster, size_t n,
                    double margin, struct comparison *out);

/* The results of a run, and what pairs them with another's: variables, column, repeat. */
struct compare_set;
struct compare_set *compare_set_new(void);
void compare_set_free(struct compare_set *s);
void compare_set_add(struct compare_set *s, const json_t *result,
                     int64_t column); /* column -1: any */
/*
 * `scores`: compare scores, not passes.  False: no row of one has its like in the other.
 * *left: rows that have none, or are errors.
 */
bool compare_sets(struct compare_set *a, struct compare_set *b, bool scores, double margin,
                  struct comparison *out, size_t *left);

json_t *compare_object(const struct comparison *c, double margin, size_t left);

#endif
