/* fold_priv.h - what fold.c and unfold.c share. */
#ifndef GATEWAY_LLM_FOLD_PRIV_H
#define GATEWAY_LLM_FOLD_PRIV_H

#include <jansson.h>

#include "gateway/llm/fold.h"

struct events { /* where unfold's go */
    void (*each)(void *arg, const struct sse_event *event);
    void *arg;
};

void fold_print(const json_t *value, struct buf *out); /* compact */

/* Hands `value` on as an event, and frees it. */
void events_add(const struct events *to, const char *name, json_t *value);

void unfold_response(json_t *response, const struct events *to);

#endif
