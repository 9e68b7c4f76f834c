/* prompt_body.h - a request that names a prompt becomes one that does not. */
#ifndef GATEWAY_CORE_PROMPT_BODY_H
#define GATEWAY_CORE_PROMPT_BODY_H

#include "gateway/core/exchange.h"

/*
 * Writes into *out what goes on instead of x->body: the messages of `p`, rendered and
 * followed by the caller's, the members that it sets, and the caller's others, each byte
 * for byte.  `p` NULL: only the members that name a prompt are left out.  False: the
 * caller sends what it may not, or a variable is wrong.
 */
bool prompt_body_write(const struct exchange *x, const struct prompt *p, struct buf *out,
                       struct author_ranges *author, struct arena *a, struct err *err);

#endif
