/*
 * option_list.h - every option of the config, one row each.
 *
 * ROOT_OPTION, PROVIDER_OPTION, MODEL_OPTION, TARGET_OPTION, ATTACH_OPTION: whose options they are.
 * ROOT_OPTION, PROVIDER_OPTION, MODEL_OPTION, TARGET_OPTION, COLLECTION_OPTION: whose options they are.
 * ROOT_OPTION, PROVIDER_OPTION, MODEL_OPTION, TARGET_OPTION, WEBHOOK_OPTION: whose options they are.
 * Define those that you want, and include.
 *
 * …_OPTION(path, type, member, init, min, max, words, of, help)
 *   path    as written, groups before it
 *   type    CONF_TYPE_<type>
 *   member  what it fills in its struct of config_priv.h; id where it fills nothing
 *   init    the default, as one would write it; NULL: none; conf_must: has to be given
 *   min, max, words, of    as struct conf_row says
 *   help    for the manual
 *
 * What later versions will read is here as LATER, with the values that say "off".
 */
#ifndef ROOT_OPTION
#define ROOT_OPTION(...)
#endif
#ifndef PROVIDER_OPTION
#define PROVIDER_OPTION(...)
#endif
#ifndef MODEL_OPTION
#define MODEL_OPTION(...)
#endif
#ifndef COLLECTION_OPTION
#define COLLECTION_OPTION(...)
#endif
#ifndef TARGET_OPTION
#define TARGET_OPTION(...)
#endif
#ifndef ATTACH_OPTION
#define ATTACH_OPTION(...)
#endif
#ifndef WEBHOOK_OPTION
#define WEBHOOK_OPTION(...)
#endif
#define RATE_MAX 1000000000
#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)
#define MANY_BYTES (INT64_C(1) << 40)
/* clang-format off */

ROOT_OPTION("listen", WORD, listen, "127.0.0.1:8080", 1, 0, NULL, NULL,
       "address and port; IPv6 as [::1]:8080; port 0 takes any that is free")
ROOT_OPTION("admin_listen", LATER, id, NULL, 0, 0, NULL, NULL, "a separate address for /admin/v1")
ROOT_OPTION("tls", LATER, id, NULL, 0, 0, "off", NULL, "TLS on the listener")
ROOT_OPTION("data_dir", TEXT, config.data_dir, "./penstock-data", 1, 0, NULL, NULL,
       "where everything is kept; relative to the working directory")
ROOT_OPTION("store", LATER, id, NULL, 0, 0, "sqlite", NULL, "what keeps the ledger")
ROOT_OPTION("shared", LATER, id, NULL, 0, 0, "local", NULL, "what replicas share")
ROOT_OPTION("master_key", LATER, id, NULL, 0, 0, NULL, NULL, "the master key, from elsewhere than data_dir/master.key")
ROOT_OPTION("loops", COUNT, config.loops, NULL, 1, 1024, NULL, NULL,
       "event loops; by default one for each CPU of the process's affinity mask")
ROOT_OPTION("ledger.durability", ENUM, config.durability, "batched", 0, 0, "batched|strict|none", NULL,
       "strict: the reserve is on disk before the upstream is asked; batched: rows gather for 25 ms, then one commit; none: no rows, for measuring only")

ROOT_OPTION("providers", MAP, providers, NULL, 0, 0, NULL, &provider_table,
       "endpoints and accounts, by a name of your own")
ROOT_OPTION("models", MAP, models, NULL, 0, 0, NULL, &model_table,
       "public names; a caller may use these and nothing else; one that ends in * stands for all names that begin so")
ROOT_OPTION("aliases", PAIRS, aliases, NULL, 0, 0, NULL, NULL,
       "other names of models, for clients that have one hard-wired")
ROOT_OPTION("default_model", WORD, default_model, NULL, 1, 0, NULL, NULL, "used where a request names no model")

ROOT_OPTION("prices.catalogue", ENUM, catalogue, "builtin", 0, 0, "builtin|none", NULL,
       "prices that come with the program")
ROOT_OPTION("prices.file", WORD, price_file, NULL, 1, 0, NULL, NULL,
       "your own prices, which win; see gateway/llm/PRICES.md")
ROOT_OPTION("prices.unpriced", ENUM, unpriced, "refuse", 0, 0, "refuse|allow", NULL,
       "what happens to a request for a model without a price")

ROOT_OPTION("server.memory_in_flight", SIZE, config.server.memory_in_flight, "256M", 1 << 20, MANY_BYTES, NULL, NULL,
       "bytes of bodies and answers held at once, in all; above it requests wait, then get 503")
ROOT_OPTION("server.body_bytes", SIZE, config.server.body_bytes, "32M", 1 << 10, 1 << 30, NULL, NULL,
       "the longest request body, decoded; above it 413")
