/* arm.h - which arm of which rollout an exchange is of. */
#ifndef GATEWAY_CORE_ARM_H
#define GATEWAY_CORE_ARM_H

#include "gateway/core/exchange.h"

/* "control" or "canary", of the prompt's rollout, else of the model's; "" if it is of none. */
const char *arm_word(const struct exchange *x);

#endif
