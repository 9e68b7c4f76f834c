/*
 * judge - holds an answer back that may be escalated.  Stands behind meter, for which every
 * try counts, and before all others, for which what was turned down never was.
 *
 * Reads:   judged, endpoint, request, model
 * Writes:  judged, first_frame_us
 */
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/core/judge.h"
#include "gateway/core/sink.h"
#include "gateway/llm/appraise.h"

struct held { /* then name and data */
    enum frame_kind kind;
    size_t name_bytes, data_bytes;
};

void judge_begin(struct exchange *x)
{
    judge_drop(x);
    x->judged.state = JUDGE_HOLDS;
    x->judged.offer = x->call.offer;
    x->judged.frames = (struct buf)BUF_INIT(JUDGE_BYTES);
}

void judge_drop(struct exchange *x)
{
    account_give(&x->worker->gateway->memory, x->judged.charged);
    x->judged.charged = 0;
    buf_done(&x->judged.frames);
    x->judged.state = JUDGE_OFF;
}

void judge_keep(struct exchange *x)
{
    x->judged.state = JUDGE_KEEPS;
    x->judged.first_frame_us = x->first_frame_us;
    x->first_frame_us = 0; /* the caller has had none */
}

/* The next frame at *at; false: there is none. */
static bool next_frame(const struct exchange *x, size_t *at, struct frame *f)
{
    const struct buf *b = &x->judged.frames;
    struct held h;
    if (*at >= b->n)
        return false;
    memcpy(&h, b->p + *at, sizeof h);
    const char *name = b->p + *at + sizeof h;
    *f = (struct frame){h.kind, {name, h.name_bytes}, {name + h.name_bytes, h.data_bytes}, NULL};
    *at += sizeof h + h.name_bytes + h.data_bytes;
    return true;
}

const char *judge_fault(const struct exchange *x)
{
    struct appraisal *a =
        appraisal_new(x->endpoint, x->request.format.raw, x->judged.offer->min_percent);
    struct frame f;
    for (size_t at = 0; next_frame(x, &at, &f);)
        if (f.kind == FRAME_EVENT || f.kind == FRAME_BODY)
            appraisal_add(a, f.data);
    const char *fault = appraisal_fault(a);
    appraisal_free(a);
    return fault;
}

void judge_release(struct exchange *x)
{
    struct frame f;
    struct answer a;
    struct err err = {0};
    x->judged.state = JUDGE_OFF;
    x->first_frame_us = clock_now_us();
    for (size_t at = 0; x->finish == FINISH_none && next_frame(x, &at, &f);) {
        bool is_read = f.kind == FRAME_EVENT || f.kind == FRAME_BODY;
        if (is_read && answer_scan(x->endpoint, f.data, &a, &err)) /* it was fine before */
            f.read = &a;
        sink_push(x->judged.sink->next, x, &f);
    }
    judge_drop(x);
}

/* False: it is too long, or there is no memory. */
static bool hold(struct exchange *x, const struct frame *f)
{
    struct held h = {f->kind, f->name.n, f->data.n};
    size_t n = sizeof h + h.name_bytes + h.data_bytes;
    if (x->judged.frames.n + n > JUDGE_BYTES ||
        !account_take(&x->worker->gateway->memory, (int64_t)n))
        return false;
    x->judged.charged += (int64_t)n;
    buf_add(&x->judged.frames, (struct str){(const char *)&h, sizeof h});
    buf_add(&x->judged.frames, f->name);
    buf_add(&x->judged.frames, f->data);
    return true;
}

static void judge_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    x->judged.sink = s;
    if (x->judged.state == JUDGE_HOLDS) {
        if (hold(x, f))
            return;
        judge_release(x);
    }
    if (x->finish == FINISH_none)
        sink_push(s->next, x, f);
}

static void judge_end(struct sink *s, struct exchange *x, enum end how)
{
    sink_end(s->next, x, how);
}

const struct sink_class sink_judge = {
    .name = "judge",
    .help = "holds an answer of a cascade back until it is known to be good enough",
    .push = judge_push,
    .end = judge_end,
};
