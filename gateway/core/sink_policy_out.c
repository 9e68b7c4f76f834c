/*
 * policy_out - treats what the policies look for in answers; a rule that blocks ends the
 * answer before the place.
 *
 * Reads:   policy, endpoint
 * Writes:  policy
 */
#include "gateway/core/policy_use.h"
#include "gateway/core/rewrite.h"
#include "gateway/core/sink.h"
#include "policy/channel.h"

static void begin(struct exchange *x, void *state, const struct answer_leaf *leaf)
{
    channel_init(state, &x->policy.t, DIRECTION_response,
                 leaf->kind == ANSWER_LEAF_document ? CHANNEL_DOCUMENT : CHANNEL_PLAIN);
}

static void feed(void *state, struct str text, struct buf *out)
{
    channel_feed(state, text, out);
}

static void end(void *state, struct buf *out)
{
    channel_end(state, out);
}

static bool holds(const void *state)
{
    return channel_holds(state);
}

static void done(void *state)
{
    channel_done(state);
}

static bool whole(struct exchange *x, const struct answer_leaf *leaf, struct str text,
                  struct buf *out)
{
    return channel_treat(&x->policy.t, DIRECTION_response,
                         leaf->kind == ANSWER_LEAF_document ? CHANNEL_DOCUMENT : CHANNEL_STRING,
                         NULL, text, out);
}

static const struct text_work treating = {
    sizeof(struct channel), true, begin, feed, end, holds, done, whole};

static bool is_idle(const struct exchange *x)
{
    return x->dry_run || !policy_use_looks(x, DIRECTION_response);
}

static void policy_out_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    if (is_idle(x))
        sink_push(s->next, x, f);
    else
        rewrite_push(s, x, f, &treating);
}

static void policy_out_end(struct sink *s, struct exchange *x, enum end how)
{
    if (is_idle(x))
        sink_end(s->next, x, how);
    else
        rewrite_end(s, x, how, &treating);
}

const struct sink_class sink_policy_out = {
    .name = "policy_out",
    .help = "treats what the policies look for in the answer, or ends it",
    .state_bytes = sizeof(struct rewrite),
    .push = policy_out_push,
    .end = policy_out_end,
};
