/*
 * config.h - the snapshot of the config that exchanges run with.
 *
 * Made whole by config_load(), then never changed; shared by all loops and counted:
 * an exchange that began with one keeps it.  Times in milliseconds, sizes in bytes.
 * Every option is a row of option_list.h, from which `penstock list options`, the
 * manual page and the README table are generated.
 */
#ifndef GATEWAY_CORE_CONFIG_H
#define GATEWAY_CORE_CONFIG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/arena.h"
#include "gateway/base/crypto.h"
#include "gateway/base/err.h"
#include "gateway/base/log.h"
#include "gateway/base/str.h"
#include "gateway/llm/price.h"
#include "gateway/net/call.h"
#include "gateway/provider/dialect.h"
#include "gateway/router/health.h"
#include "gateway/router/rotation.h"
#include "gateway/router/strategy.h"
#include "gateway/store/limits.h"
#include "policy/policy.h"
#include "rag/access.h"

struct prompt; /* prompts/prompt.h */

struct provider { /* an endpoint or account configured under `providers` */
    const char *name;
    const struct dialect *dialect;
    enum dialect_transport transport;
    const char *base_url; /* without a slash at its end */
    const struct secret *api_keys;
    unsigned n_api_keys;             /* 0: none */
    struct rotation *rotation;       /* whose turn it is; a reference */
    const char *const *header_lines; /* extra ones, "name: value"; NULL-terminated; never NULL */
    struct upstream upstream;
};

enum { MODEL_UPSTREAMS = 64, MODEL_DEPTH = 8 };

struct target {
    const struct provider *provider; /* NULL: `of` is the target */
    const struct model *of;          /* a public model, with all that may answer for it: itself, or a copy
                                      * for which what this one says of time-outs, retry and breaker holds */
    const char *model; /* as the upstream calls it; of a wildcard with a '*': see target_model() */
    unsigned weight;
    const struct price *price; /* NULL: unpriced, or a wildcard's: see target_price() */
    bool says_can;             /* the config does, so the price does not count: */
    unsigned lacks;            /* bits of enum capability's CAN_ */
    int64_t context;           /* tokens; 0: as the price says */
    struct health *health;     /* a reference; NULL where there is no provider */
};

struct retry {
    unsigned attempts; /* of one target; 1 or more */
    bool on_429, on_5xx, on_timeout, on_reset;
};

struct breaker_options {
    unsigned trip_after; /* failures in a row; 0: no breaker */
    int64_t rest_ms;
};

struct model {        /* a public name */
    const char *name; /* one that ends in '*' stands for every name that begins so */
    bool is_wildcard;
    const struct strategy *strategy;
    struct target *targets;
    unsigned n_targets; /* 1 or more; with those of its models at most MODEL_UPSTREAMS, MODEL_DEPTH
                           deep */
    struct call_timeouts timeouts;
    struct retry retry;
    const char *rag; /* "COLLECTION[@LABEL]"; NULL: none */
    struct breaker_options breaker;
    unsigned min_percent; /* of a cascade: see appraise.h */
    bool says_timeouts, says_retry, says_breaker; /* so they hold for the models within too */
    struct {
        bool exact;
        int64_t ttl_ms;
    } cache;
    struct hash digest; /* of what is behind the name: another one may answer differently */
};

struct webhook {
    unsigned on; /* a bit for each enum notice_kind */
    const char *url;
    struct secret secret; /* "": derived from the master key */
};

enum nothing_found { NOTHING_say, NOTHING_plain, NOTHING_refuse };

struct collection { /* what passages can be retrieved from */
    const char *name;
    const char *dir;         /* where its documents lie; NULL: `rag ingest` is told */
    struct access access;    /* of documents that name nobody themselves */
    const char *embedder;    /* a public name of `models`; NULL: none */
    bool lexical_only;
    unsigned k;              /* passages at most */
    unsigned tokens;         /* of all passages together, about */
    enum nothing_found nothing_found;
};

struct upstream_target { /* a target that is an upstream */
    struct target *target;
    const struct model *model; /* which has it */
};

enum durability { DURABILITY_batched, DURABILITY_strict, DURABILITY_none };

struct listen_address {
    const char *host; /* numeric, or a name to resolve */
    unsigned port;
};

struct config {
    _Atomic unsigned refs;
    uint64_t generation; /* counts config_slot_put(); 0 before */

    struct listen_address listen;
    const char *data_dir;
    unsigned loops;
    enum durability durability;
    bool allow_unpriced;
    bool has_catalogue; /* prices that come with the program count */

