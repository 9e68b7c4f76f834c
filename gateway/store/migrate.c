#include "gateway/store/migrate.h"

#include <inttypes.h>

#include "gateway/base/fault.h"
#include "gateway/base/scope.h"
#include "gateway/store/sql_priv.h"

/* clang-format off */
static const char version_1[] =
    "CREATE TABLE ledger("
    " seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, time INTEGER NOT NULL, schema INTEGER NOT NULL,"
    " request_id TEXT, payload TEXT NOT NULL, mac BLOB NOT NULL) STRICT;"

    "CREATE TABLE requests("
    " request_id TEXT NOT NULL PRIMARY KEY, started_ms INTEGER, team TEXT, key_id TEXT, unit TEXT,"
    " session TEXT, tags TEXT, endpoint TEXT, stream INTEGER, model_asked TEXT, model_served TEXT,"
    " provider TEXT, prompt_name TEXT, prompt_version INTEGER, prompt_hash TEXT, arm TEXT,"
    " policy_version TEXT, policy_verdict TEXT, rag_collection TEXT, rag_version INTEGER,"
    " rag_passages TEXT, cache TEXT, route_reason TEXT, attempts INTEGER, status INTEGER,"
    " finish TEXT, ttft_us INTEGER, total_us INTEGER, overhead_us INTEGER, input_tokens INTEGER,"
    " cached_tokens INTEGER, cache_write_tokens INTEGER, output_tokens INTEGER,"
    " reasoning_tokens INTEGER, audio_tokens INTEGER, cost_nusd INTEGER, saved_nusd INTEGER,"
    " cost_source TEXT, price_version TEXT, over_bound INTEGER) STRICT, WITHOUT ROWID;"
    "CREATE INDEX requests_running ON requests(request_id) WHERE finish IS NULL;"

    "CREATE TABLE attempts("
    " request_id TEXT NOT NULL, attempt INTEGER NOT NULL, purpose TEXT, started_ms INTEGER,"
    " provider TEXT, model TEXT, status INTEGER, finish TEXT, input_tokens INTEGER,"
    " cached_tokens INTEGER, cache_write_tokens INTEGER, output_tokens INTEGER,"
    " reasoning_tokens INTEGER, audio_tokens INTEGER, cost_nusd INTEGER, cost_source TEXT,"
    " price_version TEXT, over_bound INTEGER, PRIMARY KEY(request_id, attempt)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE pruned("
    " day TEXT NOT NULL, team TEXT NOT NULL, key_id TEXT NOT NULL, model_asked TEXT NOT NULL,"
    " provider TEXT NOT NULL, tags TEXT NOT NULL, requests INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,"
    " cache_write_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,"
    " reasoning_tokens INTEGER NOT NULL, audio_tokens INTEGER NOT NULL, cost_nusd INTEGER NOT NULL,"
    " PRIMARY KEY(day, team, key_id, model_asked, provider, tags)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE teams(name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE keys("
    " id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, team TEXT REFERENCES teams(name),"
    " name TEXT NOT NULL, models TEXT NOT NULL, tags TEXT NOT NULL, metadata TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, expires_ms INTEGER, revoked_ms INTEGER,"
    " admin INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE VIEW cost_by_team_day AS"
    " SELECT date(started_ms / 1000, 'unixepoch') AS day, team, count(*) AS requests,"
    " sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,"
    " sum(cost_nusd) AS cost_nusd FROM requests GROUP BY 1, 2;"
    "CREATE VIEW cost_by_model_day AS"
    " SELECT date(started_ms / 1000, 'unixepoch') AS day, model_asked AS model, count(*) AS requests,"
    " sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,"
    " sum(cost_nusd) AS cost_nusd FROM requests GROUP BY 1, 2;"
    "CREATE VIEW behaviour_by_prompt_day AS"
    " SELECT date(started_ms / 1000, 'unixepoch') AS day, prompt_name, prompt_version, arm,"
    " count(*) AS requests, sum(finish = 'complete') AS complete, avg(total_us) AS total_us,"
    " sum(cost_nusd) AS cost_nusd FROM requests WHERE prompt_name IS NOT NULL GROUP BY 1, 2, 3, 4;";

