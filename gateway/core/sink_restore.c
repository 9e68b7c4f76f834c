/*
 * restore - puts values back where pseudonyms of this request stand.  Nothing is stored
 * after it, so what is stored holds pseudonyms.
 *
 * Reads:   policy, endpoint
 */
#include <string.h>

#include "gateway/core/rewrite.h"
#include "gateway/core/sink.h"
#include "policy/restore.h"

static unsigned where_of(const struct answer_leaf *leaf)
{
    bool is_tool = leaf->kind == ANSWER_LEAF_document || leaf->channel.part == PART_tool_input;
    return is_tool ? RESTORE_TOOL_ARGS : RESTORE_CONTENT;
}

static void begin(struct exchange *x, void *state, const struct answer_leaf *leaf)
{
    restorer_init(state, &x->policy.t.names, where_of(leaf), leaf->kind == ANSWER_LEAF_document);
}

static void feed(void *state, struct str text, struct buf *out)
{
    restorer_feed(state, text, out);
}

static void end(void *state, struct buf *out)
{
    restorer_end(state, out);
}

static bool holds(const void *state)
{
    return ((const struct restorer *)state)->n_held > 0;
}

static void done(void *state)
{
    (void)state;
}

static bool whole(struct exchange *x, const struct answer_leaf *leaf, struct str text,
                  struct buf *out)
{
    struct restorer r;
    size_t before = out->n;
    if (!memmem(text.p, text.n, "PII", 3))
        return false;
    restorer_init(&r, &x->policy.t.names, where_of(leaf),
                  true); /* either way it stands in a string of JSON */
    restorer_feed(&r, text, out);
    restorer_end(&r, out);
    return out->n != before;
}

static const struct text_work restoring = {
    sizeof(struct restorer), false, begin, feed, end, holds, done, whole};

/* The answer's own rules may have made names too. */
static bool is_idle(const struct exchange *x)
{
    bool may = x->policy.set &&
               (x->policy.t.names.n > 0 || x->policy.set->makes_names[DIRECTION_response]);
    return x->dry_run || !may;
}

static void restore_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    if (is_idle(x))
        sink_push(s->next, x, f);
    else
        rewrite_push(s, x, f, &restoring);
}

static void restore_end(struct sink *s, struct exchange *x, enum end how)
{
    if (is_idle(x))
        sink_end(s->next, x, how);
    else
        rewrite_end(s, x, how, &restoring);
}

const struct sink_class sink_restore = {
    .name = "restore",
    .help = "puts values back where pseudonyms of this request stand",
    .state_bytes = sizeof(struct rewrite),
    .push = restore_push,
    .end = restore_end,
};