ROOT_OPTION("server.answer_bytes", SIZE, config.server.answer_bytes, "32M", 1 << 10, 1 << 30, NULL, NULL,
       "the longest body of an upstream's answer that is no stream")
ROOT_OPTION("server.header_bytes", SIZE, config.server.header_bytes, "16K", 1 << 10, 64 << 10, NULL, NULL,
       "request line and headers together; above it 431")
ROOT_OPTION("server.url_bytes", SIZE, config.server.url_bytes, "8K", 64, 64 << 10, NULL, NULL,
       "the URL; above it 414")
ROOT_OPTION("server.json_depth", COUNT, config.server.json_depth, "128", 1, JSON_MAX_DEPTH, NULL, NULL,
       "levels of nesting in a body; above it 400")
ROOT_OPTION("server.connections", COUNT, config.server.connections, "20000", 1, 1000000, NULL, NULL,
       "connections open at once, in all")
ROOT_OPTION("server.connections_per_address", COUNT, config.server.connections_per_address, "5000", 1, 1000000, NULL, NULL,
       "connections open at once, of one client address")
ROOT_OPTION("server.header_timeout", DURATION, config.server.header_timeout_ms, "10s", 1, YEAR_MS, NULL, NULL,
       "for request line and headers to arrive")
ROOT_OPTION("server.body_timeout", DURATION, config.server.body_timeout_ms, "60s", 1, YEAR_MS, NULL, NULL,
       "for the body to arrive")
ROOT_OPTION("server.idle_timeout", DURATION, config.server.idle_timeout_ms, "120s", 1, YEAR_MS, NULL, NULL,
       "how long a connection may wait between requests")
ROOT_OPTION("server.drain_timeout", DURATION, config.server.drain_timeout_ms, "30s", 0, YEAR_MS, NULL, NULL,
       "how long running streams may go on after SIGTERM")
ROOT_OPTION("server.half_close", ENUM, half_close, "cancel", 0, 0, "cancel|tolerate", NULL,
       "what a client means by closing its sending side while it waits: that it is gone, or nothing")

ROOT_OPTION("stream.keepalive", DURATION, config.stream.keepalive_ms, "15s", 0, YEAR_MS, NULL, NULL,
       "a comment goes out on a stream that has been silent for this long; off: never")
ROOT_OPTION("stream.early_headers", BOOL, config.stream.early_headers, "off", 0, 0, NULL, NULL,
       "send headers and comments of a stream before its first event")
ROOT_OPTION("cors", GROUP, id, "off", 0, 0, NULL, NULL, "cross-origin requests of browsers")
ROOT_OPTION("cors.origins", WORDS, origins, NULL, 0, 0, NULL, NULL,
       "origins that may call from a browser; * is any")

ROOT_OPTION("prompts", GROUP, id, "off", 0, 0, NULL, NULL, "versioned prompts")
ROOT_OPTION("prompts.dir", WORD, prompts_dir, NULL, 1, 0, NULL, NULL,
       "a folder of *.prompty files: on start, reload and `prompts push` what is new in it becomes a version")
ROOT_OPTION("limits", GROUP, id, "off", 0, 0, NULL, NULL, "what each key may ask for; keys and teams may have their own")
ROOT_OPTION("limits.requests.per_minute", COUNT, limit_requests, NULL, 1, RATE_MAX, NULL, NULL, "requests a minute")
ROOT_OPTION("limits.requests.burst", COUNT, limit_burst, NULL, 1, RATE_MAX, NULL, NULL,
       "how many of them may come at once; by default all of a minute")
ROOT_OPTION("limits.tokens.per_minute", COUNT, limit_tokens, NULL, 1, RATE_MAX, NULL, NULL,
       "tokens a minute, in and out; taken by estimate, corrected at the end")
ROOT_OPTION("limits.concurrent", COUNT, limit_concurrent, NULL, 1, RATE_MAX, NULL, NULL, "requests at once")
ROOT_OPTION("policies", GROUP, id, "off", 0, 0, NULL, NULL, "sensitive and forbidden text; see policy/README.md")
ROOT_OPTION("policies.dir", WORD, policy_dir, NULL, 1, 0, NULL, NULL,
       "a folder of policies, NAME.yaml each; by default ./policies, where another option of the group is given")
ROOT_OPTION("policies.default", WORD, policy_default, NULL, 1, 0, NULL, NULL, "the policy that every request is treated by")
ROOT_OPTION("policies.attach", LIST, attach, NULL, 0, 256, NULL, &attach_table,
       "policies of some requests; all that match apply, the strongest action wins")
ROOT_OPTION("cache.exact", BOOL, config.cache.exact, "off", 0, 0, NULL, NULL,
       "answers equal requests from what was answered before")