/* Prompts.  A version's text and hash never change; a label's row is its newest move. */
static const char version_2[] =
    "CREATE TABLE prompts("
    " seq INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, hash TEXT NOT NULL,"
    " source TEXT NOT NULL, created_ms INTEGER NOT NULL, UNIQUE(name, version),"
    " UNIQUE(name, hash)) STRICT;"
    "CREATE TABLE prompt_labels("
    " name TEXT NOT NULL, label TEXT NOT NULL, version INTEGER NOT NULL, before INTEGER NOT NULL,"
    " moved_ms INTEGER NOT NULL, PRIMARY KEY(name, label),"
    " FOREIGN KEY(name, version) REFERENCES prompts(name, version)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE prompt_moves("
    " seq INTEGER PRIMARY KEY, name TEXT NOT NULL, label TEXT NOT NULL, version INTEGER NOT NULL,"
    " before INTEGER NOT NULL, moved_ms INTEGER NOT NULL, why TEXT) STRICT;";

/* Rollouts: each, its stages, and what its units met with. */
static const char version_3[] =
    "CREATE TABLE rollouts("
    " id INTEGER PRIMARY KEY, name TEXT NOT NULL, control TEXT NOT NULL, canary TEXT NOT NULL,"
    " state TEXT NOT NULL, reason TEXT, stage INTEGER NOT NULL, share INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL, ended_ms INTEGER, guard TEXT, log_e REAL, undone_ms INTEGER) STRICT;"
    "CREATE UNIQUE INDEX rollouts_under_way ON rollouts(name) WHERE ended_ms IS NULL;"

    "CREATE TABLE rollout_stages("
    " rollout INTEGER NOT NULL, stage INTEGER NOT NULL, share INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL, control_requests INTEGER NOT NULL,"
    " canary_requests INTEGER NOT NULL, PRIMARY KEY(rollout, stage)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE rollout_events("
    " rollout INTEGER NOT NULL, stage INTEGER NOT NULL, seq INTEGER NOT NULL, unit_hash TEXT NOT NULL,"
    " arm TEXT NOT NULL, guard TEXT NOT NULL, value REAL NOT NULL,"
    " PRIMARY KEY(rollout, stage, seq, guard)) STRICT, WITHOUT ROWID;";

/* What policies found is a member of the chained row; the view has a line for each. */
static const char version_4[] =
    "ALTER TABLE requests ADD COLUMN policy_hits TEXT;"
    "CREATE VIEW policy_events AS"
    " SELECT r.request_id, r.started_ms, r.team, r.key_id, r.model_asked, r.policy_version,"
    " json_extract(e.value, '$.rule') AS rule, json_extract(e.value, '$.direction') AS direction,"
    " json_extract(e.value, '$.action') AS action, json_extract(e.value, '$.count') AS count,"
    " json_extract(e.value, '$.hashes') AS hashes"
    " FROM requests AS r, json_each(r.policy_hits) AS e WHERE r.policy_hits IS NOT NULL;";

/* Budgets with their leases, and limits. */
static const char version_5[] =
    "ALTER TABLE keys ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';"
    "ALTER TABLE teams ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';"

    "CREATE TABLE budgets("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT REFERENCES teams(name), key_id TEXT REFERENCES keys(id),"
    " per TEXT NOT NULL, limit_nusd INTEGER, limit_tokens INTEGER, created_ms INTEGER NOT NULL,"
    " CHECK ((team IS NULL) <> (key_id IS NULL))) STRICT;"
    "CREATE UNIQUE INDEX budgets_owner ON budgets(coalesce(team, ''), coalesce(key_id, ''), per);"

    "CREATE TABLE leases("
    " budget INTEGER NOT NULL REFERENCES budgets(id) ON DELETE CASCADE, from_ms INTEGER NOT NULL,"
    " measure TEXT NOT NULL, leased INTEGER, lost INTEGER NOT NULL DEFAULT 0,"
    " forgiven INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(budget, from_ms, measure)) STRICT, WITHOUT ROWID;";
