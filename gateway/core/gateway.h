/*
 * gateway.h - what all exchanges of the process share, and what those of one loop do.
 */
#ifndef GATEWAY_CORE_GATEWAY_H
#define GATEWAY_CORE_GATEWAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/account.h"
#include "gateway/base/metric.h"
#include "gateway/core/config.h"
#include "gateway/loop/jobs.h"
#include "gateway/loop/loop.h"
#include "gateway/net/call.h"
#include "gateway/store/store.h"
#include "prompts/rollouts.h"
#include "rag/shelf.h"

struct prompts;

struct gateway {
    struct policy_tally *policy_tally; /* what rules found, for /metrics; NULL: not counted */
    struct config_slot config;
    struct store *store;
    struct cache *cache;
    struct prompts *prompts; /* NULL: there are none */
    struct rollouts *rollouts; /* NULL: none are drawn */
    struct jobs *jobs;
    struct jobs *searches; /* of their own: an ingest must not hold them up */
    struct shelf_slot shelf;
    struct account memory; /* bytes of bodies and answers that all exchanges hold */
    struct metrics *metrics;
    atomic_bool draining;
};

/* One loop and what is only used by its thread. */
struct worker {
    struct gateway *gateway;
    struct loop *loop;
    struct transport *transports[TRANSPORT_count];
    struct metric_shard *metrics;
    struct notice *notices; /* that wait for a webhook, notice.c's */
    unsigned n_notices;
    _Atomic int64_t notices_asked; /* that a webhook is being told of just now */
    uint64_t dice; /* state of worker_dice() */
    _Atomic int64_t in_flight; /* exchanges; written by the worker, read by all */
};

uint64_t worker_dice(struct worker *w); /* uniform; not for secrets (xorshift64*, Vigna 2016) */

enum { REQUEST_ID_BYTES = sizeof "req_0123456789abcdefghjkmnpqrs" };

/* "req_" and 26 digits of base 32: 48 bits of time, so that ids sort by it, and 80 of chance (the ULID format). */
void worker_request_id(struct worker *w, int64_t wall_ms, char id[REQUEST_ID_BYTES]);

#endif
