/*
 * attempt.h - one try at one target: the question as that upstream gets it, and what
 * it cost.
 */
#ifndef GATEWAY_CORE_ATTEMPT_H
#define GATEWAY_CORE_ATTEMPT_H

#include "gateway/core/exchange.h"

/* Fills in x->call.call for x->call.target, all but the call-backs. */
void attempt_ask(struct exchange *x);

/* Tokens of one answer at most, where the caller names no maximum; p may be NULL. */
int64_t offer_max_output(const struct price *p);

/* Books the try that has ended: its row, and x's sums.  `finish` is a word of the ledger. */
void attempt_book(struct exchange *x, const char *finish);

#endif
