/* Versions are only ever inserted; a label is one row, and each of its moves another. */
#include <inttypes.h>

#include "gateway/base/clock.h"
#include "gateway/base/scope.h"
#include "gateway/store/registry_priv.h"
#include "gateway/store/store_priv.h"

enum { NAME_SHOWN_BYTES = 64 };

struct push {
    struct registry_version *v;
    bool dry_run, made;
};

static int shown(struct str name)
{
    return name.n < NAME_SHOWN_BYTES ? (int)name.n : NAME_SHOWN_BYTES;
}

/* The version that has this content already, or the next free number. */
static bool find_number(sqlite3 *db, struct push *p, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db,
                                  "SELECT coalesce(max(version), 0) + 1,"
                                  " max(version) FILTER (WHERE hash = ?2),"
                                  " max(created_ms) FILTER (WHERE hash = ?2),"
                                  " max(seq) FILTER (WHERE hash = ?2) FROM prompts WHERE name = ?1",
                                  err);
    if (!q)
        return false;
    sql_bind_text(q, 1, p->v->name);
    sql_bind_text(q, 2, p->v->hash);
    bool more;
    if (!sql_step(q, &more, err))
        return false;
    p->made = sqlite3_column_type(q, 1) == SQLITE_NULL;
    p->v->version = sqlite3_column_int64(q, p->made ? 0 : 1);
    p->v->created_ms = p->made ? clock_wall_ms() : sqlite3_column_int64(q, 2);
    p->v->seq = sqlite3_column_int64(q, 3);
    return true;
}

static bool task_push(sqlite3 *db, void *arg, struct err *err)
{
    struct push *p = arg;
    if (!find_number(db, p, err))
        return false;
    if (!p->made || p->dry_run)
        return true;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(
        db, "INSERT INTO prompts(name, version, hash, source, created_ms) VALUES(?,?,?,?,?)", err);
    if (!q)
        return false;
    sql_bind_text(q, 1, p->v->name);
    sqlite3_bind_int64(q, 2, p->v->version);
    sql_bind_text(q, 3, p->v->hash);
    sql_bind_text(q, 4, p->v->source);
    sqlite3_bind_int64(q, 5, p->v->created_ms);
    if (!sql_run(q, err))
        return false;
    p->v->seq = sqlite3_last_insert_rowid(db);
    return true;
}

bool registry_push(struct store *s, struct registry_version *v, bool dry_run, bool *made,
                   struct err *err)
{
    struct push p = {v, dry_run, false};
    if (!store_do(s, task_push, &p, err))
        return false;
    *made = p.made;
    return true;
}

static bool check_version(sqlite3 *db, const struct label_move *m, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(
        db, "SELECT max(version = ?) FROM prompts WHERE name = ? HAVING count(*) > 0", err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, m->version);
    sql_bind_text(q, 2, m->name);
    bool there;
    if (!sql_step(q, &there, err))
        return false;
    if (!there)
        return err_say(err, ERR_no_prompt, "name", "there is no prompt '%.*s'", shown(m->name),
                       m->name.p);
    return sqlite3_column_int(q, 0) != 0 ||
           err_say(err, ERR_no_prompt, "version", "the prompt '%.*s' has no version %" PRId64,
                   shown(m->name), m->name.p, m->version);
}

/* *now: the version that the label has; 0: there is no such label. */
static bool find_label(sqlite3 *db, const struct label_move *m, int64_t *now, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db, "SELECT version FROM prompt_labels WHERE name = ? AND label = ?", err);
    if (!q)
        return false;
    sql_bind_text(q, 1, m->name);
    sql_bind_text(q, 2, m->label);
    bool there;
    if (!sql_step(q, &there, err))
        return false;
    *now = there ? sqlite3_column_int64(q, 0) : 0;
    return m->expect == LABEL_EXPECT_ANY || m->expect == *now ||
           err_say(err, ERR_conflict, "expect",
                   "the label '%.*s' names version %" PRId64 ", not %" PRId64, shown(m->label),
                   m->label.p, *now, m->expect);
}

