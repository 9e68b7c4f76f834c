/*
 * outgrow.h - a stream that says more than its bound allows, of a key with a budget.
 *
 * Happens only where an upstream ignores the maximum that it was sent: otherwise what an
 * answer can cost is reserved before it begins.  How many tokens a text has only the
 * upstream knows, so the text has outgrown its bound when it has more than TOKEN_MAX_BYTES for
 * each token; then the bound is doubled and reserved anew, and what no budget has is cut
 * off, in a way that looks like any other end at a maximum.
 */
#ifndef GATEWAY_CORE_OUTGROW_H
#define GATEWAY_CORE_OUTGROW_H

#include "gateway/core/exchange.h"

enum { TOKEN_MAX_BYTES = 16, OUTGROW_SLACK_BYTES = 1024 };

/*
 * To be asked after each event.  True: the budget is used up, and the stream has been given its
 * finish event; nothing more of the upstream may follow.
 */
bool outgrow_cut(struct exchange *x, struct str event);

#endif
