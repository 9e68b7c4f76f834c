/* answer_priv.h - the table of answer_list.h as the scan uses it.  Does not change once made. */
#ifndef GATEWAY_LLM_ANSWER_PRIV_H
#define GATEWAY_LLM_ANSWER_PRIV_H

#include "gateway/llm/answer.h"

enum answer_read {
    ANSWER_READ_top,
    ANSWER_READ_object,
    ANSWER_READ_type,
    ANSWER_READ_status,
    ANSWER_READ_delta,
    ANSWER_READ_model,
    ANSWER_READ_usage,
    ANSWER_READ_error,
    ANSWER_READ_finish,
    ANSWER_READ_index,
    ANSWER_READ_kept, /* how many are kept as they are; the others are counted or looked into */

    ANSWER_READ_choices,
    ANSWER_READ_choice,
    ANSWER_READ_text,
    ANSWER_READ_piece, /* text too */
    ANSWER_READ_calls,
    ANSWER_READ_reasoning, /* two names for the same text; some send both */
    ANSWER_READ_reasoning_too,
    ANSWER_READ_count,
};

struct answer_member {
    const char *path;
    size_t field; /* of a count: where in struct usage */
    unsigned endpoints;
    enum answer_read read;
    bool elsewhere; /* of a count: not in the answer's own `usage`, but in one within */
};

struct answer_plan {
    const struct json_plan *json;
    const struct answer_member *members[JSON_MAX_PATHS]; /* by path */
};

const struct answer_plan *answer_plan(enum endpoint e); /* any thread; never NULL */

/* The counts of one usage object. */
struct tally {
    struct usage sum;
    bool has_input, has_output;
    bool broken; /* one of them is no count */
};
void tally_add(struct tally *t, size_t field, const struct json_value *v);

/* False: what it says is no usage. */
bool tally_usage(const struct tally *t, enum endpoint e, struct usage *u);

#endif