/* Indexes of collections.  A label points to where its newest move says. */
static const char version_6[] =
    "CREATE TABLE indexes("
    " collection TEXT NOT NULL, version INTEGER NOT NULL, manifest BLOB NOT NULL,"
    " documents INTEGER NOT NULL, passages INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    " PRIMARY KEY(collection, version)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE index_moves("
    " id INTEGER PRIMARY KEY, collection TEXT NOT NULL, version INTEGER NOT NULL,"
    " label TEXT NOT NULL, moved_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX index_moves_of ON index_moves(collection, label, id);"

    "CREATE VIEW index_labels AS"
    " SELECT collection, label, version, moved_ms FROM index_moves"
    " WHERE id IN (SELECT max(id) FROM index_moves GROUP BY collection, label);";

/* Runs of suites, and their rows. */
static const char version_7[] =
    "CREATE TABLE evals("
    " id TEXT PRIMARY KEY, description TEXT, source TEXT, hash TEXT NOT NULL, rows INTEGER NOT NULL,"
    " config TEXT NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER) STRICT, WITHOUT ROWID;"
    "CREATE TABLE eval_rows("
    " eval TEXT NOT NULL REFERENCES evals(id), row INTEGER NOT NULL, state TEXT NOT NULL,"
    " score REAL, latency_ms INTEGER, cost_nusd INTEGER, result TEXT NOT NULL,"
    " PRIMARY KEY(eval, row)) STRICT, WITHOUT ROWID;";

/* Behaviour: what rules say of an answer; and feedback: what people do. */
static const char version_8[] =
    "ALTER TABLE requests ADD COLUMN judged INTEGER;"
    "ALTER TABLE requests ADD COLUMN refusal INTEGER;"
    "ALTER TABLE requests ADD COLUMN empty INTEGER;"
    "ALTER TABLE requests ADD COLUMN truncated INTEGER;"
    "ALTER TABLE requests ADD COLUMN misfit INTEGER;"
    "ALTER TABLE requests ADD COLUMN repetition INTEGER;"
    "ALTER TABLE requests ADD COLUMN language_mismatch INTEGER;"
    "ALTER TABLE requests ADD COLUMN citations_lost INTEGER;"

    "CREATE TABLE feedback("
    " id INTEGER PRIMARY KEY, request_id TEXT NOT NULL, team TEXT, key_id TEXT NOT NULL, thumbs INTEGER,"
    " score REAL, comment TEXT, answer TEXT, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX feedback_of ON feedback(request_id);"

    "DROP VIEW behaviour_by_prompt_day;"
    "CREATE VIEW behaviour_by_prompt_day AS"
    " SELECT date(started_ms / 1000, 'unixepoch') AS day, prompt_name, prompt_version, arm,"
    " count(*) AS requests, sum(finish = 'complete') AS complete, avg(total_us) AS total_us,"
    " sum(cost_nusd) AS cost_nusd, sum(judged) AS judged, sum(refusal) AS refusals, sum(empty) AS empty,"
    " sum(truncated) AS truncated, sum(misfit) AS misfits, sum(repetition >= 50) AS repetitive,"
    " sum(language_mismatch) AS language_mismatches, sum(citations_lost) AS citations_lost"
    " FROM requests WHERE prompt_name IS NOT NULL GROUP BY 1, 2, 3, 4;";
/* clang-format on */

const char *const migrations[] = {version_1, version_2, version_3, version_4, version_5, version_6, version_7, version_8};
const size_t n_migrations = sizeof migrations / sizeof migrations[0];

static bool take_step(sqlite3 *db, const char *sql, size_t version, struct err *err)
{
    SCOPED(buf_done) struct buf mark = BUF_INIT(64);
    buf_addf(&mark, "PRAGMA user_version = %zu", version);
    if (!sql_exec(db, "BEGIN IMMEDIATE", err))
        return false;
    if (!FAULT("migrate.step") && sql_exec(db, sql, err) && sql_exec(db, mark.p, err) &&
        sql_exec(db, "COMMIT", err))
        return true;
    err_set(err, ERR_store, "a step failed");
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return err_wrap(err, "schema version %zu", version);
}

bool migrate_run(sqlite3 *db, const char *const *steps, size_t n, struct err *err)
{
    int64_t version;
    if (!sql_int(db, "PRAGMA user_version", 0, &version, err))
        return false;
    if (version < 0 || (uint64_t)version > n)
        return err_set(err, ERR_store,
                       "the database has schema version %" PRId64
                       ", this program knows %zu at most; use a newer penstock",
                       version, n);
    for (size_t i = (size_t)version; i < n; i++)
        if (!take_step(db, steps[i], i + 1, err))
            return false;
    return true;
}
