/*
 * strategy.h - in which order to try the targets of a route.
 *
 * A strategy only sorts.  It is a pure function of what it is given: it does no
 * I/O, reads no clock and keeps no state, so each is tested by a table.  The
 * caller has already dropped the candidates that cannot serve the request, and
 * tries the rest in the order it gets back; that is all there is to failover.
 *
 * To add one: a new file here, a line in strategy_list.h, a line in
 * Makefile.inc, and a block of cases in tests/unit/test_strategy.c.
 */
#ifndef GATEWAY_ROUTER_STRATEGY_H
#define GATEWAY_ROUTER_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/str.h"
#include "gateway/router/candidate.h"

struct strategy {
    const char *name; /* as written in the config */
    const char *help;
    /* Permutes c[0..n-1], best first.  `dice` is uniform over all uint64_t. */
    void (*order)(struct candidate *c, size_t n, uint64_t dice);
    bool judges; /* every answer but the last target's is judged before the caller gets it */
};

#define STRATEGY(name) extern const struct strategy strategy_##name;
#include "gateway/router/strategy_list.h"

extern const struct strategy *const strategies[];      /* NULL-terminated */
const struct strategy *strategy_find(struct str name); /* NULL if unknown */

#endif
