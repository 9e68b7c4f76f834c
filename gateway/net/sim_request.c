/*
 * Reads what the simulated upstream is asked, and how it is to behave: settings stand
 * behind a `?` in the model's name, so that a config can define a slow or faulty
 * upstream, and in the member `sim` of the body, which wins.
 */
#include <jansson.h>
#include <stddef.h>
#include <string.h>

#include "gateway/net/sim_priv.h"

enum {
    MAX_TOKENS_SET = 1000 * 1000,
    MAX_DELAY_MS = 3600 * 1000,
    MAX_CHOICES = 128,
    MESSAGE_TOKENS = 4
};

static const char *const fault_words[] = {
    [SIM_FAULT_none] = "none",       [SIM_FAULT_refuse] = "refuse",
    [SIM_FAULT_reset] = "reset",     [SIM_FAULT_cut] = "cut",
    [SIM_FAULT_stall] = "stall",     [SIM_FAULT_garbage] = "garbage",
    [SIM_FAULT_no_done] = "no_done", [SIM_FAULT_no_usage] = "no_usage",
};

struct number_setting {
    const char *name;
    size_t offset;
    int64_t least, most;
};
static const struct number_setting number_settings[] = {
    {"first_token_ms", offsetof(struct sim_settings, first_token_ms), 0, MAX_DELAY_MS},
    {"token_ms", offsetof(struct sim_settings, token_ms), 0, MAX_DELAY_MS},
    {"tokens", offsetof(struct sim_settings, tokens), 0, MAX_TOKENS_SET},
    {"status", offsetof(struct sim_settings, status), 200, 599},
    {"retry_after_ms", offsetof(struct sim_settings, retry_after_ms), 0, MAX_DELAY_MS},
    {"at", offsetof(struct sim_settings, at), 0, MAX_TOKENS_SET},
};

static bool set_number(struct sim_settings *s, const char *name, const json_t *value,
                       struct err *err)
{
    for (size_t i = 0; i < sizeof number_settings / sizeof number_settings[0]; i++) {
        const struct number_setting *n = &number_settings[i];
        if (strcmp(n->name, name) != 0)
            continue;
        json_int_t v = json_integer_value(value);
        if (!json_is_integer(value) || v < n->least || v > n->most)
            return err_say(err, ERR_bad_request, "sim", "%s is a whole number from %lld to %lld",
                           name, (long long)n->least, (long long)n->most);
        *(int64_t *)((char *)s + n->offset) = v;
        return true;
    }
    return err_say(err, ERR_bad_request, "sim", "sim has no setting of this name");
}

static bool set_fault(struct sim_settings *s, const char *word, struct err *err)
{
    for (size_t i = 0; word && i < sizeof fault_words / sizeof fault_words[0]; i++)
        if (strcmp(fault_words[i], word) == 0) {
            s->fault = (enum sim_fault)i;
            return true;
        }
    return err_say(err, ERR_bad_request, "sim",
                   "fault is one of none, refuse, reset, cut, stall, garbage, no_done, no_usage");
}

static bool set_one(struct sim_settings *s, const char *name, json_t *value, struct err *err)
{
    if (strcmp(name, "fault") == 0)
        return set_fault(s, json_string_value(value), err);
    if (strcmp(name, "usage") != 0)
        return set_number(s, name, value, err);
    if (!json_is_object(value))
        return err_say(err, ERR_bad_request, "sim", "usage is an object");
    s->usage = value;
    return true;
}

static bool set_all(struct sim_settings *s, json_t *settings, struct err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(settings, name, value) if (!set_one(s, name, value, err)) return false;
    return true;
}

/* "first_token_ms=50&fault=cut": values are JSON, or words */
static json_t *settings_of_name(struct str settings)
{
    json_t *all = json_object();
    struct str pair, name;
    while (settings.n && str_next(&settings, '&', &pair)) {
        str_next(&pair, '=', &name);
        json_t *value = json_loadb(pair.p, pair.n, JSON_DECODE_ANY, NULL);
        if (!value)
            value = json_stringn(pair.p, pair.n);
        json_object_setn_new(all, name.p, name.n, value);
    }
    return all;
}

static bool read_settings(struct sim_request *r, struct str of_name, struct err *err)
{
    r->settings = settings_of_name(of_name);
    json_object_update(r->settings, json_object_get(r->doc, "sim"));
    r->set = (struct sim_settings){.tokens = -1, .status = 200, .retry_after_ms = -1, .at = -1};
    return set_all(&r->set, r->settings, err);
}

static bool read_model(struct sim_request *r, struct err *err)
{
    const json_t *model = json_object_get(r->doc, "model");
    struct str rest = {json_string_value(model), json_string_length(model)};
    if (!json_is_string(model))
        return err_set(err, ERR_no_model_given, "no model");
    str_next(&rest, '?', &r->model);
    if (!read_settings(r, rest, err))
        return false;
    r->echo = str_eq(r->model, STR("echo"));
    bool known = r->endpoint == ENDPOINT_moderations ||
                 (r->endpoint == ENDPOINT_embeddings ? str_eq(r->model, STR("embed"))
                                                     : r->echo || str_eq(r->model, STR("chat")));
    return known || err_say(err, ERR_no_model, "model", "sim has the models echo, chat and embed");
}

