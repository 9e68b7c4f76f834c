#include "gateway/base/period.h"

#include <string.h>

#include "gateway/base/clock.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS, MONTH_MAX_DAYS = 31, DATE_BYTES = 10 };

static const char *const names[] = {"hour", "day", "month", "total"};

const char *period_name(enum period p)
{
    return names[p];
}

bool period_find(struct str name, enum period *p)
{
    for (*p = 0; *p < PERIOD_count; ++*p)
        if (str_eq(name, str_of(names[*p])))
            return true;
    return false;
}

/* "2026-01-31T…" less its day is a date that clock_parse() reads again. */
static int64_t first_of_month(int64_t wall_ms)
{
    char text[CLOCK_TEXT_BYTES];
    clock_text(wall_ms, text);
    memcpy(text + 8, "01", 2);
    int64_t first_ms = 0;
    clock_parse((struct str){text, DATE_BYTES}, &first_ms);
    return first_ms;
}

void period_window(enum period p, int64_t wall_ms, int64_t *from_ms, int64_t *to_ms)
{
    int64_t length_ms = p == PERIOD_hour ? HOUR_MS : DAY_MS;
    *from_ms = 0;
    *to_ms = INT64_MAX;
    if (p == PERIOD_month) {
        *from_ms = first_of_month(wall_ms);
        *to_ms = first_of_month(*from_ms + (int64_t)MONTH_MAX_DAYS * DAY_MS);
    } else if (p != PERIOD_total) {
        *from_ms = wall_ms - wall_ms % length_ms;
        *to_ms = *from_ms + length_ms;
    }
}
