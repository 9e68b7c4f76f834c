/*
 * spend.h - what a request may take of its key's budgets.
 *
 * A request holds what its attempts so far have cost and the bound of the next.  What it
 * holds is settled to what it cost when it is undone, once its last row is handed over: so
 * the ledger's rows never sum up to more than was held, wherever it is broken off.
 */
#ifndef GATEWAY_CORE_SPEND_H
#define GATEWAY_CORE_SPEND_H

#include "gateway/core/exchange.h"
#include "gateway/core/stage.h"

/* Does any of the key's budgets limit this? */
bool spend_is_limited(const struct key *k, enum measure m);

/*
 * Reserves what is missing for one more attempt.  STEP_NEXT: it may be made.  STEP_WAIT:
 * x->wait is set; call again.  STEP_FAIL: ERR_quota names the budget.
 */
enum step spend_reserve(struct exchange *x, struct err *err);

/* The same for an answer that grows beyond what was reserved; HOLD_WAIT: ask again a little later.
 */
enum hold_answer spend_reserve_now(struct exchange *x);

/* Would spend_reserve() fail?  Reserves nothing. */
bool spend_would_reserve(struct exchange *x, struct err *err);

void spend_settle(struct exchange *x); /* after row_settle() */

/* The least that is left in any of its budgets once this request has ended; LEDGER_NULL if none
 * limits money. */
int64_t spend_left_nusd(const struct exchange *x);

/* The budget that is nearest to its end, from 80 % on; 0: none is.  Percent, of the thresholds. */
int spend_warning(const struct exchange *x, struct purse_state *s);

#endif
