/*
 * judge.h - holds an answer back until it is known to be good enough.
 *
 * Stage call begins it before a try whose answer may be escalated; sink judge keeps the
 * frames, JUDGE_BYTES at most: what is longer is let through as it is.  When the try has
 * ended they are let through, or kept in case nothing better comes, or dropped.
 */
#ifndef GATEWAY_CORE_JUDGE_H
#define GATEWAY_CORE_JUDGE_H

#include "gateway/core/exchange.h"

enum { JUDGE_BYTES = 256 * 1024 };

void judge_begin(struct exchange *x); /* drops what was kept before */

/* What is wrong with the answer that is held: a static word of appraise.h; NULL: nothing. */
const char *judge_fault(const struct exchange *x);

void judge_keep(struct exchange *x);    /* it is turned down */
void judge_release(struct exchange *x); /* frames go on to the next sink; x may be finished by it */
void judge_drop(struct exchange *x);

#endif
