/*
 * endpoint_list.h - the operations that ask a model, one line each.
 *
 * ENDPOINT(name, path, streams)
 *   name     enum ENDPOINT_<name>; also the ledger's `endpoint`
 *   path     below /v1, of the caller's URL and of the upstream's base_url
 *   streams  whether `stream` in the body means anything
 */
ENDPOINT(chat, "/chat/completions", true)
ENDPOINT(completions, "/completions", true)
ENDPOINT(embeddings, "/embeddings", false)
ENDPOINT(responses, "/responses", true)
ENDPOINT(moderations, "/moderations", false)
#undef ENDPOINT
