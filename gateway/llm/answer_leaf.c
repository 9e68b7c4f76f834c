/*
 * The members of a choice, or of an event, come in any order; what says which channel a
 * string belongs to may come after it, and is put in when the object around has ended.
 */
#include "gateway/llm/answer_leaf.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "gateway/base/mem.h"
#include "gateway/llm/answer.h"

enum {
    CHAT = 1u << ENDPOINT_chat,
    COMPLETIONS = 1u << ENDPOINT_completions,
    EMBEDDINGS = 1u << ENDPOINT_embeddings,
    RESPONSES = 1u << ENDPOINT_responses,
    MODERATIONS = 1u << ENDPOINT_moderations,
    ALL = CHAT | COMPLETIONS | EMBEDDINGS | RESPONSES | MODERATIONS,
    INDEX_MAX = 1024, /* tool calls, and parts of an item */
    LEAVES_INLINE = 16,
};

/* Kinds of the table that are no leaves. */
enum { ANSWER_LEAF_read = ANSWER_LEAF_logprobs + 1, ANSWER_LEAF_within_logprobs };

/* Parts of what is read. */
enum {
    PART_created = PART_by_type + 1,
    PART_choice,
    PART_choice_index,
    PART_tool,
    PART_tool_index,
    PART_content_index,
    PART_type,
    PART_sequence,
    PART_response,
};

struct row {
    unsigned endpoints;
    const char *path;
    int kind, part;
};

static const struct row table[] = {
#define LEAF(endpoints, path, kind, part) {endpoints, path, ANSWER_LEAF_##kind, PART_##part},
#include "gateway/llm/answer_leaf_list.h"
};

static struct plan {
    const struct json_plan *json;
    const struct row *rows[JSON_MAX_PATHS];
    size_t id, model;
} plans[ENDPOINT_count];

static void compile(void)
{
    for (unsigned e = 0; e < ENDPOINT_count; e++) {
        const char *paths[JSON_MAX_PATHS];
        size_t n = 0;
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
            if (!(table[i].endpoints & 1u << e))
                continue;
            assert(n < JSON_MAX_PATHS);
            plans[e].rows[n] = &table[i];
            if (str_eq(str_of(table[i].path), STR("id")))
                plans[e].id = n;
            if (str_eq(str_of(table[i].path), STR("model")))
                plans[e].model = n;
            paths[n++] = table[i].path;
        }
        plans[e].json = json_plan_new(paths, n);
    }
}

static const struct plan *plan_of(enum endpoint e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, compile);
    return &plans[e];
}

struct notes {
    const struct plan *plan;
    struct answer_leaves *l;
    bool is_event;
    size_t choice_from,
        tool_from; /* leaves of the choice, and of the tool call, that is being read */
    int64_t choice_index, tool_index, content_index; /* -1: not given */
};

static void add(struct notes *t, const struct row *row, const struct json_value *v)
{
    struct answer_leaves *l = t->l;
    if (l->n == l->room) {
        l->room = l->room ? 2 * l->room : LEAVES_INLINE;
        l->v = mem_realloc(l->v, l->room * sizeof *l->v);
    }
    struct answer_leaf *leaf = &l->v[l->n++];
    *leaf = (struct answer_leaf){.kind = (enum answer_leaf_kind)row->kind, .value = *v};
    if (t->is_event)
        leaf->channel.part = (enum answer_part)row->part;
}

static bool is_index(int64_t i, int64_t most, struct err *err)
{
    return (i >= 0 && i < most) ||
           err_set(err, ERR_bad_answer, "the index of a choice or a tool call is none");
}

/* A piece of a stream's message that is no delta comes whole. */
static bool end_choice(struct notes *t, size_t element, struct err *err)
{
    int64_t choice = t->choice_index >= 0 ? t->choice_index : (int64_t)element;
    if (!is_index(choice, ANSWER_CHOICES, err))
        return false;
    for (size_t i = t->choice_from; i < t->l->n; i++)
        t->l->v[i].channel.choice = (unsigned)choice;
    t->choice_from = t->tool_from = t->l->n;
    t->choice_index = -1;
    return true;
}

static bool end_tool(struct notes *t, size_t element, struct err *err)
{
    int64_t index = t->tool_index >= 0 ? t->tool_index : (int64_t)element;
    if (!is_index(index, INDEX_MAX, err))
        return false;
    for (size_t i = t->tool_from; i < t->l->n; i++)
        if (t->l->v[i].channel.part == PART_arguments || t->l->v[i].channel.part == PART_tool_input)
            t->l->v[i].channel.index = (unsigned)index;
    t->tool_from = t->l->n;
    t->tool_index = -1;
    return true;
}

