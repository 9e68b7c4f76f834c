/*
 * cache_key.h - which requests are equal: those that would get the same answer, and may.
 */
#ifndef GATEWAY_CORE_CACHE_KEY_H
#define GATEWAY_CORE_CACHE_KEY_H

#include "gateway/base/crypto.h"
#include "gateway/core/exchange.h"

/*
 * SHA-256 over what decides about the answer and who may have it: the form of keys,
 * the scope (team or key), the endpoint, the public model with what is behind it, and
 * the body in canonical form, without what only says how or for whom.
 */
struct hash cache_key(const struct exchange *x);

#endif
