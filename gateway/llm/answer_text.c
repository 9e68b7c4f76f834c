/* The members of a choice come in any order, so its text waits for the choice's end. */
#include "gateway/llm/answer_text.h"

#include <pthread.h>
#include <string.h>

#include "gateway/base/json.h"

enum part { PART_choice, PART_index, PART_text, PART_refusal, PART_calls, PART_type, PART_delta };

static const struct {
    const char *path;
    enum part part;
} chat_parts[] =
    {
        {"choices[]", PART_choice},
        {"choices[].index", PART_index},
        {"choices[].delta.content", PART_text},
        {"choices[].delta.content[].text", PART_text},
        {"choices[].delta.refusal", PART_refusal},
        {"choices[].delta.tool_calls", PART_calls},
        {"choices[].message.content", PART_text},
        {"choices[].message.content[].text", PART_text},
        {"choices[].message.refusal", PART_refusal},
        {"choices[].message.tool_calls", PART_calls},
},
  responses_parts[] = {
      {"type", PART_type},
      {"delta", PART_delta},
      {"output[].content[].text", PART_text},
      {"output[].content[].refusal", PART_refusal},
};

enum {
    N_CHAT = sizeof chat_parts / sizeof chat_parts[0],
    N_RESPONSES = sizeof responses_parts / sizeof responses_parts[0]
};

static struct json_plan *chat_plan, *responses_plan;

static void make_plans(void)
{
    const char *paths[N_CHAT];
    for (size_t i = 0; i < N_CHAT; i++)
        paths[i] = chat_parts[i].path;
    chat_plan = json_plan_new(paths, N_CHAT);
    for (size_t i = 0; i < N_RESPONSES; i++)
        paths[i] = responses_parts[i].path;
    responses_plan = json_plan_new(paths, N_RESPONSES);
}

struct gathering {
    struct answer_text *t;
    bool is_chat;
    struct buf text; /* of the choice that is open */
    struct json_value index, type, delta;
};

static void keep(struct gathering *g, int64_t choice)
{
    struct answer_text *t = g->t;
    if (!t->keeps || g->text.n == 0)
        return;
    if (choice < 0 || choice >= ANSWER_TEXT_CHOICES) {
        t->lost = true;
    } else {
        buf_add(&t->choices[choice], buf_str(&g->text));
        t->lost |= !buf_ok(&t->choices[choice]);
    }
    t->lost |= !buf_ok(&g->text);
    buf_cut(&g->text, 0);
}

static void end_choice(struct gathering *g, size_t element)
{
    int64_t index = (int64_t)element;
    if (g->index.kind == VALUE_NUMBER && !json_int(&g->index, &index))
        index = -1;
    g->index = (struct json_value){0};
    keep(g, index);
}

static bool on_hit(void *arg, const struct json_hit *h, struct err *err)
{
    (void)err;
    struct gathering *g = arg;
    switch (g->is_chat ? chat_parts[h->path].part : responses_parts[h->path].part) {
    case PART_choice:
        end_choice(g, h->element);
        break;
    case PART_index:
        g->index = h->value;
        break;
    case PART_text:
        if (g->t->keeps)
            json_text(&h->value, &g->text);
        break;
    case PART_refusal:
        g->t->refused |= json_text_bytes(&h->value) > 0;
        break;
    case PART_calls:
        g->t->calls |= h->value.kind == VALUE_ARRAY;
        break;
    case PART_type:
        g->type = h->value;
        break;
    case PART_delta:
        g->delta = h->value;
        break;
    }
    return true;
}

static void settle_responses(struct gathering *g)
{
    if (json_text_is(&g->type, STR("response.output_text.delta")) && g->t->keeps)
        json_text(&g->delta, &g->text);
    g->t->refused |= json_text_is(&g->type, STR("response.refusal.delta"));
    g->t->calls |= json_text_is(&g->type, STR("response.function_call_arguments.delta"));
    keep(g, 0);
}

void answer_text_init(struct answer_text *t, bool keeps)
{
    *t = (struct answer_text){.keeps = keeps};
    for (size_t i = 0; i < ANSWER_TEXT_CHOICES; i++)
        t->choices[i] = (struct buf)BUF_INIT(ANSWER_TEXT_BYTES);
}

void answer_text_done(struct answer_text *t)
{
    for (size_t i = 0; i < ANSWER_TEXT_CHOICES; i++)
        buf_done(&t->choices[i]);
}

static void add_said(struct answer_text *t, const struct answer *read)
{
    if (!t->keeps || json_text_bytes(&read->said) == 0)
        return;
    if (read->said_by >= ANSWER_TEXT_CHOICES) {
        t->lost = true;
        return;
    }
    struct buf *to = &t->choices[read->said_by];
    json_text(&read->said, to);
    t->lost |= !buf_ok(to);
}

void answer_text_add(struct answer_text *t, enum endpoint e, struct str data,
                     const struct answer *read)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (e != ENDPOINT_chat && e != ENDPOINT_responses)
        return;
    if (read && read->said.kind == VALUE_STRING) {
        add_said(t, read);
        return;
    }
    pthread_once(&once, make_plans);
    struct gathering g = {
        .t = t, .is_chat = e == ENDPOINT_chat, .text = BUF_INIT(ANSWER_TEXT_BYTES)};
    const struct json_visitor v = {on_hit, &g};
    struct err ignored = {0};
    if (json_scan(data, g.is_chat ? chat_plan : responses_plan, JSON_MAX_DEPTH, &v, &ignored) &&
        !g.is_chat)
        settle_responses(&g);
    buf_done(&g.text);
}
