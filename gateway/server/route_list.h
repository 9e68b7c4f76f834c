/*
 * route_list.h - every path the gateway answers, one line each; the first that matches counts.
 *
 * ROUTE(method, path, kind, arg, access)
 *   method  "*" is any
 *   path    as it stands in the request line, without the query; a "*" at its end is anything
 *   kind    enum route_kind
 *   arg     of kind EXCHANGE: the endpoint
 *   access  OPEN: to everybody; KEY: with a key; ADMIN: with an admin key, or over the control socket
 */
ROUTE("POST", "/v1/chat/completions", EXCHANGE, ENDPOINT_chat, KEY)
ROUTE("POST", "/v1/completions", EXCHANGE, ENDPOINT_completions, KEY)
ROUTE("POST", "/v1/embeddings", EXCHANGE, ENDPOINT_embeddings, KEY)
ROUTE("POST", "/v1/responses", EXCHANGE, ENDPOINT_responses, KEY)
ROUTE("POST", "/v1/moderations", EXCHANGE, ENDPOINT_moderations, KEY)
ROUTE("GET", "/v1/models", MODELS, 0, KEY)
ROUTE("GET", "/v1/models/*", MODEL, 0, KEY)
ROUTE("GET", "/v1/usage", USAGE, 0, KEY)
ROUTE("POST", "/v1/feedback", FEEDBACK, 0, KEY)
ROUTE("GET", "/healthz", HEALTH, 0, OPEN)
ROUTE("GET", "/readyz", READY, 0, OPEN)
ROUTE("GET", "/metrics", METRICS, 0, OPEN)
ROUTE("*", "/admin/v1/*", ADMIN, 0, ADMIN)
ROUTE("*", "/v1/images/*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/audio/*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/files*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/uploads*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/batches*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/responses/*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/chat/completions/*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/conversations*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/vector_stores*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/fine_tuning*", NOT_BUILT, 0, KEY)
ROUTE("*", "/v1/messages*", NOT_BUILT, 0, KEY)
#undef ROUTE
