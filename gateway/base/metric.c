#include "gateway/base/metric.h"

#include <assert.h>
#include <inttypes.h>

#include "gateway/base/mem.h"

enum { FIRST_BUCKET_US = 16 };

static const struct metric_info infos[METRIC_count] = {
#define METRIC(name, kind, help) [METRIC_##name] = {#name, METRIC_##kind, help},
#include "gateway/base/metric_list.h"
};

struct metric_shard {
    _Atomic int64_t counts[METRIC_count]; /* of a histogram: the sum, in µs */
    _Atomic int64_t buckets[METRIC_count][METRIC_BUCKETS + 1];
    struct series_shard *series;
};

struct metrics {
    unsigned n;
    struct metric_shard shards[];
};

const struct metric_info *metric_info(enum metric m)
{
    assert(m < METRIC_count);
    return &infos[m];
}

struct metrics *metrics_new(unsigned shards)
{
    struct metrics *m = mem_zalloc(sizeof *m + shards * sizeof m->shards[0]);
    m->n = shards;
    for (unsigned i = 0; i < shards; i++)
        m->shards[i].series = series_shard_new();
    return m;
}

void metrics_free(struct metrics *m)
{
    for (unsigned i = 0; m && i < m->n; i++)
        series_shard_free(m->shards[i].series);
    free(m);
}

struct metric_shard *metrics_shard(struct metrics *m, unsigned i)
{
    assert(i < m->n);
    return &m->shards[i];
}

struct series_shard *metric_series(struct metric_shard *s)
{
    return s->series;
}

/* One thread writes a shard, so no read-modify-write needs to be atomic. */
static void add(_Atomic int64_t *to, int64_t n)
{
    atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + n, memory_order_relaxed);
}

void metric_add(struct metric_shard *s, enum metric m, int64_t n)
{
    assert(infos[m].kind == METRIC_COUNTER);
    add(&s->counts[m], n);
}

void metric_time(struct metric_shard *s, enum metric m, int64_t us)
{
    assert(infos[m].kind == METRIC_HISTOGRAM);
    unsigned bucket = 0;
    while (bucket < METRIC_BUCKETS && us > (int64_t)FIRST_BUCKET_US << bucket)
        bucket++;
    add(&s->counts[m], us);
    add(&s->buckets[m][bucket], 1);
}

static int64_t sum(const struct metrics *m, enum metric metric)
{
    int64_t n = 0;
    for (unsigned i = 0; i < m->n; i++)
        n += atomic_load_explicit(&m->shards[i].counts[metric], memory_order_relaxed);
    return n;
}

static void show_histogram(const struct metrics *m, enum metric metric, struct buf *out)
{
    const char *name = infos[metric].name;
    int64_t n = 0;
    for (unsigned b = 0; b <= METRIC_BUCKETS; b++) {
        for (unsigned i = 0; i < m->n; i++)
            n += atomic_load_explicit(&m->shards[i].buckets[metric][b], memory_order_relaxed);
        if (b < METRIC_BUCKETS)
            buf_addf(out, "penstock_%s_bucket{le=\"%.6f\"} %" PRId64 "\n", name,
                     (double)((int64_t)FIRST_BUCKET_US << b) / 1e6, n);
        else
            buf_addf(out, "penstock_%s_bucket{le=\"+Inf\"} %" PRId64 "\n", name, n);
    }
    buf_addf(out, "penstock_%s_sum %.6f\n", name, (double)sum(m, metric) / 1e6);
    buf_addf(out, "penstock_%s_count %" PRId64 "\n", name, n);
}

void metrics_show(const struct metrics *m, int64_t (*gauge)(void *arg, enum metric m), void *arg, struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (enum metric i = 0; i < METRIC_count; i++) {
        const struct metric_info *info = &infos[i];
        buf_addf(out, "# HELP penstock_%s %s\n# TYPE penstock_%s %s\n", info->name, info->help, info->name,
                 kinds[info->kind]);
        if (info->kind == METRIC_HISTOGRAM)
            show_histogram(m, i, out);
        else
            buf_addf(out, "penstock_%s %" PRId64 "\n", info->name,
                     info->kind == METRIC_GAUGE ? gauge(arg, i) : sum(m, i));
    }    struct series_shard **series = mem_zalloc(m->n * sizeof *series);
    for (unsigned i = 0; i < m->n; i++)
        series[i] = m->shards[i].series;
    series_show(series, m->n, out);
    free(series);
}
