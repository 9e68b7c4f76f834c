/*
 * turn.h - a candidate's turn: what its health and its keys learn from a try.
 */
#ifndef GATEWAY_CORE_TURN_H
#define GATEWAY_CORE_TURN_H

#include "gateway/core/exchange.h"

/* The turn of x->call.candidate; sets x->call.offer.  False: it rests. */
bool turn_begin(struct exchange *x);
void turn_first(struct exchange *x); /* a frame of it has come */

/* Its try has ended; `whole`: with an answer of which nothing is missing. */
void turn_end(struct exchange *x, bool whole);

/* After one that failed: the upstream found the request wrong, and so will the next. */
bool turn_was_bad_request(const struct exchange *x);

/* It turned the key down, and the provider has another that does not rest. */
bool turn_has_another_key(const struct exchange *x);

/* Is there a candidate that does not rest, `by` or more after this one? */
bool turn_can_follow(const struct exchange *x, unsigned by);

/* Until the first of the candidates may be asked again. */
int64_t turn_rests_ms(const struct exchange *x);

/* Adds to x->reason, as far as there is room. */
void turn_note(struct exchange *x, const char *what, const char *why);

#endif
