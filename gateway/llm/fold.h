/*
 * fold.h - an answer in its other form: the events of a stream become the body that
 * they tell of, and a body becomes the events that would have told of it.
 *
 * What a caller reads from either form is the same: texts, tool calls, finish
 * reasons, usage.  Not what cannot be known, as how a text had been cut into events.
 * Chat, completions and Responses have two forms; a number that is no plain integer
 * keeps its value, if not its spelling.  Pure.
 */
#ifndef GATEWAY_LLM_FOLD_H
#define GATEWAY_LLM_FOLD_H

#include <stdbool.h>

#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"
#include "gateway/llm/sse.h"

struct fold; /* events on their way into a body */
struct fold *fold_new(enum endpoint e);
void fold_free(struct fold *f); /* NULL is fine */

/* The data of one event, but not of "[DONE]".  False: it is not what it should be. */
bool fold_event(struct fold *f, struct str data);
bool fold_body(struct fold *f, struct buf *out); /* appends it; false: no whole answer has come */

/* Calls each() for every event, without "[DONE]"; false: the body is not what it should be. */
bool unfold(enum endpoint e, struct str body, void (*each)(void *arg, const struct sse_event *event), void *arg);

#endif
