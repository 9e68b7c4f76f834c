/*
 * Requests of an earlier run that reserved and never settled.  What they cost
 * nobody will say, so what they had reserved last is booked: what is left of it
 * beside the attempts that were booked while the request ran, as one more attempt.  So
 * an orphan never counts more than its budgets held for it.
 */
#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/store_priv.h"

enum { ORPHAN_STATUS = 500 };

static int64_t not_negative(int64_t n)
{
    return n > 0 ? n : 0;
}

/* A budget counts input and output together: what one of them has too much the other has less. */
static void balance(int64_t *input, int64_t *output)
{
    if (*input < 0)
        *output += *input;
    else if (*output < 0)
        *input += *output;
    *input = not_negative(*input);
    *output = not_negative(*output);
}

/*
 * Splits what r reserved: *rest is what the attempts that were booked leave of it, and r
 * gets the sum of both, for an upstream may have told more.  *n: how many attempts those are.
 */
static bool split(sqlite3 *db, struct ledger_request *r, struct ledger_cost *rest, int64_t *n,
                  struct err *err)
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
        rest->tokens[i] = r->cost.tokens[i] - sqlite3_column_int64(q, 1 + i);
    balance(&rest->tokens[TOKENS_INPUT], &rest->tokens[TOKENS_OUTPUT]);
    for (int i = 0; i < TOKEN_KINDS; i++) {
        rest->tokens[i] = not_negative(rest->tokens[i]);
        r->cost.tokens[i] = sqlite3_column_int64(q, 1 + i) + rest->tokens[i];
    }
    int64_t booked_nusd = sqlite3_column_int64(q, 1 + TOKEN_KINDS);
    if (r->cost.cost_nusd != LEDGER_NULL) {
        rest->cost_nusd = not_negative(r->cost.cost_nusd - booked_nusd);
        r->cost.cost_nusd = booked_nusd + rest->cost_nusd;
    }
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
    if (!split(s->db, r, &a.cost, &booked, err))
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

static bool still_runs(sqlite3 *db, struct str id, bool *runs, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db, "SELECT 1 FROM requests WHERE request_id = ? AND finish IS NULL", err);
    if (!q)
        return false;
    sql_bind_text(q, 1, id);
    return sql_step(q, runs, err);
}

/* *booked: false if a later reserve of the same request was. */
static bool book_reserve(struct store *s, struct str id, struct str text, bool *booked,
                         struct err *err)
{
    struct payload p;
    if (!still_runs(s->db, id, booked, err))
        return false;
    if (!*booked)
        return true;
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
        bool booked = false;
        if (!sql_step(q, &more, err))
            return false;
        if (more && !book_reserve(s, sql_text(q, 0), sql_text(q, 1), &booked, err))
            return false;
        running -= booked;
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
