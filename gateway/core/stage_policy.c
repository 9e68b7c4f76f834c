/*
 * policy - treats the strings of the request as the policies say, each by its kind.
 *
 * Reads:   body, author, endpoint, key, asked, session, request, config
 * Writes:  policy; body and request, if something changes
 *
 * Only strings change in which something was found, and in them only that.  What must
 * not be rewritten and holds what must not go upstream refuses the request.
 */
#include "gateway/base/scope.h"
#include "gateway/core/exchange.h"
#include "gateway/core/patch.h"
#include "gateway/core/policy_tally.h"
#include "gateway/core/policy_use.h"
#include "gateway/core/stage.h"
#include "gateway/llm/leaf.h"
#include "policy/channel.h"

struct treating {
    struct exchange *x;
    struct patch patch;
    struct buf text;
    size_t base; /* of the string in the body */
};

static bool is_authors(void *arg, size_t from, size_t to)
{
    const struct treating *t = arg;
    for (unsigned i = 0; i < t->x->author.n; i++)
        if (t->base + from >= t->x->author.ranges[i].start &&
            t->base + to <= t->x->author.ranges[i].end)
            return true;
    return false;
}

static void treat_text(struct treating *t, struct str inner)
{
    const struct channel_spare spare = {is_authors, t};
    size_t before = t->patch.made.n;
    t->base = (size_t)(inner.p - t->x->body.p);
    if (channel_treat(&t->x->policy.t, DIRECTION_request, CHANNEL_STRING,
                      t->x->author.n ? &spare : NULL, inner, &t->patch.made))
        patch_add(&t->patch, inner, before);
}

/* JSON within JSON: read, treated as a document, and quoted again. */
static void treat_document(struct treating *t, const struct json_value *v)
{
    SCOPED(buf_done) struct buf treated = BUF_INIT(SIZE_MAX);
    size_t before = t->patch.made.n;
    buf_cut(&t->text, 0);
    json_text(v, &t->text);
    if (!channel_treat(&t->x->policy.t, DIRECTION_request, CHANNEL_DOCUMENT, NULL,
                       buf_str(&t->text), &treated))
        return;
    json_quote(&t->patch.made, buf_str(&treated));
    patch_add(&t->patch, v->raw, before);
}

static bool refuse(const struct rule *r, const char *where, struct err *err)
{
    return err_say(err, ERR_blocked, NULL, "the policy rule '%s' forbids what is in %s", r->id,
                   where);
}

static bool treat_identifier(struct treating *t, const struct json_value *v, struct err *err)
{
    buf_cut(&t->text, 0);
    json_text(v, &t->text);
    policy_use_inspect(t->x, DIRECTION_request, buf_str(&t->text));
    const struct rule *by = t->x->policy.t.blocked_by;
    return !by || refuse(by, "a name or an id of the request, which cannot be rewritten", err);
}

static bool on_leaf(void *arg, const struct leaf *l, struct err *err)
{
    struct treating *t = arg;
    struct str raw = l->value.raw, inner = {raw.p + 1, raw.n - 2};
    switch (l->kind) {
    case LEAF_text:
        treat_text(t, inner);
        break;
    case LEAF_document:
        treat_document(t, &l->value);
        break;
    case LEAF_identifier:
        return treat_identifier(t, &l->value, err);
    case LEAF_opaque:
        if (inner.n && t->x->policy.set->refuse_unscanned)
            return err_say(err, ERR_blocked, NULL,
                           "the policy refuses parts that cannot be looked at, such as images");
        return true;
    }
    const struct rule *by = t->x->policy.t.blocked_by;
    return !by || refuse(by, "the request", err);
}

static bool rewrite(struct treating *t, struct err *err)
{
    struct exchange *x = t->x;
    x->policy.body = (struct buf)BUF_INIT(x->body.n + t->patch.made.n);
    patch_write(&t->patch, &x->policy.body);
    x->body = buf_str(&x->policy.body);
    return request_scan(x->endpoint, x->body, x->config->server.json_depth, &x->request, err);
}

static enum step policy_run(struct exchange *x, struct err *err)
{
    if (!policy_use_begin(x))
        return STEP_NEXT;
    if (!policy_use_looks(x, DIRECTION_request) && !x->policy.set->refuse_unscanned)
        return STEP_NEXT;
    struct treating t = {.x = x, .text = BUF_INIT(SIZE_MAX)};
    patch_init(&t.patch);
    patch_begin(&t.patch, x->body);
    bool ok = leaf_walk(x->endpoint, x->body, x->config->server.json_depth, on_leaf, &t, err) &&
              (t.patch.n == 0 || rewrite(&t, err));
    patch_done(&t.patch);
    buf_done(&t.text);
    return ok ? STEP_NEXT : STEP_FAIL;
}

static void policy_undo(struct exchange *x)
{
    if (x->policy.set)
        policy_tally_add(x->worker->gateway->policy_tally, &x->policy.t);
    buf_done(&x->policy.body);
}

const struct stage stage_policy = {
    .name = "policy",
    .help = "treats what the policies look for in the request, or refuses it",
    .run = policy_run,
    .undo = policy_undo,
};
