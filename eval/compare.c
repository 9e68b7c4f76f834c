#include "eval/compare.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "gateway/base/crypto.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"

#define ALPHA 0.05

const char *const compare_words[VERDICT_count] = {"better", "no worse", "worse", "inconclusive"};

static void count_passes(const double *a, const double *b, size_t n, struct comparison *c,
                         bool *binary)
{
    *binary = true;
    for (size_t i = 0; i < n; i++) {
        *binary &= (a[i] == 0 || a[i] == 1) && (b[i] == 0 || b[i] == 1);
        c->only_a += a[i] > b[i];
        c->only_b += b[i] > a[i];
        c->a += a[i] / (double)n;
        c->b += b[i] / (double)n;
    }
}

static void test_rates(struct comparison *c)
{
    c->method = "McNemar's test with mid-p, interval of Agresti and Min";
    c->interval = stats_paired_rates(c->only_a, c->only_b, (int64_t)c->rows);
    c->p = stats_mcnemar(c->only_a, c->only_b).mid;
}

static void test_means(const struct paired *p, struct comparison *c)
{
    c->method = "paired t test, errors clustered by test";
    double df = (double)p->clusters - 1, share = (double)p->clusters / (double)c->rows;
    if (p->clusters < 2 ||
        p->se == 0) { /* no spread is known: as many tests that all say the same */
        c->only_a = (int64_t)((double)c->only_a * share);
        c->only_b = (int64_t)((double)c->only_b * share);
        c->interval = stats_paired_rates(c->only_a, c->only_b, (int64_t)p->clusters);
        c->p = stats_mcnemar(c->only_a, c->only_b).mid;
        return;
    }
    double half = stats_t_quantile(df) * p->se;
    c->interval = (struct interval){p->mean - half, p->mean + half};
    c->p = stats_t_p(p->mean / p->se, df);
}

static enum compare_verdict judge(const struct comparison *c, double margin)
{
    if (c->p < ALPHA && c->interval.high < 0)
        return VERDICT_worse;
    if (c->p < ALPHA && c->interval.low > 0)
        return VERDICT_better;
    return c->interval.low >= -margin ? VERDICT_no_worse : VERDICT_inconclusive;
}

/*
 * If the true difference is the one seen, it can be told from 0, or from -margin: by
 * whichever is farther.  Clusters count as their rows' variance makes them count.
 */
static int64_t rows_needed(const struct comparison *c, const struct paired *p, double margin)
{
    double variance = p->se > 0 ? p->se * p->se * (double)c->rows : p->sd * p->sd;
    double reach = fmax(fabs(c->difference), c->difference + margin);
    if (variance == 0) /* no pair differed: as if one had */
        variance = 1 / (double)c->rows;
    if (reach <= 0)
        return 0;
    double need = ceil(stats_rows(variance, reach));
    return need > (double)c->rows ? (int64_t)need : (int64_t)c->rows + 1;
}

void compare_scores(const double *a, const double *b, const uint64_t *cluster, size_t n,
                    double margin, struct comparison *out)
{
    bool binary;
    *out = (struct comparison){.rows = n};
    double *d = mem_zalloc((n + 1) * sizeof *d);
    for (size_t i = 0; i < n; i++)
        d[i] = b[i] - a[i];
    count_passes(a, b, n, out, &binary);
    struct paired p = stats_paired(d, cluster, n);
    out->difference = p.mean;
    out->clusters = p.clusters;
    if (binary && p.clusters == n)
        test_rates(out);
    else
        test_means(&p, out);
    out->verdict = judge(out, margin);
    out->mde = n ? sqrt(stats_rows(p.sd * p.sd, 1) / (double)n) : 1;
    if (out->verdict == VERDICT_inconclusive)
        out->rows_needed = rows_needed(out, &p, margin);
    free(d);
}

/* ---- runs */

struct item {
    struct hash key;  /* of variables and column */
    uint64_t cluster; /* of the variables */
    size_t order;
    double score;
    bool passed, error;
};

struct compare_set {
    struct item *items;
    size_t n, cap;
};

