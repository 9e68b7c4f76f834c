/*
 * shelf.h - the versions that are served: an immutable snapshot, counted, replaced whole
 * when a label moves.  Thread-safe but where it is filled.
 */
#ifndef RAG_SHELF_H
#define RAG_SHELF_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/str.h"
#include "rag/index.h"

struct shelf;

struct shelf *shelf_new(void);
struct shelf *shelf_ref(struct shelf *s);
void shelf_unref(struct shelf *s); /* NULL is fine */

/* A label of a collection; takes the reference of x over.  x NULL: it cannot be used. */
void shelf_add(struct shelf *s, const char *collection, const char *label, unsigned version,
               struct index *x);

struct shelf_place {
    const char *label;
    unsigned version;
    struct index *index; /* NULL: damaged; lives as long as the shelf */
};

/* By label, or by version where that is a number; NULL: there is none. */
const struct shelf_place *shelf_find(const struct shelf *s, struct str collection, struct str label);

/* The same version, if it is open; NULL. */
struct index *shelf_index(const struct shelf *s, const char *collection, unsigned version);

struct shelf_slot {
    pthread_mutex_t lock;
    struct shelf *current;
};
void shelf_slot_init(struct shelf_slot *s); /* with an empty one */
void shelf_slot_done(struct shelf_slot *s);
struct shelf *shelf_slot_get(struct shelf_slot *s);             /* a new reference */
void shelf_slot_put(struct shelf_slot *s, struct shelf *shelf); /* takes the reference over */

#endif
