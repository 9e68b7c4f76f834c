#include "gateway/core/row.h"

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
}

void row_cost(struct ledger_cost *to, const struct usage *u, int64_t cost_nusd, enum cost_source source,
              const char *price_version)
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

struct str status_class(int status)
{
    static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    unsigned class = (unsigned)status / 100;
    return str_of(class < sizeof classes / sizeof classes[0] ? classes[class] : "other");
}
