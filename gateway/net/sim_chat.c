/*
 * Answers of all endpoints but Responses as JSON: whole, and as the chunks of a
 * stream: for each choice its role, its tokens and how it ended; then usage where it
 * was asked for, and [DONE].
 */
#include "gateway/base/json.h"
#include "gateway/net/sim_priv.h"

enum phase {
    PHASE_ROLE,
    PHASE_CALL,
    PHASE_TOKENS,
    PHASE_FINISH,
    PHASE_USAGE,
    PHASE_DONE,
    PHASE_END
};

static const char *finish_of(const struct sim_choice *c)
{
    return c->cut ? "length" : c->parts[0].tool ? "tool_calls" : "stop";
}

/* Opens the object: what every answer and every chunk begins with. */
static void add_envelope(struct buf *out, const struct sim_request *r, const char *object)
{
    bool chat = r->endpoint == ENDPOINT_chat;
    buf_addf(out, "{\"id\":\"%s-%016llx\",\"object\":\"%s\",\"created\":%d,\"model\":",
             chat ? "chatcmpl" : "cmpl", (unsigned long long)r->seed, object, SIM_CREATED);
    json_quote(out, r->model);
    buf_add(out, STR(",\"system_fingerprint\":\"fp_sim\",\"choices\":["));
}

static void add_call(struct buf *out, const struct sim_part *p, struct str arguments)
{
    buf_addf(out, "\"id\":\"%s\",\"type\":\"function\",\"function\":{\"name\":", p->call_id);
    json_quote(out, str_of(p->tool));
    buf_add(out, STR(",\"arguments\":"));
    json_quote(out, arguments);
    buf_add(out, STR("}}"));
}

static void add_message(struct buf *out, const struct sim_choice *c)
{
    buf_add(out, STR("\"message\":{\"role\":\"assistant\",\"content\":"));
    if (!c->parts[0].tool) {
        json_quote(out, buf_str(&c->parts[0].text));
        buf_add(out, STR(",\"refusal\":null}"));
        return;
    }
    buf_add(out, STR("null,\"refusal\":null,\"tool_calls\":["));
    for (unsigned i = 0; i < c->n_parts; i++) {
        buf_add(out, i ? STR(",{") : STR("{"));
        add_call(out, &c->parts[i], buf_str(&c->parts[i].text));
    }
    buf_add(out, STR("]}"));
}

static void add_choice(struct buf *out, const struct sim_request *r, const struct sim_choice *c,
                       unsigned index)
{
    buf_addf(out, "%s{\"index\":%u,", index ? "," : "", index);
    if (r->endpoint == ENDPOINT_chat) {
        add_message(out, c);
    } else {
        buf_add(out, STR("\"text\":"));
        json_quote(out, buf_str(&c->parts[0].text));
    }
    buf_addf(out, ",\"logprobs\":null,\"finish_reason\":\"%s\"}", finish_of(c));
}

static void add_usage(struct buf *out, const struct sim_request *r, const struct sim_answer *a)
{
    if (r->set.fault == SIM_FAULT_no_usage)
        return;
    buf_add(out, STR(",\"usage\":"));
    buf_add(out, buf_str(&a->usage));
}

static void chat_body(const struct sim_request *r, const struct sim_answer *a, struct buf *out)
{
    add_envelope(out, r, r->endpoint == ENDPOINT_chat ? "chat.completion" : "text_completion");
    for (unsigned i = 0; i < a->n_choices; i++)
        add_choice(out, r, &a->choices[i], i);
    buf_add(out, STR("]"));
    add_usage(out, r, a);
    buf_add(out, STR("}"));
}

static void embeddings_body(const struct sim_request *r, const struct sim_answer *a,
                            struct buf *out)
{
    buf_add(out, STR("{\"object\":\"list\",\"data\":["));
    sim_vectors(out, r);
    buf_add(out, STR("],\"model\":"));
    json_quote(out, r->model);
    add_usage(out, r, a);
    buf_add(out, STR("}"));
}

