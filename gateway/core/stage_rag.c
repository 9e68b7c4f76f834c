/*
 * rag - finds passages for what the user asked last, and puts them in front of it.
 *
 * Reads:   head, request, body, asked, key, config
 * Writes:  rag; body and request, which hold the passages then
 * Waits:   for the search, on threads of its own; for the embedder, where that is a model
 * Undo:    gives memory back
 *
 * The body is spliced once, in the user's own turn; nothing else of it changes.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/core/child.h"
#include "gateway/core/rag.h"
#include "gateway/core/stage.h"
#include "gateway/llm/user_turn.h"
#include "policy/channel.h"
#include "rag/context.h"

enum { GROWTH = 6, QUERY_MAX_BYTES = 8 * 1024 };

/* What the thread works on: copies, and what x holds references to. */
struct rag_job {
    struct job job;
    struct exchange *x; /* it stays as long as it is waited for */
    const struct index *index;
    struct search search;
    struct buf query, vector;
    struct search_hit hits[SEARCH_MAX];
    size_t n;
};

static void job_free(struct rag_job *j)
{
    if (!j)
        return;
    buf_done(&j->query);
    buf_done(&j->vector);
    free(j);
}

static void work(struct job *job)
{
    struct rag_job *j = (struct rag_job *)job;
    j->n = index_search(j->index, &j->search, j->hits);
}

static void done(struct job *job)
{
    exchange_resume(((struct rag_job *)job)->x);
}

/* A search takes a moment: its end is waited for. */
static void cancel_search(void *op)
{
    (void)op;
}

static enum step augment(struct exchange *x, struct err *err);

static enum step start_search(struct exchange *x, struct err *err)
{
    struct rag_job *j = x->rag.job;
    const struct collection *c = x->rag.collection;
    j->search = (struct search){
        .text = buf_str(&j->query),
        .vector = j->vector.n ? (const float *)(const void *)j->vector.p : NULL,
        .reader = {x->key->team, x->key->tags},
        .collection = c->access,
        .k = c->k,
    };
    x->rag.state = RAG_SEARCHING;
    if (!x->worker->gateway->searches) { /* explained where no request waits */
        work(&j->job);
        return augment(x, err);
    }
    x->wait = (struct wait){.cancel = cancel_search, .op = x};
    jobs_add(x->worker->gateway->searches, &j->job);
    return STEP_WAIT;
}

static enum step begin(struct exchange *x, struct err *err)
{
    struct user_turn t;
    if (!rag_choose(x, err))
        return STEP_FAIL;
    if (!x->rag.collection)
        return STEP_NEXT;
    struct rag_job *j = NEW(struct rag_job);
    *j = (struct rag_job){
        .job = {.work = work, .done = done, .loop = x->worker->loop},
        .x = x,
        .index = x->rag.index,
        .query = BUF_INIT(x->body.n),
        .vector = BUF_INIT(SIZE_MAX),
    };
    x->rag.job = j;
    if (!user_turn_find(x->endpoint, x->body, x->config->server.json_depth, &t, &j->query, err))
        return STEP_FAIL;
    if (j->query.n > QUERY_MAX_BYTES) /* what is asked stands at the end */
        buf_drop(&j->query, j->query.n - QUERY_MAX_BYTES);
    if (rag_asks_model(x->rag.index) && !x->dry_run)
        return child_embed(x, str_of(index_manifest(x->rag.index)->model), buf_str(&j->query), err);
    return start_search(x, err);
}

/*
 * Retrieved text as the model is shown it: treated by the policies, with the request's own
 * pseudonyms.  False: one of them blocks it.
 */
static bool treat(struct exchange *x, struct str own, struct buf *text)
{
    if (!x->policy.set ||
        !channel_treat(&x->policy.t, DIRECTION_request, CHANNEL_PLAIN, NULL, own, text))
        buf_add(text, own);
    if (!x->policy.set || !x->policy.t.blocked_by)
        return true;
    x->policy.t.blocked_by = NULL; /* the passage is what is blocked, not the request */
    return false;
}

/* Every passage comes through here before anything leaves; false: it is left out. */
static bool treat_passage(struct exchange *x, const struct search_hit *h, struct buf *title, struct buf *text)
{
    const struct index_document *d = index_document(x->rag.index, h->document);
    SCOPED(buf_done) struct buf own = BUF_INIT(SIZE_MAX);
    passage_title(d->title, index_heading(x->rag.index, h->passage), &own);
    return treat(x, buf_str(&own), title) &&
           treat(x, (struct str){d->text.p + h->from, h->to - h->from}, text);
}

