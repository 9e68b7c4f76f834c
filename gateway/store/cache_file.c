#include "gateway/store/cache_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/dir_priv.h"
#include "gateway/store/sql_priv.h"

enum { VERSION = 1, PATH_BYTES = 4096, DROP_AT_ONCE = 64 };

/* clang-format off */
static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA secure_delete = ON;"
    "CREATE TABLE IF NOT EXISTS answers("
    " id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, expires_ms INTEGER NOT NULL,"
    " value BLOB NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS answers_expire ON answers(expires_ms);"
    "PRAGMA user_version = 1;";
/* clang-format on */

struct cache_file {
    pthread_mutex_t lock;
    sqlite3 *db;
    sqlite3_stmt *get, *put, *expire, *drop;
    int64_t max_bytes, bytes;
};

static void close_db(struct cache_file *f)
{
    sql_finish(&f->get);
    sql_finish(&f->put);
    sql_finish(&f->expire);
    sql_finish(&f->drop);
    sqlite3_close(f->db);
    f->db = NULL;
}

static bool open_db(struct cache_file *f, const char *data_dir, const char *path, struct err *err)
{
    int64_t version;
    int fd = dir_open(data_dir, "cache.db", O_RDWR | O_CREAT, err); /* sqlite would let others read it */
    if (fd < 0 || close(fd) != 0)
        return false;
    if (sqlite3_open_v2(path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return sql_fail(f->db, err, path);
    return sql_int(f->db, "PRAGMA user_version", 0, &version, err) &&
           (version == 0 || version == VERSION || err_set(err, ERR_store, "another version")) &&
           sql_exec(f->db, schema, err) &&
           sql_int(f->db, "SELECT sum(length(value)) FROM answers", 0, &f->bytes, err) &&
           (f->get = sql_prepare(f->db, "SELECT value FROM answers WHERE key = ? AND expires_ms > ?", err)) &&
           (f->put = sql_prepare(f->db, "REPLACE INTO answers(key, expires_ms, value) VALUES(?, ?, ?)", err)) &&
           (f->expire = sql_prepare(f->db, "DELETE FROM answers WHERE expires_ms <= ?", err)) &&
           (f->drop = sql_prepare(f->db, "DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY id LIMIT ?)", err));
}

static void delete_files(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[PATH_BYTES + 8];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

struct cache_file *cache_file_open(const char *data_dir, int64_t max_bytes, struct err *err)
{
    char path[PATH_BYTES];
    struct cache_file *f = NEW(struct cache_file);
    *f = (struct cache_file){.max_bytes = max_bytes};
    pthread_mutex_init(&f->lock, NULL);
    snprintf(path, sizeof path, "%s/cache.db", data_dir);
    struct err first = {0};
    if (open_db(f, data_dir, path, &first))
        return f;
    close_db(f);
    delete_files(path);
    if (open_db(f, data_dir, path, err))
        return f;
    cache_file_close(f);
    return NULL;
}

void cache_file_close(struct cache_file *f)
{
    if (!f)
        return;
    close_db(f);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

bool cache_file_keys(struct cache_file *f, int64_t now_ms, void (*each)(void *arg, const struct hash *key), void *arg,
                     struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(f->db, "SELECT key FROM answers WHERE expires_ms > ?", err);
    bool more = false;
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, now_ms);
    while (sql_step(q, &more, err) && more) {
        struct hash key;
        if (sqlite3_column_bytes(q, 0) != HASH_BYTES)
            continue;
        memcpy(key.bytes, sqlite3_column_blob(q, 0), HASH_BYTES);
        each(arg, &key);
    }
    return err->code == ERR_none;
}

static bool get(struct cache_file *f, const struct hash *key, int64_t now_ms, struct buf *value, struct err *err)
{
    bool found = false;
    sqlite3_bind_blob(f->get, 1, key->bytes, HASH_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(f->get, 2, now_ms);
    if (sql_step(f->get, &found, err) && found)
        buf_add(value, (struct str){sqlite3_column_blob(f->get, 0), (size_t)sqlite3_column_bytes(f->get, 0)});
    sqlite3_reset(f->get);
    return found && buf_ok(value);
}

bool cache_file_get(struct cache_file *f, const struct hash *key, int64_t now_ms, struct buf *value, struct err *err)
{
    pthread_mutex_lock(&f->lock);
    bool found = get(f, key, now_ms, value, err);
    pthread_mutex_unlock(&f->lock);
    return found;
}

static bool make_room(struct cache_file *f, int64_t now_ms, struct err *err)
{
    sqlite3_bind_int64(f->expire, 1, now_ms);
    if (!sql_run(f->expire, err) ||
        !sql_int(f->db, "SELECT sum(length(value)) FROM answers", 0, &f->bytes, err))
        return false;
    while (f->bytes > f->max_bytes) {
        sqlite3_bind_int64(f->drop, 1, DROP_AT_ONCE);
        if (!sql_run(f->drop, err) ||
            !sql_int(f->db, "SELECT sum(length(value)) FROM answers", 0, &f->bytes, err))
            return false;
    }
    return true;
}

static bool put(struct cache_file *f, const struct hash *key, struct str value, int64_t expires_ms, int64_t now_ms,
                struct err *err)
{
    sqlite3_bind_blob(f->put, 1, key->bytes, HASH_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(f->put, 2, expires_ms);
    sqlite3_bind_blob64(f->put, 3, value.p, value.n, SQLITE_STATIC);
    f->bytes += (int64_t)value.n; /* a little too much where it replaces one; counted anew when it matters */
    return sql_run(f->put, err) && (f->bytes <= f->max_bytes || make_room(f, now_ms, err));
}

bool cache_file_put(struct cache_file *f, const struct hash *key, struct str value, int64_t expires_ms, int64_t now_ms,
                    struct err *err)
{
    pthread_mutex_lock(&f->lock);
    bool ok = put(f, key, value, expires_ms, now_ms, err);
    pthread_mutex_unlock(&f->lock);
    return ok;
}