static void moderations_body(const struct sim_request *r, struct buf *out)
{
    static const char *const categories[] = {"harassment", "hate",   "illicit",
                                             "self-harm",  "sexual", "violence"};
    buf_addf(out, "{\"id\":\"modr-%016llx\",\"model\":", (unsigned long long)r->seed);
    json_quote(out, r->model);
    buf_add(out, STR(",\"results\":["));
    for (unsigned i = 0; i < r->inputs; i++) {
        buf_addf(out, "%s{\"flagged\":false,\"categories\":{", i ? "," : "");
        for (size_t k = 0; k < sizeof categories / sizeof categories[0]; k++)
            buf_addf(out, "%s\"%s\":false", k ? "," : "", categories[k]);
        buf_add(out, STR("},\"category_scores\":{"));
        for (size_t k = 0; k < sizeof categories / sizeof categories[0]; k++)
            buf_addf(out, "%s\"%s\":0.0001", k ? "," : "", categories[k]);
        buf_add(out, STR("}}"));
    }
    buf_add(out, STR("]}"));
}

void sim_body(const struct sim_request *r, const struct sim_answer *a, struct buf *out)
{
    switch (r->endpoint) {
    case ENDPOINT_embeddings:
        embeddings_body(r, a, out);
        break;
    case ENDPOINT_moderations:
        moderations_body(r, out);
        break;
    case ENDPOINT_responses:
        sim_responses_body(r, a, out);
        break;
    case ENDPOINT_chat:
    case ENDPOINT_completions:
    case ENDPOINT_count:
        chat_body(r, a, out);
        break;
    }
}

void sim_error_body(struct buf *out, int64_t status, const char *say)
{
    const char *type = status == 429   ? "rate_limit_error"
                       : status >= 500 ? "server_error"
                                       : "invalid_request_error";
    const char *code = status == 429   ? "rate_limit_exceeded"
                       : status == 404 ? "model_not_found"
                                       : "simulated";
    buf_add(out, STR("{\"error\":{\"message\":"));
    json_quote(out, str_of(say));
    buf_addf(out, ",\"type\":\"%s\",\"param\":null,\"code\":\"%s\"}}", type, code);
}

bool sim_cursor_token(const struct sim_answer *a, struct sim_cursor *c, struct str *token)
{
    const struct buf *text = &a->choices[c->choice].parts[c->part].text;
    *token = (struct str){text->p + c->at, text->n - c->at};
    token->n = sim_token(*token);
    c->at += token->n;
    c->tokens += token->n > 0;
    return token->n > 0;
}

/* A chunk: its delta (of completions, its text) was written by who calls. */
static void open_chunk(struct buf *out, const struct sim_request *r, unsigned choice)
{
    add_envelope(out, r,
                 r->endpoint == ENDPOINT_chat ? "chat.completion.chunk" : "text_completion");
    buf_addf(out, "{\"index\":%u,", choice);
}

static void close_chunk(struct buf *out, const struct sim_request *r, const char *finish)
{
    buf_addf(out, ",\"logprobs\":null,\"finish_reason\":%s%s%s}]%s}", finish ? "\"" : "",
             finish ? finish : "null", finish ? "\"" : "", r->wants_usage ? ",\"usage\":null" : "");
}

static void token_chunk(struct buf *out, const struct sim_request *r, const struct sim_answer *a,
                        const struct sim_cursor *c, struct str token)
{
    open_chunk(out, r, c->choice);
    if (r->endpoint == ENDPOINT_completions) {
        buf_add(out, STR("\"text\":"));
        json_quote(out, token);
    } else if (a->choices[c->choice].parts[c->part].tool) {
        buf_addf(out,
                 "\"delta\":{\"tool_calls\":[{\"index\":%u,\"function\":{\"arguments\":", c->part);
        json_quote(out, token);
        buf_add(out, STR("}}]}"));
    } else {
        buf_add(out, STR("\"delta\":{\"content\":"));
        json_quote(out, token);
        buf_add(out, STR("}"));
    }
    close_chunk(out, r, NULL);
}

