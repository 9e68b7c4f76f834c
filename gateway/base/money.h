/*
 * money.h - nano-dollars, as text.
 *
 * Money is int64_t in nano-USD (1e-9); in text it is a decimal with nine places.
 */
#ifndef GATEWAY_BASE_MONEY_H
#define GATEWAY_BASE_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/str.h"

enum { MONEY_TEXT_BYTES = sizeof "-9223372036.854775807" };

void money_text(int64_t nusd, char text[MONEY_TEXT_BYTES]);

/* INT64_MAX where it is more; of tokens as well. */
int64_t money_sum(int64_t a, int64_t b);

/* "0.5", "12", "0.000000001", "1e-6": exact.  False if it is no number, negative, too large, or finer than 10^-`places`. */
bool money_parse(struct str text, unsigned places, int64_t *units);

#endif
