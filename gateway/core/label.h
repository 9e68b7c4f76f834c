/*
 * label.h - what an answer says about itself: the x-penstock-* headers of a body, and
 * the last comment of a stream.
 */
#ifndef GATEWAY_CORE_LABEL_H
#define GATEWAY_CORE_LABEL_H

#include "gateway/core/exchange.h"

enum { LABEL_MAX = 24, LABEL_VALUE_BYTES = 96 };

struct label {
    unsigned n;
    struct {
        const char *name; /* of the header, "x-penstock-…" */
        char text[LABEL_VALUE_BYTES]; /* cut if longer; printable ASCII */
    } rows[LABEL_MAX];
};

/* What is known now; of a stream that is still running that is less. */
void label_make(const struct exchange *x, struct label *r);

/* The same as a JSON object, its names without the prefix and with `_` for `-`. */
void label_write(const struct label *r, struct buf *out);

#endif