ROOT_OPTION("cache.ttl", DURATION, config.cache.ttl_ms, "1h", 1, YEAR_MS, NULL, NULL, "how long an answer is kept")
ROOT_OPTION("cache.scope", ENUM, cache_scope, "team", 0, 0, "team|key", NULL, "who shares answers: the keys of a team, or none")
ROOT_OPTION("cache.answer_bytes", SIZE, config.cache.answer_bytes, "1M", 1 << 10, 1 << 30, NULL, NULL,
       "the longest answer that is kept")
ROOT_OPTION("cache.memory_bytes", SIZE, config.cache.memory_bytes, "32M", 0, MANY_BYTES, NULL, NULL,
       "answers kept in memory, in all; read at the start")
ROOT_OPTION("cache.disk_bytes", SIZE, config.cache.disk_bytes, "1G", 0, MANY_BYTES, NULL, NULL,
       "answers kept in data_dir/cache.db, in all; 0: none; read at the start")
ROOT_OPTION("cache.semantic", LATER, id, NULL, 0, 0, "off", NULL, "answers of similar requests")
ROOT_OPTION("rag", GROUP, id, "off", 0, 0, NULL, NULL, "answers grounded in documents")
ROOT_OPTION("rag.collections", MAP, collections, NULL, 0, 0, NULL, &collection_table,
       "collections of documents to retrieve passages from, by a name of your own")
ROOT_OPTION("log.bodies", LATER, id, NULL, 0, 0, "none", NULL, "recorded bodies")
ROOT_OPTION("log.redact", LATER, id, NULL, 0, 0, "always", NULL, "what is done to them first")
ROOT_OPTION("log.retention", LATER, id, NULL, 0, 0, "90d", NULL, "how long they are kept")
ROOT_OPTION("webhooks", LIST, webhooks, NULL, 0, 16, NULL, &webhook_table, "who is told of events, by POST")

PROVIDER_OPTION("dialect", WORD, dialect, conf_must, 1, 0, NULL, NULL,
       "how its API is spoken: a name of `penstock list dialects`")
PROVIDER_OPTION("base_url", WORD, base_url, NULL, 1, 0, NULL, NULL,
       "where it is, up to and with /v1; most dialects know")
PROVIDER_OPTION("api_key", SECRETS, api_keys, NULL, 0, 0, NULL, NULL,
       "the key of your account there, best as ${NAME} or file:PATH; of several each has its turn, and rests when it is turned down")
PROVIDER_OPTION("headers", PAIRS, headers, NULL, 0, 0, NULL, NULL, "more headers to send to it")
PROVIDER_OPTION("ca_file", WORD, ca_file, NULL, 1, 0, NULL, NULL,
       "certificates (PEM) to trust instead of the system's; relative to the config file")
PROVIDER_OPTION("client_cert", WORD, client_cert, NULL, 1, 0, NULL, NULL, "a client certificate (PEM) to show it")
PROVIDER_OPTION("client_key", WORD, client_key, NULL, 1, 0, NULL, NULL, "the key (PEM) of client_cert")
PROVIDER_OPTION("proxy", WORD, proxy, NULL, 1, 0, NULL, NULL,
       "a proxy's URL; otherwise https_proxy, http_proxy and no_proxy of the environment hold")
PROVIDER_OPTION("http", COUNT, http, "1", 1, 2, NULL, NULL, "2: HTTP/2, over TLS only")

MODEL_OPTION("targets", LIST, targets, conf_must, 1, 64, NULL, &target_table, "what may answer for it, in order")
MODEL_OPTION("strategy", WORD, strategy, "failover", 1, 0, NULL, NULL,
       "which target is tried first: a name of `penstock list strategies`")
MODEL_OPTION("timeouts.connect", DURATION, timeouts.connect, "5s", 1, YEAR_MS, NULL, NULL, "to be connected")
MODEL_OPTION("timeouts.first_token", DURATION, timeouts.first_token, "120s", 1, YEAR_MS, NULL, NULL,
       "to the first event or byte of the answer")
MODEL_OPTION("timeouts.idle", DURATION, timeouts.idle, "60s", 1, YEAR_MS, NULL, NULL, "between two events or bytes")
MODEL_OPTION("timeouts.total", DURATION, timeouts.total, "600s", 1, YEAR_MS, NULL, NULL, "of an attempt, in all")
MODEL_OPTION("retry.attempts", COUNT, retry_attempts, "1", 1, 10, NULL, NULL, "how often one target is asked")
MODEL_OPTION("retry.on", WORDS, retry_on, "429 5xx timeout reset", 0, 0, "429|5xx|timeout|reset", NULL,
       "what is worth another attempt at the same target")
MODEL_OPTION("hedge", LATER, id, NULL, 0, 0, "off", NULL, "a second request beside a slow one")
MODEL_OPTION("rag", WORD, rag, NULL, 1, 0, NULL, NULL,
       "COLLECTION[@LABEL] that its requests are grounded in, unless they say otherwise")
