/*
 * A change is two tasks of the writer: the change itself, and, once that is on
 * disk, making the keyring anew.
 */
#include "gateway/store/keys.h"

#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/fault.h"
#include "gateway/base/scope.h"
#include "gateway/store/dir_priv.h"
#include "gateway/store/limits.h"
#include "gateway/store/store_priv.h"

enum { ID_RANDOM = 20, SECRET_RANDOM = 43, NAME_MAX_BYTES = 64 };

struct change {
    struct store *s;
    const struct key_spec *spec;
    const char *id;
    struct hash hash;
    bool dry_run;
    const json_t *limits;
};

/* 62 goes four times into a byte; what is above is drawn again. */
static void add_random(struct buf *out, size_t n)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    enum { BASE = sizeof digits - 1, FAIR = 256 / BASE * BASE };
    while (n) {
        unsigned char byte;
        crypto_random(&byte, 1);
        if (byte >= FAIR)
            continue;
        buf_add(out, (struct str){&digits[byte % BASE], 1});
        n--;
    }
}

static void make_id(char id[KEY_ID_BYTES])
{
    SCOPED(buf_done) struct buf fresh = BUF_INIT(KEY_ID_BYTES - 1);
    buf_add(&fresh, STR("key_"));
    add_random(&fresh, ID_RANDOM);
    memcpy(id, fresh.p, fresh.n + 1);
}

static struct hash hash_secret(struct store *s, struct str secret)
{
    struct hash key = store_derive(s, "key-hash");
    struct hmac *h = hmac_new(&key);
    struct hash out = hmac_of(h, &secret, 1);
    hmac_free(h);
    crypto_wipe(&key, sizeof key);
    return out;
}

/* What may stand in a header: printable ASCII without spaces. */
static bool make_secret(struct str import, struct buf *secret, struct err *err)
{
    if (import.n == 0) {
        buf_add(secret, STR("sk-pen-"));
        add_random(secret, SECRET_RANDOM);
        return true;
    }
    if (import.n < KEY_SECRET_MIN || import.n > KEY_SECRET_MAX)
        return err_say(err, ERR_bad_request, "secret", "a secret has %d to %d characters",
                       KEY_SECRET_MIN, KEY_SECRET_MAX);
    for (size_t i = 0; i < import.n; i++)
        if (import.p[i] <= ' ' || import.p[i] > '~')
            return err_say(err, ERR_bad_request, "secret",
                           "a secret consists of printable ASCII characters without spaces");
    buf_add(secret, import);
    return true;
}

static bool task_load(struct sqlite3 *db, void *arg, struct err *err)
{
    (void)db;
    return keyring_load(arg, err);
}

static bool change(struct change *c, bool (*fn)(struct sqlite3 *, void *, struct err *),
                   struct err *err)
{
    return store_do(c->s, fn, c, err) && (c->dry_run || store_do(c->s, task_load, c->s, err));
}

static bool exists(sqlite3 *db, const char *sql, struct str name, bool *there, struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sql, err);
    if (!q)
        return false;
    sql_bind_text(q, 1, name);
    return sql_step(q, there, err);
}

static void bind_json(sqlite3_stmt *q, int at, const json_t *v, const char *otherwise)
{
    char *text = v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    sqlite3_bind_text(q, at, text ? text : otherwise, -1, SQLITE_TRANSIENT);
    free(text);
}

static bool insert_key(sqlite3 *db, const struct change *c, struct err *err)
{
    const struct key_spec *k = c->spec;
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db,
                    "INSERT INTO keys(id, hash, team, name, models, tags, metadata, created_ms, expires_ms, admin,"
                    " limits) VALUES(?,?,?,?,?,?,?,?,nullif(?,0),?,?)",
                    err);
    if (!q)
        return false;
    sql_bind_text(q, 1, str_of(c->id));
    sqlite3_bind_blob(q, 2, c->hash.bytes, HASH_BYTES, SQLITE_STATIC);
    sql_bind_text(q, 3, k->admin ? STR("") : str_of(k->team));
    sqlite3_bind_text(q, 4, k->name, -1, SQLITE_STATIC);
    bind_json(q, 5, k->models, "[]");
    bind_json(q, 6, k->tags, "[]");
    bind_json(q, 7, k->metadata, "{}");
    sqlite3_bind_int64(q, 8, clock_wall_ms());
    sqlite3_bind_int64(q, 9, k->expires_ms);
    sqlite3_bind_int(q, 10, k->admin);
    bind_json(q, 11, k->limits, "{}");
    return sql_run(q, err);
}

