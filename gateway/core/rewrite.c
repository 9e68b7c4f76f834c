/*
 * The order in which things leave is the point: first the held text of channels that end
 * with this event, then the event.  And once the policy has blocked the answer, what was
 * decided before the place, the events that end it, and nothing more.
 */
#include "gateway/core/rewrite.h"

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"

enum { ENVELOPE_BYTES = FRAME_MAX_BYTES };

struct rewrite_channel {
    struct answer_channel id;
    const struct text_work *work;
    void *state;
    struct buf head,
        tail; /* of an event of its own; of Responses the head is the event that was last fed */
    struct buf name;
    struct rewrite_channel *next;
};

static void done(void *arg)
{
    struct rewrite *r = arg;
    for (struct rewrite_channel *c = r->channels; c; c = c->next) {
        c->work->done(c->state);
        buf_done(&c->head);
        buf_done(&c->tail);
        buf_done(&c->name);
    }
    answer_leaves_done(&r->leaves);
    patch_done(&r->patch);
    buf_done(&r->data);
    buf_done(&r->text);
    buf_done(&r->fresh);
    buf_done(&r->response);
}

static struct rewrite *state_of(struct sink *s, struct exchange *x, const struct text_work *work)
{
    struct rewrite *r = s->state;
    if (r->work)
        return r;
    *r = (struct rewrite){
        .work = work,
        .data = BUF_INIT(SIZE_MAX),
        .text = BUF_INIT(SIZE_MAX),
        .fresh = BUF_INIT(SIZE_MAX),
        .response = BUF_INIT(SIZE_MAX),
        .sequence = -1,
    };
    patch_init(&r->patch);
    arena_defer(&x->arena, done, r);
    return r;
}

static struct rewrite_channel *channel_of(struct rewrite *r, struct exchange *x,
                                          const struct answer_leaf *leaf)
{
    const struct answer_channel *id = &leaf->channel;
    for (struct rewrite_channel *c = r->channels; c; c = c->next)
        if (c->id.part == id->part && c->id.choice == id->choice && c->id.index == id->index)
            return c;
    struct rewrite_channel *c = arena_alloc(&x->arena, sizeof *c);
    *c = (struct rewrite_channel){
        .id = *id,
        .work = r->work,
        .state = arena_alloc(&x->arena, r->work->state_bytes),
        .head = BUF_INIT(ENVELOPE_BYTES),
        .tail = BUF_INIT(ENVELOPE_BYTES),
        .name = BUF_INIT(ENVELOPE_BYTES),
        .next = r->channels,
    };
    r->work->begin(x, c->state, leaf);
    r->channels = c;
    return c;
}

/* ---- out */

static void hand_on(struct sink *s, struct exchange *x, const struct frame *f)
{
    struct rewrite *r = s->state;
    for (unsigned i = 0; i < 2 && f->read; i++) {
        r->begun[i] |= f->read->begun[i];
        r->finished[i] |= f->read->finished[i];
    }
    sink_push(s->next, x, f);
}

/* A document of ours, or one that we changed. */
static void push_made(struct sink *s, struct exchange *x, enum frame_kind kind, struct str name,
                      struct str data)
{
    struct answer read;
    struct err err = {0};
    if (!answer_scan(x->endpoint, data, &read, &err)) {
        exchange_fail(x, &err);
        return;
    }
    hand_on(s, x, &(struct frame){kind, name, data, &read});
}

static void add_number(struct patch *p, const struct json_value *v, int64_t n)
{
    size_t from = p->made.n;
    buf_add_int(&p->made, n);
    patch_add(p, v->raw, from);
}

static void add_text(struct patch *p, const struct json_value *v, struct str text)
{
    size_t from = p->made.n;
    json_quote(&p->made, text);
    patch_add(p, v->raw, from);
}