struct compare_set *compare_set_new(void)
{
    return NEW(struct compare_set);
}

void compare_set_free(struct compare_set *s)
{
    if (s)
        free(s->items);
    free(s);
}

void compare_set_add(struct compare_set *s, const json_t *result, int64_t column)
{
    int64_t own = json_integer_value(json_object_get(result, "promptIdx"));
    if (column >= 0 && own != column)
        return;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 256;
        s->items = mem_realloc(s->items, s->cap * sizeof *s->items);
    }
    SCOPED(scope_free)
    char *vars = json_dumps(json_object_get(result, "vars"),
                            JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    SCOPED(buf_done) struct buf key = BUF_INIT(64 * 1024 * 1024);
    struct hash cluster = crypto_sha256(str_of(vars));
    struct item *i = &s->items[s->n];
    buf_addf(&key, "%lld ", (long long)(column >= 0 ? 0 : own));
    buf_add(&key, str_of(vars));
    *i = (struct item){.key = crypto_sha256(buf_str(&key)), .order = s->n++};
    memcpy(&i->cluster, cluster.bytes, sizeof i->cluster);
    i->score = json_number_value(json_object_get(result, "score"));
    i->passed = json_is_true(json_object_get(result, "success"));
    i->error = json_integer_value(json_object_get(result, "failureReason")) == 2;
}

static int by_key(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->cluster != y->cluster)
        return x->cluster < y->cluster ? -1 : 1;
    int order = memcmp(x->key.bytes, y->key.bytes, sizeof x->key.bytes);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

/* The n-th of a key pairs with the n-th. */
static size_t pair(const struct compare_set *a, const struct compare_set *b, bool scores,
                   double *of_a, double *of_b, uint64_t *cluster)
{
    size_t n = 0, i = 0, j = 0;
    while (i < a->n && j < b->n) {
        const struct item *x = &a->items[i], *y = &b->items[j];
        int order = x->cluster != y->cluster
                        ? (x->cluster < y->cluster ? -1 : 1)
                        : memcmp(x->key.bytes, y->key.bytes, sizeof x->key.bytes);
        i += order <= 0;
        j += order >= 0;
        if (order != 0 || x->error || y->error)
            continue;
        of_a[n] = scores ? x->score : x->passed;
        of_b[n] = scores ? y->score : y->passed;
        cluster[n++] = x->cluster;
    }
    return n;
}

bool compare_sets(struct compare_set *a, struct compare_set *b, bool scores, double margin,
                  struct comparison *out, size_t *left)
{
    size_t room = (a->n < b->n ? a->n : b->n) + 1;
    SCOPED(scope_free) double *of_a = mem_zalloc(room * sizeof *of_a);
    SCOPED(scope_free) double *of_b = mem_zalloc(room * sizeof *of_b);
    SCOPED(scope_free) uint64_t *cluster = mem_zalloc(room * sizeof *cluster);
    if (a->n)
        qsort(a->items, a->n, sizeof *a->items, by_key);
    if (b->n)
        qsort(b->items, b->n, sizeof *b->items, by_key);
    size_t n = pair(a, b, scores, of_a, of_b, cluster);
    *left = a->n + b->n - 2 * n;
    compare_scores(of_a, of_b, cluster, n, margin, out);
    return n > 0;
}

json_t *compare_object(const struct comparison *c, double margin, size_t left)
{
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:[f, f], s:f, s:s, s:I, s:I, s:f, s:f, s:o}",
        "verdict", compare_words[c->verdict], "rows", (json_int_t)c->rows, "tests",
        (json_int_t)c->clusters, "unpaired", (json_int_t)left, "a", c->a, "b", c->b, "difference",
        c->difference, "interval", c->interval.low, c->interval.high, "p", c->p, "method",
        c->method, "only_a", (json_int_t)c->only_a, "only_b", (json_int_t)c->only_b, "margin",
        margin, "detectable", c->mde, "rows_needed",
        c->rows_needed ? json_integer(c->rows_needed) : json_null());
}
