/*
 * answer_leaf.h - the strings of an answer, what may be done to each, and which channel of
 * a stream one is a piece of.
 *
 * Which is which stands in answer_leaf_list.h.  Everything is borrowed from the document.
 */
#ifndef GATEWAY_LLM_ANSWER_LEAF_H
#define GATEWAY_LLM_ANSWER_LEAF_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/err.h"
#include "gateway/base/json.h"
#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"

enum answer_leaf_kind {
    ANSWER_LEAF_text,       /* may be looked at and rewritten */
    ANSWER_LEAF_document,   /* the same, and JSON itself: the arguments of a tool call */
    ANSWER_LEAF_identifier, /* is left alone */
    ANSWER_LEAF_opaque,     /* cannot be looked at */
    ANSWER_LEAF_logprobs,   /* no string: the text again, token by token */
};

/* What a stream sends in pieces. */
enum answer_part {
    PART_whole, /* nothing: the string stands for itself */
    PART_content,
    PART_refusal,
    PART_reasoning,
    PART_reasoning_too,
    PART_reasoning_details,
    PART_transcript,
    PART_arguments,
    PART_tool_input,
    PART_function_call,
    PART_code,
    PART_by_type, /* of the table: the event's type says */
};

struct answer_channel {
    enum answer_part part;
    unsigned choice; /* or output item */
    unsigned index;  /* of the tool call, or of the part of the item */
};

struct answer_leaf {
    enum answer_leaf_kind kind;
    struct answer_channel channel; /* part is PART_whole in a body */
    struct json_value value;
};

struct answer_leaves {
    struct answer_leaf *v; /* in the order in which they stand there */
    size_t n, room;
    struct str created, id, model; /* raw, of a chat or completion; "" if absent */
    struct str type;               /* of an event of Responses, raw */
    struct json_value sequence;    /* its number */
    struct str response;           /* its member `response`, raw; "" if absent */
};

void answer_leaves_done(struct answer_leaves *l);

/*
 * Finds them; *l is used again.  False: what json_scan() fails with, or, in a stream, a
 * channel that is none.
 */
bool answer_leaves_scan(enum endpoint e, struct str data, bool is_event, struct answer_leaves *l,
                        struct err *err);

/* ---- what the gateway says in an answer's place */

/* Appends what stands before and after the text of an event that carries nothing but a piece of
 * this channel. */
void answer_event_around(enum endpoint e, const struct answer_leaves *l, struct str data,
                         const struct answer_leaf *leaf, struct buf *head, struct buf *tail);

/* Appends a chunk of a chat or completion that ends a choice because of a policy. */
void answer_event_blocked(enum endpoint e, const struct answer_leaves *l, unsigned choice,
                          struct buf *out);

/* Appends a response of Responses that ends so; `response` is what was last known of it. */
void answer_response_blocked(struct str response, struct buf *out);

/* Appends a whole body that ends so, and has no text.  `choices`: bits of those it had. */
void answer_body_blocked(enum endpoint e, struct str data, const uint64_t choices[2],
                         struct buf *out);

#endif
