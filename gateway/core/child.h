/*
 * child.h - a question of the gateway's own on behalf of an exchange: the embedding of
 * what its user asked.
 *
 * A child is an exchange with the stages route and call only.  Its attempts and costs
 * are its parent's: they stand in the parent's row, and under its request id.  It ends
 * before its parent is over; aborting the parent aborts it.
 */
#ifndef GATEWAY_CORE_CHILD_H
#define GATEWAY_CORE_CHILD_H

#include "gateway/core/exchange.h"

/* Asks `model` for the vector of `text`; STEP_WAIT until it has answered, or STEP_FAIL. */
enum step child_embed(struct exchange *x, struct str model, struct str text, struct err *err);

/* Of a child that has answered: its vector, of length 1.  False: *err is the child's. */
bool child_vector(struct exchange *x, struct buf *vector, struct err *err);

void child_done(struct exchange *x); /* frees it; of none: nothing */

#endif
