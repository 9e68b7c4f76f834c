/*
 * limits.h - how much a key may ask for in a minute, and at once.
 *
 * Of the config for every key; `keys create --limits` and `teams set --limits` override
 * it, each of the three by itself, the key's first.
 */
#ifndef GATEWAY_STORE_LIMITS_H
#define GATEWAY_STORE_LIMITS_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/gcra.h"

enum {
    LIMIT_OPEN = -1 /* says nothing: the next one holds */,
    LIMIT_NONE = 0 /* says that there is none */
};

struct limits {
    struct gcra_rate requests, tokens; /* .per_minute may be LIMIT_OPEN or LIMIT_NONE */
    int64_t concurrent;
};

#define LIMITS_OPEN ((struct limits){{LIMIT_OPEN, 0}, {LIMIT_OPEN, 0}, LIMIT_OPEN})

/*
 * {"requests": {"per_minute": 600, "burst": 20}, "tokens": {"per_minute": 200000},
 * "concurrent": 64}, each optional, or null for none.  False: ERR_bad_request says what
 * is wrong with `limits`.
 */
bool limits_read(const json_t *doc, struct limits *l, struct err *err);

/* What is open in *l is taken from *otherwise. */
void limits_inherit(struct limits *l, const struct limits *otherwise);

/* As read; what is open is left out. */
json_t *limits_write(const struct limits *l);

/* What one key has used up; shared by all threads, counted, outlives changes of the key. */
struct pace {
    _Alignas(64) _Atomic int64_t requests_us, tokens_us; /* of gcra.h */
    _Atomic int64_t concurrent;
    _Atomic unsigned refs;
};

#endif
