#include "gateway/core/child.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/core/stage.h"
#include "gateway/llm/embedding.h"
#include "gateway/store/ledger.h"

enum { ANSWER_MAX_BYTES = 4 * 1024 * 1024 };

struct child {
    struct exchange x;
    struct exchange *parent;
    struct sink out;
    struct buf question, answer;
};

static const struct stage *const child_stages[] = {&stage_route, &stage_call, NULL};

static struct child *child_of(struct exchange *x)
{
    return (struct child *)x;
}

static void keep_frame(struct sink *s, struct exchange *x, const struct frame *f)
{
    (void)s;
    buf_add(&child_of(x)->answer, f->data);
}

static void take_sums(struct exchange *x, const struct exchange *child)
{
    x->attempts = child->attempts;
    usage_add(&x->usage, &child->usage);
    x->cost_source = child->cost_source;
    if (child->cost_nusd == LEDGER_NULL || x->cost_nusd == LEDGER_NULL)
        x->cost_nusd = LEDGER_NULL;
    else
        x->cost_nusd += child->cost_nusd;
    if (child->price_version)
        x->price_version = child->price_version;
}

static void keep_end(struct sink *s, struct exchange *x, enum end how)
{
    (void)s, (void)how;
    exchange_release(x);
}

static void is_over(struct exchange *x)
{
    struct exchange *parent = child_of(x)->parent;
    take_sums(parent, x);
    exchange_resume(parent);
}

static void on_asking(struct exchange *x)
{
    (void)x;
}

static const struct sink_class child_sink = {.name = "child", .push = keep_frame, .end = keep_end};
static const struct front child_front = {.on_asking = on_asking};

static void cancel_child(void *op)
{
    exchange_abort(op, FINISH_client_gone);
}

/* Any model of the config may embed: that it does was the operator's word, not the key's. */
static const char *const all_models[] = {"*", NULL}, *const nothing[] = {NULL};
static const struct key gateway_key = {
    .id = "", .team = "", .name = "", .models = all_models, .tags = nothing};

static void set_up(struct child *c, struct exchange *x, struct str model)
{
    c->out.class = &child_sink;
    exchange_init(&c->x, child_stages, &c->out);
    memcpy(c->x.id, x->id, sizeof c->x.id);
    c->x.worker = x->worker;
    c->x.front = &child_front;
    c->x.on_over = is_over;
    c->x.endpoint = ENDPOINT_embeddings;
    c->x.config = x->config;
    c->x.keyring = x->keyring;
    c->x.key = &gateway_key;
    c->x.head.forward_lines = nothing;
    c->x.asked = (struct str){arena_strdup(&c->x.arena, model), model.n};
    c->x.started_us = clock_now_us();
    c->x.started_ms = clock_wall_ms();
    c->x.received_us = c->x.started_us;
    c->x.bound_nusd = LEDGER_NULL;
    c->x.attempts = x->attempts;
    c->x.body = buf_str(&c->question);
}

enum step child_embed(struct exchange *x, struct str model, struct str text, struct err *err)
{
    struct child *c = NEW(struct child);
    c->parent = x;
    c->question = (struct buf)BUF_INIT(SIZE_MAX);
    c->answer = (struct buf)BUF_INIT(ANSWER_MAX_BYTES);
    embedding_ask(model, &text, 1, &c->question);
    set_up(c, x, model);
    x->rag.child = c;
    if (!request_scan(ENDPOINT_embeddings, c->x.body, x->config->server.json_depth, &c->x.request,
                      err)) {
        arena_done(&c->x.arena);
        return STEP_FAIL;
    }
    x->rag.state = RAG_EMBEDDING;
    x->wait = (struct wait){.cancel = cancel_child, .op = &c->x};
    exchange_run(&c->x);
    return STEP_WAIT;
}

bool child_vector(struct exchange *x, struct buf *vector, struct err *err)
{
    struct child *c = x->rag.child;
    unsigned dimension = 0;
    if (c->x.finish != FINISH_complete) {
        *err = c->x.err;
        return err_set(err, ERR_internal, "the embedder gave no answer");
    }
    return embedding_read(buf_str(&c->answer), 1, vector, &dimension, err) &&
           (dimension == index_manifest(x->rag.index)->dimension ||
            err_set(err, ERR_bad_answer, "the embedder gives %u numbers, the index has %u",
                    dimension, index_manifest(x->rag.index)->dimension));
}

void child_done(struct exchange *x)
{
    struct child *c = x->rag.child;
    if (!c)
        return;
    buf_done(&c->question);
    buf_done(&c->answer);
    free(c);
    x->rag.child = NULL;
}
