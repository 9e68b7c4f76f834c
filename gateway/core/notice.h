/*
 * notice.h - tells the log, /metrics and the config's webhooks that something wants an
 * operator's eye.
 *
 * A webhook gets a POST of {"type": …, "time": …, "data": {…}}, signed as Standard
 * Webhooks (standardwebhooks.com) has it: webhook-id, webhook-timestamp, webhook-signature:
 * "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body".  The key is the bytes of
 * the hook's secret, or what stands in base64 behind its "whsec_"; without a secret it is
 * HKDF-SHA256 of the master key with the label "webhook".  What is not answered with 2xx
 * is tried again, NOTICE_TRIES in all; no more than NOTICES_MAX wait, what is above is
 * dropped, and logged.  On the loop of who calls; never blocks.
 */
#ifndef GATEWAY_CORE_NOTICE_H
#define GATEWAY_CORE_NOTICE_H

#include "gateway/core/exchange.h"

enum notice_kind { NOTICE_budget, NOTICE_canary, NOTICE_breaker, NOTICE_ledger, NOTICE_count };

enum { NOTICE_TRIES = 6 /* after 1, 4, 16, 64, 256 s */, NOTICES_MAX = 64 /* of each loop */ };

const char *notice_word(enum notice_kind k); /* as in `webhooks.on` */

/* Hands `data`, a JSON object, to every webhook of the config that wants to know. */
void notice_send(struct worker *w, const struct config *c, enum notice_kind k, const char *type,
                 struct str data);

/* A hold_notice whose arg is the exchange. */
void notice_of_budget(void *exchange, const struct purse_state *s, enum measure m, int percent);

/* Drops what waits, and breaks off what is being sent: at the end. */
void notices_drop(struct worker *w);

#endif
