#include "gateway/store/report.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/money.h"
#include "gateway/base/scope.h"
#include "gateway/store/report_priv.h"

enum { SQL_MAX_BYTES = 16 * 1024 };

static const struct {
    struct str name, expression;
} plain_groups[] = {
    {STR("team"), STR("nullif(team, '')")},
    {STR("model"), STR("nullif(model_asked, '')")},
    {STR("provider"), STR("nullif(provider, '')")},
    {STR("key"), STR("nullif(key_id, '')")},
    {STR("day"), STR("day")},
    {STR("prompt"), STR("nullif(prompt_name, '')")},
};
enum { N_PLAIN = sizeof plain_groups / sizeof plain_groups[0] };

/* The reports that are sums, a bit each. */
enum { COST = 1, USAGE = 2, CACHE = 4, SAVINGS = 8, BEHAVIOUR = 16 };

static const struct {
    struct str name;
    unsigned bit;
} kinds[] = {{STR("cost"), COST}, {STR("usage"), USAGE}, {STR("cache"), CACHE}, {STR("savings"), SAVINGS},
             {STR("behaviour"), BEHAVIOUR}};

static const struct measure {
    const char *name;
    const char *column;
    unsigned in;
    bool money;
} measures[] = {
    {"requests", "requests", COST | USAGE | CACHE | SAVINGS | BEHAVIOUR, false},
    {"attempts", "attempts", USAGE, false},
    {"input_tokens", "input_tokens", COST | USAGE, false},
    {"cached_tokens", "cached_tokens", USAGE, false},
    {"cache_write_tokens", "cache_write_tokens", USAGE, false},
    {"output_tokens", "output_tokens", COST | USAGE, false},
    {"reasoning_tokens", "reasoning_tokens", USAGE, false},
    {"audio_tokens", "audio_tokens", USAGE, false},
    {"hits", "hits", CACHE | SAVINGS, false},
    {"joined", "joined", CACHE | SAVINGS, false},
    {"misses", "misses", CACHE, false},
    {"bypassed", "bypassed", CACHE, false},
    {"judged", "judged", BEHAVIOUR, false},
    {"refusals", "refusal", BEHAVIOUR, false},
    {"empty", "empty", BEHAVIOUR, false},
    {"truncated", "truncated", BEHAVIOUR, false},
    {"misfits", "misfit", BEHAVIOUR, false},
    {"repetitive", "repetitive", BEHAVIOUR, false},
    {"language_mismatches", "language_mismatch", BEHAVIOUR, false},
    {"citations_lost", "citations_lost", BEHAVIOUR, false},
    {"policy_hits", "flagged", BEHAVIOUR, false},
    {"cost_usd", "cost_nusd", COST | USAGE | CACHE | SAVINGS | BEHAVIOUR, true},
    {"saved_usd", "saved_nusd", CACHE | SAVINGS, true},
};
enum { N_MEASURES = sizeof measures / sizeof measures[0] };

static const struct str *expression_of(struct str name)
{
    for (size_t i = 0; i < N_PLAIN; i++)
        if (str_eq(plain_groups[i].name, name))
            return &plain_groups[i].expression;
    return NULL;
}

static bool is_tag(struct str name)
{
    return name.n > 4 && memcmp(name.p, "tag.", 4) == 0;
}

static bool groups_parse(struct groups *g, struct str by, struct err *err)
{
    *g = (struct groups){0};
    struct str name;
    while (by.n && str_next(&by, ',', &name)) {
        if (g->n == REPORT_MAX_BY)
            return err_say(err, ERR_bad_request, "by", "a report has at most %d groups",
                           REPORT_MAX_BY);
        bool tag = is_tag(name) && name.n < sizeof g->tags[0] - 4 && !memchr(name.p, '"', name.n);
        if (!tag && !expression_of(name))
            return err_say(err, ERR_bad_request, "by",
                           "there is no group '" STR_FMT
                           "'; there are team, model, provider, key, day,"
                           " prompt and tag.NAME",
                           (int)(name.n < 64 ? name.n : 64), name.p);
        if (tag)
            snprintf(g->tags[g->n], sizeof g->tags[0], "$.\"" STR_FMT "\"", (int)name.n - 4,
                     name.p + 4);
        g->names[g->n++] = name;
    }
    return true;
}

static void add_expression(struct buf *sql, struct str name)
{
    const struct str *e = expression_of(name); /* groups_parse() knows it */
    if (e)
        buf_add(sql, *e);
}

void groups_select(struct buf *sql, const struct groups *g)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->tags[i][0])
            buf_addf(sql, "iif(json_valid(tags), json_extract(tags, ?%zu), NULL)",
                     PARAMETER_TAGS + i);
        else
            add_expression(sql, g->names[i]);
        buf_addf(sql, " AS g%zu,", i);
    }
}

void groups_list(struct buf *sql, const struct groups *g)
{
    for (size_t i = 0; i < g->n; i++)
        buf_addf(sql, "%sg%zu", i ? "," : "", i);
}

void groups_bind(sqlite3_stmt *q, const struct report_spec *r, const struct groups *g)
{
    sqlite3_bind_int64(q, PARAMETER_FROM, r->from_ms);
    sqlite3_bind_int64(q, PARAMETER_TO, r->to_ms);
    for (size_t i = 0; i < g->n; i++)
        if (g->tags[i][0])
            sqlite3_bind_text(q, PARAMETER_TAGS + (int)i, g->tags[i], -1, SQLITE_STATIC);
}

