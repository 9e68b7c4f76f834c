/*
 * candidate.h - what a strategy may know of a target, for one request.
 *
 * Money is in nano-USD (1e-9), times in microseconds.
 */
#ifndef GATEWAY_ROUTER_CANDIDATE_H
#define GATEWAY_ROUTER_CANDIDATE_H

#include <stddef.h>
#include <stdint.h>

struct candidate {
    unsigned target;       /* its place in the config, from 0 */
    unsigned weight;       /* from the config; 1 if not given */
    int64_t expected_nusd; /* what this request is likely to cost there; INT64_MAX: unpriced */
    int64_t first_us;      /* to its first token, see health.h; 0: never measured */
    uint32_t error_ppm;    /* of attempts lately, per million */
    unsigned in_flight;    /* requests it is answering now */
    int64_t score;         /* the strategy's own; less is better; 0: it keeps none */
};

/*
 * The time until an attempt there has succeeded: first_us divided by the share of attempts
 * that do.  One that was never measured counts as 0, so that it is, unless somebody is at it.
 */
int64_t candidate_us(const struct candidate *c);

/* Least score first, equal ones in the order in which they are. */
void candidates_sort(struct candidate *c, size_t n);

/*
 * The same; then of those whose score is within a twentieth of the least, two are drawn, and
 * the one with fewer requests in flight comes first (the power of two choices,
 * M. Mitzenmacher, 1996).  Those that are clearly worse are never drawn.
 */
void candidates_draw(struct candidate *c, size_t n, uint64_t dice);

#endif
