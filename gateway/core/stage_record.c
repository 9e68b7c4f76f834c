/*
 * record - first to begin and last to end: the ledger's last row of a request, what its
 * budgets get back, its log line, its metrics.
 *
 * Reads:   everything
 */
#include "gateway/base/clock.h"
#include "gateway/core/exchange.h"
#include "gateway/core/row.h"
#include "gateway/core/spend.h"
#include "gateway/core/stage.h"

static enum step record_run(struct exchange *x, struct err *err)
{
    (void)err;
    atomic_fetch_add_explicit(&x->worker->in_flight, 1, memory_order_relaxed);
    return STEP_NEXT;
}

static void count(const struct exchange *x, const struct times *t)
{
    struct metric_shard *m = x->worker->metrics;
    const struct str labels[] = {str_of(endpoint_info(x->endpoint)->name), status_class(exchange_status(x)),
                                 str_of(exchange_finish_word(x))};
    series_add(metric_series(m), FAMILY_requests, labels, (const int64_t[]){1});
    metric_add(m, METRIC_unauthorised_total, !x->key);
    metric_time(m, METRIC_request_seconds, t->total_us);
    if (t->ttft_us != LEDGER_NULL)
        metric_time(m, METRIC_ttft_seconds, t->ttft_us);
    if (t->overhead_us != LEDGER_NULL)
        metric_time(m, METRIC_overhead_seconds, t->overhead_us);
}

static void write_log(const struct exchange *x, const struct times *t)
{
    LOG(request, F("request", x->id), F("team", x->key ? x->key->team : ""), F("key", x->key ? x->key->id : ""),
        F("endpoint", endpoint_info(x->endpoint)->name), F("model", x->asked), F("prompt", x->prompt.version ? x->prompt.version->name : ""),
        F("prompt_version", x->prompt.version ? x->prompt.version->version : 0),
        F("route", x->reason ? x->reason : ""),
        F("provider", x->served ? x->served->target->provider->name : ""), F("status", exchange_status(x)),
        F("finish", exchange_finish_word(x)), F("attempts", x->attempts), F("total_us", t->total_us),
        F("overhead_us", t->overhead_us), F("input_tokens", x->usage.input), F("output_tokens", x->usage.output),
        F("cost_nusd", x->cost_nusd), F("error", x->err.code ? err_info(x->err.code)->name : ""),
        F("detail", x->err.detail));
}

static void record_undo(struct exchange *x)
{
    struct times t = row_settle(x);
    spend_settle(x); /* only now: who takes what is left writes a row behind that one */
    atomic_fetch_sub_explicit(&x->worker->in_flight, 1, memory_order_relaxed);
    count(x, &t);
    write_log(x, &t);
}

const struct stage stage_record = {
    .name = "record",
    .help = "its undo runs last: ledger, budgets, log line, metrics",
    .run = record_run,
    .undo = record_undo,
};
