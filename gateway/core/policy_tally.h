/*
 * policy_tally.h - how often which rule did what, since the process began, for /metrics.
 *
 * Thread-safe: a mutex that is only taken where something was found.  At most
 * POLICY_TALLY_MAX pairs of rule and action are told apart; others are not counted.
 */
#ifndef GATEWAY_CORE_POLICY_TALLY_H
#define GATEWAY_CORE_POLICY_TALLY_H

#include "policy/treat.h"

enum { POLICY_TALLY_MAX = 2048 };

struct policy_tally;

struct policy_tally *policy_tally_new(void);
void policy_tally_free(struct policy_tally *t); /* NULL is fine */

void policy_tally_add(struct policy_tally *t,
                      const struct treatment *of);               /* NULL: nothing is counted */
void policy_tally_show(struct policy_tally *t, struct buf *out); /* Prometheus' text format */

#endif