MODEL_OPTION("cache.exact", WORD, cache_exact, NULL, 1, 0, NULL, NULL, "on or off; else as cache.exact says")
MODEL_OPTION("cache.ttl", WORD, cache_ttl, NULL, 1, 0, NULL, NULL, "how long its answers are kept; else as cache.ttl says")
MODEL_OPTION("breaker", GROUP, id, "off", 0, 0, NULL, NULL, "leaving a target alone that keeps failing; without it none is")
MODEL_OPTION("breaker.trip_after", COUNT, trip_after, NULL, 1, 1000, NULL, NULL,
       "failures in a row after which a target rests; 5 where only the rest is given")
MODEL_OPTION("breaker.rest", DURATION, rest_ms, NULL, 1, YEAR_MS, NULL, NULL,
       "how long, before one request tries it again; 10s where only trip_after is given")
MODEL_OPTION("cascade.min_probability", COUNT, min_percent, "35", 0, 100, NULL, NULL,
       "in percent: under `cascade` an answer whose tokens were less probable (geometric mean) is not good enough; known only "
       "where the caller asks for logprobs; 0: never")

TARGET_OPTION("provider", WORD, provider, NULL, 1, 0, NULL, NULL, "a name of `providers`; without it the target is a model of `models`")
TARGET_OPTION("model", WORD, model, conf_must, 1, 0, NULL, NULL,
       "what the provider calls it; a * in it stands for what the public name's * stood for")
TARGET_OPTION("capabilities", WORDS, capabilities, NULL, 0, 0, CAPABILITY_WORDS, NULL,
       "what it can, of what not every model can; without it what prices.file says, else all of it")
TARGET_OPTION("context", COUNT, context, NULL, 1, 1000000000, NULL, NULL,
       "tokens that input and output may have together; without it what the price catalogue says")
TARGET_OPTION("weight", COUNT, weight, "1", 0, 1000000, NULL, NULL, "its share under `weighted`; 0: never first")

ATTACH_OPTION("policy", WORD, policy, conf_must, 1, 0, NULL, NULL, "the policy's name")
ATTACH_OPTION("team", WORD, team, NULL, 1, 0, NULL, NULL, "only requests of this team; * stands for any run of characters, here and below")
ATTACH_OPTION("key", WORD, key, NULL, 1, 0, NULL, NULL, "only those of this key, by its id")
ATTACH_OPTION("model", WORD, model, NULL, 1, 0, NULL, NULL, "only those for this public model")
ATTACH_OPTION("prompt", WORD, prompt, NULL, 1, 0, NULL, NULL, "only those that use this prompt")
COLLECTION_OPTION("dir", WORD, dir, NULL, 1, 0, NULL, NULL,
       "where its documents lie, for `rag ingest` without a path; relative to the config file")
COLLECTION_OPTION("acl.teams", WORDS, teams, NULL, 0, 0, NULL, NULL,
       "who may read the documents that name nobody themselves; * is every team; by default nobody")
COLLECTION_OPTION("acl.tags", WORDS, tags, NULL, 0, 0, NULL, NULL, "the same, by a tag of the key")
COLLECTION_OPTION("embedder.kind", ENUM, embedder_kind, "own", 0, 0, "own|off", NULL,
       "own: vectors are learned from the documents themselves; off: search is lexical alone")
COLLECTION_OPTION("embedder.model", WORD, embedder_model, NULL, 1, 0, NULL, NULL,
       "a name of `models` that makes embeddings: vectors come from it")
COLLECTION_OPTION("k", COUNT, k, "8", 1, 50, NULL, NULL, "how many passages a request gets at most")
COLLECTION_OPTION("tokens", COUNT, tokens, "2000", 64, 1000000, NULL, NULL, "how many tokens they have together, about")
COLLECTION_OPTION("nothing_found", ENUM, nothing_found, "say", 0, 0, "say|plain|refuse", NULL,
       "where no passage is found: the model is told so; the request goes on as it is; or it is refused")
WEBHOOK_OPTION("on", WORDS, on, conf_must, 1, 0, "budget|canary|breaker|ledger", NULL, "of which events")
WEBHOOK_OPTION("url", WORD, url, conf_must, 1, 0, NULL, NULL, "where they are posted")
WEBHOOK_OPTION("secret", SECRET, secret, NULL, 1, 0, NULL, NULL,
       "signs them (Standard Webhooks); by default a key derived from the master key, see gateway/core/README.md")

/* clang-format on */
#undef YEAR_MS
#undef MANY_BYTES
#undef RATE_MAX
#undef ROOT_OPTION
#undef PROVIDER_OPTION
#undef MODEL_OPTION
#undef TARGET_OPTION
#undef ATTACH_OPTION
#undef COLLECTION_OPTION
#undef WEBHOOK_OPTION
