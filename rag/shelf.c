#include "rag/shelf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/arena.h"
#include "gateway/base/mem.h"

struct entry {
    const char *collection;
    struct shelf_place place;
};

struct shelf {
    _Atomic unsigned refs;
    struct arena arena;
    struct entry *entries;
    size_t n;
};

struct shelf *shelf_new(void)
{
    struct shelf *s = NEW(struct shelf);
    s->refs = 1;
    arena_init(&s->arena);
    return s;
}

struct shelf *shelf_ref(struct shelf *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void shelf_unref(struct shelf *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < s->n; i++)
        index_unref(s->entries[i].place.index);
    free(s->entries);
    arena_done(&s->arena);
    free(s);
}

void shelf_add(struct shelf *s, const char *collection, const char *label, unsigned version,
               struct index *x)
{
    s->entries = mem_realloc(s->entries, (s->n + 1) * sizeof *s->entries);
    s->entries[s->n++] = (struct entry){
        arena_strdup(&s->arena, str_of(collection)),
        {arena_strdup(&s->arena, str_of(label)), version, x},
    };
}

const struct shelf_place *shelf_find(const struct shelf *s, struct str collection, struct str label)
{
    int64_t version = 0;
    bool by_number = str_int(label, &version);
    for (size_t i = 0; i < s->n; i++) {
        const struct entry *e = &s->entries[i];
        bool match =
            by_number ? e->place.version == version : str_eq(str_of(e->place.label), label);
        if (match && str_eq(str_of(e->collection), collection))
            return &e->place;
    }
    return NULL;
}

struct index *shelf_index(const struct shelf *s, const char *collection, unsigned version)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->entries[i].place.version == version &&
            strcmp(s->entries[i].collection, collection) == 0)
            return s->entries[i].place.index;
    return NULL;
}

void shelf_slot_init(struct shelf_slot *s)
{
    pthread_mutex_init(&s->lock, NULL);
    s->current = shelf_new();
}

void shelf_slot_done(struct shelf_slot *s)
{
    shelf_unref(s->current);
    s->current = NULL;
    pthread_mutex_destroy(&s->lock);
}

struct shelf *shelf_slot_get(struct shelf_slot *s)
{
    pthread_mutex_lock(&s->lock);
    struct shelf *shelf = shelf_ref(s->current);
    pthread_mutex_unlock(&s->lock);
    return shelf;
}

void shelf_slot_put(struct shelf_slot *s, struct shelf *shelf)
{
    pthread_mutex_lock(&s->lock);
    struct shelf *old = s->current;
    s->current = shelf;
    pthread_mutex_unlock(&s->lock);
    shelf_unref(old);
}
