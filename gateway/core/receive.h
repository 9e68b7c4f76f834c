/*
 * receive.h - how the server hands in the body of a request while stage receive waits.
 */
#ifndef GATEWAY_CORE_RECEIVE_H
#define GATEWAY_CORE_RECEIVE_H

#include "gateway/core/exchange.h"

enum receive_answer {
    RECEIVE_TAKEN,
    RECEIVE_LATER, /* there is no memory now: stop reading until front->on_memory() is called */
    RECEIVE_ENDED, /* the exchange is finished; the rest does not matter */
};

/* Is it reading now?  False: RECEIVE_LATER holds, or it is finished. */
bool receive_is_open(const struct exchange *x);

enum receive_answer receive_add(struct exchange *x, struct str bytes);
void receive_end(struct exchange *x); /* that was all of it */

#endif
