/*
 * request.h - what the gateway reads in the body of a request, and how it changes it.
 *
 * One scan (gateway/base/json.h) finds all of it; the rest of the body is not looked
 * at and reaches the upstream byte for byte.  Everything is borrowed from the body.
 */
#ifndef GATEWAY_LLM_REQUEST_H
#define GATEWAY_LLM_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/json.h"
#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"

struct request {
    struct json_value top;            /* the object itself */
    struct json_value model;          /* KIND_STRING, or KIND_ABSENT */
    struct json_value stream_options; /* KIND_OBJECT, KIND_NULL or KIND_ABSENT */
    struct json_value include_usage;  /* within it */
    struct json_value penstock;       /* our own members; never go upstream */
    struct json_value max_output;     /* the member that sets it, if any */

    /* who it is for, in the order in which the unit is taken from them */
    struct json_value conversation, previous_response_id, prompt_cache_key, safety_identifier, user;

    bool stream;
    bool wants_usage;           /* stream_options.include_usage is true */
    bool names_max_completion;  /* the maximum is spelled max_completion_tokens */
    int64_t max_output_tokens;  /* 0: none was sent */
    int64_t choices;            /* n; 1 if not sent */
    int64_t text_bytes;         /* of every text leaf, escapes decoded */
    unsigned messages;          /* or inputs */
    unsigned images, audios;    /* parts of these kinds */
};

/*
 * False: ERR_bad_json, ERR_too_deep, ERR_duplicate_member, or ERR_bad_request with
 * param where a member has the wrong type ("model" must be a string, "stream" a
 * boolean or null, the numbers we act on plain non-negative integers).
 */
bool request_scan(enum endpoint e, struct str body, unsigned max_depth, struct request *r, struct err *err);

/* Tokens the input has at most: a token is a byte at least, and a message costs 16 more. */
int64_t request_input_bound(const struct request *r);

/* Tokens the input has about, where nobody counted: bytes / 4, and what a message costs. */
int64_t request_input_estimate(const struct request *r);

/* What goes to an upstream instead of what the caller sent. */
struct request_change {
    struct str model;               /* plain text */
    bool ask_usage;                 /* of a stream: add stream_options.include_usage */
    int64_t max_output_tokens;      /* 0: leave as it is; else sent where the caller sent none */
    bool rename_max_completion;     /* to max_tokens, for dialects that ignore the new name */
};

/* Appends the body as the upstream gets it: spliced, never reprinted. */
void request_write(const struct request *r, struct str body, const struct request_change *change, struct buf *out);

#endif