json_t *groups_row(sqlite3_stmt *q, const struct groups *g)
{
    json_t *row = json_object();
    for (size_t i = 0; i < g->n; i++) {
        struct str s = sql_text(q, (int)i);
        json_t *v =
            sqlite3_column_type(q, (int)i) == SQLITE_NULL ? json_null() : json_stringn(s.p, s.n);
        json_object_setn_new(row, g->names[i].p, g->names[i].n, v);
    }
    return row;
}

static bool is_grouped_by(const struct groups *g, struct str name)
{
    for (size_t i = 0; i < g->n; i++)
        if (str_eq(g->names[i], name))
            return true;
    return false;
}

/* Requests, and days of pruned ones, in the same columns; a day costs time, so only where it is asked for. */
static void add_source(struct buf *sql, const struct groups *g, unsigned kind)
{
    buf_add(sql, STR("(SELECT "));
    groups_select(sql, g);
    const char *comma = "";
    for (size_t i = 0; i < N_MEASURES; i++)
        if (measures[i].in & kind) {
            buf_addf(sql, "%s%s", comma, measures[i].column);
            comma = ",";
        }
    buf_addf(sql, " FROM (SELECT %s AS day,",
             is_grouped_by(g, STR("day")) ? "date(started_ms / 1000, 'unixepoch')" : "NULL");
    buf_add(sql,
            STR(" team, key_id,"
                " model_asked, provider, tags, 1 AS requests, attempts, input_tokens,"
                " cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, audio_tokens,"
                " cost_nusd, prompt_name, cache = 'hit' AS hits, cache = 'joined' AS joined,"
                " cache = 'miss' AS misses, cache = 'bypass' AS bypassed, saved_nusd,"
                " judged, refusal, empty, truncated, misfit, repetition >= 50 AS repetitive,"
                " language_mismatch, citations_lost, policy_hits IS NOT NULL AS flagged"
                " FROM requests WHERE started_ms >= ?1 AND started_ms < ?2"
                " UNION ALL SELECT *, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM pruned WHERE strftime('%s', day) * 1000 >= ?1"
                " AND strftime('%s', day) * 1000 < ?2))"));
}

static void set_sums(json_t *row, unsigned kind, const int64_t sums[N_MEASURES])
{
    for (size_t i = 0; i < N_MEASURES; i++) {
        char text[MONEY_TEXT_BYTES];
        if (!(measures[i].in & kind))
            continue;
        money_text(sums[i], text);
        json_object_set_new(row, measures[i].name,
                            measures[i].money ? json_string(text) : json_integer(sums[i]));
    }
}

/* A group, which is added to the total. */
static json_t *sums_row(sqlite3_stmt *q, const struct groups *g, unsigned kind, int64_t total[N_MEASURES])
{
    json_t *row = groups_row(q, g);
    int64_t sums[N_MEASURES] = {0};
    int column = (int)g->n;
    for (size_t i = 0; i < N_MEASURES; i++)
        if (measures[i].in & kind) {
            sums[i] = sqlite3_column_int64(q, column++);
            total[i] += sums[i];
        }
    set_sums(row, kind, sums);
    return row;
}

static sqlite3_stmt *prepare_sums(sqlite3 *db, const struct report_spec *r, const struct groups *g,
                                  unsigned kind, struct err *err)
{
    SCOPED(buf_done) struct buf sql = BUF_INIT(SQL_MAX_BYTES);
    buf_add(&sql, STR("SELECT "));
    groups_list(&sql, g);
    const char *comma = g->n ? "," : "";
    for (size_t i = 0; i < N_MEASURES; i++)
        if (measures[i].in & kind) {
            buf_addf(&sql, "%scoalesce(sum(%s), 0)", comma, measures[i].column);
            comma = ",";
        }
    buf_add(&sql, STR(" FROM "));
    add_source(&sql, g, kind);
    if (g->n) {
        buf_add(&sql, STR(" GROUP BY "));
        groups_list(&sql, g);
        buf_add(&sql, STR(" ORDER BY "));
        groups_list(&sql, g);
    }
    sqlite3_stmt *q = sql_prepare(db, sql.p, err);
    if (q)
        groups_bind(q, r, g);
    return q;
}

static bool add_rows(sqlite3 *db, const struct report_spec *r, const struct groups *g, unsigned kind,
                     json_t *rows, int64_t total[N_MEASURES], struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = prepare_sums(db, r, g, kind, err);
    bool more = q != NULL;
    while (more) {
        if (!sql_step(q, &more, err))
            return false;
        if (more)
            json_array_append_new(rows, sums_row(q, g, kind, total));
    }
    return q != NULL;
}

/* The groups have each request once, so their sums add up to the total, to the nano-dollar. */
static json_t *report_sums(sqlite3 *db, const struct report_spec *r, const struct groups *g,
                           unsigned kind, struct err *err)
{
    json_t *rows = json_array(), *total = json_object(), *out = NULL;
    int64_t sums[N_MEASURES] = {0};
    if (add_rows(db, r, g, kind, rows, sums, err)) {
        set_sums(total, kind, sums);
        out = json_pack("{s:O, s:O}", "rows", rows, "total", total);
    }
    json_decref(rows);
    json_decref(total);
    return out;
}

json_t *report_make(struct sqlite3 *db, const struct report_spec *r, struct err *err)
{
    struct groups g;
    bool latency = str_eq(r->kind, STR("latency"));
    unsigned kind = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_eq(r->kind, kinds[i].name))
            kind = kinds[i].bit;
    if (!kind && !latency) {
        err_say(err, ERR_bad_request, "kind", "there are reports of cost, usage, latency, cache, savings and behaviour");
        return NULL;
    }
    if (!groups_parse(&g, r->by, err) || !sql_exec(db, "BEGIN", err))
        return NULL;
    json_t *out = latency ? report_latency(db, r, &g, err) : report_sums(db, r, &g, kind, err);
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return out;
}
