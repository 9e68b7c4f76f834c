/*
 * period.h - calendar windows, in UTC: the hour, day or month that a moment lies in, or
 * all time.
 */
#ifndef GATEWAY_BASE_PERIOD_H
#define GATEWAY_BASE_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/str.h"

enum period { PERIOD_hour, PERIOD_day, PERIOD_month, PERIOD_total, PERIOD_count };

const char *period_name(enum period p);
bool period_find(struct str name, enum period *p);

/* The first moment of the window and the first after it, ms since 1970; of `total` 0 and INT64_MAX.
 */
void period_window(enum period p, int64_t wall_ms, int64_t *from_ms, int64_t *to_ms);

#endif
