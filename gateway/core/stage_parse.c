/*
 * parse - finds in body and head what the gateway acts on.
 *
 * Reads:   body, head, endpoint, config
 * Writes:  request, asked, tags, unit, session, prompt, wants_trailer, dry_run, deadline
 */
#include <stddef.h>

#include "gateway/base/scope.h"
#include "gateway/core/exchange.h"
#include "gateway/core/prompt_ask.h"
#include "gateway/core/stage.h"

enum { TAGS_MAX = 32, TAG_NAME_BYTES = 64, TAG_VALUE_BYTES = 256, TIMEOUT_MAX_MS = 24 * 3600 * 1000 };

static struct str text_of(struct exchange *x, const struct json_value *v)
{
    if (v->kind != VALUE_STRING)
        return STR("");
    SCOPED(buf_done) struct buf text = BUF_INIT(v->raw.n);
    json_text(v, &text);
    return (struct str){arena_strdup(&x->arena, buf_str(&text)), text.n};
}

/* The first that is given: whose rollouts and conversations these are. */
static struct str unit_of(struct exchange *x)
{
    const struct json_value *from[] = {&x->request.conversation, &x->request.previous_response_id,
                                       &x->request.prompt_cache_key, &x->request.safety_identifier,
                                       &x->request.user};
    if (x->head.unit.n)
        return x->head.unit;
    if (x->session.n)
        return x->session;
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        struct str text = text_of(x, from[i]);
        if (text.n)
            return text;
    }
    return str_of(x->id);
}

/* "k=v, k2=v2" as a JSON object. */
static bool parse_tags(struct exchange *x, struct err *err)
{
    SCOPED(buf_done) struct buf json = BUF_INIT(6 * TAGS_MAX * (TAG_NAME_BYTES + TAG_VALUE_BYTES));
    struct str rest = x->head.tags, part, name;
    unsigned n = 0;
    while (rest.n && str_next(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.n == 0)
            continue;
        struct str value = part;
        str_next(&value, '=', &name);
        name = str_trim(name);
        value = str_trim(value);
        if (!value.p || name.n == 0 || name.n > TAG_NAME_BYTES || value.n > TAG_VALUE_BYTES || n == TAGS_MAX)
            return err_say(err, ERR_bad_request, "x-penstock-tags",
                           "x-penstock-tags is k=v,…: at most %d, names of up to %d and values of up to %d bytes",
                           TAGS_MAX, TAG_NAME_BYTES, TAG_VALUE_BYTES);
        buf_add(&json, n++ ? STR(",") : STR("{"));
        json_quote(&json, name);
        buf_add(&json, STR(":"));
        json_quote(&json, value);
    }
    if (n == 0)
        return true;
    buf_add(&json, STR("}"));
    x->tags = (struct str){arena_strdup(&x->arena, buf_str(&json)), json.n};
    return true;
}

static void deadline_passed(struct timer *timer)
{
    struct exchange *x = (struct exchange *)((char *)timer - offsetof(struct exchange, deadline));
    exchange_abort(x, FINISH_deadline);
}

static bool parse_timeout(struct exchange *x, struct err *err)
{
    int64_t ms;
    if (x->head.timeout_ms.n == 0)
        return true;
    if (!str_int(x->head.timeout_ms, &ms) || ms <= 0 || ms > TIMEOUT_MAX_MS)
        return err_say(err, ERR_bad_request, "x-penstock-timeout-ms",
                       "x-penstock-timeout-ms is a whole number of milliseconds, at most %d", TIMEOUT_MAX_MS);
    x->deadline.fn = deadline_passed;
    timer_set(x->worker->loop, &x->deadline, loop_now_ms(x->worker->loop) + ms);
    return true;
}

static bool parse_model(struct exchange *x, struct err *err)
{
    x->asked = text_of(x, &x->request.model);
    if (!prompt_ask(x, err))
        return false;
    if (x->asked.n == 0 && x->request.model.kind == VALUE_ABSENT && x->config->default_model)
        x->asked = str_of(x->config->default_model);
    if (x->asked.n == 0)
        return err_say(err, ERR_no_model_given, "model", "%s", err_info(ERR_no_model_given)->help);
    return true;
}

static enum step parse_run(struct exchange *x, struct err *err)
{
    x->wants_trailer = str_eq(x->head.trailer, STR("on"));
    x->dry_run = str_eq(x->head.dry_run, STR("true"));
    x->session = x->head.session;
    if (!request_scan(x->endpoint, x->body, x->config->server.json_depth, &x->request, err) ||
        !parse_model(x, err) || !parse_tags(x, err) || !parse_timeout(x, err))
        return STEP_FAIL;
    x->unit = unit_of(x);
    return STEP_NEXT;
}

static void parse_undo(struct exchange *x)
{
    timer_clear(x->worker->loop, &x->deadline);
    prompt_set_unref(x->prompt.set);
    x->prompt.set = NULL;
}

const struct stage stage_parse = {
    .name = "parse",
    .help = "finds the members and headers that the gateway acts on",
    .run = parse_run,
    .undo = parse_undo,
};
