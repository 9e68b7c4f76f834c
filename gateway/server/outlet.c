#include "gateway/server/outlet.h"

#include <stddef.h>
#include <string.h>

#include "gateway/llm/sse.h"
#include "gateway/server/client.h"
#include "gateway/server/visit.h"
#include "gateway/server/worker.h"

enum {
    QUEUE_HIGH_BYTES = 64 * 1024, /* above this the upstream is paused, */
    QUEUE_LOW_BYTES = 16 * 1024,  /* until less than this is left */
    QUEUE_MAX_BYTES = QUEUE_HIGH_BYTES + 4 * FRAME_MAX_BYTES,
    DROP_BYTES = 32 * 1024,       /* what was sent is moved out of the way in steps of this */
    BLOCK_BYTES = 1024,           /* for HTTP/1.0 clients; others get chunks as they come */
};

static struct outlet *outlet_of(struct sink *s)
{
    return (struct outlet *)((char *)s - offsetof(struct outlet, sink));
}

static struct loop *loop_of(const struct outlet *o)
{
    return o->visit->worker->core.loop;
}

/* What the queue holds counts as memory in flight; it is too late to refuse it. */
static void recount(struct outlet *o)
{
    int64_t holds = (int64_t)o->queue.cap + (int64_t)o->visit->reply.body.cap;
    if (holds == o->charged)
        return;
    account_give(&o->visit->worker->house->gateway.memory, o->charged - holds);
    o->charged = holds;
}

static void set_keepalive(struct outlet *o)
{
    int64_t ms = o->visit->x.config->stream.keepalive_ms;
    if (ms)
        timer_set(loop_of(o), &o->keepalive, loop_now_ms(loop_of(o)) + ms);
}

static void begin_stream(struct outlet *o)
{
    o->streaming = o->ready = true;
    o->visit->x.head_out = true;
    set_keepalive(o);
}

static void keep_alive(struct timer *timer)
{
    struct outlet *o = (struct outlet *)((char *)timer - offsetof(struct outlet, keepalive));
    if (o->ended)
        return;
    if (!o->streaming)
        begin_stream(o);
    if (o->queue.n == o->sent) {
        buf_add(&o->queue, STR(": keepalive\n\n"));
        visit_wake(o->visit);
    }
    set_keepalive(o);
}

static void push_stream(struct outlet *o, const struct frame *f)
{
    if (f->kind == FRAME_NOTE) {
        buf_addf(&o->queue, ": " STR_FMT "\n\n", STR_ARG(f->data));
    } else {
        struct sse_event e = {f->name, f->kind == FRAME_DONE ? STR("[DONE]") : f->data};
        sse_write(&o->queue, &e);
    }
    if (!o->streaming)
        begin_stream(o);
    o->visit->x.frames_out = true;
    if (!buf_ok(&o->queue))
        o->broken = true;
    bool full = o->queue.n - o->sent > QUEUE_HIGH_BYTES;
    if (full && !o->paused)
        exchange_pause(&o->visit->x, true);
    o->paused |= full;
    recount(o);
    visit_wake(o->visit);
}

/* Kept until its end is known; memory for the copy is taken first. */
static void push_body(struct outlet *o, struct exchange *x, const struct frame *f)
{
    if (!account_take(&x->worker->gateway->memory, (int64_t)f->data.n)) {
        struct err err = {.retry_after_ms = 1000};
        err_set(&err, ERR_busy, "no memory for an answer of %zu bytes", f->data.n);
        exchange_fail(x, &err);
        return;
    }
    o->charged += (int64_t)f->data.n;
    reply_json(&o->visit->reply, MHD_HTTP_OK, f->data);
    recount(o);
}

static void outlet_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    struct outlet *o = outlet_of(s);
    if (x->left)
        return;
    metric_add(x->worker->metrics, METRIC_stream_events_total, f->kind == FRAME_EVENT);
    if (f->kind == FRAME_BODY)
        push_body(o, x, f);
    else
        push_stream(o, f);
}

