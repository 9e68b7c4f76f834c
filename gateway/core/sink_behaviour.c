/*
 * behaviour - scores every answer by rules that need no model: did it decline, is it
 * empty, cut, not the JSON that was asked for, going round in circles, in another script
 * than the question, citing what it was not shown?  Only looks.
 *
 * Reads:   request, body, rag, metered, endpoint
 * Writes:  behaviour
 *
 * An answer of more than TEXT_BYTES is scored by its finish alone, unless JSON was asked
 * for: then ANSWER_TEXT_BYTES are kept.  Only a whole answer of a chat or of Responses is scored.
 */
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/core/exchange.h"
#include "gateway/core/sink.h"
#include "gateway/llm/answer_text.h"
#include "gateway/llm/leaf.h"

enum { TEXT_BYTES = 16 * 1024, QUESTION_BYTES = 64 * 1024 };

struct behaviour_state {
    struct answer_text *text;
    unsigned attempt; /* that it is of */
    bool declined, truncated;
};

static void free_text(void *text)
{
    answer_text_done(text);
}

static void begin(struct behaviour_state *s, const struct exchange *x)
{
    answer_text_init(s->text, true);
    for (size_t i = 0; i < ANSWER_TEXT_CHOICES && !shape_is_asked(&x->request); i++)
        s->text->choices[i].max = TEXT_BYTES;
    s->attempt = x->attempts;
    s->declined = s->truncated = false;
}

static struct answer_text *text_of(struct behaviour_state *s, struct exchange *x)
{
    if (!s->text) {
        s->text = arena_alloc(&x->arena, sizeof *s->text);
        begin(s, x);
        arena_defer(&x->arena, free_text, s->text);
    } else if (s->attempt != x->attempts) {
        answer_text_done(s->text);
        begin(s, x);
    }
    return s->text;
}

static bool is_scored(const struct exchange *x)
{
    return x->endpoint == ENDPOINT_chat || x->endpoint == ENDPOINT_responses;
}

static void behaviour_push(struct sink *sink, struct exchange *x, const struct frame *f)
{
    struct behaviour_state *s = sink->state;
    if (is_scored(x) && f->read) {
        struct answer_text *t = text_of(s, x);
        answer_text_add(t, x->endpoint, f->data, f->read);
        s->declined |= t->refused || f->read->reason == REASON_content_filter;
        s->truncated |= f->read->reason == REASON_length || f->read->ended == ANSWER_INCOMPLETE;
    }
    sink_push(sink->next, x, f);
}

static bool add_leaf(void *scripts, const struct leaf *l, struct err *err)
{
    (void)err;
    if (l->kind == LEAF_text)
        scripts_add(scripts, l->value.raw);
    return true;
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* Where all is ASCII there is nothing to tell apart, and nothing is scanned. */
static bool is_foreign(const struct exchange *x, struct str answer)
{
    struct scripts asked = {0}, answered = {0};
    struct err err = {0};
    if (x->body.n > QUESTION_BYTES || (is_ascii(answer) && is_ascii(x->body)))
        return false;
    scripts_add(&answered, answer);
    return leaf_walk(x->endpoint, x->body, x->config->server.json_depth, add_leaf, &asked, &err) &&
           scripts_mismatch(&asked, &answered);
}

static void score_choice(struct exchange *x, const struct answer_text *t, struct str text)
{
    struct behaviour *b = &x->behaviour.scores;
    b->empty |= !t->calls && behaviour_empty(text);
    b->refusal |= behaviour_refusal(text);
    if (!t->calls && !b->refusal)
        b->misfit |= shape_check(&x->request, text) == SHAPE_misfits;
    unsigned repetition = behaviour_repetition(text);
    b->repetition = repetition > b->repetition ? repetition : b->repetition;
    if (x->rag.n_passages)
        b->citations_lost += behaviour_citations_lost(text, x->rag.n_passages);
    b->language_mismatch |= is_foreign(x, text);
}

static void behaviour_end(struct sink *sink, struct exchange *x, enum end how)
{
    const struct behaviour_state *s = sink->state;
    if (how == END_COMPLETE && s->text) {
        struct behaviour *b = &x->behaviour.scores;
        x->behaviour.judged = true;
        *b = (struct behaviour){.refusal = s->declined, .truncated = s->truncated};
        for (size_t i = 0; !s->text->lost && i < ANSWER_TEXT_CHOICES; i++)
            if (s->text->choices[i].n || (i == 0 && !s->declined))
                score_choice(x, s->text, buf_str(&s->text->choices[i]));
    }
    sink_end(sink->next, x, how);
}

const struct sink_class sink_behaviour = {
    .name = "behaviour",
    .help = "scores the answer by rules: refusal, empty, cut, form, repetition, script, citations",
    .state_bytes = sizeof(struct behaviour_state),
    .push = behaviour_push,
    .end = behaviour_end,
};
