/* model_find.h - the public model that a request is for. */
#ifndef GATEWAY_CORE_MODEL_FIND_H
#define GATEWAY_CORE_MODEL_FIND_H

#include "gateway/core/exchange.h"

struct str model_name(const struct exchange *x); /* the one that was asked, or that the prompt names */

/* Sets x->model, once; false: ERR_no_model, there is none, or the key may not use it. */
bool model_find(struct exchange *x, struct err *err);

#endif
