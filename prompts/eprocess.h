/*
 * eprocess.h - evidence that the canary is worse than control, valid however often one
 * looks.
 *
 * Outcomes in [0, 1] come one by one.  A block is open until it holds an outcome of each
 * arm; then D = mean(canary) - mean(control) is bet on.  Under "the canary is not worse",
 * E[D] <= 0, each product of (1 + lambda D) is a non-negative martingale that begins at 1,
 * and so is the mean of them over 16 fixed lambdas; so E reaches 1/a with a chance of at
 * most a, at whatever time one stops (Ville's inequality).  Bounded-mean betting:
 * I. Waudby-Smith, A. Ramdas, JRSS-B 86(1), 2024, arXiv:2010.09686.
 *
 * Pure: the same outcomes in the same order give the same bits.
 */
#ifndef PROMPTS_EPROCESS_H
#define PROMPTS_EPROCESS_H

#include <stdbool.h>
#include <stdint.h>

enum { EPROCESS_BETS = 16 };

struct eprocess {                   /* zeroed is ready */
    double log_bets[EPROCESS_BETS]; /* ln of each product */
    struct {
        int64_t n;
        double sum;
    } open[2];      /* the block: control, canary */
    int64_t blocks; /* that were closed */
};

void eprocess_add(struct eprocess *e, bool canary, double value);
void eprocess_drop_block(struct eprocess *e);  /* of a stage that has ended */
double eprocess_log(const struct eprocess *e); /* ln E */

#endif
