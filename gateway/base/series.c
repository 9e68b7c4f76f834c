/*
 * A hash table a family.  Its owner alone puts sets in and counts; who shows it sees a
 * set whole or not yet.  None is ever taken out.
 */
#include "gateway/base/series.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"

enum {
    SLOTS = 2 * SERIES_MAX,
    RECENT = 32,
    COUNTERS = 3,
    KEY_BYTES = SERIES_LABELS * (SERIES_VALUE_BYTES + 1)
};

struct set {
    _Atomic int64_t counts[COUNTERS];
    uint64_t hash;
    size_t key_bytes;
    char key[]; /* the values, each with a zero byte at its end */
};

struct series_shard {
    _Atomic(struct set *) slots[FAMILY_count][SLOTS];
    unsigned used[FAMILY_count];
    struct set *recent[FAMILY_count][RECENT]; /* by where the values stand, which tells nothing but
                                                 where to look */
};

struct key {
    char bytes[KEY_BYTES];
    size_t n;
    uint64_t hash;
};

static const char *const labels[FAMILY_count][SERIES_LABELS + 1] = {
#define FAMILY(name, ...) [FAMILY_##name] = {__VA_ARGS__},
#define SERIES(family, name, help)
#include "gateway/base/series_list.h"
};

static const struct series_info infos[SERIES_count] = {
#define FAMILY(name, ...)
#define SERIES(family, name, help) [SERIES_##name] = {FAMILY_##family, #name, help},
#include "gateway/base/series_list.h"
};

const struct series_info *series_info(enum series s)
{
    assert(s < SERIES_count);
    return &infos[s];
}

const char *const *family_labels(enum family f)
{
    assert(f < FAMILY_count);
    return labels[f];
}

struct series_shard *series_shard_new(void)
{
    return NEW(struct series_shard);
}

void series_shard_free(struct series_shard *s)
{
    if (!s)
        return;
    for (unsigned f = 0; f < FAMILY_count; f++)
        for (unsigned i = 0; i < SLOTS; i++)
            free(atomic_load_explicit(&s->slots[f][i], memory_order_relaxed));
    free(s);
}

static struct str value_of(const struct str *values, unsigned i)
{
    struct str v = !values ? STR("other") : values[i].n ? values[i] : STR("none");
    v.n = v.n < SERIES_VALUE_BYTES ? v.n : SERIES_VALUE_BYTES;
    return v;
}

/* FNV-1a, which is enough for names that an operator chose. */
static void key_add(struct key *k, struct str value)
{
    memcpy(k->bytes + k->n, value.p, value.n);
    k->bytes[k->n + value.n] = '\0';
    for (size_t end = k->n + value.n + 1; k->n < end; k->n++)
        k->hash = (k->hash ^ (unsigned char)k->bytes[k->n]) * 1099511628211u;
}

static void key_make(struct key *k, enum family f, const struct str *values)
{
    k->n = 0;
    k->hash = 14695981039346656037u;
    for (unsigned i = 0; labels[f][i]; i++)
        key_add(k, value_of(values, i));
}

/* The slot of that key, or the free one where it belongs. */
static _Atomic(struct set *) *slot_of(struct series_shard *s, enum family f, const struct key *k)
{
    for (unsigned i = (unsigned)k->hash % SLOTS;; i = (i + 1) % SLOTS) {
        struct set *set = atomic_load_explicit(&s->slots[f][i], memory_order_relaxed);
        if (!set || (set->hash == k->hash && set->key_bytes == k->n &&
                     memcmp(set->key, k->bytes, k->n) == 0))
            return &s->slots[f][i];
    }
}

static struct set *set_of(struct series_shard *s, enum family f, const struct str *values)
{
    struct key k;
    key_make(&k, f, values);
    _Atomic(struct set *) *slot = slot_of(s, f, &k);
    struct set *set = atomic_load_explicit(slot, memory_order_relaxed);
    if (set)
        return set;
    if (values && s->used[f] >= SERIES_MAX)
        return set_of(s, f, NULL);
    set = mem_zalloc(sizeof *set + k.n);
    set->hash = k.hash;
    set->key_bytes = k.n;
    memcpy(set->key, k.bytes, k.n);
    s->used[f]++;
    atomic_store_explicit(slot, set, memory_order_release);
    return set;
}

