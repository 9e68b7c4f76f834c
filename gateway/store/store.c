#include "gateway/store/store.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/fault.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/dir_priv.h"
#include "gateway/store/keyring.h"
#include "gateway/store/migrate.h"
#include "gateway/store/purse_priv.h"
#include "gateway/store/store_priv.h"

static sqlite3 *open_database(const char *dir, int flags, struct err *err)
{
    SCOPED(scope_free) char *path = dir_path(dir, "penstock.db");
    sqlite3 *db = NULL;
    if (FAULT("store.open") || sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        sql_fail(db, err, path);
        sqlite3_close(db);
        return NULL;
    }
    sqlite3_busy_timeout(db, SQL_BUSY_MS);
    return db;
}

/* sqlite makes files 0644 less the umask; ours are nobody else's business. */
static bool make_database(const char *dir, struct err *err)
{
    int fd = dir_open(dir, "penstock.db", O_RDWR | O_CREAT, err);
    return fd >= 0 && close(fd) == 0;
}

static bool open_owned(struct store *s, struct err *err)
{
    if (!make_database(s->dir, err))
        return false;
    s->db = open_database(s->dir, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, err);
    return s->db &&
           sql_exec(s->db,
                    "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA "
                    "wal_autocheckpoint = 4000;",
                    err) &&
           sql_exec(s->db,
                    s->options.strict ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                    err) &&
           sql_exec(s->db, "PRAGMA foreign_keys = ON", err) &&
           migrate_run(s->db, migrations, n_migrations, err);
}

/*
 * A database in WAL mode wants its -shm file even to be read.  In a folder that
 * cannot be written there is none, and nobody who changes the database either.
 */
static sqlite3 *open_immutable(const char *dir, struct err *err)
{
    SCOPED(buf_done) struct buf uri = BUF_INIT(8192);
    buf_addf(&uri, "file:");
    for (const char *c = dir; *c; c++)
        buf_addf(&uri, strchr("%?#", *c) ? "%%%02x" : "%c", *c);
    buf_addf(&uri, "/penstock.db?immutable=1");
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(uri.p, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK)
        return db;
    sql_fail(db, err, dir);
    sqlite3_close(db);
    return NULL;
}

static bool has(const char *dir, const char *name)
{
    SCOPED(scope_free) char *path = dir_path(dir, name);
    return access(path, F_OK) == 0;
}

static bool is_newest(sqlite3 *db, const char *dir, struct err *err)
{
    int64_t version;
    if (!sql_int(db, "PRAGMA user_version", 0, &version, err))
        return false;
    return version == (int64_t)n_migrations ||
           err_set(
               err, ERR_store,
               "%s/penstock.db is of another version of penstock, and a dry run migrates nothing",
               dir);
}

/* Without a -wal nobody has the database open, and reading it leaves nothing behind. */
static bool open_dry(struct store *s, struct err *err)
{
    if (!has(s->dir, "penstock.db")) {
        if (sqlite3_open(":memory:", &s->db) != SQLITE_OK)
            return sql_fail(s->db, err, "a database in memory");
        return migrate_run(s->db, migrations, n_migrations, err);
    }
    s->db = has(s->dir, "penstock.db-wal") ? open_database(s->dir, SQLITE_OPEN_READONLY, err)
                                           : open_immutable(s->dir, err);
    return s->db && is_newest(s->db, s->dir, err);
}

static bool begin_dry(struct store *s, struct err *err)
{
    if (store_is_owned(s->dir))
        return err_set(err, ERR_locked, "another process owns %s", s->dir);
    if (!has(s->dir, "master.key"))
        crypto_random(s->master.bytes, sizeof s->master.bytes);
    else if (!dir_master_key(s->dir, false, &s->master, err))
        return false;
    struct hash mac = store_derive(s, "ledger-mac");
    bool ok = open_dry(s, err) && book_init(&s->book, s->db, &mac, err);
    crypto_wipe(&mac, sizeof mac);
    return ok && purses_load(s, 0, err) && keyring_load(s, err) && writer_start(s, err);
}

static bool check_budgets(const struct store *s, struct err *err)
{
    return !s->options.no_ledger || s->n_purses == 0 ||
           err_set(err, ERR_bad_config, "ledger.durability is none, but there are budgets, which need a ledger; see: "
                                        "penstock budgets list");
}

static bool begin(struct store *s, struct err *err)
{
    if (!dir_make(s->dir, err) || !dir_secure(s->dir, err) ||
        (s->lock_fd = dir_lock(s->dir, err)) < 0 || !dir_master_key(s->dir, true, &s->master, err))
        return false;
    if ((s->head_fd = dir_open(s->dir, "ledger.head", O_RDWR | O_CREAT, err)) < 0)
        return false;
    struct hash mac = store_derive(s, "ledger-mac");
    bool ok = open_owned(s, err) && book_init(&s->book, s->db, &mac, err);
    crypto_wipe(&mac, sizeof mac);
    return ok && head_check(s, err) && orphans_book(s, err) &&
           head_write(s->head_fd, &s->book.last) && purses_load(s, 0, err) && check_budgets(s, err) && keyring_load(s, err) &&
           writer_start(s, err);
}

static char *copy(const char *text)
{
    struct buf b = BUF_INIT(PATH_MAX);
    buf_add(&b, str_of(text));
    return buf_take(&b);
}

struct store *store_open(const char *data_dir, const struct store_options *o, struct err *err)
{
    struct store *s = NEW(struct store);
    s->dir = copy(data_dir);
    s->options = *o;
    s->lock_fd = s->head_fd = -1;
    writer_init(s);
    pthread_mutex_init(&s->keys_lock, NULL);
    if (o->dry_run ? begin_dry(s, err) : begin(s, err))
        return s;
    err_set(err, ERR_store, "write %s/ledger.head", data_dir);
    store_close(s);
    return NULL;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    struct err err = {0};
    if (writer_stop(s) && !s->options.dry_run && !leases_close(s->db, &err))
        LOG(store, F("error", err.detail));
    keyring_unref(s->keys);
    for (size_t i = 0; i < s->n_purses; i++)
        purse_unref(s->purses[i]);
    free(s->purses);
    book_done(&s->book);
    sqlite3_close(s->db);
    if (s->head_fd >= 0)
        close(s->head_fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    crypto_wipe(&s->master, sizeof s->master);
    free(s->dir);
    free(s);
}

const char *store_dir(const struct store *s)
{
    return s->dir;
}

struct hash store_derive(const struct store *s, const char *label)
{
    return crypto_derive(&s->master, str_of(label));
}

struct sqlite3 *store_read_open(const char *data_dir, struct err *err)
{
    SCOPED(scope_free) char *path = dir_path(data_dir, "penstock.db");
    if (access(path, R_OK) != 0) {
        err_set(err, ERR_store, "there is no database %s that can be read", path);
        return NULL;
    }
    sqlite3 *db = open_database(data_dir, SQLITE_OPEN_READONLY, err);
    if (!db)
        return NULL;
    struct err probe = {0};
    int64_t version;
    if (sql_int(db, "PRAGMA user_version", 0, &version, &probe))
        return db;
    sqlite3_close(db);
    return open_immutable(data_dir, err);
}

void store_read_close(struct sqlite3 *db)
{
    sqlite3_close(db);
}