/* Of Responses: the event that was last fed, with another delta and the next number. */
static void write_again(struct rewrite *r, struct rewrite_channel *c, struct str text,
                        struct buf *out)
{
    struct answer_leaves leaves = {0};
    struct patch patch;
    struct err ignored = {0};
    patch_init(&patch);
    patch_begin(&patch, buf_str(&c->head));
    if (answer_leaves_scan(ENDPOINT_responses, buf_str(&c->head), true, &leaves, &ignored)) {
        const struct json_value *delta = NULL, *number = leaves.sequence.kind == VALUE_NUMBER
                                                             ? &leaves.sequence
                                                             : NULL;
        for (size_t i = 0; i < leaves.n; i++)
            if (leaves.v[i].channel.part != PART_whole)
                delta = &leaves.v[i].value;
        r->shift += number != NULL;
        r->sequence += number != NULL;
        if (number && delta && number->raw.p < delta->raw.p)
            add_number(&patch, number, r->sequence);
        if (delta)
            add_text(&patch, delta, text);
        if (number && delta && number->raw.p > delta->raw.p)
            add_number(&patch, number, r->sequence);
    }
    patch_write(&patch, out);
    patch_done(&patch);
    answer_leaves_done(&leaves);
}

static void release(struct sink *s, struct exchange *x, struct rewrite_channel *c, struct str text)
{
    struct rewrite *r = s->state;
    if (text.n == 0)
        return;
    SCOPED(buf_done) struct buf data = BUF_INIT(SIZE_MAX);
    if (x->endpoint == ENDPOINT_responses) {
        write_again(r, c, text, &data);
    } else {
        buf_add(&data, buf_str(&c->head));
        json_quote(&data, text);
        buf_add(&data, buf_str(&c->tail));
    }
    push_made(s, x, FRAME_EVENT, buf_str(&c->name), buf_str(&data));
}

/* ---- the end by rule */

static bool is_blocked(const struct rewrite *r, const struct exchange *x)
{
    return r->work->may_block && x->policy.t.blocked_by;
}

static void end_response(struct sink *s, struct exchange *x)
{
    struct rewrite *r = s->state;
    SCOPED(buf_done) struct buf data = BUF_INIT(SIZE_MAX);
    buf_add(&data, STR("{\"type\":\"response.incomplete\",\"sequence_number\":"));
    buf_add_int(&data, r->sequence + 1);
    buf_add(&data, STR(",\"response\":"));
    answer_response_blocked(buf_str(&r->response), &data);
    buf_add(&data, STR("}"));
    push_made(s, x, FRAME_EVENT, STR("response.incomplete"), buf_str(&data));
}

static void end_choices(struct sink *s, struct exchange *x)
{
    struct rewrite *r = s->state;
    uint64_t open[2] = {r->begun[0] & ~r->finished[0], r->begun[1] & ~r->finished[1]};
    if (!r->begun[0] && !r->begun[1])
        open[0] = 1;
    for (unsigned i = 0; i < ANSWER_CHOICES; i++) {
        if (!(open[i / 64] >> i % 64 & 1))
            continue;
        SCOPED(buf_done) struct buf data = BUF_INIT(SIZE_MAX);
        answer_event_blocked(x->endpoint, &r->leaves, i, &data);
        push_made(s, x, FRAME_EVENT, STR(""), buf_str(&data));
    }
}

static void end_stream_by_rule(struct sink *s, struct exchange *x)
{
    struct rewrite *r = s->state;
    if (r->over)
        return;
    r->over = true;
    x->policy.blocked_answer = true;
    if (x->endpoint == ENDPOINT_responses)
        end_response(s, x);
    else
        end_choices(s, x);
    sink_push(s->next, x, &(struct frame){.kind = FRAME_DONE});
}

/* ---- in */

static void flush(struct sink *s, struct exchange *x, struct rewrite_channel *c)
{
    struct rewrite *r = s->state;
    buf_cut(&r->fresh, 0);
    r->work->end(c->state, &r->fresh);
    release(s, x, c, buf_str(&r->fresh));
}

/* Does this event end the channel? */
static bool ends(const struct rewrite *r, const struct exchange *x, const struct frame *f,
                 const struct answer_channel *c)
{
    if (f->kind == FRAME_DONE || f->read->ended != ANSWER_OPEN)
        return true;
    if (x->endpoint != ENDPOINT_responses)
        return c->choice < ANSWER_CHOICES &&
               f->read->finished[c->choice / 64] >> c->choice % 64 & 1;
    return str_ends(r->leaves.type, STR(".done\"")) && r->leaves.n > 0 &&
           r->leaves.v[0].channel.choice == c->choice;
}

