/* page.h - what is answered at once, from what is in memory. */
#ifndef GATEWAY_SERVER_PAGE_H
#define GATEWAY_SERVER_PAGE_H

#include "gateway/server/visit.h"

/* Fills v->reply for a route of kind MODELS, MODEL, HEALTH, READY or METRICS; key is NULL where the route is open. */
bool page_write(struct visit *v, const struct key *key, struct err *err);

#endif
