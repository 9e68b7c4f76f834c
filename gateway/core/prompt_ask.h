/* prompt_ask.h - which prompt a request names, in one of the three ways that callers have. */
#ifndef GATEWAY_CORE_PROMPT_ASK_H
#define GATEWAY_CORE_PROMPT_ASK_H

#include "gateway/core/exchange.h"

/*
 * Fills x->prompt, and x->asked where only the prompt names a model.  False: the request
 * contradicts itself, or its key may not use the prompt, which looks as if it were unknown.
 */
bool prompt_ask(struct exchange *x, struct err *err);

#endif
