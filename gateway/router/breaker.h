/*
 * breaker.h - leaves an upstream that keeps failing alone for a while.
 *
 * A breaker counts the failures in a row of one upstream.  At `trip_after` it
 * opens: breaker_allows() answers 0 for `rest_ms`, and then lets exactly one
 * caller through, the probe.  The probe's verdict closes the breaker or opens it
 * for another `rest_ms`; a probe without a verdict makes way for the next, at
 * once if it says so, after `rest_ms` if it never reports.
 *
 * Who is let through gets a ticket and reports with it once.  What was let
 * through before the breaker last opened or closed no longer changes it.
 *
 * Times are in milliseconds on the monotonic clock, and are passed in: the
 * breaker reads no clock, so its tests never sleep.  Not thread-safe: health.c
 * holds its lock.
 */
#ifndef GATEWAY_ROUTER_BREAKER_H
#define GATEWAY_ROUTER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum verdict {
    VERDICT_success,
    VERDICT_failure,
    VERDICT_none, /* it was not the upstream that ended it: the client left, we shut down */
};

struct breaker {         /* all of it breaker.c's own but where it says so */
    unsigned trip_after; /* 0: never opens */
    int64_t rest_ms;

    uint64_t last_ticket;
    bool open;      /* to be read */
    uint64_t trips; /* how often it opened; to be read */

    /* while closed */
    unsigned failures; /* in a row; to be read */
    uint64_t since;    /* tickets up to this one are from before it closed */

    /* while open */
    int64_t probe_at_ms; /* from here on the next caller is the probe */
    uint64_t probe;      /* the ticket of the last probe; 0: none yet */
};

void breaker_init(struct breaker *b, unsigned trip_after, int64_t rest_ms);

/* May the caller try the upstream now?  A ticket to report with, or 0: no. */
uint64_t breaker_allows(struct breaker *b, int64_t now_ms);
void breaker_report(struct breaker *b, uint64_t ticket, enum verdict verdict, int64_t now_ms);

/* How long breaker_allows() would still say no; 0: it would not. */
int64_t breaker_rests_ms(const struct breaker *b, int64_t now_ms);

#endif
