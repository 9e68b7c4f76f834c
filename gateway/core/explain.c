#include "gateway/core/explain.h"

#include <inttypes.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/base/money.h"
#include "gateway/base/scope.h"
#include "gateway/core/arm.h"
#include "gateway/core/error_body.h"
#include "gateway/core/limit.h"
#include "gateway/core/rag.h"
#include "gateway/core/stage.h"
#include "gateway/store/budgets.h"
#include "gateway/store/ledger.h"

static void add_text(struct buf *out, const char *name, struct str text)
{
    buf_addf(out, "\"%s\": ", name);
    json_quote(out, text);
}

static void add_money(struct buf *out, const char *name, int64_t nusd)
{
    char text[MONEY_TEXT_BYTES];
    money_text(nusd, text);
    if (nusd == LEDGER_NULL)
        buf_addf(out, "\"%s\": null", name);
    else
        buf_addf(out, "\"%s\": \"%s\"", name, text);
}

/* Why it stands where it does: the numbers that its strategy saw. */
static void add_facts(const struct exchange *x, const struct candidate *c, struct buf *out)
{
    const struct offer *o = &x->offers[c->target];
    add_money(out, "expected_usd", c->expected_nusd == INT64_MAX ? LEDGER_NULL : c->expected_nusd);
    buf_addf(out, ", \"weight\": %u, \"in_flight\": %u, \"error_percent\": %u, \"first_token_ms\": ", c->weight,
             c->in_flight, c->error_ppm / 10000);
    if (c->first_us)
        buf_addf(out, "%" PRId64, c->first_us / 1000);
    else
        buf_add(out, STR("null"));
    buf_addf(out, ", \"rests_ms\": %" PRId64 ", \"answer\": \"%s\", ", o->rests_ms,
             o->escalates ? "judged" : "taken as it is");
}

static const char *why_there(const struct exchange *x, unsigned place)
{
    const struct candidate *c = &x->candidates[place];
    if (x->offers[c->target].rests_ms)
        return "it has failed too often, and rests; asked only if that is over when its turn comes";
    if (place == 0)
        return x->n_candidates > 1 ? x->model->strategy->help : "the only one";
    const struct offer *before = &x->offers[x->candidates[place - 1].target];
    return before->escalates == 1 ? "asked if the one before it fails, or its answer is not good enough"
                                  : "asked if the one before it fails";
}

static void add_unfit(const struct exchange *x, struct buf *out)
{
    buf_add(out, STR(", \"unfit\": ["));
    for (unsigned i = 0; i < x->n_unfit; i++) {
        const struct unfit *u = &x->unfit[i];
        buf_add(out, i ? STR(", {") : STR("{"));
        if (u->target->provider) {
            add_text(out, "provider", str_of(u->target->provider->name));
            buf_add(out, STR(", "));
        }
        add_text(out, "model", u->model);
        buf_add(out, STR(", "));
        add_text(out, "why", str_of(u->why));
        buf_add(out, STR("}"));
    }
    buf_add(out, STR("]"));
}

static void add_candidates(const struct exchange *x, struct buf *out)
{
    buf_add(out, STR(", \"candidates\": ["));
    for (unsigned i = 0; i < x->n_candidates; i++) {
        const struct offer *o = &x->offers[x->candidates[i].target];
        buf_add(out, i ? STR(", {") : STR("{"));
        add_text(out, "provider", str_of(o->target->provider->name));
        buf_add(out, STR(", "));
        add_text(out, "model", o->model);
        buf_add(out, STR(", "));
        add_text(out, "price_version", str_of(o->price ? o->price->version : "unpriced"));
        buf_add(out, STR(", "));
        add_facts(x, &x->candidates[i], out);
        add_text(out, "why", str_of(why_there(x, i)));
        buf_add(out, STR("}"));
    }
    buf_add(out, STR("]"));
}

