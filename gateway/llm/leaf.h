/*
 * leaf.h - the strings of a request's body, and what may be done to each.
 *
 * Which is which stands in member_list.h; a string that stands nowhere there is text.
 */
#ifndef GATEWAY_LLM_LEAF_H
#define GATEWAY_LLM_LEAF_H

#include <stdbool.h>

#include "gateway/base/err.h"
#include "gateway/base/json.h"
#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"

enum leaf_kind {
    LEAF_text,       /* somebody's words: may be looked at and rewritten */
    LEAF_document,   /* the same, and JSON itself: the arguments of a tool call */
    LEAF_identifier, /* names, ids, keys, enums, schemas: may be looked at, never rewritten */
    LEAF_opaque,     /* encoded data, URLs of data, signatures: looking at it tells nothing */
};

struct leaf {
    enum leaf_kind kind;
    struct json_value value; /* VALUE_STRING; borrowed from the body */
};

/*
 * Calls each() for every string of the body in the order in which they stand there.
 * False: what json_scan() fails with, or each() returned false and set *err.
 */
bool leaf_walk(enum endpoint e, struct str body, unsigned max_depth,
               bool (*each)(void *arg, const struct leaf *l, struct err *err), void *arg,
               struct err *err);

#endif
