/*
 * user_turn.h - what a user asked last, and where text can be put in front of it.
 *
 * Text goes into the user's own turn, never into a turn of its own: no role changes, and
 * templates that want roles to alternate still get what they want.
 */
#ifndef GATEWAY_LLM_USER_TURN_H
#define GATEWAY_LLM_USER_TURN_H

#include <stdbool.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"

struct user_turn {
    bool there;            /* there is a turn of a user with a text */
    bool is_parts;         /* it is a list of parts; else one string */
    size_t at;             /* the offset in the body at which to insert */
    const char *part_type; /* of a part that is text */
};

/* Of chat and Responses.  Appends the turn's text to *text.  False: what json_scan() fails with. */
bool user_turn_find(enum endpoint e, struct str body, unsigned max_depth, struct user_turn *t,
               struct buf *text, struct err *err);

/* Appends the body with `text` in front of the turn. */
void user_turn_put(const struct user_turn *t, struct str body, struct str text, struct buf *out);

#endif
