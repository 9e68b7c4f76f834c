/*
 * format - alone knows what the caller asked for: its name of the model, usage only
 * if it wanted that, [DONE] after a whole stream and an error after a cut one.
 *
 * Reads:   asked, asked_usage, wants_trailer, endpoint, finish, err, passed_body
 */
#include "gateway/core/error_body.h"
#include "gateway/core/exchange.h"
#include "gateway/core/label.h"
#include "gateway/core/sink.h"

enum { GROWTH_BYTES = 4096, NOTE_BYTES = 4096 };

struct format {
    bool streams;   /* an event has passed */
    bool sent_done; /* [DONE] has gone */
    struct buf data; /* what is written anew */
};

static void free_data(void *arg)
{
    struct format *f = arg;
    buf_done(&f->data);
}

static void push_changed(struct sink *s, struct exchange *x, const struct frame *f, bool hide_usage)
{
    struct format *state = s->state;
    if (!state->data.p) { /* the first time */
        state->data = (struct buf)BUF_INIT(0);
        arena_defer(&x->arena, free_data, state);
    }
    state->data.max = f->data.n + 6 * x->asked.n + GROWTH_BYTES;
    struct answer_change change = {.model = x->asked, .hide_usage = hide_usage};
    answer_write(f->read, f->data, &change, &state->data);
    struct frame out = *f;
    out.data = buf_str(&state->data);
    sink_push(s->next, x, &out);
    buf_empty_out(&state->data);
}

static void push_done(struct sink *s, struct exchange *x)
{
    struct format *state = s->state;
    if (x->wants_trailer) {
        struct label r;
        label_make(x, &r);
        struct buf note = BUF_INIT(NOTE_BYTES);
        buf_add(&note, STR("penstock "));
        label_write(&r, &note);
        sink_push(s->next, x, &(struct frame){.kind = FRAME_NOTE, .data = buf_str(&note)});
        buf_done(&note);
    }
    if (x->endpoint != ENDPOINT_responses)
        sink_push(s->next, x, &(struct frame){.kind = FRAME_DONE});
    state->sent_done = true;
}

static void format_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    struct format *state = s->state;
    if (f->kind == FRAME_DONE) {
        state->streams = true;
        if (!x->wants_trailer && !state->sent_done) /* what the trailer says is not known yet */
            push_done(s, x);
        return;
    }
    state->streams |= f->kind == FRAME_EVENT;
    bool has_usage = f->read->usage.kind != VALUE_ABSENT && x->asked_usage && f->kind == FRAME_EVENT;
    if (has_usage && f->read->no_choices)
        return;
    bool renamed = f->read->model.kind == VALUE_STRING && !json_text_is(&f->read->model, x->asked);
    if (has_usage || renamed)
        push_changed(s, x, f, has_usage);
    else
        sink_push(s->next, x, f);
}

/* What a stream says that ends too early; its last event. */
static void push_error(struct sink *s, struct exchange *x)
{
    struct buf body = BUF_INIT(NOTE_BYTES + 2 * x->passed_body.n);
    if (x->passed_body.n)
        buf_add(&body, x->passed_body);
    else
        error_body_write(&x->err, &body);
    struct answer none = {0};
    sink_push(s->next, x, &(struct frame){.kind = FRAME_EVENT, .data = buf_str(&body), .read = &none});
    buf_done(&body);
}

static void format_end(struct sink *s, struct exchange *x, enum end how)
{
    struct format *state = s->state;
    if (how == END_COMPLETE && state->streams && !state->sent_done)
        push_done(s, x);
    if (how == END_CUT && x->head_out && !state->sent_done && x->finish != FINISH_client_gone)
        push_error(s, x);
    sink_end(s->next, x, how);
}

const struct sink_class sink_format = {
    .name = "format",
    .help = "makes of the answer what the caller asked for: model, usage, [DONE], errors",
    .state_bytes = sizeof(struct format),
    .push = format_push,
    .end = format_end,
};