static bool hash_is_new(sqlite3 *db, const struct change *c, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "SELECT 1 FROM keys WHERE hash = ?", err);
    if (!q)
        return false;
    sqlite3_bind_blob(q, 1, c->hash.bytes, HASH_BYTES, SQLITE_STATIC);
    bool there;
    if (!sql_step(q, &there, err))
        return false;
    return !there ||
           err_say(err, ERR_conflict, "secret", "there is a key with this secret already");
}

static bool task_create(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct change *c = arg;
    bool there = true;
    if (!c->spec->admin &&
        !exists(db, "SELECT 1 FROM teams WHERE name = ?", str_of(c->spec->team), &there, err))
        return false;
    if (!there)
        return err_say(err, ERR_not_found, "team",
                       "there is no team '%.64s'; make it with: penstock teams create %.64s",
                       c->spec->team, c->spec->team);
    return hash_is_new(db, c, err) && (c->dry_run || insert_key(db, c, err));
}

bool key_create(struct store *s, const struct key_spec *k, bool dry_run, char id[KEY_ID_BYTES],
                struct buf *secret, struct err *err)
{
    struct limits limits;
    if ((k->limits && !limits_read(k->limits, &limits, err)) || !make_secret(k->secret, secret, err))
        return false;
    make_id(id);
    struct change c = {s, k, id, hash_secret(s, buf_str(secret)), dry_run, NULL};
    return change(&c, task_create, err);
}

static bool find_key(sqlite3 *db, const char *id, struct err *err)
{
    bool there;
    if (!exists(db, "SELECT 1 FROM keys WHERE id = ? AND revoked_ms IS NULL", str_of(id), &there,
                err))
        return false;
    return there ||
           err_say(err, ERR_not_found, "id",
                   "there is no key '%.64s', or it is revoked; see: penstock keys list", id);
}

static bool task_revoke(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct change *c = arg;
    if (!find_key(db, c->id, err))
        return false;
    if (c->dry_run)
        return true;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "UPDATE keys SET revoked_ms = ? WHERE id = ?", err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, clock_wall_ms());
    sql_bind_text(q, 2, str_of(c->id));
    return sql_run(q, err);
}

bool key_revoke(struct store *s, const char *id, bool dry_run, struct err *err)
{
    struct change c = {.s = s, .id = id, .dry_run = dry_run};
    return change(&c, task_revoke, err);
}

static bool task_rotate(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct change *c = arg;
    if (!find_key(db, c->id, err) || !hash_is_new(db, c, err))
        return false;
    if (c->dry_run)
        return true;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "UPDATE keys SET hash = ? WHERE id = ?", err);
    if (!q)
        return false;
    sqlite3_bind_blob(q, 1, c->hash.bytes, HASH_BYTES, SQLITE_STATIC);
    sql_bind_text(q, 2, str_of(c->id));
    return sql_run(q, err);
}

bool key_rotate(struct store *s, const char *id, struct str import, bool dry_run,
                struct buf *secret, struct err *err)
{
    if (!make_secret(import, secret, err))
        return false;
    struct change c = {.s = s, .id = id, .dry_run = dry_run};
    c.hash = hash_secret(s, buf_str(secret));
    return change(&c, task_rotate, err);
}

static bool task_team(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct change *c = arg;
    bool there;
    if (!exists(db, "SELECT 1 FROM teams WHERE name = ?", str_of(c->id), &there, err))
        return false;
    if (there)
        return err_say(err, ERR_conflict, "name", "there is a team '%.64s' already", c->id);
    if (c->dry_run)
        return true;
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, "INSERT INTO teams(name, created_ms) VALUES(?,?)", err);
    if (!q)
        return false;
    sql_bind_text(q, 1, str_of(c->id));
    sqlite3_bind_int64(q, 2, clock_wall_ms());
    return sql_run(q, err);
}

