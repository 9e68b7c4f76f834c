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
#include "gateway/llm/capability.h"
#include "gateway/llm/endpoint.h"

struct request {
    enum endpoint endpoint;
    struct json_value top;            /* the object itself */
    struct json_value model;          /* VALUE_STRING, or VALUE_ABSENT */
    struct json_value stream_options; /* VALUE_OBJECT, VALUE_NULL or VALUE_ABSENT */
    struct json_value include_usage;  /* within it */
    struct json_value penstock;       /* our own members; never go upstream */
    struct json_value max_output;     /* the member that sets it, if any; may be null */
    struct json_value format;         /* response_format; in Responses text.format; of any kind */
    struct json_value max_output_too; /* chat has two names for it: the other, if both were sent */

    /* who it is for, in the order in which the unit is taken from them; of any kind,
     * but conversation, which may be sent as {"id": ...}, is that string */
    struct json_value conversation, previous_response_id, prompt_cache_key, safety_identifier, user;

    /* the prompt that is asked for, if one is; none of these goes upstream */
    struct json_value prompt; /* OpenAI's object, or what stands in its place */
    struct json_value prompt_object_id, prompt_object_version, prompt_object_variables; /* within it */
    struct json_value prompt_id, prompt_version, prompt_variables;

    struct json_value thread;       /* of chat `messages`, of Responses `input`, of any kind */
    struct json_value instructions; /* of Responses */

    bool stream;
    bool wants_usage;          /* stream_options.include_usage is true */
    bool names_max_completion; /* max_output is spelled max_completion_tokens */
    int64_t max_output_tokens; /* the larger, if two were sent; 0: none was sent */
    int64_t choices;           /* generated for each input: n or best_of; 1 or more */
    int64_t text_bytes;        /* of what member_list.h counts; a token given as a number is 1 */
    unsigned messages;         /* or inputs */
    unsigned images, audios;   /* parts of these kinds */
    unsigned clips;            /* of the audios, those that are in the body, */
    int64_t clip_bytes;        /* and their bytes in base 64 */
    unsigned needs;            /* bits of enum capability's CAN_ */
};

/*
 * False: ERR_bad_json, ERR_too_deep, ERR_duplicate_member, or ERR_bad_request with
 * param where a member has the wrong type ("model" must be a string, "stream" a
 * boolean or null, the numbers we act on plain non-negative integers).
 */
bool request_scan(enum endpoint e, struct str body, unsigned max_depth, struct request *r,
                  struct err *err);

/* Tokens the text has at most: a token is a byte at least, and a message costs 16 more. */
int64_t request_input_bound(const struct request *r);

/*
 * Tokens its images and audio have at most beside that.  What one of them becomes is the
 * model's (struct price); where that is 0, not known:
 *   an image: 49,152.  The most that a vendor documents is OpenAI's for gpt-4o-mini, 2,833
 *     and 5,667 for each of up to 8 tiles, which is 48,169.
 *   audio in the body: a token for 16 bytes of it and 64 more.  Vendors count up to 32
 *     tokens a second (Gemini), which would be speech at 3 kbit/s.
 *   audio that only an id names: 16,384, 8 minutes at that rate.
 */
int64_t request_media_bound(const struct request *r, int64_t image_tokens, int64_t audio_tokens);

/*
 * Tokens that can come out at most, all choices together; default_max is that of one
 * choice where the caller sent none.  INT64_MAX if past counting.
 */
int64_t request_output_bound(const struct request *r, int64_t default_max);

/* Tokens the input has about, where nobody counted: bytes / 4, and what a message costs. */
int64_t request_input_estimate(const struct request *r);

/* What goes to an upstream instead of what the caller sent. */
struct request_change {
    struct str model;           /* plain text */
    bool ask_usage;             /* of a stream: stream_options.include_usage becomes true */
    int64_t max_output_tokens;  /* 0: leave as it is; else sent where the caller sent none */
    bool rename_max_completion; /* to max_tokens, for dialects that ignore the new name */
};

/*
 * Appends the body as the upstream gets it: spliced, never reprinted.  What does not
 * apply to the endpoint is left out; `penstock` always is.
 */
void request_write(const struct request *r, struct str body, const struct request_change *change,
                   struct buf *out);

#endif