static bool is_fed_by(const struct rewrite *r, const struct answer_channel *c)
{
    for (size_t i = 0; i < r->leaves.n; i++) {
        const struct answer_channel *id = &r->leaves.v[i].channel;
        if (id->part != PART_whole && id->part == c->part && id->choice == c->choice &&
            id->index == c->index)
            return true;
    }
    return false;
}

/* Of channels as they began: what was held first leaves first. */
static void flush_ending(struct sink *s, struct exchange *x, const struct frame *f,
                         struct rewrite_channel *c)
{
    if (!c)
        return;
    flush_ending(s, x, f, c->next);
    const struct rewrite *r = s->state;
    bool goes = r->work->holds(c->state) && ends(r, x, f, &c->id) &&
                (f->kind == FRAME_DONE || !is_fed_by(r, &c->id));
    if (goes && !r->over)
        flush(s, x, c);
}

static void keep_envelope(struct rewrite *r, const struct exchange *x, struct rewrite_channel *c,
                          const struct frame *f, const struct answer_leaf *leaf)
{
    buf_cut(&c->name, 0);
    buf_add(&c->name, f->name);
    if (x->endpoint == ENDPOINT_responses) {
        buf_cut(&c->head, 0);
        buf_add(&c->head, f->data);
    } else {
        answer_event_around(x->endpoint, &r->leaves, f->data, leaf, &c->head, &c->tail);
    }
}

static void feed(struct sink *s, struct exchange *x, const struct frame *f,
                 const struct answer_leaf *leaf)
{
    struct rewrite *r = s->state;
    struct rewrite_channel *c = channel_of(r, x, leaf);
    buf_cut(&r->text, 0);
    buf_cut(&r->fresh, 0);
    json_text(&leaf->value, &r->text);
    r->work->feed(c->state, buf_str(&r->text), &r->fresh);
    if (ends(r, x, f, &c->id))
        r->work->end(c->state, &r->fresh);
    bool blocked = is_blocked(r, x);
    if (blocked || r->work->holds(c->state))
        keep_envelope(r, x, c, f, leaf);
    if (blocked)
        release(s, x, c, buf_str(&r->fresh));
    else if (!str_eq(buf_str(&r->fresh), buf_str(&r->text)))
        add_text(&r->patch, &leaf->value, buf_str(&r->fresh));
}

static void treat_whole(struct rewrite *r, struct exchange *x, const struct answer_leaf *leaf)
{
    struct str raw = leaf->value.raw, inner = {raw.p + 1, raw.n - 2};
    size_t from = r->patch.made.n;
    buf_cut(&r->fresh, 0);
    if (leaf->kind == ANSWER_LEAF_text) {
        if (r->work->whole(x, leaf, inner, &r->patch.made))
            patch_add(&r->patch, inner, from);
        return;
    }
    buf_cut(&r->text, 0);
    json_text(&leaf->value, &r->text);
    if (r->work->whole(x, leaf, buf_str(&r->text), &r->fresh))
        add_text(&r->patch, &leaf->value, buf_str(&r->fresh));
}

static void treat_leaf(struct sink *s, struct exchange *x, const struct frame *f,
                       const struct answer_leaf *leaf)
{
    struct rewrite *r = s->state;
    size_t from = r->patch.made.n;
    switch (leaf->kind) {
    case ANSWER_LEAF_text:
    case ANSWER_LEAF_document:
        if (leaf->channel.part == PART_whole)
            treat_whole(r, x, leaf);
        else
            feed(s, x, f, leaf);
        break;
    case ANSWER_LEAF_logprobs: /* the text again, which must not say what the text does not */
        if (leaf->value.raw.n == 2)
            break;
        buf_add(&r->patch.made, x->endpoint == ENDPOINT_responses ? STR("[]") : STR("null"));
        patch_add(&r->patch, leaf->value.raw, from);
        break;
    case ANSWER_LEAF_identifier:
    case ANSWER_LEAF_opaque:
        break;
    }
}

/* Of Responses, once events of ours stand between: numbers stay in order. */
static void renumber(struct rewrite *r)
{
    int64_t n;
    if (!json_int(&r->leaves.sequence, &n))
        return;
    r->sequence = n + r->shift;
}

