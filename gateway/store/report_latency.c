/*
 * Percentiles by nearest rank, exact: rows come sorted by group, their times are
 * gathered and sorted here.  Requests that still run, and orphans, have no times.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/report_priv.h"

enum { SQL_MAX_BYTES = 8 * 1024 };

static const char *const times[] = {"total_us", "ttft_us", "overhead_us"};
static const int percents[] = {50, 90, 99};
enum {
    N_TIMES = sizeof times / sizeof times[0],
    N_PERCENTS = sizeof percents / sizeof percents[0]
};

struct samples {
    int64_t *all;
    size_t n, cap;
};

struct group_times {
    int64_t requests;
    struct samples times[N_TIMES];
};

static void samples_add(struct samples *s, int64_t v)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 256;
        s->all = mem_realloc(s->all, s->cap * sizeof *s->all);
    }
    s->all[s->n++] = v;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static json_t *percentile(const struct samples *s, int percent)
{
    if (s->n == 0)
        return json_null();
    size_t rank = (s->n * (size_t)percent + 99) / 100;
    return json_integer(s->all[rank - 1]);
}

static void times_show(struct group_times *t, json_t *row)
{
    json_object_set_new(row, "requests", json_integer(t->requests));
    for (size_t i = 0; i < N_TIMES; i++) {
        struct samples *s = &t->times[i];
        if (s->n)
            qsort(s->all, s->n, sizeof *s->all, by_size);
        for (size_t p = 0; p < N_PERCENTS; p++) {
            char name[32];
            snprintf(name, sizeof name, "%s_p%d", times[i], percents[p]);
            json_object_set_new(row, name, percentile(s, percents[p]));
        }
        s->n = 0;
    }
    t->requests = 0;
}

static void times_add(struct group_times *t, sqlite3_stmt *q, int column)
{
    t->requests++;
    for (int i = 0; i < N_TIMES; i++)
        if (sqlite3_column_type(q, column + i) != SQLITE_NULL)
            samples_add(&t->times[i], sqlite3_column_int64(q, column + i));
}

static void times_done(struct group_times *t)
{
    for (size_t i = 0; i < N_TIMES; i++)
        free(t->times[i].all);
}

static sqlite3_stmt *prepare(sqlite3 *db, const struct report_spec *r, const struct groups *g,
                             struct err *err)
{
    SCOPED(buf_done) struct buf sql = BUF_INIT(SQL_MAX_BYTES);
    buf_add(&sql, STR("SELECT "));
    groups_select(&sql, g);
    buf_add(&sql, STR("total_us, ttft_us, overhead_us FROM (SELECT *,"
                      " date(started_ms / 1000, 'unixepoch') AS day FROM requests)"
                      " WHERE started_ms >= ?1 AND started_ms < ?2 AND finish <> 'orphan'"));
    if (g->n) {
        buf_add(&sql, STR(" ORDER BY "));
        groups_list(&sql, g);
    }
    sqlite3_stmt *q = sql_prepare(db, sql.p, err);
    if (q)
        groups_bind(q, r, g);
    return q;
}

static bool gather(sqlite3_stmt *q, const struct groups *g, json_t *rows, struct group_times *group,
                   struct group_times *total, struct err *err)
{
    json_t *current = NULL;
    bool more;
    for (;;) {
        if (!sql_step(q, &more, err)) {
            json_decref(current);
            return false;
        }
        json_t *next = more ? groups_row(q, g) : NULL;
        if (current && !(next && json_equal(current, next))) {
            times_show(group, current);
            json_array_append_new(rows, current);
            current = NULL;
        }
        if (!more)
            return true;
        if (current)
            json_decref(next);
        else
            current = next;
        times_add(group, q, (int)g->n);
        times_add(total, q, (int)g->n);
    }
}

json_t *report_latency(sqlite3 *db, const struct report_spec *r, const struct groups *g,
                       struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = prepare(db, r, g, err);
    if (!q)
        return NULL;
    struct group_times group = {0}, total = {0};
    json_t *rows = json_array(), *out = NULL, *sums = json_object();
    if (gather(q, g, rows, &group, &total, err)) {
        times_show(&total, sums);
        out = json_pack("{s:O, s:O}", "rows", rows, "total", sums);
    }
    json_decref(rows);
    json_decref(sums);
    times_done(&group);
    times_done(&total);
    return out;
}