/* Appends every text in a message, a part of one, or a list of them. */
static void add_text(struct buf *out, const json_t *v)
{
    static const char *const members[] = {"content", "text", "output"};
    size_t i;
    const json_t *item;
    if (json_is_string(v))
        buf_add(out, (struct str){json_string_value(v), json_string_length(v)});
    json_array_foreach(v, i, item) add_text(out, item);
    for (size_t m = 0; json_is_object(v) && m < sizeof members / sizeof members[0]; m++)
        add_text(out, json_object_get(v, members[m]));
}

static bool is_word(const json_t *v, const char *word)
{
    return json_is_string(v) && strcmp(json_string_value(v), word) == 0;
}

static const json_t *input_of(const struct sim_request *r)
{
    if (r->endpoint == ENDPOINT_chat)
        return json_object_get(r->doc, "messages");
    return json_object_get(r->doc, r->endpoint == ENDPOINT_completions ? "prompt" : "input");
}

static int64_t read_message(struct sim_request *r, const json_t *message)
{
    struct buf text = BUF_INIT(SIM_TEXT_BYTES);
    add_text(&text, message);
    r->seed = sim_hash(r->seed, buf_str(&text));
    int64_t bytes = (int64_t)text.n;
    const json_t *role = json_object_get(message, "role");
    if (!json_is_object(message) || is_word(role, "user")) {
        buf_done(&r->last_user);
        r->last_user = text;
    } else {
        buf_done(&text);
    }
    r->after_tool =
        is_word(role, "tool") || is_word(json_object_get(message, "type"), "function_call_output");
    return bytes;
}

static void read_input(struct sim_request *r)
{
    const json_t *input = input_of(r), *instructions = json_object_get(r->doc, "instructions");
    const json_t *seed = json_object_get(r->doc, "seed");
    int64_t bytes = 0, messages = 1;
    size_t i;
    const json_t *item;
    r->seed = sim_hash((uint64_t)json_integer_value(seed), r->model);
    if (json_is_string(instructions)) {
        bytes += (int64_t)json_string_length(instructions);
        r->seed = sim_hash(r->seed, str_of(json_string_value(instructions)));
    }
    if (json_is_array(input)) {
        messages = (int64_t)json_array_size(input);
        json_array_foreach(input, i, item) bytes += read_message(r, item);
    } else {
        bytes += read_message(r, input);
    }
    r->inputs = (unsigned)messages;
    r->input_tokens = (bytes + 3) / 4 + MESSAGE_TOKENS * messages;
}

static int64_t number_of(const json_t *doc, const char *name, int64_t otherwise)
{
    const json_t *v = json_object_get(doc, name);
    return json_is_integer(v) && json_integer_value(v) > 0 ? json_integer_value(v) : otherwise;
}

static void read_options(struct sim_request *r)
{
    const json_t *options = json_object_get(r->doc, "stream_options");
    r->stream =
        json_is_true(json_object_get(r->doc, "stream")) && endpoint_info(r->endpoint)->streams;
    r->wants_usage = json_is_true(json_object_get(options, "include_usage"));
    r->max_tokens = number_of(r->doc, "max_tokens", INT64_MAX);
    r->max_tokens = number_of(r->doc, "max_completion_tokens", r->max_tokens);
    r->max_tokens = number_of(r->doc, "max_output_tokens", r->max_tokens);
    int64_t choices = r->endpoint == ENDPOINT_responses ? 1 : number_of(r->doc, "n", 1);
    r->choices = choices > MAX_CHOICES ? MAX_CHOICES : (unsigned)choices;
}

static bool find_endpoint(struct sim_request *r, const char *url, struct err *err)
{
    struct str rest = str_of(url), path;
    str_next(&rest, '?', &path);
    for (int e = 0; e < ENDPOINT_count; e++) {
        struct str end = str_of(endpoint_info((enum endpoint)e)->path);
        /* "/chat/completions" ends in "/completions": the longer one stands first in the list */
        if (path.n >= end.n && str_eq((struct str){path.p + path.n - end.n, end.n}, end)) {
            r->endpoint = (enum endpoint)e;
            return true;
        }
    }
    return err_set(err, ERR_no_path, "sim: %s", url);
}

bool sim_request_read(struct sim_request *r, const char *url, struct str body, struct err *err)
{
    *r = (struct sim_request){.last_user = BUF_INIT(SIM_TEXT_BYTES), .set = {.status = 200}};
    json_error_t why;
    r->doc = json_loadb(body.p, body.n, 0, &why);
    if (!json_is_object(r->doc))
        return err_say(err, ERR_bad_json, NULL, "the body is no JSON object that sim can read");
    if (!find_endpoint(r, url, err) || !read_model(r, err))
        return false;
    read_options(r);
    read_input(r);
    return true;
}

void sim_request_done(struct sim_request *r)
{
    json_decref(r->doc);
    json_decref(r->settings);
    buf_done(&r->last_user);
}
