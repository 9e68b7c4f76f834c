#include "gateway/core/row.h"

#include "gateway/base/clock.h"
#include "gateway/base/money.h"
#include "gateway/base/scope.h"
#include "gateway/core/arm.h"

void row_begin(const struct exchange *x, struct ledger_request *row)
{
    *row = (struct ledger_request){
        .request_id = str_of(x->id),
        .started_ms = x->started_ms,
        .team = str_of(x->key->team),
        .key_id = str_of(x->key->id),
        .unit = x->unit,
        .session = x->session,
        .tags = x->tags,
        .endpoint = str_of(endpoint_info(x->endpoint)->name),
        .stream = x->request.stream,
        .model_asked = x->asked,
        .prompt_name = str_of(x->prompt.version ? x->prompt.version->name : NULL),
        .prompt_version = x->prompt.version ? x->prompt.version->version : 0,
        .prompt_hash = str_of(x->prompt.version ? x->prompt.version->hash : NULL),
        .arm = str_of(arm_word(x)),
        .policy_version = str_of(x->policy.set ? x->policy.set->version : NULL),
        .policy_verdict = x->policy.set ? str_of(treatment_verdict(&x->policy.t)) : STR(""),
        .route_reason = str_of(x->reason),
        .ttft_us = LEDGER_NULL,
        .total_us = LEDGER_NULL,
        .overhead_us = LEDGER_NULL,
    };
    if (!x->rag.collection)
        return;
    row->rag_collection = str_of(x->rag.collection->name);
    row->rag_version = x->rag.version;
    row->rag_passages = x->rag.list;
}

void row_cost(struct ledger_cost *to, const struct usage *u, int64_t cost_nusd,
              enum cost_source source, const char *price_version)
{
    *to = (struct ledger_cost){
        .tokens = {[TOKENS_INPUT] = u->input,
                   [TOKENS_CACHED] = u->cached,
                   [TOKENS_CACHE_WRITE] = u->cache_write,
                   [TOKENS_OUTPUT] = u->output,
                   [TOKENS_REASONING] = u->reasoning,
                   [TOKENS_AUDIO] = u->audio_in + u->audio_out},
        .cost_nusd = cost_nusd,
        .cost_source = str_of(cost_source_word(source)),
        .price_version = str_of(price_version),
    };
}

void row_reserve(const struct exchange *x, struct ledger_request *row)
{
    struct ledger_cost booked;
    bool priced = x->bound_nusd != LEDGER_NULL && x->cost_nusd != LEDGER_NULL;
    row_begin(x, row);
    row_cost(&booked, &x->usage, x->cost_nusd, x->cost_source, NULL);
    row_cost(&row->cost, &x->bound, priced ? money_sum(x->cost_nusd, x->bound_nusd) : LEDGER_NULL,
             priced ? COST_bound : COST_unpriced, x->bound_version);
    for (unsigned i = 0; i < TOKEN_KINDS; i++)
        row->cost.tokens[i] = money_sum(row->cost.tokens[i], booked.tokens[i]);
}

static struct times measure(const struct exchange *x)
{
    int64_t now_us = clock_now_us();
    struct times t = {
        .total_us = now_us - x->started_us, .ttft_us = LEDGER_NULL, .overhead_us = LEDGER_NULL};
    if (x->first_frame_us)
        t.ttft_us = x->first_frame_us - x->started_us;
    if (x->received_us) {
        int64_t end_us = x->first_frame_us ? x->first_frame_us : now_us;
        t.overhead_us = end_us - x->received_us - x->call.waited_us;
        t.overhead_us = t.overhead_us < 0 ? 0 : t.overhead_us;
    }
    return t;
}

static void write_row(const struct exchange *x, const struct times *t)
{
    struct ledger_request row;
    SCOPED(buf_done) struct buf hits = BUF_INIT(LEDGER_HITS_BYTES);
    row_begin(x, &row);
    if (x->policy.set)
        treatment_write(&x->policy.t, LEDGER_HITS_BYTES, &hits);
    row.policy_hits = buf_str(&hits);
    row_cost(&row.cost, &x->usage, x->cost_nusd, x->cost_source, x->price_version);
    row.cost.over_bound = x->over_bound;
    if (x->served) {
        row.model_served = x->served->model;
        row.provider = str_of(x->served->target->provider->name);
    } else if (x->cache.state == CACHED_HANDING_OUT) {
        row.model_served = buf_str(&x->cache.kept->model);
        row.provider = buf_str(&x->cache.kept->provider);
    }
    row.cache = str_of(x->cache.word);
    row.saved_nusd = x->cache.saved_nusd;
    row.judged = x->behaviour.judged;
    row.refusal = x->behaviour.scores.refusal;
    row.empty = x->behaviour.scores.empty;
    row.truncated = x->behaviour.scores.truncated;
    row.misfit = x->behaviour.scores.misfit;
    row.repetition = x->behaviour.scores.repetition;
    row.language_mismatch = x->behaviour.scores.language_mismatch;
    row.citations_lost = x->behaviour.scores.citations_lost;
    row.attempts = x->attempts;
    row.status = exchange_status(x);
    row.finish = str_of(exchange_finish_word(x));
    row.total_us = t->total_us;
    row.ttft_us = t->ttft_us;
    row.overhead_us = t->overhead_us;
    ledger_settle(x->worker->gateway->store, &row);
}

struct times row_settle(const struct exchange *x)
{
    struct times t = measure(x);
    if (x->key && !x->dry_run)
        write_row(x, &t);
    return t;
}

struct str status_class(int status)
{
    static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    unsigned class = (unsigned)status / 100;
    return str_of(class < sizeof classes / sizeof classes[0] ? classes[class] : "other");
}
