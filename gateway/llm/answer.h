/*
 * answer.h - what the gateway reads in an answer: a whole body, or the data of one
 * server-sent event.  Everything is borrowed from it.
 */
#ifndef GATEWAY_LLM_ANSWER_H
#define GATEWAY_LLM_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/json.h"
#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"
#include "gateway/llm/usage.h"

enum { ANSWER_CHOICES = 128 }; /* OpenAI's bound of `n` */

/* How an answer of Responses ended, by the type of its last event, or by its `status`. */
enum answer_end { ANSWER_OPEN, ANSWER_COMPLETED, ANSWER_INCOMPLETE, ANSWER_FAILED };

enum answer_reason {
    REASON_none,
    REASON_stop,
    REASON_length,
    REASON_tool_calls,
    REASON_content_filter,
    REASON_other,
};

struct answer {
    struct json_value top;
    struct json_value model; /* in Responses' events: response.model */
    struct json_value usage; /* also where it is null; in Responses' events: response.usage */
    struct json_value error; /* not null, false or ""; the whole where it says that it is one */
    bool counted;            /* `count` holds the usage; false where it is no plain integers */
    struct usage count;      /* parts never exceed their total */
    bool no_choices;         /* "choices": [] */
    bool has_text;           /* text_bytes > 0 */
    int64_t text_bytes;      /* of content, refusal, reasoning and tool arguments, decoded */
    uint64_t begun[2], finished[2]; /* bit i: choice i is in it; with a finish reason */
    enum answer_end ended;
    /* Of a chat's event: its text, where that is all it says, and by which choice; else absent. */
    struct json_value said;
    int64_t said_by;
    enum answer_reason reason; /* of the last choice that finished */
};

/* False: ERR_bad_answer; what the upstream sent is not the JSON it should be. */
bool answer_scan(enum endpoint e, struct str data, struct answer *a, struct err *err);

/* What the caller reads instead. */
struct answer_change {
    struct str model; /* plain text; the name that was asked; put where the answer names one */
    bool hide_usage;  /* of a stream's event: drop the member `usage` */
};

/* Appends the document with its model and usage changed, all else untouched. */
void answer_write(const struct answer *a, struct str data, const struct answer_change *change,
                  struct buf *out);

/* Tokens in this many bytes of text, where nobody counted: bytes / 4, rounded up. */
int64_t answer_output_estimate(int64_t text_bytes);

#endif
