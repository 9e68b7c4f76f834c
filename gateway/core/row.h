/* row.h - an exchange as rows of the ledger. */
#ifndef GATEWAY_CORE_ROW_H
#define GATEWAY_CORE_ROW_H

#include "gateway/core/exchange.h"
#include "gateway/store/ledger.h"

/* Who asked what; how it ended and what it cost are left out. */
void row_begin(const struct exchange *x, struct ledger_request *row);

/* A reserve: what the request comes to at most when one more attempt has ended. */
void row_reserve(const struct exchange *x, struct ledger_request *row);

/* The last row of a request that is over: how it ended, what it cost and how long it took. */
struct times {
    int64_t total_us, ttft_us, overhead_us; /* LEDGER_NULL: there is none */
};
struct times row_settle(const struct exchange *x);

/* price may be NULL: cost_nusd is LEDGER_NULL then. */
void row_cost(struct ledger_cost *to, const struct usage *u, int64_t cost_nusd, enum cost_source source,
              const char *price_version);

/* "2xx"; "" if there is no status.  A label's value. */
struct str status_class(int status);

#endif
