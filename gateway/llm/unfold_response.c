/*
 * Responses' stream tells everything three times: as a delta, as the part that it
 * completes, and in the response at the end.
 */
#include <string.h>

#include "gateway/llm/fold_priv.h"

enum { TYPE_BYTES = 64 };

struct telling {
    const struct events *to;
    json_int_t n; /* sequence_number of the next event */
};

/* `event` becomes one of that type; what it holds is the caller's no more. */
static void tell(struct telling *t, const char *type, json_t *event)
{
    json_object_set_new(event, "type", json_string(type));
    json_object_set_new(event, "sequence_number", json_integer(t->n++));
    events_add(t->to, type, event);
}

/* Where in the output something stands. */
static json_t *place(json_t *item, size_t output, size_t content)
{
    json_t *id = json_object_get(item, "id");
    return json_pack("{s:O, s:I, s:I}", "item_id", id ? id : json_null(), "output_index", (json_int_t)output,
                     "content_index", (json_int_t)content);
}

static void tell_text(struct telling *t, json_t *item, size_t i, size_t k, json_t *part, const char *member,
                      const char *type)
{
    struct buf name = BUF_INIT(TYPE_BYTES);
    json_t *text = json_object_get(part, member), *event = place(item, i, k);
    json_object_set(event, "delta", text);
    buf_addf(&name, "%s.delta", type);
    tell(t, name.p, event);
    event = place(item, i, k);
    json_object_set(event, member, text);
    buf_cut(&name, 0);
    buf_addf(&name, "%s.done", type);
    tell(t, name.p, event);
    buf_done(&name);
}

static void tell_part(struct telling *t, json_t *item, size_t i, size_t k, json_t *part)
{
    bool is_refusal = json_object_get(part, "refusal") != NULL;
    const char *member = is_refusal ? "refusal" : "text";
    json_t *empty = json_deep_copy(part), *event = place(item, i, k);
    if (json_object_get(empty, member))
        json_object_set_new(empty, member, json_string(""));
    json_object_set_new(event, "part", empty);
    tell(t, "response.content_part.added", event);
    if (json_is_string(json_object_get(part, member)))
        tell_text(t, item, i, k, part, member, is_refusal ? "response.refusal" : "response.output_text");
    event = place(item, i, k);
    json_object_set(event, "part", part);
    tell(t, "response.content_part.done", event);
}

static void tell_item(struct telling *t, json_t *item, size_t i)
{
    json_t *part, *begun = json_deep_copy(item);
    size_t k;
    bool is_call = json_is_string(json_object_get(item, "arguments"));
    json_object_set_new(begun, "status", json_string("in_progress"));
    if (json_object_get(begun, "content"))
        json_object_set_new(begun, "content", json_array());
    if (is_call)
        json_object_set_new(begun, "arguments", json_string(""));
    tell(t, "response.output_item.added", json_pack("{s:I, s:o}", "output_index", (json_int_t)i, "item", begun));
    json_array_foreach(json_object_get(item, "content"), k, part)
        tell_part(t, item, i, k, part);
    if (is_call)
        tell_text(t, item, i, 0, item, "arguments", "response.function_call_arguments");
    tell(t, "response.output_item.done", json_pack("{s:I, s:O}", "output_index", (json_int_t)i, "item", item));
}

static const char *last_type(json_t *response)
{
    const char *status = json_string_value(json_object_get(response, "status"));
    if (status && strcmp(status, "incomplete") == 0)
        return "response.incomplete";
    return status && strcmp(status, "failed") == 0 ? "response.failed" : "response.completed";
}

void unfold_response(json_t *response, const struct events *to)
{
    struct telling t = {.to = to};
    json_t *begun = json_deep_copy(response), *item;
    size_t i;
    json_object_set_new(begun, "status", json_string("in_progress"));
    json_object_set_new(begun, "output", json_array());
    json_object_set_new(begun, "usage", json_null());
    tell(&t, "response.created", json_pack("{s:O}", "response", begun));
    tell(&t, "response.in_progress", json_pack("{s:o}", "response", begun));
    json_array_foreach(json_object_get(response, "output"), i, item)
        tell_item(&t, item, i);
    tell(&t, last_type(response), json_pack("{s:O}", "response", response));
}