static void call_chunk(struct buf *out, const struct sim_request *r, const struct sim_part *p,
                       const struct sim_cursor *c)
{
    open_chunk(out, r, c->choice);
    buf_addf(out, "\"delta\":{\"tool_calls\":[{\"index\":%u,", c->part);
    add_call(out, p, STR(""));
    buf_add(out, STR("]}"));
    close_chunk(out, r, NULL);
}

static void role_chunk(struct buf *out, const struct sim_request *r, unsigned choice)
{
    open_chunk(out, r, choice);
    buf_add(out, STR("\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}"));
    close_chunk(out, r, NULL);
}

static void finish_chunk(struct buf *out, const struct sim_request *r,
                         const struct sim_choice *choice, unsigned index)
{
    open_chunk(out, r, index);
    buf_add(out, r->endpoint == ENDPOINT_chat ? STR("\"delta\":{}") : STR("\"text\":\"\""));
    close_chunk(out, r, finish_of(choice));
}

static void usage_chunk(struct buf *out, const struct sim_request *r, const struct sim_answer *a)
{
    add_envelope(out, r,
                 r->endpoint == ENDPOINT_chat ? "chat.completion.chunk" : "text_completion");
    buf_add(out, STR("]"));
    add_usage(out, r, a);
    buf_add(out, STR("}"));
}

/* To the next part of the choice, or to its end. */
static void next_part(const struct sim_answer *a, struct sim_cursor *c)
{
    c->at = 0;
    c->part++;
    c->phase = c->part < a->choices[c->choice].n_parts ? PHASE_CALL : PHASE_FINISH;
}

static void next_choice(const struct sim_answer *a, struct sim_cursor *c)
{
    c->part = 0;
    c->choice++;
    c->phase = c->choice < a->n_choices ? PHASE_ROLE : PHASE_USAGE;
}

/* What the cursor stands at, if that is an event; in any case it moves on. */
static bool write_here(const struct sim_request *r, const struct sim_answer *a,
                       struct sim_cursor *c, struct buf *data)
{
    struct str token;
    switch ((enum phase)c->phase) {
    case PHASE_ROLE:
        c->phase = PHASE_CALL;
        if (r->endpoint != ENDPOINT_chat)
            return false;
        role_chunk(data, r, c->choice);
        return true;
    case PHASE_CALL:
        c->phase = PHASE_TOKENS;
        if (!a->choices[c->choice].parts[c->part].tool)
            return false;
        call_chunk(data, r, &a->choices[c->choice].parts[c->part], c);
        return true;
    case PHASE_TOKENS:
        if (!sim_cursor_token(a, c, &token)) {
            next_part(a, c);
            return false;
        }
        token_chunk(data, r, a, c, token);
        return true;
    case PHASE_FINISH:
        finish_chunk(data, r, &a->choices[c->choice], c->choice);
        next_choice(a, c);
        return true;
    case PHASE_USAGE:
        c->phase = PHASE_DONE;
        if (!r->wants_usage || r->set.fault == SIM_FAULT_no_usage)
            return false;
        usage_chunk(data, r, a);
        return true;
    case PHASE_DONE:
        c->phase = PHASE_END;
        if (r->set.fault == SIM_FAULT_no_done)
            return false;
        buf_add(data, STR("[DONE]"));
        return true;
    case PHASE_END:
        break;
    }
    return false;
}

bool sim_event(const struct sim_request *r, const struct sim_answer *a, struct sim_cursor *c,
               struct buf *name, struct buf *data)
{
    if (r->endpoint == ENDPOINT_responses)
        return sim_responses_event(r, a, c, name, data);
    while (c->phase != PHASE_END)
        if (write_here(r, a, c, data))
            return true;
    return false;
}
