/*
 * One pass over the ledger checks the chain and derives the tables anew, into a
 * temporary database; then both sets of tables are walked side by side.
 */
#include "gateway/store/verify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/dir_priv.h"
#include "gateway/store/migrate.h"
#include "gateway/store/store_priv.h"

struct walk {
    struct verify *v;
    struct hmac *key;
    struct link last;    /* that was good */
    struct link head;    /* of ledger.head; seq 0: none */
    struct derive *into; /* NULL: only the chain is checked */
};

static bool broken(struct walk *w, int64_t seq, struct err *err, const char *why)
{
    w->v->bad_seq = seq;
    return err_say(err, ERR_ledger_broken, NULL, "the ledger's first bad seq is %" PRId64 ": %s",
                   seq, why);
}

/*
 * What was pruned is gone, and the chain begins in its middle: with the mac that a
 * checkpoint holds, which is itself a row of the chain that begins there.
 */
static bool find_start(sqlite3 *db, struct walk *w, int64_t first, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db,
                                  "SELECT json_extract(payload, '$.last_mac'),"
                                  " json_extract(payload, '$.lost') FROM ledger WHERE"
                                  " kind = 'checkpoint' AND json_valid(payload) AND"
                                  " json_extract(payload, '$.last_seq') = ? ORDER BY seq LIMIT 1",
                                  err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, first - 1);
    bool more;
    if (!sql_step(q, &more, err))
        return false;
    if (!more || !hash_parse(sql_text(q, 0), &w->last.mac))
        return broken(w, 1, err, "it and those after it are missing, and no checkpoint says so");
    w->last.seq = first - 1;
    w->v->lost = sqlite3_column_int64(q, 1);
    return true;
}

static void note(struct walk *w, const struct payload *p)
{
    const json_t *after = json_object_get(p->root, "lost_after");
    if (p->entry.kind == ENTRY_adjust && after)
        w->v->lost +=
            json_integer_value(json_object_get(p->root, "head_seq")) - json_integer_value(after);
}

static bool read_entry(struct walk *w, const struct ledger_row *r, struct err *err)
{
    enum entry_kind kind;
    struct payload p;
    struct err why = {0};
    if (r->schema != LEDGER_SCHEMA || !entry_kind_find(r->kind, &kind) ||
        !payload_read(&p, kind, r->request_id, r->payload, &why))
        return broken(w, r->seq, err, "its kind, schema or payload is unknown");
    note(w, &p);
    bool ok = !w->into || derive_entry(w->into, &p.entry, err);
    payload_done(&p);
    return ok;
}

static bool check_row(struct walk *w, sqlite3_stmt *q, struct err *err)
{
    struct ledger_row r = {
        .seq = sqlite3_column_int64(q, 0),
        .kind = sql_text(q, 1),
        .time = sqlite3_column_int64(q, 2),
        .schema = sqlite3_column_int64(q, 3),
        .request_id = sql_text(q, 4),
        .payload = sql_text(q, 5),
    };
    if (r.seq != w->last.seq + 1)
        return broken(w, w->last.seq + 1, err, "it is missing");
    struct hash mac = book_mac(w->key, &w->last.mac, &r), stored = {0};
    if (sqlite3_column_bytes(q, 6) == HASH_BYTES)
        memcpy(stored.bytes, sqlite3_column_blob(q, 6), HASH_BYTES);
    if (!hash_equal(&mac, &stored))
        return broken(w, r.seq, err, "its mac does not match");
    if (r.seq == w->head.seq && !hash_equal(&mac, &w->head.mac))
        return broken(w, r.seq, err, "ledger.head has another mac");
    w->last = (struct link){r.seq, mac};
    w->v->rows++;
    return read_entry(w, &r, err);
}

static bool check_chain(sqlite3 *db, struct walk *w, struct err *err)
{
    int64_t first, newest;
    if (!sql_int(db, "SELECT min(seq) FROM ledger", 1, &first, err) ||
        !sql_int(db, "SELECT max(seq) FROM ledger", 0, &newest, err))
        return false;
    if (first != 1 && !find_start(db, w, first, err))
        return false;
    w->v->first = newest ? first : 0;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(
        db, "SELECT seq, kind, time, schema, request_id, payload, mac FROM ledger ORDER BY seq",
        err);
    bool more = q != NULL;
    while (more) {
        if (!sql_step(q, &more, err) || (more && !check_row(w, q, err)))
            return false;
    }
    w->v->last = newest ? w->last.seq : 0;
    if (q && w->head.seq > w->last.seq)
        return broken(w, w->last.seq + 1, err, "it and those up to ledger.head are missing");
    return q != NULL;
}

static bool same_value(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    if (sqlite3_column_type(a, column) != sqlite3_column_type(b, column))
        return false;
    struct str x = sql_text(a, column), y = sql_text(b, column);
    return str_eq(x, y);
}

static bool same_row(sqlite3_stmt *a, sqlite3_stmt *b)
{
    for (int i = 0; i < sqlite3_column_count(a); i++)
        if (!same_value(a, b, i))
            return false;
    return true;
}

