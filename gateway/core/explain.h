/*
 * explain.h - what would happen to a request, without asking anybody.
 */
#ifndef GATEWAY_CORE_EXPLAIN_H
#define GATEWAY_CORE_EXPLAIN_H

#include "gateway/core/exchange.h"

/* Appends what the stages have decided about x, as a JSON object. */
void explain_write(const struct exchange *x, struct buf *out);

/*
 * The same for a body that nobody sent, as the key with this id would ("": one that may
 * use everything): runs the stages up to the call in a loop of its own; blocks no longer
 * than they compute.  What would be refused is told in the object too.  Of the
 * gateway only what those stages use need be there.  False: there is no such key, or no descriptors.
 */
bool explain_run(struct gateway *gateway, struct config *c, struct str key_id, enum endpoint e, struct str body,
                 struct buf *out, struct err *err);

#endif
