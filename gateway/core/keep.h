/* keep.h - what stage `cache` and sink `keep` have to do with each other. */
#ifndef GATEWAY_CORE_KEEP_H
#define GATEWAY_CORE_KEEP_H

#include "gateway/core/exchange.h"

struct sink *keep_next(struct exchange *x); /* where an answer enters that was kept */

/* Whoever waits for the flight that x leads is told how it ended; of one that has ended: nothing. */
void keep_end_flight(struct exchange *x);

#endif
