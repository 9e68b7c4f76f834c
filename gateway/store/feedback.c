#include "gateway/store/feedback.h"

#include "gateway/base/clock.h"
#include "gateway/base/scope.h"
#include "gateway/store/keyring.h"
#include "gateway/store/sql_priv.h"

/* Of the same team; a key without one may speak of its own requests. */
static bool check_request(sqlite3 *db, const struct feedback *f, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db,
                    "SELECT 1 FROM requests AS r LEFT JOIN keys AS k ON k.id = ?2"
                    " WHERE r.request_id = ?1 AND (r.key_id = ?2 OR r.team = k.team OR ?3)",
                    err);
    bool there;
    if (!q)
        return false;
    sql_bind_text(q, 1, f->request_id);
    sql_bind_text(q, 2, f->key_id);
    sqlite3_bind_int(q, 3, str_eq(f->key_id, str_of(keyring_operator.id)));
    if (!sql_step(q, &there, err))
        return false;
    return there || err_say(err, ERR_not_found, "request_id", "there is no such request");
}

static bool task_add(sqlite3 *db, void *arg, struct err *err)
{
    const struct feedback *f = arg;
    if (!check_request(db, f, err))
        return false;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(
        db,
        "INSERT INTO feedback(request_id, team, key_id, thumbs, score, comment, answer, created_ms)"
        " VALUES(?1, (SELECT team FROM keys WHERE id = ?2), ?2, ?3, ?4, ?5, ?6, ?7)",
        err);
    if (!q)
        return false;
    sql_bind_text(q, 1, f->request_id);
    sql_bind_text(q, 2, f->key_id);
    if (f->has_thumbs)
        sqlite3_bind_int(q, 3, f->up ? 1 : -1);
    if (f->has_score)
        sqlite3_bind_double(q, 4, f->score);
    if (f->comment.n)
        sql_bind_text(q, 5, f->comment);
    if (f->answer.n)
        sql_bind_text(q, 6, f->answer);
    sqlite3_bind_int64(q, 7, clock_wall_ms());
    return sql_run(q, err);
}

static bool task_check(sqlite3 *db, void *arg, struct err *err)
{
    return check_request(db, arg, err);
}

bool feedback_check(struct store *s, const struct feedback *f, struct err *err)
{
    return store_flush(s, err) && store_do(s, task_check, (void *)f, err);
}

bool feedback_add(struct store *s, const struct feedback *f, struct err *err)
{
    return store_flush(s, err) && store_do(s, task_add, (void *)f, err);
}
