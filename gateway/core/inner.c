#include "gateway/core/inner.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/core/exchange.h"
#include "gateway/core/row.h"
#include "gateway/core/spend.h"
#include "gateway/core/stage.h"
#include "gateway/net/names.h"
#include "gateway/net/transport.h"

enum { MEMORY_BYTES = 256 * 1024 * 1024 };

struct inner {
    struct gateway gateway;
    struct worker worker;
    struct config *config;
};

struct inner_start { /* on the loop, so that its end cannot come before loop_run() */
    struct message message;
    struct exchange *x;
};

struct listening {
    struct sink sink;
    struct buf *answer;
};

static void keep_body(struct sink *s, struct exchange *x, const struct frame *f)
{
    (void)x;
    buf_add(((struct listening *)s)->answer, f->data);
}

static void keep_end(struct sink *s, struct exchange *x, enum end how)
{
    (void)s, (void)how;
    exchange_release(x);
}

static const struct sink_class listening_class = {
    .name = "inner", .push = keep_body, .end = keep_end};

static enum step begin(struct exchange *x, struct err *err)
{
    (void)x, (void)err;
    return STEP_NEXT;
}

static void settle(struct exchange *x)
{
    row_settle(x);
    spend_settle(x);
}

static const struct stage settling = {
    .name = "settle", .help = "writes the last row", .run = begin, .undo = settle};
static const struct stage *const inner_stages[] = {&settling,     &stage_parse, &stage_route,
                                                   &stage_budget, &stage_call,  NULL};

static const char *const all_models[] = {"*", NULL}, *const nothing[] = {NULL};
static const struct key gateway_key = {
    .id = "", .team = "", .name = "", .models = all_models, .tags = nothing};

static void on_asking(struct exchange *x)
{
    (void)x;
}
static const struct front inner_front = {.on_asking = on_asking};

static void is_over(struct exchange *x)
{
    loop_stop(x->worker->loop);
}

struct inner *inner_open(struct store *s, struct config *c, struct err *err)
{
    struct inner *i = NEW(struct inner);
    struct gateway *g = &i->gateway;
    i->config = c;
    g->store = s;
    g->jobs = jobs_new(1);
    g->metrics = metrics_new(1);
    g->memory.max_bytes = MEMORY_BYTES;
    shelf_slot_init(&g->shelf);
    i->worker.gateway = g;
    i->worker.metrics = metrics_shard(g->metrics, 0);
    i->worker.loop = loop_new(0, err);
    if (i->worker.loop)
        i->worker.transports[TRANSPORT_http] = curl_transport_new(i->worker.loop, err);
    if (i->worker.transports[TRANSPORT_http]) {
        i->worker.transports[TRANSPORT_plain] = h1_transport_new(i->worker.loop, g->jobs);
        i->worker.transports[TRANSPORT_sim] = sim_transport_new(i->worker.loop);
        return i;
    }
    inner_close(i);
    return NULL;
}

void inner_close(struct inner *i)
{
    if (!i)
        return;
    jobs_free(i->gateway.jobs);
    if (i->worker.transports[TRANSPORT_http]) {
        curl_transport_free(i->worker.transports[TRANSPORT_http]);
        h1_transport_free(i->worker.transports[TRANSPORT_plain]);
        sim_transport_free(i->worker.transports[TRANSPORT_sim]);
    }
    loop_free(i->worker.loop);
    metrics_free(i->gateway.metrics);
    shelf_slot_done(&i->gateway.shelf);
    free(i);
}

static void start(struct message *m)
{
    exchange_run(((struct inner_start *)m)->x);
}

bool inner_ask(struct inner *i, enum endpoint e, struct str body, struct buf *answer,
               struct err *err)
{
    struct listening sink = {.sink.class = &listening_class, .answer = answer};
    struct exchange *x = NEW(struct exchange);
    exchange_init(x, inner_stages, &sink.sink);
    x->worker = &i->worker;
    x->front = &inner_front;
    x->on_over = is_over;
    x->config = i->config;
    x->key = &gateway_key;
    x->endpoint = e;
    x->body = body;
    x->head.forward_lines = nothing;
    x->started_us = x->received_us = clock_now_us();
    x->started_ms = clock_wall_ms();
    worker_request_id(&i->worker, x->started_ms, x->id);
    struct inner_start first = {.message.fn = start, .x = x};
    loop_post(i->worker.loop, &first.message);
    loop_run(i->worker.loop);
    bool ok = x->finish == FINISH_complete;
    if (!ok) {
        *err = x->err;
        err_set(err, ERR_internal, "the model gave no answer");
    }
    free(x);
    return ok;
}