static bool write_move(sqlite3 *db, const char *sql, const struct label_move *m, int64_t before,
                       struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sql, err);
    if (!q)
        return false;
    sql_bind_text(q, 1, m->name);
    sql_bind_text(q, 2, m->label);
    sqlite3_bind_int64(q, 3, m->version);
    sqlite3_bind_int64(q, 4, before);
    sqlite3_bind_int64(q, 5, clock_wall_ms());
    if (sqlite3_bind_parameter_count(q) > 5)
        sql_bind_text(q, 6, m->why);
    return sql_run(q, err);
}

/* A label that is told to stay forgets nothing of where it was. */
bool registry_move_within(sqlite3 *db, const struct label_move *m, bool dry_run, struct err *err)
{
    int64_t now;
    if (!check_version(db, m, err) || !find_label(db, m, &now, err))
        return false;
    if (dry_run || now == m->version)
        return true;
    return write_move(
               db,
               "INSERT INTO prompt_labels(name, label, version, before, moved_ms) VALUES(?,?,?,?,?)"
               " ON CONFLICT DO UPDATE SET version = excluded.version, before = excluded.before,"
               " moved_ms = excluded.moved_ms",
               m, now, err) &&
           write_move(db,
                      "INSERT INTO prompt_moves(name, label, version, before, moved_ms, why)"
                      " VALUES(?,?,?,?,?,?)",
                      m, now, err);
}

struct moving {
    const struct label_move *m;
    bool dry_run;
};

static bool task_move(sqlite3 *db, void *arg, struct err *err)
{
    const struct moving *moving = arg;
    return registry_move_within(db, moving->m, moving->dry_run, err);
}

bool registry_move(struct store *s, const struct label_move *m, bool dry_run, struct err *err)
{
    struct moving moving = {m, dry_run};
    return store_do(s, task_move, &moving, err);
}

static bool read_versions(sqlite3 *db, const struct registry_reader *r, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db,
                                  "SELECT seq, name, version, hash, source, created_ms FROM prompts"
                                  " WHERE seq > ? ORDER BY seq",
                                  err);
    bool more = q != NULL;
    if (q)
        sqlite3_bind_int64(q, 1, r->after_seq);
    while (more) {
        if (!sql_step(q, &more, err))
            return false;
        if (!more)
            break;
        const struct registry_version v = {
            .seq = sqlite3_column_int64(q, 0),
            .name = sql_text(q, 1),
            .version = sqlite3_column_int64(q, 2),
            .hash = sql_text(q, 3),
            .source = sql_text(q, 4),
            .created_ms = sqlite3_column_int64(q, 5),
        };
        r->on_version(r->arg, &v);
    }
    return q != NULL;
}

static bool read_labels(sqlite3 *db, const struct registry_reader *r, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db,
                                  "SELECT name, label, version, before, moved_ms FROM prompt_labels"
                                  " ORDER BY name, label",
                                  err);
    bool more = q != NULL;
    while (more) {
        if (!sql_step(q, &more, err))
            return false;
        if (!more)
            break;
        const struct registry_label l = {
            .name = sql_text(q, 0),
            .label = sql_text(q, 1),
            .version = sqlite3_column_int64(q, 2),
            .before = sqlite3_column_int64(q, 3),
            .moved_ms = sqlite3_column_int64(q, 4),
        };
        r->on_label(r->arg, &l);
    }
    return q != NULL;
}

static bool task_read(sqlite3 *db, void *arg, struct err *err)
{
    const struct registry_reader *r = arg;
    return read_versions(db, r, err) && read_labels(db, r, err);
}

bool registry_read(struct store *s, const struct registry_reader *r, struct err *err)
{
    return store_do(s, task_read, (void *)r, err);
}
