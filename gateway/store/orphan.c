/*
 * Requests of an earlier run that reserved and never settled.  What they cost
 * nobody will say, so the bound is booked: as one more attempt, beside those that
 * were booked while the request ran.
 */
#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/store_priv.h"

enum { ORPHAN_STATUS = 500 };

/* Tokens and cost of the attempts that were booked; *n is how many there are. */
static bool add_booked(sqlite3 *db, struct ledger_request *r, int64_t *n, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db,
                    "SELECT max(attempt), sum(input_tokens), sum(cached_tokens),"
                    " sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens),"
                    " sum(audio_tokens), sum(cost_nusd) FROM attempts WHERE request_id = ?",
                    err);
    if (!q)
        return false;
    sql_bind_text(q, 1, r->request_id);
    bool more;
    if (!sql_step(q, &more, err))
        return false;
    *n = sqlite3_column_int64(q, 0);
    for (int i = 0; i < TOKEN_KINDS; i++)
        r->cost.tokens[i] += sqlite3_column_int64(q, 1 + i);
    if (r->cost.cost_nusd != LEDGER_NULL)
        r->cost.cost_nusd += sqlite3_column_int64(q, 1 + TOKEN_KINDS);
    return true;
}

static bool book_one(struct store *s, struct ledger_request *r, struct err *err)
{
    struct ledger_attempt a = {
        .request_id = r->request_id,
        .purpose = str_eq(r->endpoint, STR("embeddings")) ? STR("embed") : STR("chat"),
        .started_ms = r->started_ms,
        .provider = r->provider,
        .model = r->model_served,
        .status = ORPHAN_STATUS,
        .finish = STR("orphan"),
        .cost = r->cost,
    };
    a.cost.cost_source = STR("bound");
    int64_t booked;
    if (!add_booked(s->db, r, &booked, err))
        return false;
    a.attempt = (unsigned)booked + 1;
    r->attempts = a.attempt;
    r->status = ORPHAN_STATUS;
    r->finish = STR("orphan");
    r->total_us = 0; /* nobody knows */
    r->ttft_us = r->overhead_us = LEDGER_NULL;
    r->cost.cost_source = STR("bound");
    struct entry e = {
        .kind = ENTRY_orphan,
        .request_id = r->request_id,
        .request = r,
        .attempts = (const struct ledger_attempt *[]){&a},
        .n_attempts = 1,
    };
    if (!book_append(&s->book, &e, clock_wall_ms(), err))
        return false;
    LOG(orphan, F("request", r->request_id), F("cost_nusd", r->cost.cost_nusd));
    return true;
}

static bool book_reserve(struct store *s, struct str id, struct str text, struct err *err)
{
    struct payload p;
    if (!payload_read(&p, ENTRY_reserve, id, text, err))
        return false;
    bool ok = book_one(s, &p.request, err);
    payload_done(&p);
    return ok;
}

/* Newest first: the reserves that are wanted stand near the end. */
static bool book_all(struct store *s, int64_t running, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(
        s->db,
        "SELECT request_id, payload FROM ledger WHERE kind = 'reserve' AND seq <= ? AND request_id"
        " IN (SELECT request_id FROM requests WHERE finish IS NULL) ORDER BY seq DESC",
        err);
    bool more = q != NULL;
    if (more)
        sqlite3_bind_int64(q, 1, s->book.last.seq);
    while (more && running > 0) {
        if (!sql_step(q, &more, err))
            return false;
        if (more && !book_reserve(s, sql_text(q, 0), sql_text(q, 1), err))
            return false;
        running -= more;
    }
    if (q && running > 0)
        LOG(store, F("error", "running requests have no reserve in the ledger"),
            F("requests", running));
    return q != NULL;
}

bool orphans_book(struct store *s, struct err *err)
{
    int64_t running;
    if (!sql_int(s->db, "SELECT count(*) FROM requests WHERE finish IS NULL", 0, &running, err))
        return false;
    if (running == 0)
        return true;
    if (!sql_exec(s->db, "BEGIN IMMEDIATE", err))
        return false;
    if (book_all(s, running, err) && sql_exec(s->db, "COMMIT", err))
        return true;
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
