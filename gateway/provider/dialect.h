/*
 * dialect.h - how a vendor's API is spoken.
 *
 * The dialects that speak OpenAI's API differ in a few facts: rows of
 * dialect_list.h.  Pure data.
 */
#ifndef GATEWAY_PROVIDER_DIALECT_H
#define GATEWAY_PROVIDER_DIALECT_H

#include <stdbool.h>

#include "gateway/base/str.h"

enum dialect_transport {
    TRANSPORT_http,
    TRANSPORT_plain, /* the same without TLS and proxy; of no dialect, but of providers */
    TRANSPORT_sim,
    TRANSPORT_count
};

struct dialect {
    const char *name; /* as written in the config */
    enum dialect_transport transport;
    const char *base_url;   /* where it is if the config does not say; NULL: it must */
    bool is_local;          /* base_url is a server on this machine, which may be there or not */
    const char *env_key;    /* the variable that holds its key, for detection; NULL: none */
    const char *key_header; /* "authorization" (then with "Bearer "), "api-key", … */
    bool stream_usage;      /* understands stream_options.include_usage */
    bool max_completion;    /* understands max_completion_tokens; else it is sent as max_tokens */
    const char *help;
};

extern const struct dialect dialects[]; /* of dialect_list.h; ends with a row whose name is NULL */
const struct dialect *dialect_find(struct str name); /* NULL if unknown */

#endif