static void add_policy(const struct exchange *x, struct buf *out)
{
    SCOPED(buf_done) struct buf hits = BUF_INIT(LEDGER_HITS_BYTES);
    buf_add(out, STR(", \"policy\": {"));
    add_text(out, "version", str_of(x->policy.set->version));
    buf_add(out, STR(", "));
    add_text(out, "verdict", str_of(treatment_verdict(&x->policy.t)));
    treatment_write(&x->policy.t, LEDGER_HITS_BYTES, &hits);
    buf_add(out, STR(", \"hits\": "));
    buf_add(out, hits.n ? buf_str(&hits) : STR("[]"));
    buf_add(out, STR("}"));
}

static void add_document(struct buf *out, const char *name, json_t *doc)
{
    char *text = json_dumps(doc, JSON_PRESERVE_ORDER);
    buf_addf(out, ", \"%s\": %s", name, text);
    free(text);
    json_decref(doc);
}

/* What this request would meet: how the key stands with its limits, and each budget with what it has left. */
static void add_limits(const struct exchange *x, struct buf *out)
{
    json_t *budgets = json_array();
    for (unsigned i = 0; i < x->key->n_purses; i++) {
        struct purse_state s;
        purse_look(x->key->purses[i], x->started_ms, &s);
        bool has = purse_left(&s, MEASURE_usd) >= x->bound_nusd &&
                   purse_left(&s, MEASURE_tokens) >= x->bound.input + x->bound.output;
        json_t *budget = budget_object(&s);
        json_object_set_new(budget, "verdict", json_string(!x->n_candidates ? "not asked" : has ? "enough" : "refuse"));
        json_array_append_new(budgets, budget);
    }
    add_document(out, "limits", limit_object(x->key, x->config, clock_now_us()));
    add_document(out, "budgets", budgets);
}

static void add_passage(const struct exchange *x, unsigned i, struct buf *out)
{
    char version[HASH_HEX_BYTES];
    const struct rag_passage *p = &x->rag.passages[i];
    const struct index_document *d = index_document(x->rag.index, p->document);
    hash_hex(&d->version, version);
    buf_addf(out, "%s{\"index\": %u, ", i ? ", " : "", i + 1);
    add_text(out, "file_id", d->id);
    buf_addf(out, ", \"document_version\": \"%s\", \"start\": %u, \"end\": %u, \"score\": %.6f, ", version, p->from,
             p->to, p->score);
    add_text(out, "text", p->text);
    buf_add(out, STR("}"));
}

/* What the model would be shown, which is what the key may read: no other passage was looked at. */
static void add_rag(const struct exchange *x, struct buf *out)
{
    bool asks = rag_asks_model(x->rag.index);
    buf_add(out, STR(", \"rag\": {"));
    add_text(out, "collection", str_of(x->rag.collection->name));
    buf_addf(out, ", \"version\": %u, ", x->rag.version);
    add_text(out, "embedder", asks ? str_of(index_manifest(x->rag.index)->model) : STR(""));
    buf_add(out, STR(", "));
    add_text(out, "searched", asks ? STR("by words only; a request has the embedder asked too, and may find others")
                                   : STR("as a request does"));
    buf_addf(out, ", \"blocked\": %u, \"passages\": [", x->rag.blocked);
    for (unsigned i = 0; i < x->rag.n_passages; i++)
        add_passage(x, i, out);
    buf_add(out, STR("]}"));
}