static bool is_of(const struct set *set, enum family f, const struct str *values)
{
    const char *at = set->key;
    for (unsigned i = 0; labels[f][i]; i++) {
        struct str v = value_of(values, i);
        if (strncmp(at, v.p, v.n) != 0 || at[v.n] != '\0')
            return false;
        at += v.n + 1;
    }
    return true;
}

/* Most requests are like one a moment ago: then nothing is hashed. */
static struct set *recent_of(struct series_shard *s, enum family f, const struct str *values)
{
    uintptr_t where = 0;
    for (unsigned i = 0; labels[f][i]; i++)
        where = where * 31 + (uintptr_t)values[i].p;
    struct set **recent = &s->recent[f][(where ^ where >> 8) % RECENT];
    if (!*recent || !is_of(*recent, f, values))
        *recent = set_of(s, f, values);
    return *recent;
}

void series_add(struct series_shard *s, enum family f, const struct str *values,
                const int64_t *more)
{
    struct set *set = recent_of(s, f, values);
    unsigned at = 0;
    for (enum series i = 0; i < SERIES_count; i++) {
        if (infos[i].family != f)
            continue;
        int64_t n = atomic_load_explicit(&set->counts[at], memory_order_relaxed);
        atomic_store_explicit(&set->counts[at], n + more[at], memory_order_relaxed);
        at++;
    }
}

/* Of all shards, by key, so that the sets of one key are neighbours. */
struct found {
    const struct set **sets;
    size_t n;
};

static int by_key(const void *left, const void *right)
{
    const struct set *a = *(const struct set *const *)left, *b = *(const struct set *const *)right;
    int order = memcmp(a->key, b->key, a->key_bytes < b->key_bytes ? a->key_bytes : b->key_bytes);
    return order ? order : (a->key_bytes > b->key_bytes) - (a->key_bytes < b->key_bytes);
}

static void find(struct series_shard *const *shards, unsigned n, enum family f, struct found *found)
{
    found->n = 0;
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < SLOTS; k++) {
            const struct set *set =
                atomic_load_explicit(&shards[i]->slots[f][k], memory_order_acquire);
            if (set)
                found->sets[found->n++] = set;
        }
    qsort(found->sets, found->n, sizeof *found->sets, by_key);
}

static void write_labels(const struct set *set, enum family f, struct buf *out)
{
    const char *value = set->key;
    for (unsigned i = 0; labels[f][i]; i++) {
        buf_addf(out, "%s%s=\"", i ? "," : "{", labels[f][i]);
        for (; *value; value++)
            if (*value == '\n')
                buf_add(out, STR("\\n"));
            else
                buf_addf(out, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
        buf_add(out, STR("\""));
        value++;
    }
    buf_add(out, STR("}"));
}

static void show(const struct found *found, enum series s, unsigned at, struct buf *out)
{
    buf_addf(out, "# HELP penstock_%s %s\n# TYPE penstock_%s counter\n", infos[s].name,
             infos[s].help, infos[s].name);
    for (size_t i = 0; i < found->n;) {
        const struct set *first = found->sets[i];
        int64_t sum = 0;
        for (; i < found->n && by_key(&found->sets[i], &first) == 0; i++)
            sum += atomic_load_explicit(&found->sets[i]->counts[at], memory_order_relaxed);
        buf_addf(out, "penstock_%s", infos[s].name);
        write_labels(first, infos[s].family, out);
        buf_addf(out, " %" PRId64 "\n", sum);
    }
}

void series_show(struct series_shard *const *shards, unsigned n, struct buf *out)
{
    struct found found = {.sets = mem_zalloc((size_t)n * SLOTS * sizeof *found.sets)};
    unsigned at = 0;
    for (enum series s = 0; s < SERIES_count; s++) {
        at = s && infos[s].family == infos[s - 1].family ? at + 1 : 0;
        if (at == 0)
            find(shards, n, infos[s].family, &found);
        show(&found, s, at, out);
    }
    free(found.sets);
}