static bool is_name(const char *name)
{
    size_t n = strlen(name);
    for (const char *c = name; *c; c++)
        if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-", *c))
            return false;
    return n >= 1 && n <= NAME_MAX_BYTES;
}

bool team_create(struct store *s, const char *name, bool dry_run, struct err *err)
{
    if (!is_name(name))
        return err_say(err, ERR_bad_request, "name",
                       "a team's name has 1 to %d of the characters A-Z a-z 0-9 . _ -",
                       NAME_MAX_BYTES);
    struct change c = {.s = s, .id = name, .dry_run = dry_run};
    return change(&c, task_team, err);
}

/* The team, and both keys, or nothing. */
static bool task_first(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct change *c = arg; /* the admin's, then the first */
    bool there;
    if (!exists(db, "SELECT 1 FROM teams WHERE name = ?", str_of(c[1].spec->team), &there, err))
        return false;
    struct change team = {.s = c->s, .id = c[1].spec->team};
    return (there || task_team(db, &team, err)) && task_create(db, (void *)&c[0], err) &&
           task_create(db, (void *)&c[1], err);
}

static bool write_secret(struct store *s, const char *file, struct str secret, struct err *err)
{
    SCOPED(scope_free) char *path = dir_path(s->dir, file);
    unlink(path); /* of a start that did not come to its end: no key has that secret */
    return dir_write(s->dir, file, secret, err);
}

/* The files come first: a key that is in force is also written down somewhere. */
static bool make_first(struct store *s, const struct key_spec specs[2], struct err *err)
{
    static const char *const files[] = {"admin.key", "first.key"};
    char ids[2][KEY_ID_BYTES];
    struct change c[2];
    for (unsigned i = 0; i < 2; i++) {
        SCOPED(buf_done) struct buf secret = BUF_INIT(KEY_SECRET_BYTES);
        bool ok = make_secret((struct str){0}, &secret, err) &&
                  write_secret(s, files[i], buf_str(&secret), err);
        make_id(ids[i]);
        c[i] = (struct change){
            .s = s, .spec = &specs[i], .id = ids[i], .hash = hash_secret(s, buf_str(&secret))};
        crypto_wipe(secret.p, secret.n);
        if (!ok || FAULT("keys.first"))
            return err_set(err, ERR_store, "write %s/%s", s->dir, files[i]);
    }
    return store_do(s, task_first, c, err) && store_do(s, task_load, s, err);
}

static bool task_count(struct sqlite3 *db, void *n, struct err *err)
{
    return sql_int(db, "SELECT count(*) FROM keys", 0, n, err);
}

bool keys_first(struct store *s, bool *made, struct err *err)
{
    int64_t keys;
    *made = false;
    if (!store_do(s, task_count, &keys, err) || keys > 0)
        return err->code == ERR_none;
    json_t *all = json_pack("[s]", "*");
    const struct key_spec specs[2] = {{.team = "", .name = "admin", .admin = true},
                                      {.team = "default", .name = "first", .models = all}};
    *made = make_first(s, specs, err);
    json_decref(all);
    return *made;
}

static bool task_limits(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct change *c = arg;
    bool there;
    if (!exists(db, "SELECT 1 FROM teams WHERE name = ?", str_of(c->id), &there, err))
        return false;
    if (!there)
        return err_say(err, ERR_not_found, "name", "there is no team '%.64s'; see: penstock teams list", c->id);
    if (c->dry_run)
        return true;
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, "UPDATE teams SET limits = ? WHERE name = ?", err);
    if (!q)
        return false;
    bind_json(q, 1, c->limits, "{}");
    sql_bind_text(q, 2, str_of(c->id));
    return sql_run(q, err);
}

bool team_set_limits(struct store *s, const char *name, const json_t *limits, bool dry_run, struct err *err)
{
    struct limits read;
    struct change c = {.s = s, .id = name, .dry_run = dry_run, .limits = limits};
    return limits_read(limits, &read, err) && change(&c, task_limits, err);
}