    struct {
        int64_t memory_in_flight, body_bytes, answer_bytes, header_bytes, url_bytes;
        unsigned json_depth;
        unsigned connections, connections_per_address;
        int64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, drain_timeout_ms;
        bool tolerate_half_close;
    } server;

    struct {
        int64_t keepalive_ms;
        bool early_headers;
    } stream;

    struct limits limits; /* of each key; nothing in them is open */

    const struct webhook *webhooks;
    unsigned n_webhooks;

    struct {
        const char *const *origins; /* NULL-terminated; empty: off; "*" is any */
    } cors;

    struct {
        bool exact; /* where the model does not say */
        int64_t ttl_ms;
        enum { CACHE_SCOPE_team, CACHE_SCOPE_key } scope;
        int64_t answer_bytes, memory_bytes, disk_bytes;
    } cache;

    struct {
        const char *dir; /* NULL: there is none */
    } prompts;

    struct price_book *prices; /* of prices.file */
    struct provider *providers;
    unsigned n_providers;
    const struct model *models; /* sorted by name */
    unsigned n_models;
    const struct upstream_target *leaves; /* of all models, and of copies of them within others */
    unsigned n_leaves;
    const char *default_model; /* NULL: none */
    struct policy_book *policies; /* NULL: none; see config_policy_set() */

    const struct collection *collections;
    unsigned n_collections;

    struct config_memory *memory; /* config.c's own */
};

struct config_override { /* what the command line says; members may be NULL */
    const char *listen;
    const char *data_dir;
};

/*
 * Reads the file, or with NULL makes the embedded default: sim/ models, and providers
 * found in the environment and on this machine (see config_default.h, detect.h).  `over`
 * may be NULL.  NULL: each problem was given to complain() as one line,
 * "FILE:LINE:COLUMN: what is wrong; what to do".
 */
struct config *config_load(const char *path, const struct config_override *over,
                           void (*complain)(void *arg, const char *line), void *arg);

/* The same of a text; `file` is its name in complaints, and what paths are relative to. */
struct config *config_parse(const char *file, struct str text, const struct config_override *over,
                            void (*complain)(void *arg, const char *line), void *arg);

/* What works, but hardly as it is meant: lines as above.  Returns how many. */
size_t config_warn(const struct config *c, void (*complain)(void *arg, const char *line),
                   void *arg);

/* A complain() whose `arg` is a struct buf: keeps the first line. */
void config_keep_first(void *arg, const char *line);

struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine */

/* By public name or alias, or the wildcard with the longest beginning; NULL if there is none. */
const struct model *config_model(const struct config *c, struct str name);

const struct collection *config_collection(const struct config *c, struct str name); /* NULL: there is none */

/* Has the config the collection that a prompt names?  False: a line of what is wrong was appended. */
bool config_prompt_fits(const struct config *c, const char *file, const struct prompt *p, struct buf *line);

/* The public name that `name` was most likely meant to be; "" if none is near. */
struct str config_nearest_model(const struct config *c, struct str name);

/* The public name that `name` is an alias of, else `name`. */
struct str config_alias(const struct config *c, struct str name);

/*
 * What to call the model when `m` was found for the name `asked`: t->model, with its
 * '*' replaced by what the '*' of m's name stood for.  In the arena only if it has to be.
 */
struct str target_model(const struct config *c, const struct model *m, const struct target *t,
                        struct str asked, struct arena *a);

/* Is it the one written "PROVIDER/MODEL", as in the config? */
bool target_is(const struct target *t, const char *name);

/* The price of that model at this target; NULL: unpriced.  Lives as long as the config. */
const struct price *target_price(const struct config *c, const struct target *t, struct str model);

/* Whose request it is, for attaching policies; "" where it has none. */
struct policy_ask {
    struct str team, key, model, prompt;
};

/*
 * The policies that apply, as one; NULL: none does.  Made when first asked for and kept
 * with the config.  Thread-safe.
 */
const struct policy_set *config_policy_set(const struct config *c, const struct policy_ask *ask);

/* A policy by its name; NULL: there is none. */
const struct policy *config_policy(const struct config *c, struct str name);

/* Where the process keeps the current one.  Thread-safe. */
struct config_slot {
    pthread_mutex_t lock;
    struct config *current;
};
void config_slot_init(struct config_slot *s);
void config_slot_done(struct config_slot *s);
struct config *config_slot_get(struct config_slot *s); /* a new reference; NULL before the first */
void config_slot_put(
    struct config_slot *s,
    struct config *c); /* takes the reference over; sets its generation, and
                          hands on what is known of upstreams: before it is shared */

#endif