/* The upstream's own error answer where it may be read, else ours. */
static void fail(struct outlet *o, struct exchange *x)
{
    struct reply *r = &o->visit->reply;
    reply_error(r, &x->err);
    r->status = exchange_status(x);
    if (x->passed_body.n) {
        buf_cut(&r->body, 0);
        buf_add(&r->body, x->passed_body);
    }
}

static void outlet_end(struct sink *s, struct exchange *x, enum end how)
{
    struct outlet *o = outlet_of(s);
    timer_clear(loop_of(o), &o->keepalive);
    o->ended = true;
    if (x->finish == FINISH_client_gone)
        o->broken = true;
    else if (how == END_CUT && !o->streaming)
        fail(o, x);
    o->ready = true;
    visit_wake(o->visit);
}

static const struct sink_class outlet_class = {
    .name = "outlet",
    .help = "hands the answer to the client's connection",
    .push = outlet_push,
    .end = outlet_end,
};

void outlet_init(struct outlet *o, struct visit *v)
{
    *o = (struct outlet){.sink.class = &outlet_class, .visit = v, .queue = BUF_INIT(QUEUE_MAX_BYTES)};
    o->keepalive.fn = keep_alive;
}

void outlet_break(struct outlet *o)
{
    o->broken = o->ready = true;
    timer_clear(loop_of(o), &o->keepalive);
    visit_wake(o->visit);
}

void outlet_expect(struct outlet *o)
{
    const struct exchange *x = &o->visit->x;
    if (!o->broken && x->config->stream.early_headers && x->request.stream && endpoint_info(x->endpoint)->streams)
        set_keepalive(o);
}

void outlet_done(struct outlet *o)
{
    timer_clear(loop_of(o), &o->keepalive);
    account_give(&o->visit->worker->house->gateway.memory, o->charged);
    o->charged = 0;
    buf_done(&o->queue);
}

/* One event at a time: what the client reads in one piece was sent in one. */
static size_t next_event(const struct outlet *o, size_t room)
{
    const char *from = o->queue.p + o->sent;
    size_t left = o->queue.n - o->sent;
    const char *end = memmem(from, left, "\n\n", 2);
    size_t n = end ? (size_t)(end - from) + 2 : left;
    return n < room ? n : room;
}

static void make_room(struct outlet *o)
{
    if (o->sent == o->queue.n) {
        buf_empty_out(&o->queue);
        o->sent = 0;
    } else if (o->sent >= DROP_BYTES) {
        buf_drop(&o->queue, o->sent);
        o->sent = 0;
    }
    recount(o);
    if (o->paused && o->queue.n - o->sent < QUEUE_LOW_BYTES) {
        o->paused = false;
        exchange_pause(&o->visit->x, false);
    }
}

/* MHD_ContentReaderCallback */
static ssize_t read_stream(void *visit, uint64_t at, char *room, size_t room_bytes)
{
    (void)at;
    struct visit *v = visit;
    struct outlet *o = &v->outlet;
    if (o->broken)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = next_event(o, room_bytes);
    if (n == 0) {
        if (o->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        visit_suspend(v);
        return 0;
    }
    memcpy(room, o->queue.p + o->sent, n);
    o->sent += n;
    make_room(o);
    return (ssize_t)n;
}

static enum MHD_Result queue_stream(struct outlet *o)
{
    struct visit *v = o->visit;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, v, NULL);
    MHD_add_response_header(response, "content-type", "text/event-stream");
    MHD_add_response_header(response, "cache-control", "no-cache");
    MHD_add_response_header(response, "x-accel-buffering", "no");
    reply_add_common(v, response);
    client_enter(v->client, PHASE_ANSWER);
    enum MHD_Result queued = MHD_queue_response(v->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return queued;
}

enum MHD_Result outlet_queue(struct outlet *o)
{
    if (o->broken)
        return MHD_NO; /* libmicrohttpd closes the connection */
    return o->streaming ? queue_stream(o) : reply_queue(o->visit);
}
