/*
 * refusal.h - an upstream's answer that is an error: what it means, and what of it the
 * caller may read.
 */
#ifndef GATEWAY_CORE_REFUSAL_H
#define GATEWAY_CORE_REFUSAL_H

#include "gateway/core/exchange.h"

/* Why a try with this status failed; err->code says whether another target may help. */
void refusal_explain(int status, int64_t retry_after_ms, struct err *err);

/*
 * The error object that the caller gets of the upstream's body: as it stands where it
 * has OpenAI's form, else made anew from what it says.  The provider's key is cut out
 * of it.  In the arena; "" where the status is about our own account.
 */
struct str refusal_body(struct exchange *x, int status, struct str body);

/* A copy in the arena, terminated, with the key of the provider that was asked cut out. */
const char *refusal_hide_key(struct exchange *x, struct str text);

/* "retry-after-ms" or "retry-after" of the answer, in ms; -1: neither, or not a number of seconds. */
int64_t refusal_retry_after_ms(const struct call_head *head);

#endif
