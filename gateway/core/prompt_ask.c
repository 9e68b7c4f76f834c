/*
 * `model: "prompt:NAME@PICK"`, OpenAI's `prompt` object, or `prompt_id` and its
 * companions.  The last two go before the first: beside them a model is only a name.
 */
#include "gateway/core/prompt_ask.h"

#include "gateway/base/scope.h"
#include "prompts/prompts.h"

static bool is_sent(const struct json_value *v)
{
    return v->kind != VALUE_ABSENT && v->kind != VALUE_NULL;
}

static struct str text_of(struct exchange *x, const struct json_value *v)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(v->raw.n);
    if (!json_text(v, &text)) /* a number as it is spelled */
        return v->raw;
    return (struct str){arena_strdup(&x->arena, buf_str(&text)), text.n};
}

/* "greet@staging": *pick becomes what is behind the '@'. */
static struct str split(struct str text, struct str *pick)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '@') {
            *pick = (struct str){text.p + i + 1, text.n - i - 1};
            return (struct str){text.p, i};
        }
    return text;
}

static bool read_version(struct exchange *x, const struct json_value *v, const char *param,
                         struct err *err)
{
    int64_t number;
    if (!is_sent(v))
        return true;
    if (v->kind != VALUE_STRING && !json_int(v, &number))
        return err_say(err, ERR_bad_request, param, "%s must be a version's number or a label",
                       param);
    if (x->prompt.pick.n)
        return err_say(err, ERR_bad_request, param,
                       "the prompt's id names a version already, and so does %s", param);
    x->prompt.pick = text_of(x, v);
    return true;
}

static bool read_id(struct exchange *x, const struct json_value *v, const char *param,
                    struct err *err)
{
    if (v->kind != VALUE_STRING)
        return err_say(err, ERR_bad_request, param, "%s must be the name of a prompt", param);
    struct str text = text_of(x, v);
    if (str_starts(text, STR("prompt:")))
        text = (struct str){text.p + sizeof "prompt:" - 1, text.n - (sizeof "prompt:" - 1)};
    x->prompt.name = split(text, &x->prompt.pick);
    return x->prompt.name.n ||
           err_say(err, ERR_bad_request, param, "%s must be the name of a prompt", param);
}

static bool read_object(struct exchange *x, struct err *err)
{
    const struct request *r = &x->request;
    if (r->prompt.kind != VALUE_OBJECT)
        return err_say(err, ERR_bad_request, "prompt",
                       "prompt must be an object: {id, version, variables}");
    if (is_sent(&r->prompt_id))
        return err_say(err, ERR_bad_request, "prompt_id",
                       "prompt and prompt_id both name a prompt; send one");
    if (is_sent(&r->prompt_object_variables) && is_sent(&r->prompt_variables))
        return err_say(err, ERR_bad_request, "prompt_variables",
                       "prompt.variables and prompt_variables are both sent; send one");
    if (is_sent(&r->prompt_object_variables))
        x->prompt.variables = r->prompt_object_variables.raw;
    return read_id(x, &r->prompt_object_id, "prompt.id", err) &&
           read_version(x, &r->prompt_object_version, "prompt.version", err);
}

static bool find_name(struct exchange *x, struct err *err)
{
    const struct request *r = &x->request;
    if (is_sent(&r->prompt))
        return read_object(x, err);
    if (is_sent(&r->prompt_id))
        return read_id(x, &r->prompt_id, "prompt_id", err);
    if (!str_starts(x->asked, STR("prompt:")))
        return true;
    struct str text = {x->asked.p + sizeof "prompt:" - 1, x->asked.n - (sizeof "prompt:" - 1)};
    x->prompt.name = split(text, &x->prompt.pick);
    return x->prompt.name.n ||
           err_say(err, ERR_bad_request, "model", "'prompt:' must be followed by a prompt's name");
}

static bool may_use(const struct exchange *x)
{
    SCOPED(buf_done) struct buf name = BUF_INIT(x->prompt.name.n + sizeof "prompt:");
    buf_add(&name, STR("prompt:"));
    buf_add(&name, x->prompt.name);
    return key_may_use(x->key, buf_str(&name));
}

/* What the answer calls its model where the caller has called it nothing. */
static void name_model(struct exchange *x)
{
    SCOPED(buf_done) struct buf name = BUF_INIT(x->body.n + sizeof "prompt:@");
    buf_add(&name, STR("prompt:"));
    buf_add(&name, x->prompt.name);
    buf_add(&name, x->prompt.pick.n ? STR("@") : STR(""));
    buf_add(&name, x->prompt.pick);
    x->asked = (struct str){arena_strdup(&x->arena, buf_str(&name)), name.n};
}

bool prompt_ask(struct exchange *x, struct err *err)
{
    const struct request *r = &x->request;
    if (!find_name(x, err) || !read_version(x, &r->prompt_version, "prompt_version", err))
        return false;
    if (is_sent(&r->prompt_variables))
        x->prompt.variables = r->prompt_variables.raw;
    if (!x->prompt.name.n)
        return (!x->prompt.pick.n && !x->prompt.variables.n) ||
               err_say(err, ERR_bad_request, "prompt_id",
                       "a prompt's version or variables are sent, and no prompt is named");
    if (x->endpoint != ENDPOINT_chat && x->endpoint != ENDPOINT_responses)
        return err_say(err, ERR_bad_request, "model",
                       "prompts are for chat completions and responses");
    if (x->asked.n == 0)
        name_model(x);
    if (!x->worker->gateway->prompts || !may_use(x))
        return prompt_unknown(x->prompt.name, err);
    x->prompt.set = prompts_current(x->worker->gateway->prompts);
    return true;
}
