/*
 * inner.h - asks models of the config from a thread that may block: for commands and
 * jobs, which have no loop.
 *
 * Each question is an exchange of its own, with rows in the ledger that name no team.
 * One question at a time; not for loops.
 */
#ifndef GATEWAY_CORE_INNER_H
#define GATEWAY_CORE_INNER_H

#include "gateway/base/err.h"
#include "gateway/core/config.h"
#include "gateway/llm/endpoint.h"
#include "gateway/store/store.h"

struct inner;

struct inner *inner_open(struct store *s, struct config *c,
                         struct err *err); /* both are borrowed */
void inner_close(struct inner *i);         /* NULL is fine */

/* `body` names the model.  Appends the answer's body. */
bool inner_ask(struct inner *i, enum endpoint e, struct str body, struct buf *answer,
               struct err *err);

#endif
