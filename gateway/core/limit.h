/* limit.h - how a key stands with its limits, for those who show it. */
#ifndef GATEWAY_CORE_LIMIT_H
#define GATEWAY_CORE_LIMIT_H

#include <jansson.h>

#include "gateway/core/label.h"

/* OpenAI's x-ratelimit-* headers; none where the key has no such limit. */
void limit_label(const struct exchange *x, struct label *r);

/* The limits that hold for a key, and what is left of them now. */
json_t *limit_object(const struct key *k, const struct config *c, int64_t now_us);

#endif
