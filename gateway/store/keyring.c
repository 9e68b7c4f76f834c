#include "gateway/store/keyring.h"

#include <jansson.h>
#include <stdatomic.h>
#include <string.h>

#include "gateway/base/arena.h"
#include "gateway/base/glob.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/keyring_priv.h"
#include "gateway/store/purse_priv.h"
#include "gateway/store/store_priv.h"

static const char *const all_models[] = {"*", NULL}, *const no_tags[] = {NULL};
const struct key keyring_operator = {
    .id = "operator", .team = "", .name = "", .models = all_models, .tags = no_tags};

struct held {
    struct key key;
    struct hash hash;
};

struct keyring {
    _Atomic unsigned refs;
    struct arena arena; /* holds all the rest */
    struct hmac *hash_key;
    struct held *keys;
    size_t n;
    uint32_t *slots; /* by the hash's first bytes: 1 + the index of a key, or 0 */
    size_t n_slots;  /* a power of two, at least twice n */
};

static size_t slot_of(const struct keyring *k, const struct hash *h)
{
    uint64_t n;
    memcpy(&n, h->bytes, sizeof n);
    return (size_t)n & (k->n_slots - 1);
}

static const char *const *read_list(struct arena *a, struct str text)
{
    json_t *list = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
    const char **out = arena_alloc(a, (json_array_size(list) + 1) * sizeof *out);
    for (size_t i = 0; i < json_array_size(list); i++)
        out[i] = arena_strdup(a, str_of(json_string_value(json_array_get(list, i))));
    json_decref(list);
    return out;
}

static const struct key *find_hash(const struct keyring *k, const struct hash *h)
{
    for (size_t at = slot_of(k, h); k->slots[at]; at = (at + 1) & (k->n_slots - 1))
        if (hash_equal(&k->keys[k->slots[at] - 1].hash, h))
            return &k->keys[k->slots[at] - 1].key;
    return NULL;
}

/* By its text, which was checked when it was written: what is not understood is open. */
static void add_limits(struct limits *l, struct str text)
{
    struct limits more = LIMITS_OPEN;
    struct err err = {0};
    json_t *doc = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
    if (doc)
        limits_read(doc, &more, &err);
    json_decref(doc);
    limits_inherit(l, &more);
}

/* The counts of a key that is there already go on. */
static struct pace *pace_of(const struct keyring *before, const struct held *h)
{
    const struct key *old = before ? find_hash(before, &h->hash) : NULL;
    if (before && (!old || strcmp(old->id, h->key.id) != 0)) /* it was rotated */
        old = keyring_find_id(before, str_of(h->key.id));
    if (old) {
        atomic_fetch_add_explicit(&old->pace->refs, 1, memory_order_relaxed);
        return old->pace;
    }
    struct pace *pace = aligned_alloc(_Alignof(struct pace), sizeof *pace);
    if (!pace)
        abort(); /* out of memory, as in mem.c */
    *pace = (struct pace){.refs = 1};
    return pace;
}

static void add_purses(const struct store *s, struct key *k)
{
    for (size_t i = 0; i < s->n_purses && k->n_purses < PURSES_MAX; i++) {
        const struct purse *p = s->purses[i];
        if (p->key_id ? strcmp(p->key_id, k->id) == 0 : strcmp(p->team, k->team) == 0)
            k->purses[k->n_purses++] = purse_ref(s->purses[i]);
    }
}

static void read_key(struct keyring *k, struct held *h, const struct store *s, sqlite3_stmt *q)
{
    h->key = (struct key){
        .id = arena_strdup(&k->arena, sql_text(q, 0)),
        .team = arena_strdup(&k->arena, sql_text(q, 2)),
        .name = arena_strdup(&k->arena, sql_text(q, 3)),
        .models = read_list(&k->arena, sql_text(q, 4)),
        .tags = read_list(&k->arena, sql_text(q, 5)),
        .expires_ms = sqlite3_column_int64(q, 6),
        .admin = sqlite3_column_int(q, 7) != 0,
        .limits = LIMITS_OPEN,
    };
    add_limits(&h->key.limits, sql_text(q, 8));
    add_limits(&h->key.limits, sql_text(q, 9));
    h->key.pace = pace_of(s->keys, h);
    add_purses(s, &h->key);
    if (sqlite3_column_bytes(q, 1) == HASH_BYTES)
        memcpy(h->hash.bytes, sqlite3_column_blob(q, 1), HASH_BYTES);
    size_t at = slot_of(k, &h->hash);
    while (k->slots[at])
        at = (at + 1) & (k->n_slots - 1);
    k->slots[at] = (uint32_t)(h - k->keys) + 1;
}