static bool read_leaves(struct rewrite *r, struct exchange *x, const struct frame *f)
{
    struct err err = {0}, why = {0};
    if (answer_leaves_scan(x->endpoint, f->data, f->kind == FRAME_EVENT, &r->leaves, &why))
        return true;
    err_set(&err, ERR_bad_answer, "%s", why.detail[0] ? why.detail : why.say);
    exchange_fail(x, &err);
    return false;
}

/* The number stands among the leaves, and patches go in order. */
static void treat_leaves(struct sink *s, struct exchange *x, const struct frame *f)
{
    struct rewrite *r = s->state;
    const struct json_value *number =
        r->shift && r->leaves.sequence.kind == VALUE_NUMBER ? &r->leaves.sequence : NULL;
    for (size_t i = 0; i < r->leaves.n && !is_blocked(r, x); i++) {
        if (number && number->raw.p < r->leaves.v[i].value.raw.p) {
            add_number(&r->patch, number, r->sequence);
            number = NULL;
        }
        treat_leaf(s, x, f, &r->leaves.v[i]);
    }
    if (number && !is_blocked(r, x))
        add_number(&r->patch, number, r->sequence);
}

static void push_event(struct sink *s, struct exchange *x, const struct frame *f)
{
    struct rewrite *r = s->state;
    if (!read_leaves(r, x, f))
        return;
    if (r->leaves.response.n) {
        buf_cut(&r->response, 0);
        buf_add(&r->response, r->leaves.response);
    }
    flush_ending(s, x, f, r->channels);
    if (!is_blocked(r, x)) {
        renumber(r);
        patch_begin(&r->patch, f->data);
        treat_leaves(s, x, f);
    }
    if (is_blocked(r, x)) {
        end_stream_by_rule(s, x);
    } else if (r->patch.n == 0) {
        hand_on(s, x, f);
    } else {
        buf_cut(&r->data, 0);
        patch_write(&r->patch, &r->data);
        push_made(s, x, FRAME_EVENT, f->name, buf_str(&r->data));
    }
}

static void push_blocked_body(struct sink *s, struct exchange *x, const struct frame *f)
{
    struct rewrite *r = s->state;
    if (x->endpoint == ENDPOINT_embeddings || x->endpoint == ENDPOINT_moderations) {
        struct err err = {0};
        err_say(&err, ERR_blocked, NULL, "the policy rule '%s' forbids the answer",
                x->policy.t.blocked_by->id);
        exchange_fail(x, &err);
        return;
    }
    x->policy.blocked_answer = true;
    buf_cut(&r->data, 0);
    answer_body_blocked(x->endpoint, f->data, f->read->begun, &r->data);
    push_made(s, x, FRAME_BODY, f->name, buf_str(&r->data));
}

static void push_body(struct sink *s, struct exchange *x, const struct frame *f)
{
    struct rewrite *r = s->state;
    if (!read_leaves(r, x, f))
        return;
    patch_begin(&r->patch, f->data);
    treat_leaves(s, x, f);
    if (is_blocked(r, x)) {
        push_blocked_body(s, x, f);
    } else if (r->patch.n == 0) {
        hand_on(s, x, f);
    } else {
        buf_cut(&r->data, 0);
        patch_write(&r->patch, &r->data);
        push_made(s, x, FRAME_BODY, f->name, buf_str(&r->data));
    }
}

void rewrite_push(struct sink *s, struct exchange *x, const struct frame *f,
                  const struct text_work *work)
{
    struct rewrite *r = state_of(s, x, work);
    if (r->over)
        return;
    switch (f->kind) {
    case FRAME_EVENT:
        push_event(s, x, f);
        break;
    case FRAME_BODY:
        push_body(s, x, f);
        break;
    case FRAME_DONE:
        flush_ending(s, x, f, r->channels);
        if (is_blocked(r, x))
            end_stream_by_rule(s, x);
        else
            sink_push(s->next, x, f);
        break;
    case FRAME_NOTE:
        sink_push(s->next, x, f);
        break;
    }
}

void rewrite_end(struct sink *s, struct exchange *x, enum end how, const struct text_work *work)
{
    struct rewrite *r = state_of(s, x, work);
    if (!r->over && x->finish != FINISH_client_gone)
        flush_ending(s, x, &(struct frame){.kind = FRAME_DONE}, r->channels);
    sink_end(s->next, x, how);
}
