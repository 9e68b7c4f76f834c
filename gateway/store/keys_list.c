/* Keys and teams as JSON. */
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/store/dir_priv.h"
#include "gateway/store/keys.h"
#include "gateway/store/store_priv.h"

struct listing {
    const char *sql;
    json_t *(*object)(sqlite3_stmt *q);
    json_t *out;
};

static json_t *text_or_null(sqlite3_stmt *q, int column)
{
    struct str s = sql_text(q, column);
    return s.n ? json_stringn(s.p, s.n) : json_null();
}

static json_t *number_or_null(sqlite3_stmt *q, int column)
{
    bool null = sqlite3_column_type(q, column) == SQLITE_NULL;
    return null ? json_null() : json_integer(sqlite3_column_int64(q, column));
}

static json_t *document(sqlite3_stmt *q, int column)
{
    struct str s = sql_text(q, column);
    return json_loadb(s.p ? s.p : "null", s.p ? s.n : 4, JSON_DECODE_ANY, NULL);
}

static json_t *key_object(sqlite3_stmt *q)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "id", text_or_null(q, 0),
                     "team", text_or_null(q, 1), "name", text_or_null(q, 2), "models",
                     document(q, 3), "tags", document(q, 4), "metadata", document(q, 5),
                     "created_ms", number_or_null(q, 6), "expires_ms", number_or_null(q, 7),
                     "revoked_ms", number_or_null(q, 8), "admin", sqlite3_column_int(q, 9), "limits", document(q, 10));
}

static json_t *team_object(sqlite3_stmt *q)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "name", text_or_null(q, 0), "created_ms",
                     number_or_null(q, 1), "keys", number_or_null(q, 2), "limits", document(q, 3));
}

static bool task_list(struct sqlite3 *db, void *arg, struct err *err)
{
    struct listing *l = arg;
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, l->sql, err);
    bool more = q != NULL;
    while (more) {
        if (!sql_step(q, &more, err))
            return false;
        if (more)
            json_array_append_new(l->out, l->object(q));
    }
    return q != NULL;
}

static json_t *list(struct store *s, struct listing l, struct err *err)
{
    l.out = json_array();
    if (store_do(s, task_list, &l, err))
        return l.out;
    json_decref(l.out);
    return NULL;
}

json_t *key_list(struct store *s, struct err *err)
{
    return list(s,
                (struct listing){"SELECT id, team, name, models, tags, metadata, created_ms,"
                                 " expires_ms, revoked_ms, admin, limits FROM keys ORDER BY created_ms, id",
                                 key_object, NULL},
                err);
}

json_t *team_list(struct store *s, struct err *err)
{
    return list(s,
                (struct listing){"SELECT name, created_ms, (SELECT count(*) FROM keys WHERE"
                                 " team = teams.name AND revoked_ms IS NULL), limits FROM teams"
                                 " ORDER BY created_ms, name",
                                 team_object, NULL},
                err);
}

json_t *key_show(struct store *s, const char *id, struct err *err)
{
    json_t *all = key_list(s, err), *found = NULL;
    for (size_t i = 0; i < json_array_size(all) && !found; i++) {
        json_t *key = json_array_get(all, i);
        if (strcmp(json_string_value(json_object_get(key, "id")), id) == 0)
            found = json_incref(key);
    }
    if (all && !found)
        err_say(err, ERR_not_found, "id", "there is no key '%.64s'", id);
    json_decref(all);
    return found;
}
