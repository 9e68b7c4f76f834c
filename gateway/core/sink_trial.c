/*
 * trial - of a request that a rollout drew: did the model refuse, and is the answer the
 * JSON that was asked for?  Only looks; keeps the text only where JSON was asked for.
 *
 * Reads:   arm, request, attempts
 * Writes:  arm.refused, arm.fit
 *
 * Tool calls and refusals are no text, and an answer of which more than ANSWER_TEXT_BYTES
 * would have to be kept is not judged.
 */
#include "gateway/core/exchange.h"
#include "gateway/core/sink.h"
#include "gateway/llm/answer_text.h"

struct trial_state {
    struct answer_text *text;
    unsigned attempt; /* that it is of */
};

static bool is_drawn(const struct exchange *x)
{
    return x->arm.prompt.rollout || x->arm.model.rollout;
}

static void free_text(void *text)
{
    answer_text_done(text);
}

static struct answer_text *text_of(struct trial_state *s, struct exchange *x)
{
    if (!s->text) {
        s->text = arena_alloc(&x->arena, sizeof *s->text);
        answer_text_init(s->text, shape_is_asked(&x->request));
        arena_defer(&x->arena, free_text, s->text);
    } else if (s->attempt != x->attempts) {
        bool keeps = s->text->keeps;
        answer_text_done(s->text);
        answer_text_init(s->text, keeps);
        x->arm.refused = false;
    }
    s->attempt = x->attempts;
    return s->text;
}

static void trial_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    if (is_drawn(x) && f->read) {
        struct answer_text *t = text_of(s->state, x);
        answer_text_add(t, x->endpoint, f->data, f->read);
        x->arm.refused |= t->refused || f->read->reason == REASON_content_filter;
    }
    sink_push(s->next, x, f);
}

static enum shape_fit judge(const struct exchange *x, const struct answer_text *t)
{
    enum shape_fit fit = SHAPE_unknown;
    if (t->calls || t->lost || x->arm.refused)
        return SHAPE_unknown;
    for (size_t i = 0; i < ANSWER_TEXT_CHOICES && fit != SHAPE_misfits; i++)
        if (t->choices[i].n || i == 0)
            fit = shape_check(&x->request, buf_str(&t->choices[i]));
    return fit;
}

static void trial_end(struct sink *s, struct exchange *x, enum end how)
{
    const struct trial_state *state = s->state;
    if (how == END_COMPLETE && state->text && state->text->keeps)
        x->arm.fit = judge(x, state->text);
    sink_end(s->next, x, how);
}

const struct sink_class sink_trial = {
    .name = "trial",
    .help =
        "of a rollout's request: did the model refuse, is the answer the JSON that was asked for?",
    .state_bytes = sizeof(struct trial_state),
    .push = trial_push,
    .end = trial_end,
};