void explain_write(const struct exchange *x, struct buf *out)
{
    bool refused = x->err.code != ERR_none;
    bool hit = x->cache.word && strcmp(x->cache.word, "hit") == 0;
    buf_add(out, STR("{"));
    add_text(out, "would", refused ? STR("refuse") : hit ? STR("hand out") : STR("ask"));
    if (x->key) {
        buf_add(out, STR(", "));
        add_text(out, "team", str_of(x->key->team));
        buf_add(out, STR(", "));
        add_text(out, "key_id", str_of(x->key->id));
    }
    if (x->asked.n) {
        buf_add(out, STR(", "));
        add_text(out, "model_asked", x->asked);
        buf_addf(out, ", \"stream\": %s", x->request.stream ? "true" : "false");
    }
    if (x->policy.set)
        add_policy(x, out);
    if (x->prompt.version) {
        const struct prompt_version *v = x->prompt.version;
        buf_add(out, STR(", \"prompt\": {"));
        add_text(out, "name", str_of(v->name));
        buf_addf(out, ", \"version\": %" PRId64 ", ", v->version);
        add_text(out, "hash", str_of(v->hash));
        buf_add(out, STR(", "));
        add_text(out, "route", x->routed);
        buf_add(out, STR("}"));
    }
    if (x->cache.word) {
        buf_add(out, STR(", "));
        add_text(out, "cache", str_of(x->cache.word));
    }
    if (rag_is_on(x))
        add_rag(x, out);
    if (x->n_candidates) {
        buf_add(out, STR(", "));
        add_text(out, "route", str_of(x->reason));
        if (*arm_word(x)) {
            buf_add(out, STR(", "));
            add_text(out, "arm", str_of(arm_word(x)));
        }
        add_candidates(x, out);
        buf_addf(out, ", \"bound\": {\"input_tokens\": %" PRId64 ", \"output_tokens\": %" PRId64 ", ", x->bound.input,
                 x->bound.output);
        add_money(out, "cost_usd", x->bound_nusd);
        buf_add(out, STR("}"));
    }
    if (x->key && x->key->pace)
        add_limits(x, out);
    if (x->n_unfit)
        add_unfit(x, out);
    if (refused) {
        buf_addf(out, ", \"status\": %d, ", err_info(x->err.code)->status);
        struct buf body = BUF_INIT(4096);
        error_body_write(&x->err, &body);
        buf_add(out, (struct str){body.p + 1, body.n - 2}); /* its one member */
        buf_done(&body);
    }
    buf_add(out, STR("}"));
}

/* The stages that decide; `auth` has been, in its way, and `call` only tells. */
static const struct stage *const deciding[] = {&stage_parse, &stage_limit, &stage_arm,    &stage_prompt, &stage_policy, &stage_rag, &stage_cache,
                                              &stage_route, &stage_budget, &stage_call, NULL};

struct listening {
    struct sink sink;
    struct buf *out;
};

static void keep_body(struct sink *s, struct exchange *x, const struct frame *f)
{
    (void)x;
    buf_add(((struct listening *)s)->out, f->data);
}

static void keep_end(struct sink *s, struct exchange *x, enum end how)
{
    if (how == END_CUT)
        explain_write(x, ((struct listening *)s)->out);
}

static const struct sink_class listening_class = {.name = "listening", .push = keep_body, .end = keep_end};

static const char *const all_models[] = {"*", NULL}, *const no_tags[] = {NULL};
static const struct key anybody = {
    .id = "", .team = "", .name = "", .models = all_models, .tags = no_tags, .limits = {.concurrent = LIMIT_NONE}};

bool explain_run(struct gateway *gateway, struct config *c, struct str key_id, enum endpoint e, struct str body,
                 struct buf *out, struct err *err)
{
    struct worker worker = {.gateway = gateway, .loop = loop_new(0, err)};
    struct listening sink = {.sink.class = &listening_class, .out = out};
    struct keyring *keyring = keyring_current(gateway->store);
    const struct key *key = key_id.n ? keyring_find_id(keyring, key_id) : &anybody;
    bool ok = worker.loop && key;
    if (worker.loop && !key)
        err_say(err, ERR_not_found, "key", "there is no such key");
    if (ok) {
        struct exchange *x = NEW(struct exchange);
        exchange_init(x, deciding, &sink.sink);
        *x->id = '-';
        x->worker = &worker;
        x->config = c;
        x->keyring = keyring;
        x->key = key;
        x->endpoint = e;
        x->body = body;
        x->head.dry_run = STR("true");
        x->started_us = clock_now_us();
        x->started_ms = clock_wall_ms();
        exchange_run(x);
        exchange_release(x);
        free(x);
    }
    keyring_unref(keyring);
    loop_free(worker.loop);
    return ok;
}