struct keyring *keyring_read(const struct store *s, const struct hash *hash_key, struct err *err)
{
    sqlite3 *db = s->db;
    int64_t n;
    if (!sql_int(db, "SELECT count(*) FROM keys WHERE revoked_ms IS NULL", 0, &n, err))
        return NULL;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db,
                                  "SELECT id, hash, team, keys.name, models, tags, expires_ms, admin, keys.limits,"
                                  " teams.limits FROM keys LEFT JOIN teams ON teams.name = team"
                                  " WHERE revoked_ms IS NULL",
                                  err);
    if (!q)
        return NULL;
    struct keyring *k = NEW(struct keyring);
    k->refs = 1;
    k->hash_key = hmac_new(hash_key);
    arena_init(&k->arena);
    for (k->n_slots = 2; k->n_slots < 2 * (size_t)n; k->n_slots *= 2)
        ;
    k->slots = arena_alloc(&k->arena, k->n_slots * sizeof *k->slots);
    k->keys = arena_alloc(&k->arena, (size_t)n * sizeof *k->keys);
    bool more = true, ok = true;
    while (ok && (ok = sql_step(q, &more, err)) && more && k->n < (size_t)n)
        read_key(k, &k->keys[k->n++], s, q);
    if (ok)
        return k;
    keyring_unref(k);
    return NULL;
}

struct keyring *keyring_ref(struct keyring *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

static void drop_key(struct key *k)
{
    for (unsigned i = 0; i < k->n_purses; i++)
        purse_unref(k->purses[i]);
    if (atomic_fetch_sub(&k->pace->refs, 1) == 1)
        free(k->pace);
}

void keyring_unref(struct keyring *k)
{
    if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    for (size_t i = 0; i < k->n; i++)
        drop_key(&k->keys[i].key);
    hmac_free(k->hash_key);
    arena_done(&k->arena);
    free(k);
}

struct keyring *keyring_current(struct store *s)
{
    pthread_mutex_lock(&s->keys_lock);
    struct keyring *k = keyring_ref(s->keys);
    pthread_mutex_unlock(&s->keys_lock);
    return k;
}

bool keyring_is_current(struct store *s, const struct keyring *k)
{
    return atomic_load_explicit(&s->newest_keys, memory_order_acquire) == (uintptr_t)k;
}

bool keyring_load(struct store *s, struct err *err)
{
    struct hash hash_key = store_derive(s, "key-hash");
    struct keyring *fresh = keyring_read(s, &hash_key, err);
    crypto_wipe(&hash_key, sizeof hash_key);
    if (!fresh)
        return false;
    pthread_mutex_lock(&s->keys_lock);
    struct keyring *old = s->keys;
    s->keys = fresh;
    atomic_store_explicit(&s->newest_keys, (uintptr_t)fresh, memory_order_release);
    pthread_mutex_unlock(&s->keys_lock);
    keyring_unref(old);
    return true;
}

const struct key *keyring_find(const struct keyring *k, struct str secret, int64_t wall_ms)
{
    struct hash h = hmac_of(k->hash_key, &secret, 1);
    const struct key *key = find_hash(k, &h);
    return key && key->expires_ms && key->expires_ms <= wall_ms ? NULL : key;
}

const struct key *keyring_find_id(const struct keyring *k, struct str id)
{
    for (size_t i = 0; i < k->n; i++)
        if (str_eq(id, str_of(k->keys[i].key.id)))
            return &k->keys[i].key;
    return NULL;
}

bool key_may_use(const struct key *k, struct str model)
{
    for (const char *const *glob = k->models; *glob; glob++)
        if (glob_match(str_of(*glob), model))
            return true;
    return false;
}
