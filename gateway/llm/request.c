/*
 * Reads a request.  While the scan runs members are only noted and strings counted;
 * what they mean is settled afterwards, for their order in the body is the caller's.
 */
#include "gateway/llm/request.h"

#include "gateway/llm/member_priv.h"

enum {
    MESSAGE_BOUND_TOKENS = 16,   /* what a message costs at most beside its text: role, marks */
    MESSAGE_ESTIMATE_TOKENS = 4, /* and about */
    BYTES_PER_TOKEN = 4,         /* about */
    IMAGE_BOUND_TOKENS = 49152,
    AUDIO_BOUND_TOKENS = 16384, /* of what is only named */
    CLIP_BYTES_PER_TOKEN = 16,  /* of audio in the body, at least */
    CLIP_BOUND_TOKENS = 64,     /* and what each costs beside */
};

struct notes {
    const struct member_plan *plan;
    struct request *r;
    struct json_value kept[READ_kept];
    bool tokens; /* the one input is a list of tokens */
};

static void count_part(struct request *r, const struct json_value *type)
{
    r->images += json_text_is(type, STR("input_image"));
    r->audios += json_text_is(type, STR("input_audio"));
}

static void count(struct notes *t, enum member_read read, const struct json_value *v)
{
    struct request *r = t->r;
    bool number = v->kind == VALUE_NUMBER;
    if (read == READ_message) {
        r->messages++;
    } else if (read == READ_instructions) {
        r->instructions = *v;
        r->messages += v->kind == VALUE_STRING;
    } else if (read == READ_items) {
        r->thread = *v;
        r->messages += v->kind == VALUE_STRING;
    } else if (read == READ_input) {
        r->messages += v->kind == VALUE_STRING;
    } else if (read == READ_input_element) {
        t->tokens |= number;
        r->messages += !number;
        r->text_bytes += number;
    } else if (read == READ_token) {
        r->text_bytes += number;
    } else if (read == READ_part) {
        count_part(r, v);
    } else if (read == READ_image) {
        r->images += v->kind != VALUE_NULL;
    } else if (read == READ_audio) {
        r->audios += v->kind != VALUE_NULL;
    } else if (read == READ_audio_data) {
        r->clips++;
        r->clip_bytes += (int64_t)v->raw.n;
    } else if (read == READ_conversation && v->kind == VALUE_STRING) {
        r->conversation = *v;
    }
}

static bool on_hit(void *arg, const struct json_hit *h, struct err *err)
{
    (void)err;
    struct notes *t = arg;
    const struct member *m = t->plan->members[h->path];
    if (m->counts == COUNTS_WHOLE)
        t->r->text_bytes += (int64_t)h->value.raw.n;
    else if (m->counts == COUNTS_YES && h->value.kind == VALUE_STRING)
        t->r->text_bytes += (int64_t)json_text_bytes(&h->value);
    if (m->read < READ_kept)
        t->kept[m->read] = h->value;
    else
        count(t, m->read, &h->value);
    return true;
}

static bool is_sent(const struct json_value *v)
{
    return v->kind != VALUE_ABSENT && v->kind != VALUE_NULL;
}

static bool read_bool(const struct json_value *v, const char *name, bool *b, struct err *err)
{
    *b = v->kind == VALUE_TRUE;
    return !is_sent(v) || v->kind == VALUE_TRUE || v->kind == VALUE_FALSE ||
           err_say(err, ERR_bad_request, name, "%s must be a boolean", name);
}

/* Leaves *n as it is where nothing was sent. */
static bool read_count(const struct json_value *v, const char *name, int64_t *n, struct err *err)
{
    int64_t sent;
    if (!is_sent(v))
        return true;
    if (!json_int(v, &sent) || sent < 0)
        return err_say(err, ERR_bad_request, name, "%s must be a plain non-negative integer", name);
    if (sent > *n)
        *n = sent;
    return true;
}

static bool read_max_output(struct request *r, const struct json_value *kept, struct err *err)
{
    const struct json_value *new = &kept[READ_max_completion_tokens];
    const struct json_value *old = &kept[READ_max_tokens], *other = &kept[READ_max_output_tokens];
    r->names_max_completion =
        is_sent(new) || (new->kind == VALUE_NULL && old->kind == VALUE_ABSENT);
    r->max_output = r->names_max_completion ? *new : *old;
    r->max_output_too = r->names_max_completion ? *old : *new;
    if (r->endpoint == ENDPOINT_responses)
        r->max_output = *other;
    return read_count(new, "max_completion_tokens", &r->max_output_tokens, err) &&
           read_count(old, "max_tokens", &r->max_output_tokens, err) &&
           read_count(other, "max_output_tokens", &r->max_output_tokens, err);
}

