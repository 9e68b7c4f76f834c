/*
 * sim_priv.h - the parts of the simulated upstream: what was asked (sim_request.c),
 * what is said (sim_answer.c, sim_text.c, sim_document.c, sim_vector.c), and the JSON it becomes
 * (sim_chat.c, sim_responses.c).  All of it is pure; sim.c has the time.
 *
 * Everything said follows from the request alone: the same question has the same answer.
 */
#ifndef GATEWAY_NET_SIM_PRIV_H
#define GATEWAY_NET_SIM_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"

struct json_t; /* jansson's, whose names and those of base/json.h do not go together */

enum {
    SIM_TEXT_BYTES = 64 * 1024 * 1024,
    SIM_CREATED = 1767225600, /* `created` of every answer: 2026-01-01 */
    SIM_CALLS = 8,            /* tool calls in one answer */
};

enum sim_fault {
    SIM_FAULT_none,
    SIM_FAULT_refuse,  /* nobody listens */
    SIM_FAULT_reset,   /* closed before the answer's head */
    SIM_FAULT_cut,     /* closed after `at` tokens */
    SIM_FAULT_stall,   /* silent after `at` tokens */
    SIM_FAULT_garbage, /* what is no JSON, after `at` tokens */
    SIM_FAULT_no_done, /* a stream without its [DONE] */
    SIM_FAULT_no_usage,
};

/* What a config or a request can ask for; README.md has the table. */
struct sim_settings {
    int64_t first_token_ms, token_ms;
    int64_t tokens; /* of a text of `chat`; -1: as the text will have it */
    int64_t status;
    int64_t retry_after_ms; /* -1: not said */
    int64_t at;             /* -1: half of the tokens */
    enum sim_fault fault;
    struct json_t *usage; /* members that replace ours; NULL: none */
};

struct sim_request {
    struct json_t *doc, *settings; /* owned; what is borrowed below is theirs */
    enum endpoint endpoint;
    struct str model; /* without its settings */
    bool echo;
    bool stream, wants_usage;
    int64_t max_tokens; /* INT64_MAX: no limit */
    unsigned choices;
    uint64_t seed;
    int64_t input_tokens;
    unsigned inputs;      /* messages, or texts */
    struct buf last_user; /* the text of the last user message; of a completion, the prompt */
    bool after_tool;      /* the last message is what a tool gave */
    struct sim_settings set;
};

/* False: what is wrong, for the caller.  sim_request_done() in either case. */
bool sim_request_read(struct sim_request *r, const char *url, struct str body, struct err *err);
void sim_request_done(struct sim_request *r);

/* Text, or the arguments of one tool call. */
struct sim_part {
    const char *tool; /* its name, borrowed from the request; NULL: text */
    char call_id[32];
    struct buf text;
};

struct sim_choice {
    struct sim_part parts[SIM_CALLS];
    unsigned n_parts;
    bool cut; /* by max_tokens */
};

struct sim_answer {
    struct sim_choice *choices;
    unsigned n_choices;
    int64_t tokens;   /* of all choices */
    struct buf usage; /* as a JSON object */
};

void sim_answer_make(struct sim_answer *a, const struct sim_request *r);
void sim_answer_done(struct sim_answer *a);

/* sim_text.c */
uint64_t sim_mix(uint64_t seed); /* the next of a sequence of numbers */
uint64_t sim_hash(uint64_t seed, struct str text);
size_t sim_token(struct str text); /* bytes of the first token; 0: there is none */
void sim_words(struct buf *out, uint64_t seed, int64_t tokens);

/* A document that a simple JSON Schema allows; new. */
struct json_t *sim_document(const struct json_t *schema, uint64_t seed);

/* Appends the elements of an embedding's `data`, separated by commas. */
void sim_vectors(struct buf *out, const struct sim_request *r);

/* A whole answer that is not streamed. */
void sim_body(const struct sim_request *r, const struct sim_answer *a, struct buf *out);
void sim_error_body(struct buf *out, int64_t status, const char *say);

/* How far a stream has come. */
struct sim_cursor {
    unsigned phase, choice, part;
    size_t at; /* in the part's text */
    int64_t tokens;
    int64_t sequence; /* Responses number their events */
};

/* Writes the next event; false: there is none left. */
bool sim_event(const struct sim_request *r, const struct sim_answer *a, struct sim_cursor *c,
               struct buf *name, struct buf *data);

/* sim_responses.c */
void sim_responses_body(const struct sim_request *r, const struct sim_answer *a, struct buf *out);
bool sim_responses_event(const struct sim_request *r, const struct sim_answer *a,
                         struct sim_cursor *c, struct buf *name, struct buf *data);

/* The next token of the part the cursor is in; false: its text has ended. */
bool sim_cursor_token(const struct sim_answer *a, struct sim_cursor *c, struct str *token);

#endif