/* In order, as long as the budget lasts; the first is never too long. */
static void show_passages(struct exchange *x, struct buf *out)
{
    const struct rag_job *j = x->rag.job;
    unsigned tokens = 0;
    x->rag.passages = arena_alloc(&x->arena, (j->n + 1) * sizeof *x->rag.passages);
    for (size_t i = 0; i < j->n; i++) {
        SCOPED(buf_done) struct buf title = BUF_INIT(SIZE_MAX), text = BUF_INIT(SIZE_MAX);
        const struct search_hit *h = &j->hits[i];
        if (!treat_passage(x, h, &title, &text)) {
            x->rag.blocked++;
            continue;
        }
        unsigned more = context_tokens(buf_str(&title), buf_str(&text));
        if (x->rag.n_passages && tokens + more > x->rag.collection->tokens)
            break;
        if (!x->rag.n_passages)
            context_begin(out);
        tokens += more;
        struct rag_passage *p = &x->rag.passages[x->rag.n_passages++];
        *p = (struct rag_passage){h->document, h->from, h->to, h->score, STR("")};
        if (x->dry_run)
            p->text = (struct str){arena_strdup(&x->arena, buf_str(&text)), text.n};
        context_add(out, x->rag.n_passages, buf_str(&title), buf_str(&text));
    }
    if (x->rag.n_passages)
        context_end(out);
}

/* Which passages the model was shown: as little as finds them again. */
static struct str list_passages(struct exchange *x)
{
    struct buf out = BUF_INIT(64 * 1024);
    for (unsigned i = 0; i < x->rag.n_passages; i++) {
        const struct rag_passage *p = &x->rag.passages[i];
        buf_add(&out, i ? STR(",{\"file_id\":") : STR("[{\"file_id\":"));
        json_quote(&out, index_document(x->rag.index, p->document)->id);
        buf_addf(&out, ",\"start\":%u,\"end\":%u}", p->from, p->to);
    }
    buf_add(&out, out.n ? STR("]") : STR("[]"));
    struct str kept = {arena_strdup(&x->arena, buf_ok(&out) ? buf_str(&out) : STR("[]")),
                       buf_ok(&out) ? out.n : 2};
    buf_done(&out);
    return kept;
}

static bool put(struct exchange *x, struct str text, struct err *err)
{
    struct user_turn t;
    struct buf none = BUF_INIT(x->body.n);
    size_t room = x->body.n + GROWTH * text.n + 256;
    bool ok = user_turn_find(x->endpoint, x->body, x->config->server.json_depth, &t, &none, err);
    buf_done(&none);
    if (!ok || !t.there) /* nobody asked anything */
        return ok;
    if (!account_take(&x->worker->gateway->memory, (int64_t)room))
        return err_set(err, ERR_busy, "no memory for passages of %zu bytes", text.n);
    x->rag.charged = (int64_t)room;
    x->rag.body = (struct buf)BUF_INIT(room);
    user_turn_put(&t, x->body, text, &x->rag.body);
    x->body = buf_str(&x->rag.body);
    return request_scan(x->endpoint, x->body, x->config->server.json_depth, &x->request, err);
}

static enum step augment(struct exchange *x, struct err *err)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(SIZE_MAX);
    enum nothing_found rule = x->rag.collection->nothing_found;
    show_passages(x, &text);
    x->rag.list = list_passages(x);
    x->rag.state = RAG_DONE;
    if (!x->dry_run) {
        metric_add(x->worker->metrics, METRIC_passages_total, x->rag.n_passages);
        metric_add(x->worker->metrics, METRIC_passages_blocked_total, x->rag.blocked);
    }
    if (!x->rag.n_passages && rule == NOTHING_refuse) {
        err_say(err, ERR_nothing_found, NULL, "%s", err_info(ERR_nothing_found)->help);
        return STEP_FAIL;
    }
    if (!x->rag.n_passages && rule == NOTHING_say)
        context_nothing(&text);
    return text.n == 0 || put(x, buf_str(&text), err) ? STEP_NEXT : STEP_FAIL;
}

static enum step rag_run(struct exchange *x, struct err *err)
{
    switch (x->rag.state) {
    case RAG_NEW:
        return begin(x, err);
    case RAG_EMBEDDING:
        return child_vector(x, &x->rag.job->vector, err) ? start_search(x, err) : STEP_FAIL;
    case RAG_SEARCHING:
    case RAG_DONE:
        break;
    }
    return augment(x, err);
}

static void rag_undo(struct exchange *x)
{
    child_done(x);
    job_free(x->rag.job);
    x->rag.job = NULL;
    buf_done(&x->rag.body);
    account_give(&x->worker->gateway->memory, x->rag.charged);
    x->rag.charged = 0;
}

const struct stage stage_rag = {
    .name = "rag",
    .help = "puts passages of the collection that was asked for in front of the question",
    .run = rag_run,
    .undo = rag_undo,
};
