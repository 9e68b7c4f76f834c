/*
 * kept.h - a finished answer that others may have too, or why there is none.
 *
 * Counted, and never changed once it is shared.  What it holds is what passed sink
 * `keep`: after the policies, with pseudonyms in the place of values.
 */
#ifndef GATEWAY_CORE_KEPT_H
#define GATEWAY_CORE_KEPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"
#include "gateway/llm/frame.h"

struct kept {
    _Atomic unsigned refs;
    int64_t created_ms, expires_ms; /* wall clock */

    bool failed; /* then: */
    struct err err;
    int passed_status; /* the upstream's own error answer is in data; 0: none */

    bool is_stream;    /* data is events, else one body */
    int64_t cost_nusd; /* what it cost; LEDGER_NULL: unpriced */
    struct buf model, provider; /* that were served */
    struct buf data;
};

struct kept *kept_new(size_t max_bytes); /* of data */
struct kept *kept_ref(struct kept *k);
void kept_unref(struct kept *k); /* NULL is fine */
int64_t kept_bytes(const struct kept *k);

/* Appends an event, or the body; all frames are of one kind.  Past max_bytes data overflows. */
void kept_add(struct kept *k, const struct frame *f);

/* What k says, as events or as a body: k itself or made anew, a reference; NULL: it has no such form. */
struct kept *kept_in_form(struct kept *k, enum endpoint e, bool as_stream);

/* The frame at *at, which is moved on; 0 is the first; `read` is not set.  False: there is no more. */
bool kept_next(const struct kept *k, size_t *at, struct frame *f);

/* As bytes for a file, and back; NULL: damaged. */
void kept_write(const struct kept *k, struct buf *out);
struct kept *kept_read(struct str bytes);

#endif
