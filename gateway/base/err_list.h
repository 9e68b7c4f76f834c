/*
 * err_list.h - every way a request or a command can fail, in one place.
 *
 * ERR(name, status, type, code, next, again, help)
 *   name    enum ERR_<name>
 *   status  the HTTP status the client sees
 *   type    the "type" member of the JSON error body
 *   code    its "code" member: OpenAI's word where it has one, for callers branch on it
 *   next    may the router try the next target?
 *   again   may the client try again?  becomes x-should-retry
 *   help    a sentence that callers may see; also for `penstock list errors`
 */
ERR(bad_request, 400, "invalid_request_error", "bad_request", false, false, "the request is malformed")
ERR(bad_json, 400, "invalid_request_error", "invalid_json", false, false, "the body is not valid JSON")
ERR(too_deep, 400, "invalid_request_error", "json_too_deep", false, false, "the JSON body is nested too deeply")
ERR(too_long, 400, "invalid_request_error", "context_length_exceeded", false, false,
    "the request is longer than the context of every target of the model")
ERR(unfit, 400, "invalid_request_error", "no_capable_target", false, false,
    "no target of the model can serve this request")
ERR(duplicate_member, 400, "invalid_request_error", "duplicate_member", false, false,
    "a member that the gateway reads is given twice")
ERR(bad_http, 400, "invalid_request_error", "bad_http", false, false,
    "the request is ambiguous or malformed as HTTP")
ERR(prompt_role, 400, "invalid_request_error", "prompt_role_not_allowed", false, false,
    "beside a prompt the caller may not send messages of this role")
ERR(prompt_input, 400, "invalid_request_error", "prompt_variable_invalid", false, false,
    "a variable of the prompt is unknown, missing, or not what its schema says")
ERR(prompt_override, 400, "invalid_request_error", "prompt_override_not_allowed", false, false,
    "the prompt sets this member, and callers may not override it")
ERR(no_model_given, 400, "invalid_request_error", "model_required", false, false,
    "the request names no model, and no default is configured")
ERR(unpriced, 400, "invalid_request_error", "model_unpriced", true, false,
    "the model has no price; see prices.file and prices.unpriced in the config")
ERR(blocked, 400, "invalid_request_error", "policy_violation", false, false, "a policy forbids the request")
ERR(bad_pattern, 500, "server_error", "bad_pattern", false, false, "the regular expression cannot be used")
ERR(bad_policy, 500, "server_error", "bad_policy", false, false, "the policy cannot be used")
ERR(bad_key, 401, "invalid_request_error", "invalid_api_key", false, false, "no API key, or one we do not know")
ERR(forbidden, 403, "permission_error", "forbidden", false, false, "this key may not do that")
ERR(no_model, 404, "invalid_request_error", "model_not_found", false, false, "there is no such model for this key")
ERR(no_prompt, 404, "invalid_request_error", "prompt_not_found", false, false,
    "there is no such prompt, version or label for this key")
ERR(no_path, 404, "invalid_request_error", "unknown_url", false, false, "there is no such path")
ERR(not_found, 404, "invalid_request_error", "not_found", false, false, "there is no such thing")
ERR(no_collection, 404, "invalid_request_error", "collection_not_found", false, false, "there is no such collection")
ERR(nothing_found, 404, "invalid_request_error", "nothing_found", false, false,
    "nothing that this key may read was found, and the collection refuses to answer without")
ERR(bad_method, 405, "invalid_request_error", "method_not_allowed", false, false,
    "the path does not take this method")
ERR(slow_client, 408, "invalid_request_error", "request_timeout", false, true,
    "the request did not arrive in time")
ERR(client_too_slow, 408, "invalid_request_error", "client_too_slow", false, true,
    "the answer was read too slowly to be held for its caller")
ERR(conflict, 409, "invalid_request_error", "conflict", false, false, "it exists already")
ERR(too_large, 413, "invalid_request_error", "request_too_large", false, false, "the body exceeds its size limit")
ERR(url_too_long, 414, "invalid_request_error", "url_too_long", false, false, "the URL exceeds its size limit")
ERR(bad_encoding, 415, "invalid_request_error", "unsupported_content_encoding", false, false,
    "the body's content encoding is not one of gzip, deflate, zstd, br")
ERR(headers_too_large, 431, "invalid_request_error", "headers_too_large", false, false,
    "the headers exceed their size limit")
ERR(too_many_connections, 429, "rate_limit_error", "too_many_connections", false, true,
    "this address has too many connections open")
ERR(upstream_busy, 429, "rate_limit_error", "rate_limit_exceeded", true, true, "the upstream asked us to slow down")
ERR(rate_limited, 429, "rate_limit_error", "rate_limit_exceeded", false, true,
    "the key asks for more in a minute, or at once, than its limits allow")
ERR(quota, 429, "insufficient_quota", "insufficient_quota", false, false, "a budget of the key or of its team is used up")
ERR(internal, 500, "server_error", "internal_error", false, false, "the gateway failed; its log says why")
ERR(store, 503, "server_error", "ledger_unavailable", false, true,
    "the gateway cannot write its ledger, and answers nothing that it cannot account for")
ERR(not_built, 501, "server_error", "not_implemented", false, false, "this part of the API is not implemented")
ERR(upstream_rests, 503, "server_error", "upstream_resting", true, true,
    "the upstream has failed too often and is left alone for a moment")
ERR(upstream_down, 502, "server_error", "upstream_unreachable", true, true, "the upstream could not be reached")
ERR(upstream_cut, 502, "server_error", "upstream_cut", true, true, "the upstream broke its answer off")
ERR(bad_answer, 502, "server_error", "upstream_bad_answer", true, true, "the upstream's answer makes no sense")
ERR(upstream_error, 502, "server_error", "upstream_error", true, true, "the upstream answered with an error")
ERR(upstream_refused, 502, "server_error", "upstream_refused", true, false,
    "the upstream refuses the gateway's own account")
ERR(answer_too_large, 502, "server_error", "answer_too_large", false, false,
    "the upstream's answer exceeds the size limit")
ERR(busy, 503, "server_error", "overloaded", false, true, "the gateway holds as many bytes or connections as it may")
ERR(shutdown, 503, "server_error", "shutting_down", false, true, "the gateway is shutting down")
ERR(cache_miss, 504, "invalid_request_error", "cache_miss", false, false, "the cache holds no answer to this request")
ERR(timeout, 504, "server_error", "timeout", true, true, "the upstream did not answer in time")
ERR(locked, 500, "server_error", "locked", false, false, "another process owns the data directory")
ERR(bad_config, 500, "server_error", "bad_config", false, false, "the config cannot be used")
ERR(bad_index, 503, "server_error", "index_unavailable", false, true, "the collection's index cannot be used")
ERR(ledger_broken, 500, "server_error", "ledger_broken", false, false, "the ledger's chain does not verify")
#undef ERR
