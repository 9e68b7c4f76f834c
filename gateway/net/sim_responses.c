/*
 * The answers of the Responses API: one item for the text or for each tool call, whole,
 * or as events, each with its name and number (OpenAI's specification 2.3.0).
 */
#include <stdio.h>

#include "gateway/base/json.h"
#include "gateway/net/sim_priv.h"

enum phase {
    PHASE_CREATED,
    PHASE_IN_PROGRESS,
    PHASE_ITEM,
    PHASE_PART,
    PHASE_TOKENS,
    PHASE_PART_DONE,
    PHASE_ITEM_DONE,
    PHASE_COMPLETED,
    PHASE_END
};

static const struct sim_choice *said(const struct sim_answer *a)
{
    return &a->choices[0]; /* there is one */
}

static void add_content(struct buf *out, struct str text)
{
    buf_add(out, STR("{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":"));
    json_quote(out, text);
    buf_add(out, STR("}"));
}

static void add_item_id(struct buf *out, const struct sim_request *r, const struct sim_part *p,
                        unsigned index)
{
    buf_addf(out, "\"%s_%016llx%u\"", p->tool ? "fc" : "msg", (unsigned long long)r->seed, index);
}

/* An item as it is when it is done, or as it is announced: without its text. */
static void add_item(struct buf *out, const struct sim_request *r, const struct sim_choice *c,
                     unsigned index, bool done)
{
    const struct sim_part *p = &c->parts[index];
    struct str text = done ? buf_str(&p->text) : STR("");
    buf_add(out, STR("{\"id\":"));
    add_item_id(out, r, p, index);
    buf_addf(out, ",\"status\":\"%s\",",
             !done    ? "in_progress"
             : c->cut ? "incomplete"
                      : "completed");
    if (p->tool) {
        buf_addf(out, "\"type\":\"function_call\",\"call_id\":\"%s\",\"name\":", p->call_id);
        json_quote(out, str_of(p->tool));
        buf_add(out, STR(",\"arguments\":"));
        json_quote(out, text);
    } else {
        buf_add(out, STR("\"type\":\"message\",\"role\":\"assistant\",\"content\":["));
        if (done)
            add_content(out, text);
        buf_add(out, STR("]"));
    }
    buf_add(out, STR("}"));
}

static void add_response(struct buf *out, const struct sim_request *r, const struct sim_answer *a,
                         bool done)
{
    const struct sim_choice *c = said(a);
    const char *status = !done ? "in_progress" : c->cut ? "incomplete" : "completed";
    buf_addf(
        out,
        "{\"id\":\"resp_%016llx\",\"object\":\"response\",\"created_at\":%d,\"status\":\"%s\",",
        (unsigned long long)r->seed, SIM_CREATED, status);
    buf_addf(out, "\"error\":null,\"incomplete_details\":%s,",
             done && c->cut ? "{\"reason\":\"max_output_tokens\"}" : "null");
    buf_add(out, STR("\"instructions\":null,\"metadata\":{},\"model\":"));
    json_quote(out, r->model);
    buf_add(out, STR(",\"output\":["));
    for (unsigned i = 0; done && i < c->n_parts; i++) {
        buf_add(out, i ? STR(",") : STR(""));
        add_item(out, r, c, i, true);
    }
    buf_add(out, STR("],\"parallel_tool_calls\":true,\"temperature\":1.0,\"tool_choice\":\"auto\","
                     "\"tools\":[],"
                     "\"top_p\":1.0,\"usage\":"));
    buf_add(out, done && r->set.fault != SIM_FAULT_no_usage ? buf_str(&a->usage) : STR("null"));
    buf_add(out, STR("}"));
}

void sim_responses_body(const struct sim_request *r, const struct sim_answer *a, struct buf *out)
{
    add_response(out, r, a, true);
}

/* Opens an event: its type, here and as its name, and its number. */
static void open_event(struct buf *name, struct buf *data, struct sim_cursor *c, const char *type)
{
    buf_addf(name, "response.%s", type);
    buf_addf(data, "{\"type\":\"response.%s\",\"sequence_number\":%lld", type,
             (long long)c->sequence++);
}

static void add_place(struct buf *data, const struct sim_request *r, const struct sim_answer *a,
                      const struct sim_cursor *c)
{
    const struct sim_part *p = &said(a)->parts[c->part];
    buf_add(data, STR(",\"item_id\":"));
    add_item_id(data, r, p, c->part);
    buf_addf(data, ",\"output_index\":%u", c->part);
    if (!p->tool)
        buf_add(data, STR(",\"content_index\":0"));
}

static void response_event(const struct sim_request *r, const struct sim_answer *a,
                           struct sim_cursor *c, struct buf *name, struct buf *data,
                           const char *type)
{
    open_event(name, data, c, type);
    buf_add(data, STR(",\"response\":"));
    add_response(data, r, a, c->phase == PHASE_COMPLETED);
    c->phase++;
}

static void item_event(const struct sim_request *r, const struct sim_answer *a,
                       struct sim_cursor *c, struct buf *name, struct buf *data)
{
    const struct sim_choice *choice = said(a);
    bool done = c->phase == PHASE_ITEM_DONE;
    open_event(name, data, c, done ? "output_item.done" : "output_item.added");
    buf_addf(data, ",\"output_index\":%u,\"item\":", c->part);
    add_item(data, r, choice, c->part, done);
    if (!done) {
        c->phase = choice->parts[c->part].tool ? PHASE_TOKENS : PHASE_PART;
        return;
    }
    c->part++;
    c->at = 0;
    c->phase = c->part < choice->n_parts ? PHASE_ITEM : PHASE_COMPLETED;
}

static void part_event(const struct sim_request *r, const struct sim_answer *a,
                       struct sim_cursor *c, struct buf *name, struct buf *data)
{
    bool done = c->phase == PHASE_PART_DONE;
    open_event(name, data, c, done ? "content_part.done" : "content_part.added");
    add_place(data, r, a, c);
    buf_add(data, STR(",\"part\":"));
    add_content(data, done ? buf_str(&said(a)->parts[c->part].text) : STR(""));
    c->phase++;
}

static void text_event(const struct sim_request *r, const struct sim_answer *a,
                       struct sim_cursor *c, struct buf *name, struct buf *data)
{
    const struct sim_part *p = &said(a)->parts[c->part];
    struct str token;
    bool done = !sim_cursor_token(a, c, &token);
    open_event(name, data, c,
               p->tool ? (done ? "function_call_arguments.done" : "function_call_arguments.delta")
                       : (done ? "output_text.done" : "output_text.delta"));
    add_place(data, r, a, c);
    if (!p->tool)
        buf_add(data, STR(",\"logprobs\":[]"));
    buf_add(data, !done     ? STR(",\"delta\":")
                  : p->tool ? STR(",\"arguments\":")
                            : STR(",\"text\":"));
    json_quote(data, done ? buf_str(&p->text) : token);
    if (done)
        c->phase = p->tool ? PHASE_ITEM_DONE : PHASE_PART_DONE;
}

bool sim_responses_event(const struct sim_request *r, const struct sim_answer *a,
                         struct sim_cursor *c, struct buf *name, struct buf *data)
{
    switch ((enum phase)c->phase) {
    case PHASE_CREATED:
        response_event(r, a, c, name, data, "created");
        break;
    case PHASE_IN_PROGRESS:
        response_event(r, a, c, name, data, "in_progress");
        break;
    case PHASE_ITEM:
    case PHASE_ITEM_DONE:
        item_event(r, a, c, name, data);
        break;
    case PHASE_PART:
    case PHASE_PART_DONE:
        part_event(r, a, c, name, data);
        break;
    case PHASE_TOKENS:
        text_event(r, a, c, name, data);
        break;
    case PHASE_COMPLETED:
        response_event(r, a, c, name, data, said(a)->cut ? "incomplete" : "completed");
        break;
    case PHASE_END:
        return false;
    }
    buf_add(data, STR("}"));
    return true;
}
