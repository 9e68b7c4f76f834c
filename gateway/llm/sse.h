/*
 * sse.h - server-sent events (WHATWG HTML, section 9.2), in and out.
 *
 * In: bytes cut anywhere become events; CR, LF and CRLF end lines, comments and the
 * fields id and retry are dropped, data lines are joined by a newline, a BOM at the
 * start is skipped, and an event without data is none.  Out: one `event:` line where
 * there is a name, and a `data:` line for each line of the data.
 *
 * A parser belongs to one answer and is used by its loop alone.
 */
#ifndef GATEWAY_LLM_SSE_H
#define GATEWAY_LLM_SSE_H

#include <stdbool.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"

struct sse_event {
    struct str name; /* "" where there is none */
    struct str data;
};

struct sse {
    struct buf line; /* the line that has not ended */
    struct buf name; /* of the event that has not ended */
    struct buf data;
    bool has_data, after_cr, begun;
};

void sse_init(struct sse *s, size_t max_bytes); /* of one event */
void sse_done(struct sse *s);

/* Calls event() for each that is complete; borrowed until it returns.  False: ERR_bad_answer, an
 * event is too long. */
bool sse_feed(struct sse *s, struct str bytes, void (*event)(void *arg, const struct sse_event *e),
              void *arg, struct err *err);

void sse_write(struct buf *out, const struct sse_event *e);

#endif
