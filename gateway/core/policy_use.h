/*
 * policy_use.h - what the stage and the sinks of policies share.
 */
#ifndef GATEWAY_CORE_POLICY_USE_H
#define GATEWAY_CORE_POLICY_USE_H

#include "gateway/core/exchange.h"

/* Finds the policies that apply to x and begins its treatment; false: none does. */
bool policy_use_begin(struct exchange *x);

/* Does anything treat requests, or answers? */
bool policy_use_looks(const struct exchange *x, enum direction d);

/*
 * Looks at what must not change: flags are counted; of any other action nothing is left
 * but to block, so t->blocked_by is set.
 */
void policy_use_inspect(struct exchange *x, enum direction d, struct str text);

#endif
