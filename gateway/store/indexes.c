#include "gateway/store/indexes.h"

#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/scope.h"
#include "gateway/store/store_priv.h"

enum { NAME_MAX_BYTES = 64 };

struct change {
    const struct index_row *row;
    const char *collection, *label;
    unsigned version;
    bool dry_run;
    json_t *list;
};

static bool is_name(const char *name)
{
    size_t n = strlen(name);
    return n >= 1 && n <= NAME_MAX_BYTES &&
           strspn(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-") == n;
}

static bool check_label(const char *label, struct err *err)
{
    int64_t n;
    return (is_name(label) && !str_int(str_of(label), &n)) ||
           err_say(err, ERR_bad_request, "label",
                   "a label has 1 to %d of the characters A-Z a-z 0-9 . _ -, and is no number",
                   NAME_MAX_BYTES);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql, const struct change *c, struct err *err)
{
    sqlite3_stmt *q = sql_prepare(db, sql, err);
    if (q) {
        sqlite3_bind_text(q, 1, c->collection, -1, SQLITE_STATIC);
        sqlite3_bind_int64(q, 2, c->version);
        if (sqlite3_bind_parameter_count(q) > 2)
            sqlite3_bind_text(q, 3, c->label, -1, SQLITE_STATIC);
    }
    return q;
}

static bool version_exists(sqlite3 *db, const struct change *c, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        prepare(db, "SELECT 1 FROM indexes WHERE collection = ? AND version = ?", c, err);
    bool there;
    if (!q || !sql_step(q, &there, err))
        return false;
    return there || err_say(err, ERR_not_found, "version",
                            "there is no version %u of '%.64s'; see: penstock rag list", c->version,
                            c->collection);
}

static bool point(sqlite3 *db, const struct change *c, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        prepare(db, "INSERT INTO index_moves(collection, version, label, moved_ms) VALUES(?,?,?,?)",
                c, err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 4, clock_wall_ms());
    return sql_run(q, err);
}

static bool insert(sqlite3 *db, const struct index_row *r, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "INSERT INTO indexes VALUES(?,?,?,?,?,?)", err);
    if (!q)
        return false;
    sqlite3_bind_text(q, 1, r->collection, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, r->version);
    sqlite3_bind_blob(q, 3, r->manifest.bytes, HASH_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, r->documents);
    sqlite3_bind_int64(q, 5, r->passages);
    sqlite3_bind_int64(q, 6, clock_wall_ms());
    return sql_run(q, err);
}

static bool task_adopt(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct change *c = arg;
    struct err none = {0};
    if (version_exists(db, c, &none))
        return err_say(err, ERR_conflict, "version", "there is a version %u of '%.64s' already",
                       c->version, c->collection);
    return c->dry_run || (insert(db, c->row, err) && (!c->label || point(db, c, err)));
}

bool index_adopt(struct store *s, const struct index_row *row, const char *label, bool dry_run,
                 struct err *err)
{
    struct change c = {row, row->collection, label, row->version, dry_run, NULL};
    if (!is_name(row->collection))
        return err_say(err, ERR_bad_request, "collection",
                       "a collection's name has 1 to %d of the characters A-Z a-z 0-9 . _ -",
                       NAME_MAX_BYTES);
    return (!label || check_label(label, err)) && store_do(s, task_adopt, &c, err);
}

static bool task_label(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct change *c = arg;
    return version_exists(db, c, err) && (c->dry_run || point(db, c, err));
}

bool index_label(struct store *s, const char *collection, const char *label, unsigned version,
                 bool dry_run, struct err *err)
{
    struct change c = {
        .collection = collection, .label = label, .version = version, .dry_run = dry_run};
    return check_label(label, err) && store_do(s, task_label, &c, err);
}

/* Where it points, then where it pointed before that: going back twice goes back twice. */
static bool task_rollback(struct sqlite3 *db, void *arg, struct err *err)
{
    struct change *c = arg;
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db,
                    "SELECT version FROM index_moves WHERE collection = ? AND label = ?"
                    " ORDER BY id DESC LIMIT 2",
                    err);
    bool more = false;
    if (!q)
        return false;
    sqlite3_bind_text(q, 1, c->collection, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, c->label, -1, SQLITE_STATIC);
    if (!sql_step(q, &more, err) || (more && !sql_step(q, &more, err)))
        return false;
    if (!more)
        return err_say(err, ERR_not_found, "label",
                       "'%.64s' of '%.64s' points to no version before", c->label, c->collection);
    c->version = (unsigned)sqlite3_column_int64(q, 0);
    if (c->dry_run)
        return true;
    SCOPED(sql_finish)
    sqlite3_stmt *d =
        sql_prepare(db,
                    "DELETE FROM index_moves WHERE id = (SELECT max(id) FROM index_moves"
                    " WHERE collection = ? AND label = ?)",
                    err);
    if (!d)
        return false;
    sqlite3_bind_text(d, 1, c->collection, -1, SQLITE_STATIC);
    sqlite3_bind_text(d, 2, c->label, -1, SQLITE_STATIC);
    return sql_run(d, err);
}

bool index_rollback(struct store *s, const char *collection, const char *label, bool dry_run,
                    unsigned *version, struct err *err)
{
    struct change c = {.collection = collection, .label = label, .dry_run = dry_run};
    if (!check_label(label, err) || !store_do(s, task_rollback, &c, err))
        return false;
    *version = c.version;
    return true;
}

static json_t *row_of(sqlite3_stmt *q)
{
    struct hash h = {0};
    char hex[HASH_HEX_BYTES];
    if (sqlite3_column_bytes(q, 2) == HASH_BYTES)
        memcpy(h.bytes, sqlite3_column_blob(q, 2), HASH_BYTES);
    hash_hex(&h, hex);
    struct str labels = sql_text(q, 6);
    json_t *list = json_loadb(labels.p ? labels.p : "[]", labels.p ? labels.n : 2, 0, NULL);
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:I, s:s}", "collection",
                     (const char *)sqlite3_column_text(q, 0), "version",
                     (json_int_t)sqlite3_column_int64(q, 1), "documents",
                     (json_int_t)sqlite3_column_int64(q, 3), "passages",
                     (json_int_t)sqlite3_column_int64(q, 4), "labels", list, "created_ms",
                     (json_int_t)sqlite3_column_int64(q, 5), "manifest", hex);
}

static bool task_list(struct sqlite3 *db, void *arg, struct err *err)
{
    struct change *c = arg;
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db,
                    "SELECT collection, version, manifest, documents, passages, created_ms,"
                    " (SELECT json_group_array(label) FROM index_labels AS l"
                    "  WHERE l.collection = i.collection AND l.version = i.version)"
                    " FROM indexes AS i ORDER BY collection, version",
                    err);
    bool more = q != NULL;
    while (more && sql_step(q, &more, err) && more)
        json_array_append_new(c->list, row_of(q));
    return q && err->code == ERR_none;
}

json_t *index_list(struct store *s, struct err *err)
{
    struct change c = {.list = json_array()};
    if (store_do(s, task_list, &c, err))
        return c.list;
    json_decref(c.list);
    return NULL;
}
