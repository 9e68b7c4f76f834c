#include "gateway/store/column_priv.h"

#include "gateway/store/ledger.h"

/* clang-format off */
#define REQUEST_COLUMNS(ROW) \
    ROW(TEXT, request_id, request_id, false) \
    ROW(INT64, started_ms, started_ms, false) \
    ROW(TEXT, team, team, false) \
    ROW(TEXT, key_id, key_id, false) \
    ROW(TEXT, unit, unit, false) \
    ROW(TEXT, session, session, false) \
    ROW(TEXT, tags, tags, false) \
    ROW(TEXT, endpoint, endpoint, false) \
    ROW(BOOL, stream, stream, false) \
    ROW(TEXT, model_asked, model_asked, false) \
    ROW(TEXT, model_served, model_served, false) \
    ROW(TEXT, provider, provider, false) \
    ROW(TEXT, cache, cache, false) \
    ROW(NUMBER, saved_nusd, saved_nusd, true) \
    ROW(TEXT, prompt_name, prompt_name, false) \
    ROW(NUMBER, prompt_version, prompt_version, false) \
    ROW(TEXT, prompt_hash, prompt_hash, false) \
    ROW(TEXT, arm, arm, false) \
    ROW(TEXT, policy_version, policy_version, false) \
    ROW(TEXT, policy_verdict, policy_verdict, false) \
    ROW(TEXT, policy_hits, policy_hits, false) \
    ROW(TEXT, rag_collection, rag_collection, false) \
    ROW(NUMBER, rag_version, rag_version, false) \
    ROW(TEXT, rag_passages, rag_passages, false) \
    ROW(NUMBER, judged, judged, true) \
    ROW(NUMBER, refusal, refusal, true) \
    ROW(NUMBER, empty, empty, true) \
    ROW(NUMBER, truncated, truncated, true) \
    ROW(NUMBER, misfit, misfit, true) \
    ROW(NUMBER, repetition, repetition, true) \
    ROW(NUMBER, language_mismatch, language_mismatch, true) \
    ROW(NUMBER, citations_lost, citations_lost, true) \
    ROW(TEXT, route_reason, route_reason, false) \
    ROW(INT, attempts, attempts, false) \
    ROW(INT, status, status, true) \
    ROW(TEXT, finish, finish, true) \
    ROW(INT64, ttft_us, ttft_us, true) \
    ROW(INT64, total_us, total_us, true) \
    ROW(INT64, overhead_us, overhead_us, true) \
    ROW(INT64, input_tokens, cost.tokens[TOKENS_INPUT], true) \
    ROW(INT64, cached_tokens, cost.tokens[TOKENS_CACHED], true) \
    ROW(INT64, cache_write_tokens, cost.tokens[TOKENS_CACHE_WRITE], true) \
    ROW(INT64, output_tokens, cost.tokens[TOKENS_OUTPUT], true) \
    ROW(INT64, reasoning_tokens, cost.tokens[TOKENS_REASONING], true) \
    ROW(INT64, audio_tokens, cost.tokens[TOKENS_AUDIO], true) \
    ROW(INT64, cost_nusd, cost.cost_nusd, true) \
    ROW(TEXT, cost_source, cost.cost_source, true) \
    ROW(TEXT, price_version, cost.price_version, true) \
    ROW(BOOL, over_bound, cost.over_bound, true)

#define COLUMN(in, kind, name, path, end, twin) \
    {{#name, sizeof #name - 1}, {"\"" #name "\":", sizeof #name + 2}, COLUMN_##kind, end, \
     offsetof(struct in, path), twin},
#define REQUEST_PLACE(kind, name, path, end) AT_##name,
#define REQUEST(kind, name, path, end) COLUMN(ledger_request, kind, name, path, end, NULL)
#define ATTEMPT(kind, name, path, twin) COLUMN(ledger_attempt, kind, name, path, false, twin)
#define TWIN(name) (&of_requests[AT_##name])

enum { REQUEST_COLUMNS(REQUEST_PLACE) };

static const struct column of_requests[] = {REQUEST_COLUMNS(REQUEST)};

static const struct column of_attempts[] = {
    ATTEMPT(TEXT, request_id, request_id, NULL)
    ATTEMPT(INT, attempt, attempt, NULL)
    ATTEMPT(TEXT, purpose, purpose, NULL)
    ATTEMPT(INT64, started_ms, started_ms, TWIN(started_ms))
    ATTEMPT(TEXT, provider, provider, TWIN(provider))
    ATTEMPT(TEXT, model, model, TWIN(model_served))
    ATTEMPT(INT, status, status, TWIN(status))
    ATTEMPT(TEXT, finish, finish, TWIN(finish))
    ATTEMPT(INT64, input_tokens, cost.tokens[TOKENS_INPUT], TWIN(input_tokens))
    ATTEMPT(INT64, cached_tokens, cost.tokens[TOKENS_CACHED], TWIN(cached_tokens))
    ATTEMPT(INT64, cache_write_tokens, cost.tokens[TOKENS_CACHE_WRITE], TWIN(cache_write_tokens))
    ATTEMPT(INT64, output_tokens, cost.tokens[TOKENS_OUTPUT], TWIN(output_tokens))
    ATTEMPT(INT64, reasoning_tokens, cost.tokens[TOKENS_REASONING], TWIN(reasoning_tokens))
    ATTEMPT(INT64, audio_tokens, cost.tokens[TOKENS_AUDIO], TWIN(audio_tokens))
    ATTEMPT(INT64, cost_nusd, cost.cost_nusd, TWIN(cost_nusd))
    ATTEMPT(TEXT, cost_source, cost.cost_source, TWIN(cost_source))
    ATTEMPT(TEXT, price_version, cost.price_version, TWIN(price_version))
    ATTEMPT(BOOL, over_bound, cost.over_bound, TWIN(over_bound))
};
/* clang-format on */

const struct columns request_columns = {
    .table = "requests",
    .all = of_requests,
    .n = sizeof of_requests / sizeof of_requests[0],
    .struct_bytes = sizeof(struct ledger_request),
};

const struct columns attempt_columns = {
    .table = "attempts",
    .all = of_attempts,
    .n = sizeof of_attempts / sizeof of_attempts[0],
    .struct_bytes = sizeof(struct ledger_attempt),
};

_Static_assert(sizeof of_requests / sizeof of_requests[0] <= COLUMNS_MAX, "row.c has no more room");
