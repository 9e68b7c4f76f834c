/*
 * The question is made anew for each try, since targets differ in their model's name
 * and in what their dialect understands.  Bodies are spliced; header lines are ours and
 * those that the server let through.
 */
#include "gateway/core/attempt.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/scope.h"
#include "gateway/core/row.h"
#include "gateway/core/spend.h"

enum {
    SPLICE_BYTES = 4096, /* by how much a body can grow */
    DEFAULT_OUTPUT = 32 * 1024, /* tokens, where the catalogue knows no better */
};

int64_t offer_max_output(const struct price *p)
{
    return p && p->default_max_output ? p->default_max_output : DEFAULT_OUTPUT;
}

static const char *line_of(struct exchange *x, const char *name, const char *prefix,
                           struct str value)
{
    size_t name_bytes = strlen(name), prefix_bytes = strlen(prefix);
    char *line = arena_alloc(&x->arena, name_bytes + 2 + prefix_bytes + value.n + 1);
    memcpy(line, name, name_bytes);
    memcpy(line + name_bytes, ": ", 2);
    memcpy(line + name_bytes + 2, prefix, prefix_bytes);
    if (value.n)
        memcpy(line + name_bytes + 2 + prefix_bytes, value.p, value.n);
    return line;
}

static void write_header_lines(struct exchange *x, const struct provider *p)
{
    const char **line = x->call.header_lines, **end = line + CALL_HEADER_LINES - 1;
    *line++ = "content-type: application/json";
    *line++ = x->request.stream ? "accept: text/event-stream" : "accept: application/json";
    *line++ = line_of(x, "x-request-id", "", str_of(x->id));
    if (p->n_api_keys) {
        bool bearer = strcmp(p->dialect->key_header, "authorization") == 0;
        *line++ =
            line_of(x, p->dialect->key_header, bearer ? "Bearer " : "", p->api_keys[x->call.key].s);
    }
    for (const char *const *l = p->header_lines; *l && line < end; l++)
        *line++ = *l;
    for (const char *const *l = x->head.forward_lines; *l && line < end; l++)
        *line++ = *l;
    *line = NULL;
}

/* A caller may have put its key into the query. */
static bool is_key(struct str part)
{
    struct str name;
    str_next(&part, '=', &name);
    return str_eq(name, STR("key")) || str_eq(name, STR("api-key")) || str_eq(name, STR("api_key"));
}

static void write_url(struct exchange *x, const struct provider *p)
{
    SCOPED(buf_done) struct buf url = BUF_INIT(64 * 1024);
    buf_add(&url, str_of(p->base_url));
    buf_add(&url, str_of(endpoint_info(x->endpoint)->path));
    struct str rest = x->head.query, part;
    char separator[] = "?";
    while (rest.n && str_next(&rest, '&', &part)) {
        if (part.n == 0 || is_key(part))
            continue;
        buf_add(&url, str_of(separator));
        buf_add(&url, part);
        separator[0] = '&';
    }
    x->call.url = arena_strdup(&x->arena, buf_str(&url));
}

static void write_body(struct exchange *x, const struct target *t)
{
    const struct dialect *d = t->provider->dialect;
    bool streams = x->request.stream && endpoint_info(x->endpoint)->streams;
    bool has_option = x->endpoint == ENDPOINT_chat || x->endpoint == ENDPOINT_completions;
    x->asked_usage = streams && has_option && d->stream_usage && !x->request.wants_usage;
    struct request_change change = {
        .model = x->call.offer->model,
        .ask_usage = x->asked_usage,
        .rename_max_completion = !d->max_completion,
    };
    bool names_none = x->request.max_output.kind != VALUE_NUMBER && x->request.max_output_too.kind != VALUE_NUMBER;
    x->max_output = x->budget.is_limited && names_none && x->bound.output ? offer_max_output(x->call.offer->price) : 0;
    change.max_output_tokens = x->max_output;
    buf_done(&x->call.question);
    x->call.question = (struct buf)BUF_INIT(x->body.n + x->call.offer->model.n * 6 + SPLICE_BYTES);
    request_write(&x->request, x->body, &change, &x->call.question);
}

