/*
 * health.h - what is known of one upstream: whether it rests, how fast it is, how often it
 * fails, how long its answers are.
 *
 * One for each target that differs in provider, model or breaker; shared by all loops and
 * counted, and handed on from one config to the next where the target has not changed.
 * Thread-safe: a mutex of its own, held for a few instructions.
 *
 * Times are monotonic microseconds, and passed in.
 */
#ifndef GATEWAY_ROUTER_HEALTH_H
#define GATEWAY_ROUTER_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/router/breaker.h"

struct health;

struct health *health_new(unsigned trip_after, int64_t rest_ms); /* trip_after 0: no breaker */
struct health *health_ref(struct health *h);
void health_unref(struct health *h); /* NULL is fine */

/* As health_new() was told. */
bool health_has_breaker(const struct health *h, unsigned trip_after, int64_t rest_ms);

struct health_view {
    int64_t rests_ms;  /* how long it is left alone; 0: it may be asked */
    bool open;         /* it has tripped; with rests_ms 0 the next one is its probe */
    unsigned failures; /* in a row */
    uint64_t trips;
    unsigned in_flight;
    int64_t first_us[2];   /* to the first token of a body [0] and of a stream [1]; 0: not known */
    uint32_t error_ppm;    /* of attempts lately, per million */
    int64_t output_tokens; /* of an answer, on average; 0: not known */
};
void health_look(struct health *h, int64_t now_us, struct health_view *v);

/* It is being asked: a ticket, or 0: it rests.  Each ticket ends with one health_end(). */
uint64_t health_begin(struct health *h, bool is_stream, int64_t now_us);

/* The first token has come, of what began at begun_us; at most once a ticket. */
void health_first(struct health *h, bool is_stream, int64_t begun_us, int64_t now_us);

struct health_report {
    enum verdict verdict;
    bool is_stream;
    bool had_first; /* health_first() was called */
    int64_t begun_us;
    int64_t output_tokens; /* of a whole answer; -1: it was none */
};
/* True: this failure has opened the breaker. */
bool health_end(struct health *h, uint64_t ticket, const struct health_report *r, int64_t now_us);

#endif
