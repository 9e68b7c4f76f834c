#include "gateway/store/column_priv.h"

#include "gateway/store/ledger.h"

#define COLUMN(in, kind, name, path, end)                                                          \
    {{#name, sizeof #name - 1},                                                                    \
     {"\"" #name "\":", sizeof #name + 2},                                                         \
     kind,                                                                                         \
     end,                                                                                          \
     offsetof(struct in, path)},
#define REQUEST(kind, name, path, end) COLUMN(ledger_request, COLUMN_##kind, name, path, end)
#define ATTEMPT(kind, name, path) COLUMN(ledger_attempt, COLUMN_##kind, name, path, false)

/* clang-format off */
static const struct column of_requests[] = {
    REQUEST(TEXT, request_id, request_id, false)
    REQUEST(INT64, started_ms, started_ms, false)
    REQUEST(TEXT, team, team, false)
    REQUEST(TEXT, key_id, key_id, false)
    REQUEST(TEXT, unit, unit, false)
    REQUEST(TEXT, session, session, false)
    REQUEST(TEXT, tags, tags, false)
    REQUEST(TEXT, endpoint, endpoint, false)
    REQUEST(BOOL, stream, stream, false)
    REQUEST(TEXT, model_asked, model_asked, false)
    REQUEST(TEXT, model_served, model_served, false)
    REQUEST(TEXT, provider, provider, false)
    REQUEST(TEXT, route_reason, route_reason, false)
    REQUEST(INT, attempts, attempts, false)
    REQUEST(INT, status, status, true)
    REQUEST(TEXT, finish, finish, true)
    REQUEST(INT64, ttft_us, ttft_us, true)
    REQUEST(INT64, total_us, total_us, true)
    REQUEST(INT64, overhead_us, overhead_us, true)
    REQUEST(INT64, input_tokens, cost.tokens[TOKENS_INPUT], true)
    REQUEST(INT64, cached_tokens, cost.tokens[TOKENS_CACHED], true)
    REQUEST(INT64, cache_write_tokens, cost.tokens[TOKENS_CACHE_WRITE], true)
    REQUEST(INT64, output_tokens, cost.tokens[TOKENS_OUTPUT], true)
    REQUEST(INT64, reasoning_tokens, cost.tokens[TOKENS_REASONING], true)
    REQUEST(INT64, audio_tokens, cost.tokens[TOKENS_AUDIO], true)
    REQUEST(INT64, cost_nusd, cost.cost_nusd, true)
    REQUEST(TEXT, cost_source, cost.cost_source, true)
    REQUEST(TEXT, price_version, cost.price_version, true)
    REQUEST(BOOL, over_bound, cost.over_bound, true)
};

static const struct column of_attempts[] = {
    ATTEMPT(TEXT, request_id, request_id)
    ATTEMPT(INT, attempt, attempt)
    ATTEMPT(TEXT, purpose, purpose)
    ATTEMPT(INT64, started_ms, started_ms)
    ATTEMPT(TEXT, provider, provider)
    ATTEMPT(TEXT, model, model)
    ATTEMPT(INT, status, status)
    ATTEMPT(TEXT, finish, finish)
    ATTEMPT(INT64, input_tokens, cost.tokens[TOKENS_INPUT])
    ATTEMPT(INT64, cached_tokens, cost.tokens[TOKENS_CACHED])
    ATTEMPT(INT64, cache_write_tokens, cost.tokens[TOKENS_CACHE_WRITE])
    ATTEMPT(INT64, output_tokens, cost.tokens[TOKENS_OUTPUT])
    ATTEMPT(INT64, reasoning_tokens, cost.tokens[TOKENS_REASONING])
    ATTEMPT(INT64, audio_tokens, cost.tokens[TOKENS_AUDIO])
    ATTEMPT(INT64, cost_nusd, cost.cost_nusd)
    ATTEMPT(TEXT, cost_source, cost.cost_source)
    ATTEMPT(TEXT, price_version, cost.price_version)
    ATTEMPT(BOOL, over_bound, cost.over_bound)
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
