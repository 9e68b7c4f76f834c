/*
 * prompt - a request that names a prompt becomes one that does not: its messages are
 * rendered, and what the prompt sets is set.
 *
 * Reads:   prompt, drawn_version, body, request, config
 * Writes:  prompt.version, body, request, author, routed
 *
 * The version is the one that the caller names, else the one that was drawn for it, else
 * production's.  Everybody else's request goes on as it is.
 */
#include "gateway/core/exchange.h"
#include "gateway/core/prompt_body.h"
#include "gateway/core/stage.h"

static const struct prompt_version *pick(struct exchange *x, struct err *err)
{
    const struct prompt_entry *e = prompt_set_find(x->prompt.set, x->prompt.name);
    const struct prompt_version *v = NULL;
    if (e && x->drawn_version > 0 && !x->prompt.pick.n)
        v = prompt_version_find(e, x->drawn_version);
    if (!v)
        v = prompt_set_pick(x->prompt.set, x->prompt.name, x->prompt.pick, err);
    if (v && !v->prompt) {
        err_say(err, ERR_internal, "prompt",
                "this version of the prompt cannot be read; push it anew");
        return NULL;
    }
    return v;
}

/* A prompt with null in it names none, and does not go upstream either. */
static bool has_members(const struct request *r)
{
    return r->prompt.kind != VALUE_ABSENT || r->prompt_id.kind != VALUE_ABSENT ||
           r->prompt_version.kind != VALUE_ABSENT || r->prompt_variables.kind != VALUE_ABSENT;
}

/* The new body takes the place of the old one, which the exchange still holds. */
static bool charge(struct exchange *x, struct err *err)
{
    int64_t bytes = (int64_t)x->prompt.body.n;
    if (x->receive.state != RECEIVE_WHOLE)
        return true;
    if (!account_take(&x->worker->gateway->memory, bytes))
        return err_set(err, ERR_busy, "no memory for the rendered prompt");
    x->receive.charged += bytes;
    return true;
}

static bool write_body(struct exchange *x, const struct prompt *p, struct err *err)
{
    struct author_ranges author = {0};
    x->prompt.body = (struct buf)BUF_INIT((size_t)x->config->server.body_bytes);
    if (!prompt_body_write(x, p, &x->prompt.body, &author, &x->arena, err) || !charge(x, err))
        return false;
    x->body = buf_str(&x->prompt.body);
    x->author.ranges = author.v;
    x->author.n = (unsigned)author.n;
    return request_scan(x->endpoint, x->body, x->config->server.json_depth, &x->request, err);
}

static enum step prompt_run(struct exchange *x, struct err *err)
{
    if (!x->prompt.set)
        return !has_members(&x->request) || write_body(x, NULL, err) ? STEP_NEXT : STEP_FAIL;
    const struct prompt_version *v = pick(x, err);
    if (!v)
        return STEP_FAIL;
    x->prompt.version = v;
    x->routed = str_of(v->prompt->route);
    return write_body(x, v->prompt, err) ? STEP_NEXT : STEP_FAIL;
}

static void prompt_undo(struct exchange *x)
{
    if (x->prompt.body.p)
        buf_done(&x->prompt.body);
}

const struct stage stage_prompt = {
    .name = "prompt",
    .help = "renders the prompt that a request names, and sets what it sets",
    .run = prompt_run,
    .undo = prompt_undo,
};
