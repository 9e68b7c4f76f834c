#include "gateway/store/export.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/store/sql_priv.h"

enum { LINE_MAX_BYTES = 64 * 1024 * 1024 };

static const struct {
    const char *table, *sql;
} tables[] = {
    {"requests", "SELECT * FROM requests ORDER BY request_id"},
    {"attempts", "SELECT * FROM attempts ORDER BY request_id, attempt"},
    {"ledger", "SELECT seq, kind, time, schema, request_id, payload, lower(hex(mac)) AS mac"
               " FROM ledger ORDER BY seq"},
};

static json_t *value(sqlite3_stmt *q, int column)
{
    struct str s = {0};
    switch (sqlite3_column_type(q, column)) {
    case SQLITE_NULL:
        return json_null();
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(q, column));
    default:
        s = sql_text(q, column);
        return json_stringn_nocheck(s.p ? s.p : "", s.n);
    }
}

static void add_json(struct buf *line, sqlite3_stmt *q)
{
    json_t *row = json_object();
    for (int i = 0; i < sqlite3_column_count(q); i++)
        json_object_set_new(row, sqlite3_column_name(q, i), value(q, i));
    char *text = json_dumps(row, JSON_COMPACT);
    buf_add(line, str_of(text));
    free(text);
    json_decref(row);
}

/* RFC 4180. */
static void add_field(struct buf *line, struct str s)
{
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++)
        quoted |= strchr(",\"\r\n", s.p[i]) != NULL;
    if (!quoted) {
        buf_add(line, s);
        return;
    }
    buf_add(line, STR("\""));
    for (size_t i = 0; i < s.n; i++)
        buf_add(line, s.p[i] == '"' ? STR("\"\"") : (struct str){s.p + i, 1});
    buf_add(line, STR("\""));
}

static void add_csv(struct buf *line, sqlite3_stmt *q, bool names)
{
    for (int i = 0; i < sqlite3_column_count(q); i++) {
        if (i)
            buf_add(line, STR(","));
        add_field(line, names ? str_of(sqlite3_column_name(q, i)) : sql_text(q, i));
    }
}

bool export_run(struct sqlite3 *db, const char *table, enum export_format format,
                void (*write)(void *arg, struct str line), void *arg, struct err *err)
{
    const char *sql = NULL;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(tables[i].table, table) == 0)
            sql = tables[i].sql;
    if (!sql)
        return err_say(err, ERR_bad_request, "table",
                       "there are the tables requests, attempts and ledger");
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sql, err);
    SCOPED(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    bool more = q != NULL;
    if (q && format == EXPORT_CSV) {
        add_csv(&line, q, true);
        buf_add(&line, STR("\n"));
        write(arg, buf_str(&line));
    }
    while (more) {
        if (!sql_step(q, &more, err))
            return false;
        buf_cut(&line, 0);
        if (!more)
            break;
        if (format == EXPORT_CSV)
            add_csv(&line, q, false);
        else
            add_json(&line, q);
        buf_add(&line, STR("\n"));
        write(arg, buf_str(&line));
    }
    return q != NULL;
}
