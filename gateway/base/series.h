/*
 * series.h - the counters of series_list.h, a set of them for each combination of
 * labels that has come about.
 *
 * How many combinations there are is bounded: past SERIES_MAX of a family, those that
 * are new are counted together, each of their labels "other".  What is a label's value
 * should be bounded too: a word of ours, or a name of the config, never the caller's.
 *
 * A shard is written by one thread; showing reads all of them without a lock.
 */
#ifndef GATEWAY_BASE_SERIES_H
#define GATEWAY_BASE_SERIES_H

#include <stdint.h>

#include "gateway/base/str.h"

enum family {
#define FAMILY(name, ...) FAMILY_##name,
#define SERIES(family, name, help)
#include "gateway/base/series_list.h"
    FAMILY_count
};

enum series {
#define FAMILY(name, ...)
#define SERIES(family, name, help) SERIES_##name,
#include "gateway/base/series_list.h"
    SERIES_count
};

enum {
    SERIES_LABELS = 4,       /* of a family, at most */
    SERIES_VALUE_BYTES = 64, /* a longer value is cut */
    SERIES_MAX = 512,        /* combinations of a family in a shard */
};

struct series_info {
    enum family family;
    const char *name, *help;
};
const struct series_info *series_info(enum series s); /* never NULL */
const char *const *family_labels(enum family f);      /* NULL-terminated */

struct series_shard;

struct series_shard *series_shard_new(void);
void series_shard_free(struct series_shard *s); /* NULL is fine */

/* Adds to the family's counters, in their order; values: one for each of its labels, "" is "none".
 */
void series_add(struct series_shard *s, enum family f, const struct str *values,
                const int64_t *more);

/* Appends Prometheus' text format. */
void series_show(struct series_shard *const *shards, unsigned n, struct buf *out);

#endif