/* The row of the ledger that a row of a table comes from; 0 if there is none. */
static int64_t seq_of(sqlite3 *db, struct str id)
{
    struct err ignored = {0};
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "SELECT max(seq) FROM ledger WHERE request_id = ?", &ignored);
    bool more = false;
    if (!q)
        return 0;
    sql_bind_text(q, 1, id);
    return sql_step(q, &more, &ignored) && more ? sqlite3_column_int64(q, 0) : 0;
}

static bool differ(sqlite3 *db, struct walk *w, const char *table, sqlite3_stmt *stored,
                   sqlite3_stmt *fresh, struct err *err)
{
    struct str a = stored ? sql_text(stored, 0) : (struct str){0};
    struct str b = fresh ? sql_text(fresh, 0) : (struct str){0};
    bool extra = !b.n || (a.n && strcmp(a.p, b.p) < 0);
    struct str id = extra ? a : b;
    w->v->bad_seq = seq_of(db, id);
    if (w->v->bad_seq)
        return err_say(err, ERR_ledger_broken, NULL,
                       "the first bad seq is %" PRId64
                       ": its row in %s is not what the ledger says;"
                       " penstock ledger verify --rebuild makes the table anew",
                       w->v->bad_seq, table);
    return err_say(err, ERR_ledger_broken, NULL,
                   "%s has a row that the ledger knows nothing of; penstock ledger verify"
                   " --rebuild makes the table anew",
                   table);
}

static bool compare_table(sqlite3 *db, sqlite3 *fresh, struct walk *w,
                          const struct derived_table *t, struct err *err)
{
    SCOPED(buf_done) struct buf sql = BUF_INIT(256);
    buf_addf(&sql, "SELECT * FROM %s ORDER BY %s", t->name, t->order);
    SCOPED(sql_finish) sqlite3_stmt *a = sql_prepare(db, sql.p, err);
    SCOPED(sql_finish) sqlite3_stmt *b = a ? sql_prepare(fresh, sql.p, err) : NULL;
    if (!b)
        return false;
    for (;;) {
        bool more_a, more_b;
        if (!sql_step(a, &more_a, err) || !sql_step(b, &more_b, err))
            return false;
        if (!more_a && !more_b)
            return true;
        if (!more_a || !more_b || !same_row(a, b))
            return differ(db, w, t->name, more_a ? a : NULL, more_b ? b : NULL, err);
    }
}

static sqlite3 *open_fresh(struct derive *d, struct err *err)
{
    sqlite3 *fresh = NULL;
    bool ok = sqlite3_open("", &fresh) == SQLITE_OK || sql_fail(fresh, err, "temporary database");
    if (ok && migrate_run(fresh, migrations, n_migrations, err) &&
        sql_exec(fresh, "PRAGMA synchronous = OFF", err) && sql_exec(fresh, "BEGIN", err) &&
        derive_init(d, fresh, err))
        return fresh;
    sqlite3_close(fresh);
    return NULL;
}

static bool check_all(sqlite3 *db, struct walk *w, struct err *err)
{
    struct derive d = {0};
    sqlite3 *fresh = open_fresh(&d, err);
    w->into = &d;
    bool ok = fresh && sql_exec(db, "BEGIN", err) && check_chain(db, w, err);
    for (const struct derived_table *t = derived_tables; ok && t->name; t++)
        ok = compare_table(db, fresh, w, t, err);
    w->into = NULL;
    derive_done(&d);
    sqlite3_close(fresh);
    return ok;
}

/* Read before the ledger is, for its owner may be writing both. */
static bool read_head(const char *dir, struct walk *w, struct err *err)
{
    int fd = dir_open(dir, "ledger.head", O_RDONLY, err);
    if (fd < 0)
        return false;
    bool ok = head_read(fd, &w->head);
    close(fd);
    return ok || err_say(err, ERR_ledger_broken, NULL, "ledger.head is not readable as one");
}

bool ledger_verify(const char *data_dir, struct verify *v, struct err *err)
{
    *v = (struct verify){0};
    struct walk w = {.v = v};
    struct hash master;
    if (!dir_master_key(data_dir, false, &master, err) || !read_head(data_dir, &w, err))
        return false;
    struct hash key = crypto_derive(&master, STR("ledger-mac"));
    sqlite3 *db = store_read_open(data_dir, err);
    w.key = hmac_new(&key);
    crypto_wipe(&master, sizeof master);
    crypto_wipe(&key, sizeof key);
    bool ok = db && check_all(db, &w, err);
    hmac_free(w.key);
    store_read_close(db);
    return ok;
}

struct rebuild {
    struct store *s;
    struct verify *v;
    bool dry_run;
};

static bool task_rebuild(struct sqlite3 *db, void *arg, struct err *err)
{
    struct rebuild *r = arg;
    struct walk w = {.v = r->v, .key = r->s->book.key, .head = r->s->book.last};
    *r->v = (struct verify){0};
    if (!r->dry_run) {
        w.into = &r->s->book.derive;
        for (const struct derived_table *t = derived_tables; t->name; t++) {
            SCOPED(buf_done) struct buf sql = BUF_INIT(64);
            buf_addf(&sql, "DELETE FROM %s", t->name);
            if (!sql_exec(db, sql.p, err))
                return false;
        }
    }
    return check_chain(db, &w, err);
}

bool ledger_rebuild(struct store *s, bool dry_run, struct verify *v, struct err *err)
{
    struct rebuild r = {s, v, dry_run};
    return store_do(s, task_rebuild, &r, err);
}
