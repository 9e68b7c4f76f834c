#include "gateway/router/breaker.h"

#include <assert.h>

void breaker_init(struct breaker *b, unsigned trip_after, int64_t rest_ms)
{
    *b = (struct breaker){.trip_after = trip_after, .rest_ms = rest_ms};
}

uint64_t breaker_allows(struct breaker *b, int64_t now_ms)
{
    if (breaker_rests_ms(b, now_ms))
        return 0;
    b->last_ticket++;
    if (b->open) {
        b->probe = b->last_ticket;
        b->probe_at_ms = now_ms + b->rest_ms; /* should this one never report */
    }
    return b->last_ticket;
}

int64_t breaker_rests_ms(const struct breaker *b, int64_t now_ms)
{
    return b->open && now_ms < b->probe_at_ms ? b->probe_at_ms - now_ms : 0;
}

static void open_for_rest(struct breaker *b, int64_t now_ms)
{
    b->trips += !b->open;
    b->open = true;
    b->probe = 0;
    b->probe_at_ms = now_ms + b->rest_ms;
}

static void report_while_closed(struct breaker *b, enum verdict verdict, int64_t now_ms)
{
    if (verdict == VERDICT_success)
        b->failures = 0;
    else if (verdict == VERDICT_failure && ++b->failures >= b->trip_after && b->trip_after)
        open_for_rest(b, now_ms);
}

static void report_of_probe(struct breaker *b, enum verdict verdict, int64_t now_ms)
{
    switch (verdict) {
    case VERDICT_success:
        b->open = false;
        b->failures = 0;
        b->since = b->last_ticket;
        break;
    case VERDICT_failure:
        open_for_rest(b, now_ms);
        break;
    case VERDICT_none:
        b->probe = 0;
        b->probe_at_ms = now_ms;
        break;
    }
}

void breaker_report(struct breaker *b, uint64_t ticket, enum verdict verdict, int64_t now_ms)
{
    assert(ticket != 0);
    if (b->open && ticket == b->probe)
        report_of_probe(b, verdict, now_ms);
    else if (!b->open && ticket > b->since)
        report_while_closed(b, verdict, now_ms);
}
