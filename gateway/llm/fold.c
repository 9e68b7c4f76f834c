/*
 * A delta is merged into what has come before: texts grow, objects merge, elements of
 * an array find each other by their `index`, and what is given once stays.
 */
#include "gateway/llm/fold.h"

#include <jansson.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/llm/fold_priv.h"

struct fold {
    enum endpoint endpoint;
    json_t *body; /* NULL: nothing has come */
};

struct fold *fold_new(enum endpoint e)
{
    struct fold *f = NEW(struct fold);
    f->endpoint = e;
    return f;
}

void fold_free(struct fold *f)
{
    if (!f)
        return;
    json_decref(f->body);
    free(f);
}

/* Members that are said whole, each time they are said. */
static bool is_whole(const char *name)
{
    static const char *const names[] = {"id", "type", "role", "name", "object", "finish_reason", NULL};
    for (size_t i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static json_t *element_of(json_t *array, json_t *like)
{
    json_t *index = json_object_get(like, "index"), *each;
    size_t i;
    if (json_is_integer(index))
        json_array_foreach(array, i, each)
            if (json_integer_value(json_object_get(each, "index")) == json_integer_value(index))
                return each;
    json_t *made = json_is_object(like) ? json_object() : json_incref(like);
    json_array_append_new(array, made);
    return made;
}

static void merge(json_t *into, json_t *delta);

static void merge_array(json_t *into, json_t *delta)
{
    json_t *each;
    size_t i;
    json_array_foreach(delta, i, each)
    {
        json_t *element = element_of(into, each);
        if (json_is_object(each))
            merge(element, each);
    }
}

static void merge_text(json_t *into, json_t *more)
{
    struct buf text = BUF_INIT(SIZE_MAX);
    buf_add(&text, (struct str){json_string_value(into), json_string_length(into)});
    buf_add(&text, (struct str){json_string_value(more), json_string_length(more)});
    json_string_setn(into, text.p, text.n);
    buf_done(&text);
}

static void merge(json_t *into, json_t *delta)
{
    const char *name;
    json_t *value;
    json_object_foreach(delta, name, value)
    {
        json_t *old = json_object_get(into, name);
        if (json_is_null(value) && old)
            continue;
        if (json_is_array(value) && (!old || json_is_null(old))) {
            old = json_array();
            json_object_set_new(into, name, old);
        }
        if (json_is_string(old) && json_is_string(value) && !is_whole(name))
            merge_text(old, value);
        else if (json_is_array(old) && json_is_array(value))
            merge_array(old, value);
        else if (json_is_object(old) && json_is_object(value))
            merge(old, value);
        else
            json_object_set_new(into, name, json_deep_copy(value));
    }
}

/* A choice of a chunk: its delta goes into the message, all else beside it. */
static void merge_choice(json_t *choices, json_t *choice)
{
    json_t *into = element_of(choices, choice), *delta = json_object_get(choice, "delta");
    json_t *rest = json_copy(choice);
    json_object_del(rest, "delta");
    merge(into, rest);
    json_decref(rest);
    if (!json_is_object(delta))
        return;
    json_t *message = json_object_get(into, "message");
    if (!message) {
        message = json_pack("{s:s, s:n}", "role", "assistant", "content");
        json_object_set_new(into, "message", message);
    }
    merge(message, delta);
}

static void add_chunk(struct fold *f, json_t *chunk)
{
    const char *name;
    json_t *value, *choice;
    size_t i;
    if (!f->body)
        f->body = json_pack("{s:[]}", "choices");
    json_object_foreach(chunk, name, value)
    {
        bool known = json_object_get(f->body, name) != NULL;
        if (strcmp(name, "choices") == 0)
            json_array_foreach(value, i, choice)
                merge_choice(json_object_get(f->body, "choices"), choice);
        else if (!json_is_null(value) && (!known || strcmp(name, "usage") == 0))
            json_object_set(f->body, name, value);
    }
    if (f->endpoint == ENDPOINT_chat)
        json_object_set_new(f->body, "object", json_string("chat.completion"));
}

/* The last event of Responses tells all of it. */
static void add_response(struct fold *f, json_t *event)
{
    const char *type = json_string_value(json_object_get(event, "type"));
    static const char *const last[] = {"response.completed", "response.incomplete", "response.failed", NULL};
    for (size_t i = 0; type && last[i]; i++)
        if (strcmp(type, last[i]) == 0) {
            json_decref(f->body);
            f->body = json_incref(json_object_get(event, "response"));
        }
}

bool fold_event(struct fold *f, struct str data)
{
    json_t *event = json_loadb(data.p, data.n, JSON_ALLOW_NUL, NULL);
    bool ok = json_is_object(event);
    if (ok && f->endpoint == ENDPOINT_responses)
        add_response(f, event);
    else if (ok)
        add_chunk(f, event);
    json_decref(event);
    return ok;
}

/* Of tool calls the index is said in deltas only. */
static void drop_indexes(json_t *body)
{
    json_t *choice, *call;
    size_t i, k;
    json_array_foreach(json_object_get(body, "choices"), i, choice)
        json_array_foreach(json_object_get(json_object_get(choice, "message"), "tool_calls"), k, call)
            json_object_del(call, "index");
}

bool fold_body(struct fold *f, struct buf *out)
{
    if (!f->body)
        return false;
    drop_indexes(f->body);
    fold_print(f->body, out);
    return buf_ok(out);
}
