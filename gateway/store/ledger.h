/*
 * ledger.h - one row for each thing that costs money, chained and never changed.
 *
 * A request hands over a reserve, an attempt when a call of an upstream has ended, the
 * two again for each further call, and one settle; from any thread; none of it blocks.
 * The last reserve counts: what it says covers the attempts before it too.
 * Rows are copied.  The writer commits in groups and derives `requests` and
 * `attempts` in the same transaction.  Columns: README.md.
 *
 * When the disk is full or the database locked, rows are kept in a bounded queue;
 * once that is full ledger_ready() says so and new requests are to be refused.
 */
#ifndef GATEWAY_STORE_LEDGER_H
#define GATEWAY_STORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/store/store.h"

enum { TOKENS_INPUT, TOKENS_CACHED, TOKENS_CACHE_WRITE, TOKENS_OUTPUT, TOKENS_REASONING, TOKENS_AUDIO, TOKEN_KINDS };

enum { LEDGER_NULL = -1 }; /* in a number: null */

/* What is in both kinds of row; strings that are empty are null. */
struct ledger_cost {
    int64_t tokens[TOKEN_KINDS];
    int64_t cost_nusd;       /* LEDGER_NULL: unpriced */
    struct str cost_source;  /* reported, estimated, bound, unpriced, none */
    struct str price_version;
    bool over_bound;
};

struct ledger_attempt {
    struct str request_id;
    unsigned attempt; /* from 1 */
    struct str purpose; /* chat, embed, judge, verify */
    int64_t started_ms; /* wall clock */
    struct str provider, model;
    int status;
    struct str finish;
    struct ledger_cost cost;
};

enum { LEDGER_HITS_BYTES = 1000 }; /* of policy_hits, at most */

struct ledger_request {
    struct str request_id;
    int64_t started_ms; /* wall clock */
    struct str team, key_id, unit, session, tags; /* tags: a JSON object, or empty */
    struct str endpoint;
    bool stream;
    struct str model_asked, model_served, provider;
    struct str cache;   /* miss, hit, joined, bypass; empty: the cache was off */
    int64_t saved_nusd; /* what a hit would have cost; 0: null */
    struct str prompt_name, prompt_hash;
    int64_t prompt_version; /* 0: null */
    struct str arm; /* control, canary */
    struct str policy_version, policy_verdict;
    struct str policy_hits; /* a JSON array of what rules found, never of what it was; whole, or empty */
    struct str rag_collection, rag_passages; /* passages: a JSON array, or empty */
    int64_t rag_version;                     /* 0: null */
    int64_t judged; /* 1: the answer's behaviour, in what follows; 0: null, as there */
    int64_t refusal, empty, truncated, misfit, repetition, language_mismatch, citations_lost;
    struct str route_reason;
    unsigned attempts;
    int status;
    struct str finish;
    int64_t ttft_us, total_us, overhead_us; /* LEDGER_NULL where there is none */
    struct ledger_cost cost; /* of a reserve: the attempts so far, and the bound of the next */
};

/* A request that is about to ask an upstream; its cost is the most that it can come to by that. */
struct ledger_durable {
    void (*done)(void *arg, bool ok); /* on the writer thread, when the row is on disk, or cannot be */
    void *arg;
};
void ledger_reserve(struct store *s, const struct ledger_request *r, const struct ledger_durable *d); /* d: NULL if nobody waits */
void ledger_attempt(struct store *s, const struct ledger_attempt *a);
void ledger_settle(struct store *s, const struct ledger_request *r);

/* False: the queue is full, or the disk has failed; *err says so. */
bool ledger_ready(struct store *s, struct err *err);

struct ledger_head {
    int64_t seq;
    char mac[HASH_HEX_BYTES];
    int64_t queued, written; /* rows */
};
void ledger_head(struct store *s, struct ledger_head *h);

#endif