static bool read_stream(struct request *r, const struct json_value *stream, struct err *err)
{
    if (is_sent(&r->stream_options) && r->stream_options.kind != VALUE_OBJECT)
        return err_say(err, ERR_bad_request, "stream_options", "stream_options must be an object");
    return read_bool(stream, "stream", &r->stream, err) &&
           read_bool(&r->include_usage, "stream_options.include_usage", &r->wants_usage, err);
}

static bool is_list_of_some(const struct json_value *v)
{
    return v->kind == VALUE_ARRAY && v->raw.n > 2; /* "[ ]" has none either, and nobody sends it */
}

static unsigned find_needs(const struct request *r, const struct json_value *kept)
{
    unsigned needs = 0;
    if (is_list_of_some(&kept[READ_tools]) || is_list_of_some(&kept[READ_functions]))
        needs |= CAN_tools;
    if (r->images)
        needs |= CAN_vision;
    if (r->audios)
        needs |= CAN_audio;
    if (json_text_is(&kept[READ_format_type], STR("json_schema")))
        needs |= CAN_json_schema;
    return needs;
}

static bool settle(struct request *r, const struct json_value *kept, struct err *err)
{
    r->top = kept[READ_top];
    r->model = kept[READ_model];
    r->stream_options = kept[READ_stream_options];
    r->include_usage = kept[READ_include_usage];
    r->penstock = kept[READ_penstock];
    r->previous_response_id = kept[READ_previous_response_id];
    r->prompt_cache_key = kept[READ_prompt_cache_key];
    r->safety_identifier = kept[READ_safety_identifier];
    r->user = kept[READ_user];
    if (r->endpoint != ENDPOINT_responses)
        r->thread = kept[READ_messages];
    r->prompt = kept[READ_prompt];
    r->prompt_object_id = kept[READ_prompt_object_id];
    r->prompt_object_version = kept[READ_prompt_object_version];
    r->prompt_object_variables = kept[READ_prompt_object_variables];
    r->prompt_id = kept[READ_prompt_id];
    r->prompt_version = kept[READ_prompt_version];
    r->prompt_variables = kept[READ_prompt_variables];
    r->format = kept[READ_format];
    r->needs = find_needs(r, kept);
    r->choices = 1;
    if (r->top.kind != VALUE_OBJECT)
        return err_say(err, ERR_bad_request, NULL, "the body must be a JSON object");
    if (r->model.kind != VALUE_ABSENT && r->model.kind != VALUE_STRING)
        return err_say(err, ERR_bad_request, "model", "model must be a string");
    if (is_sent(&r->penstock) && r->penstock.kind != VALUE_OBJECT)
        return err_say(err, ERR_bad_request, "penstock", "penstock must be an object");
    return read_stream(r, &kept[READ_stream], err) &&
           read_count(&kept[READ_n], "n", &r->choices, err) &&
           read_count(&kept[READ_best_of], "best_of", &r->choices, err) &&
           read_max_output(r, kept, err);
}

bool request_scan(enum endpoint e, struct str body, unsigned max_depth, struct request *r,
                  struct err *err)
{
    *r = (struct request){.endpoint = e};
    struct notes t = {.plan = member_plan(e), .r = r};
    const struct json_visitor v = {on_hit, &t};
    if (!json_scan(body, t.plan->json, max_depth, &v, err))
        return false;
    r->messages += t.tokens;
    return settle(r, t.kept, err);
}

int64_t request_input_bound(const struct request *r)
{
    return r->text_bytes + (int64_t)MESSAGE_BOUND_TOKENS * r->messages;
}

int64_t request_media_bound(const struct request *r, int64_t image_tokens, int64_t audio_tokens)
{
    int64_t images = r->images * (image_tokens ? image_tokens : IMAGE_BOUND_TOKENS);
    if (audio_tokens)
        return images + r->audios * audio_tokens;
    int64_t named = r->audios > r->clips ? r->audios - r->clips : 0;
    return images + named * AUDIO_BOUND_TOKENS + r->clip_bytes / CLIP_BYTES_PER_TOKEN +
           (int64_t)r->clips * CLIP_BOUND_TOKENS;
}

int64_t request_output_bound(const struct request *r, int64_t default_max)
{
    if (r->endpoint == ENDPOINT_embeddings || r->endpoint == ENDPOINT_moderations)
        return 0;
    int64_t each = r->max_output.kind == VALUE_NUMBER || r->max_output_too.kind == VALUE_NUMBER
                       ? r->max_output_tokens
                       : default_max;
    int64_t inputs = r->endpoint == ENDPOINT_completions && r->messages > 1 ? r->messages : 1;
    int64_t bound;
    if (__builtin_mul_overflow(each, r->choices, &bound) ||
        __builtin_mul_overflow(bound, inputs, &bound))
        return INT64_MAX;
    return bound;
}

int64_t request_input_estimate(const struct request *r)
{
    return (r->text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN +
           (int64_t)MESSAGE_ESTIMATE_TOKENS * r->messages;
}
