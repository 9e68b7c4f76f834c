/*
 * report.h - what an answer says about itself: the x-penstock-* headers of a body, and
 * the last comment of a stream.
 */
#ifndef GATEWAY_CORE_REPORT_H
#define GATEWAY_CORE_REPORT_H

#include "gateway/core/exchange.h"

enum { REPORT_MAX = 16, REPORT_VALUE_BYTES = 96 };

struct report {
    unsigned n;
    struct {
        const char *name; /* without "x-penstock-" */
        char text[REPORT_VALUE_BYTES]; /* cut if longer; printable ASCII */
    } rows[REPORT_MAX];
};

/* What is known now; of a stream that is still running that is less. */
void report_make(const struct exchange *x, struct report *r);

/* The same as a JSON object, with `_` for `-`. */
void report_write(const struct report *r, struct buf *out);

#endif
