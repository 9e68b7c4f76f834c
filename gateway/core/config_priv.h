/* config_priv.h - the config as it was written, before names are resolved. */
#ifndef GATEWAY_CORE_CONFIG_PRIV_H
#define GATEWAY_CORE_CONFIG_PRIV_H

#include "gateway/base/conf.h"
#include "gateway/core/config.h"

struct provider_spec {
    struct conf_word id;
    struct conf_word dialect, base_url;
    struct conf_words api_keys;
    struct conf_pairs headers;
    struct conf_word ca_file, client_cert, client_key, proxy;
    unsigned http;
};

struct target_spec {
    struct conf_word id;
    struct conf_word provider, model;
    struct conf_words capabilities;
    unsigned context, weight;
};

struct model_spec {
    struct conf_word id;
    struct conf_items targets;
    struct conf_word strategy;
    struct call_timeouts timeouts;
    unsigned retry_attempts;
    struct conf_words retry_on;
    struct conf_word rag;
    unsigned trip_after; /* 0: not given */
    int64_t rest_ms;
    unsigned min_percent;
    struct conf_word cache_exact, cache_ttl;
};

struct collection_spec {
    struct conf_word id;
    struct conf_word dir, embedder_model;
    struct conf_words teams, tags;
    unsigned k, tokens, nothing_found, embedder_kind;
};

struct webhook_spec {
    struct conf_word id;
    struct conf_words on;
    struct conf_word url, secret;
};

struct attach_spec {
    struct conf_word id;
    struct conf_word policy, team, key, model, prompt;
};

struct config_name { /* a model's own name, or an alias */
    struct str name;
    struct str of; /* the public name it stands for */
    const struct model *model;
};

struct config_memory {
    struct conf_word id;
    struct config config;
    struct conf *conf; /* owns every text and array */
    bool is_empty;     /* no option is in the file */

    struct conf_word listen;
    struct conf_items providers, models, collections;
    struct conf_pairs aliases;
    struct conf_word default_model;
    unsigned catalogue, unpriced, half_close, cache_scope;
    struct conf_word price_file, prompts_dir;
    struct conf_words origins;
    struct conf_word policy_dir, policy_default;
    struct conf_items attach;
    struct buf policy_problems; /* lines about the policies' own files */
    unsigned limit_requests, limit_burst, limit_tokens, limit_concurrent;
    struct conf_items webhooks;

    struct config_name *names; /* sorted by name, without wildcards */
    size_t n_names;
    const struct model **wildcards; /* longest beginning first */
    size_t n_wildcards;
    struct upstream_target *leaves;
    size_t leaves_cap;
};

extern const struct conf_table root_table, provider_table, model_table, target_table, attach_table, webhook_table,
    collection_table;

/* Each resolves its part of the spec; what is wrong becomes a problem of m->conf. */
void config_make_listen(struct config_memory *m, const struct config_override *over);
void config_make_providers(struct config_memory *m);
void config_make_models(struct config_memory *m); /* after providers and prices */
void config_nest_models(struct config_memory *m, const struct conf_node *root); /* after models */
void config_digest_models(struct config_memory *m); /* after nesting */
void config_add_leaf(struct config_memory *m, struct target *t, const struct model *model);
void config_make_health(struct config_memory *m); /* after models */
void config_make_names(struct config_memory *m);  /* after models */
void config_make_collections(struct config_memory *m); /* after names */
void config_make_prices(struct config_memory *m);
void config_make_policies(struct config_memory *m);
void config_make_limits(struct config_memory *m, const struct conf_node *root);
void config_make_webhooks(struct config_memory *m);

/* Takes over what is known of upstreams that are the same in the config before; NULL: none. */
void config_adopt_health(struct config *c, const struct config *before);
void config_forget_health(struct config *c);
void policy_book_free(struct policy_book *b); /* NULL is fine */

#endif
