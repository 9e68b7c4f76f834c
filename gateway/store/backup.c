#include "gateway/store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/scope.h"
#include "gateway/store/book_priv.h"
#include "gateway/store/dir_priv.h"
#include "gateway/store/store.h"

static bool has(const char *dir, const char *name)
{
    SCOPED(scope_free) char *path = dir_path(dir, name);
    return access(path, F_OK) == 0;
}

static bool copy_pages(sqlite3 *from, sqlite3 *to, struct err *err)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b)
        return sql_fail(to, err, "backup");
    int rc = sqlite3_backup_step(b, -1);
    sqlite3_backup_finish(b);
    return rc == SQLITE_DONE || sql_fail(to, err, "backup");
}

/* The head of a copy is that of its own last row: the copy is older than the original's. */
static bool write_head(sqlite3 *db, const char *dir, struct err *err)
{
    struct link last = {0};
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "SELECT seq, mac FROM ledger ORDER BY seq DESC LIMIT 1", err);
    bool more;
    if (!q || !sql_step(q, &more, err))
        return false;
    if (more && sqlite3_column_bytes(q, 1) == HASH_BYTES) {
        last.seq = sqlite3_column_int64(q, 0);
        memcpy(last.mac.bytes, sqlite3_column_blob(q, 1), HASH_BYTES);
    }
    int fd = dir_open(dir, "ledger.head", O_RDWR | O_CREAT, err);
    if (fd < 0)
        return false;
    bool ok = head_write(fd, &last) && fsync(fd) == 0;
    close(fd);
    return ok || err_set(err, ERR_store, "write %s/ledger.head: %s", dir, strerror(errno));
}

/* Copies the database into `to`, with its head. */
static bool copy_database(const char *from, const char *to, struct err *err)
{
    int fd = dir_open(to, "penstock.db", O_RDWR | O_CREAT | O_EXCL, err);
    if (fd < 0)
        return false;
    close(fd);
    SCOPED(scope_free) char *path = dir_path(to, "penstock.db");
    sqlite3 *source = store_read_open(from, err), *target = NULL;
    bool ok = source && (sqlite3_open(path, &target) == SQLITE_OK || sql_fail(target, err, path)) &&
              copy_pages(source, target, err) &&
              sql_exec(target, "PRAGMA journal_mode = DELETE", err) && write_head(target, to, err);
    sqlite3_close(target);
    store_read_close(source);
    return ok;
}

static bool copy_secret(const char *from, const char *to, struct err *err)
{
    struct hash key;
    bool ok = dir_master_key(from, false, &key, err) &&
              dir_write(to, "master.key", (struct str){(const char *)key.bytes, HASH_BYTES}, err);
    crypto_wipe(&key, sizeof key);
    return ok;
}

/* Whether dir could be made, or written into: the nearest folder that is there decides. */
static bool may_write(const char *dir, struct err *err)
{
    SCOPED(buf_done) struct buf path = BUF_INIT(PATH_MAX);
    buf_add(&path, str_of(dir));
    while (path.n > 1 && access(path.p, F_OK) != 0 && errno == ENOENT) {
        const char *slash = strrchr(path.p, '/');
        buf_cut(&path, slash && slash > path.p ? (size_t)(slash - path.p) : slash ? 1 : 0);
        if (!path.n)
            buf_add(&path, STR("."));
    }
    struct stat st;
    if (stat(path.p, &st) == 0 && !S_ISDIR(st.st_mode))
        return err_set(err, ERR_store, "%s is no folder", path.p);
    return access(path.p, W_OK | X_OK) == 0 ||
           err_set(err, ERR_store, "write into %s: %s", path.p, strerror(errno));
}

static bool may_copy(const char *from, const char *to, bool secrets, struct err *err)
{
    if (!has(from, "penstock.db"))
        return err_set(err, ERR_store, "there is no database in %s", from);
    if (has(to, "penstock.db") || (secrets && has(to, "master.key")))
        return err_set(err, ERR_conflict, "%s holds a backup already", to);
    struct hash key;
    if (secrets && !dir_master_key(from, false, &key, err))
        return false;
    crypto_wipe(&key, sizeof key);
    return may_write(to, err);
}

bool store_backup(const char *data_dir, const char *to, bool secrets, bool dry_run, struct err *err)
{
    if (!may_copy(data_dir, to, secrets, err))
        return false;
    return dry_run || (dir_make(to, err) && copy_database(data_dir, to, err) &&
                       (!secrets || copy_secret(data_dir, to, err)));
}

static bool restore(const char *from, const char *data_dir, bool dry_run, struct err *err)
{
    if (!has(from, "penstock.db"))
        return err_set(err, ERR_store, "there is no backup in %s", from);
    if (has(data_dir, "penstock.db"))
        return err_set(err, ERR_conflict, "%s has a database already; move it away first",
                       data_dir);
    bool carried = has(from, "master.key"), kept = has(data_dir, "master.key");
    if (!carried && !kept)
        return err_set(err, ERR_store,
                       "the backup was made without its secrets: put the master.key it belongs to"
                       " into %s first",
                       data_dir);
    if (dry_run)
        return true;
    return (kept || copy_secret(from, data_dir, err)) && copy_database(from, data_dir, err);
}

bool store_restore(const char *from, const char *data_dir, bool dry_run, struct err *err)
{
    if (dry_run)
        return restore(from, data_dir, true, err);
    if (!dir_make(data_dir, err))
        return false;
    int lock = dir_lock(data_dir, err);
    if (lock < 0)
        return false;
    bool ok = restore(from, data_dir, false, err);
    close(lock);
    return ok;
}
