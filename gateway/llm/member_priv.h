/* member_priv.h - the table of member_list.h as the scans use it.  Does not change once made. */
#ifndef GATEWAY_LLM_MEMBER_PRIV_H
#define GATEWAY_LLM_MEMBER_PRIV_H

#include "gateway/llm/leaf.h"

enum member_counts { COUNTS_NO, COUNTS_YES, COUNTS_WHOLE };

enum member_read {
    READ_top,
    READ_model,
    READ_penstock,
    READ_user,
    READ_prompt_cache_key,
    READ_safety_identifier,
    READ_previous_response_id,
    READ_stream,
    READ_stream_options,
    READ_include_usage,
    READ_n,
    READ_best_of,
    READ_max_tokens,
    READ_max_completion_tokens,
    READ_max_output_tokens,
    READ_prompt,
    READ_prompt_object_id,
    READ_prompt_object_version,
    READ_prompt_object_variables,
    READ_prompt_id,
    READ_prompt_version,
    READ_prompt_variables,
    READ_messages,
    READ_format,
    READ_tools,
    READ_functions,
    READ_format_type,
    READ_kept, /* how many are kept as they are; the others are counted or looked into */

    READ_nothing,
    READ_instructions,
    READ_items, /* of Responses: its one input, or all of them */
    READ_conversation,
    READ_message,       /* an element of `messages`, or of Responses' `input` */
    READ_input,         /* one input, if it is a string */
    READ_input_element, /* one input, or a token */
    READ_token,
    READ_part, /* the type of a part: perhaps an image, or audio */
    READ_image,
    READ_audio,
    READ_audio_data,
};

struct member {
    const char *path;
    unsigned endpoints;
    enum leaf_kind kind;
    enum member_counts counts;
    enum member_read read;
};

struct member_plan {
    const struct json_plan *json;
    const struct member *members[JSON_MAX_PATHS]; /* by path */
};

const struct member_plan *member_plan(enum endpoint e); /* any thread; never NULL */

#endif
