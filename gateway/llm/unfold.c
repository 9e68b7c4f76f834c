/*
 * Each choice becomes two events: one with all that its message says, and one with
 * its finish reason.
 */
#include <string.h>

#include "gateway/llm/fold_priv.h"

enum { REAL_DIGITS = 17 }; /* enough to read any double back */

static int add_bytes(const char *bytes, size_t n, void *out)
{
    buf_add(out, (struct str){bytes, n});
    return 0;
}

void fold_print(const json_t *value, struct buf *out)
{
    json_dump_callback(value, add_bytes, out, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
}

void events_add(const struct events *to, const char *name, json_t *value)
{
    struct buf data = BUF_INIT(SIZE_MAX);
    fold_print(value, &data);
    to->each(to->arg, &(struct sse_event){str_of(name), buf_str(&data)});
    buf_done(&data);
    json_decref(value);
}

/* What all chunks say alike. */
static json_t *envelope(json_t *body, enum endpoint e)
{
    json_t *chunk = json_copy(body);
    json_object_del(chunk, "choices");
    json_object_del(chunk, "usage");
    if (e == ENDPOINT_chat)
        json_object_set_new(chunk, "object", json_string("chat.completion.chunk"));
    return chunk;
}

static void add_chunk(json_t *envelope, json_t *choice, const struct events *to)
{
    json_t *chunk = json_copy(envelope);
    json_object_set_new(chunk, "choices", json_pack("[o]", choice));
    events_add(to, "", chunk);
}

static json_t *delta_of(json_t *message)
{
    json_t *delta = json_deep_copy(message), *call;
    size_t i;
    json_array_foreach(json_object_get(delta, "tool_calls"), i, call)
        json_object_set_new(call, "index", json_integer((json_int_t)i));
    return delta;
}

static void unfold_choice(json_t *top, json_t *choice, enum endpoint e, const struct events *to)
{
    json_t *said = json_copy(choice), *end = json_object();
    json_t *reason = json_object_get(choice, "finish_reason");
    json_object_set_new(said, "finish_reason", json_null());
    json_object_set(end, "index", json_object_get(choice, "index"));
    if (e == ENDPOINT_chat) {
        json_object_del(said, "message");
        json_object_set_new(said, "delta", delta_of(json_object_get(choice, "message")));
        json_object_set_new(end, "delta", json_object());
    } else {
        json_object_set_new(end, "text", json_string(""));
    }
    json_object_set_new(end, "logprobs", json_null());
    json_object_set(end, "finish_reason", reason ? reason : json_null());
    add_chunk(top, said, to);
    add_chunk(top, end, to);
}

static bool unfold_choices(json_t *body, enum endpoint e, const struct events *to)
{
    json_t *choices = json_object_get(body, "choices"), *usage = json_object_get(body, "usage"), *choice;
    size_t i;
    if (!json_is_array(choices))
        return false;
    json_t *top = envelope(body, e);
    json_array_foreach(choices, i, choice)
        unfold_choice(top, choice, e, to);
    if (usage) {
        json_t *chunk = json_copy(top);
        json_object_set_new(chunk, "choices", json_array());
        json_object_set(chunk, "usage", usage);
        events_add(to, "", chunk);
    }
    json_decref(top);
    return true;
}

bool unfold(enum endpoint e, struct str text, void (*each)(void *arg, const struct sse_event *event), void *arg)
{
    struct events to = {each, arg};
    json_t *body = json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
    bool ok = json_is_object(body);
    if (ok && e == ENDPOINT_responses)
        unfold_response(body, &to);
    else if (ok)
        ok = unfold_choices(body, e, &to);
    json_decref(body);
    return ok;
}