static void read_number(const struct json_value *v, int64_t *n)
{
    if (!json_int(v, n))
        *n = v->kind == VALUE_ABSENT || v->kind == VALUE_NULL ? -1 : INT64_MAX;
}

static bool read(struct notes *t, const struct json_hit *h, int part, struct err *err)
{
    switch (part) {
    case PART_choice:
        return end_choice(t, h->element, err);
    case PART_tool:
        return end_tool(t, h->element, err);
    case PART_choice_index:
        read_number(&h->value, &t->choice_index);
        break;
    case PART_tool_index:
        read_number(&h->value, &t->tool_index);
        break;
    case PART_content_index:
        read_number(&h->value, &t->content_index);
        break;
    case PART_created:
        t->l->created = h->value.raw;
        break;
    case PART_type:
        t->l->type = h->value.kind == VALUE_STRING ? h->value.raw : STR("");
        break;
    case PART_sequence:
        t->l->sequence = h->value;
        break;
    case PART_response:
        t->l->response = h->value.kind == VALUE_OBJECT ? h->value.raw : STR("");
        break;
    default:
        break;
    }
    return true;
}

static bool on_hit(void *arg, const struct json_hit *h, struct err *err)
{
    struct notes *t = arg;
    const struct row *row = t->plan->rows[h->path];
    if (h->path == t->plan->id)
        t->l->id = h->value.raw;
    if (h->path == t->plan->model)
        t->l->model = h->value.raw;
    if (row->kind == ANSWER_LEAF_read)
        return read(t, h, row->part, err);
    bool is_leaf = row->kind == (int)ANSWER_LEAF_logprobs
                       ? h->value.kind == VALUE_OBJECT || h->value.kind == VALUE_ARRAY
                       : h->value.kind == VALUE_STRING;
    if (is_leaf && row->kind != ANSWER_LEAF_within_logprobs)
        add(t, row, &h->value);
    return true;
}

static enum answer_part part_of_type(struct str type, bool *is_document)
{
    static const struct {
        const char *type;
        enum answer_part part;
        bool is_document;
    } types[] = {
        {"\"response.output_text.delta\"", PART_content, false},
        {"\"response.refusal.delta\"", PART_refusal, false},
        {"\"response.reasoning_text.delta\"", PART_reasoning, false},
        {"\"response.reasoning_summary_text.delta\"", PART_reasoning_too, false},
        {"\"response.audio.transcript.delta\"", PART_transcript, false},
        {"\"response.function_call_arguments.delta\"", PART_arguments, true},
        {"\"response.mcp_call_arguments.delta\"", PART_function_call, true},
        {"\"response.custom_tool_call_input.delta\"", PART_tool_input, false},
        {"\"response.code_interpreter_call_code.delta\"", PART_code, false},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (str_eq(type, str_of(types[i].type))) {
            *is_document = types[i].is_document;
            return types[i].part;
        }
    *is_document = false;
    return PART_whole;
}

/* Of an event only the delta is a piece; what others repeat is whole. */
static bool settle_responses(struct notes *t, struct err *err)
{
    int64_t item = t->choice_index < 0 ? 0 : t->choice_index,
            content = t->content_index < 0 ? 0 : t->content_index;
    if (!is_index(item, INDEX_MAX, err) || !is_index(content, INDEX_MAX, err))
        return false;
    for (size_t i = 0; i < t->l->n; i++) {
        struct answer_leaf *leaf = &t->l->v[i];
        bool is_document = leaf->kind == ANSWER_LEAF_document;
        bool is_delta = leaf->channel.part == PART_by_type;
        leaf->channel.part = is_delta ? part_of_type(t->l->type, &is_document) : PART_whole;
        if (is_delta && str_eq(t->l->type, STR("\"response.audio.delta\"")))
            leaf->kind = ANSWER_LEAF_opaque;
        else if (is_document)
            leaf->kind = ANSWER_LEAF_document;
        leaf->channel.choice = (unsigned)item;
        leaf->channel.index = (unsigned)content;
    }
    return true;
}

bool answer_leaves_scan(enum endpoint e, struct str data, bool is_event, struct answer_leaves *l,
                        struct err *err)
{
    *l = (struct answer_leaves){.v = l->v, .room = l->room};
    struct notes t = {.plan = plan_of(e),
                      .l = l,
                      .is_event = is_event,
                      .choice_index = -1,
                      .tool_index = -1,
                      .content_index = -1};
    const struct json_visitor v = {on_hit, &t};
    if (!json_scan(data, t.plan->json, JSON_MAX_DEPTH, &v, err))
        return false;
    return e != ENDPOINT_responses || settle_responses(&t, err);
}

void answer_leaves_done(struct answer_leaves *l)
{
    free(l->v);
    *l = (struct answer_leaves){0};
}
