/*
 * metric.h - counters and histograms of metric_list.h, kept apart by loop and added
 * up when they are shown.
 *
 * A shard is written by one thread; showing reads all of them without a lock.
 */
#ifndef GATEWAY_BASE_METRIC_H
#define GATEWAY_BASE_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

#include "gateway/base/series.h"
#include "gateway/base/str.h"

enum metric {
#define METRIC(name, kind, help) METRIC_##name,
#include "gateway/base/metric_list.h"
    METRIC_count
};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_info {
    const char *name;
    enum metric_kind kind;
    const char *help;
};
const struct metric_info *metric_info(enum metric m); /* never NULL */

enum { METRIC_BUCKETS = 24 }; /* upper bounds 2^i * 16 µs: 16 µs to 134 s, and what is above */

struct metric_shard;
struct metrics;

struct metrics *metrics_new(unsigned shards);
void metrics_free(struct metrics *m); /* NULL is fine */
struct metric_shard *metrics_shard(struct metrics *m, unsigned i);
struct series_shard *metric_series(struct metric_shard *s); /* the same thread's, by labels */

void metric_add(struct metric_shard *s, enum metric m, int64_t n);    /* to a COUNTER */
void metric_time(struct metric_shard *s, enum metric m, int64_t us);  /* into a HISTOGRAM */

/* Appends Prometheus' text format; gauge() says what a GAUGE is now. */
void metrics_show(const struct metrics *m, int64_t (*gauge)(void *arg, enum metric m), void *arg, struct buf *out);

#endif