void attempt_ask(struct exchange *x)
{
    const struct target *t = x->call.offer->target;
    x->call.key = rotation_take(t->provider->rotation, clock_now_ms());
    write_header_lines(x, t->provider);
    write_url(x, t->provider);
    write_body(x, t);
    x->call.status = 0;
    x->call.refusal = STR("");
    x->call.retry_after_ms = -1;
    x->call.err = (struct err){0};
    x->call.done = false;
    x->call.had_first = false;
    x->metered = (struct metered){0};
    x->call.call = (struct call){
        .upstream = &t->provider->upstream,
        .url = x->call.url,
        .header_lines = x->call.header_lines,
        .body = {buf_str(&x->call.question)},
        .n_body = 1,
        .timeouts = x->call.offer->via->timeouts,
        .answer_bytes = (size_t)x->config->server.answer_bytes,
        .memory = &x->worker->gateway->memory,
        .owner = x,
    };
    x->attempts++;
    x->call.tries++;
    x->call.started_us = clock_now_us();
    x->call.started_ms = clock_wall_ms();
    metric_add(x->worker->metrics, METRIC_retries_total, x->attempts > 1);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/*
 * What was used: as reported; else, where something was relayed or nobody can know,
 * estimated, and never more than was possible.
 */
static enum cost_source count(const struct exchange *x, const char *finish, struct usage *u)
{
    *u = (struct usage){0};
    if (x->metered.counted) {
        *u = x->metered.count;
        return COST_reported;
    }
    bool relayed = strcmp(finish, "failed") != 0 && x->call.call.connected;
    if (!relayed && !x->metered.text_bytes && strcmp(finish, "complete") != 0)
        return COST_none;
    u->input = least(request_input_estimate(&x->request), x->bound.input);
    u->output = least(answer_output_estimate(x->metered.text_bytes), x->bound.output);
    return COST_estimated;
}

/* The request's word is that of its least certain attempt. */
static enum cost_source worse(enum cost_source a, enum cost_source b)
{
    static const unsigned rank[] = {[COST_none] = 0,
                                    [COST_reported] = 1,
                                    [COST_estimated] = 2,
                                    [COST_bound] = 3,
                                    [COST_unpriced] = 4};
    return rank[a] > rank[b] ? a : b;
}

static void add_to_request(struct exchange *x, const struct usage *u,
                           const struct ledger_cost *cost, enum cost_source source)
{
    usage_add(&x->usage, u);
    x->cost_source = worse(x->cost_source, source);
    x->over_bound |= cost->over_bound;
    if (cost->cost_nusd == LEDGER_NULL || x->cost_nusd == LEDGER_NULL)
        x->cost_nusd = LEDGER_NULL;
    else
        x->cost_nusd += cost->cost_nusd;
    if (cost->price_version.n)
        x->price_version = x->call.offer->price->version;
}

/* Under names of the config alone: a wildcard's models are counted as one. */
static void count_it(const struct exchange *x, const struct ledger_attempt *row)
{
    struct series_shard *s = metric_series(x->worker->metrics);
    const struct str labels[] = {row->provider, str_of(x->model->name), status_class(row->status), row->finish};
    series_add(s, FAMILY_attempts, labels, (const int64_t[]){1});
    const int64_t spent[] = {row->cost.tokens[TOKENS_INPUT], row->cost.tokens[TOKENS_OUTPUT],
                             row->cost.cost_nusd == LEDGER_NULL ? 0 : row->cost.cost_nusd};
    series_add(s, FAMILY_spent, labels, spent);
}

/* In what a budget counts: money, and tokens where one of the key's is of tokens. */
static bool is_over_bound(const struct exchange *x, const struct usage *u, int64_t nusd)
{
    if (x->bound_nusd != LEDGER_NULL && nusd > x->bound_nusd)
        return true;
    return spend_is_limited(x->key, MEASURE_tokens) && u->input + u->output > x->bound.input + x->bound.output;
}

void attempt_book(struct exchange *x, const char *finish)
{
    const struct offer *o = x->call.offer;
    struct usage u;
    enum cost_source source = count(x, finish, &u);
    int64_t nusd = 0;
    if (source != COST_none && !o->price) {
        nusd = LEDGER_NULL;
        source = COST_unpriced;
    } else if (source != COST_none) {
        nusd = price_cost_nusd(o->price, &u);
    }
    struct ledger_attempt row = {
        .request_id = str_of(x->id),
        .attempt = x->attempts,
        .purpose = x->endpoint == ENDPOINT_embeddings ? STR("embed") : STR("chat"),
        .started_ms = x->call.started_ms,
        .provider = str_of(o->target->provider->name),
        .model = o->model,
        .status = x->call.status,
        .finish = str_of(finish),
    };
    row_cost(&row.cost, &u, nusd, source, source == COST_none || !o->price ? NULL : o->price->version);
    row.cost.over_bound = is_over_bound(x, &u, nusd);
    add_to_request(x, &u, &row.cost, source);
    ledger_attempt(x->worker->gateway->store, &row);
    count_it(x, &row);
}
