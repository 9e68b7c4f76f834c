/*
 * collection.h - collections of the config, their versions in the store, their files.
 *
 * All of it blocks; from any thread but a loop.
 */
#ifndef GATEWAY_CORE_COLLECTION_H
#define GATEWAY_CORE_COLLECTION_H

#include <jansson.h>

#include "gateway/base/err.h"
#include "gateway/core/config.h"
#include "gateway/store/store.h"
#include "rag/build.h"
#include "rag/shelf.h"

enum { COLLECTION_PATH_BYTES = 4096 };

/* <data>/indexes/<collection>; makes the folder above it. */
bool collection_folder(const char *data_dir, const char *collection,
                       char path[COLLECTION_PATH_BYTES], struct err *err);

/* The version a label points to, opened.  NULL: *err; ERR_not_found: there is none. */
struct index *collection_open(struct store *s, const char *collection, struct str label,
                              struct err *err);

/* Every version in the store: whether its files are what they must be.  An array of objects. */
json_t *collection_health(struct store *s, struct err *err);

/*
 * A shelf of all labels in the store; what `old` has open already is taken from there.
 * What cannot be used is logged, and stands there as such.
 */
struct shelf *collection_shelf(struct store *s, const struct shelf *old, struct err *err);

/* Makes a version, as build_run() does, with the collection's embedder. */
struct ingest {
    struct config *config;
    struct store *store;
    const struct collection *collection;
    const char *const *paths; /* NULL-terminated; none: the collection's `dir` */
    const struct index *parent;
    bool add;
    bool dry_run; /* read all of it, and make nothing */
    void (*progress)(void *arg, const char *what, size_t done, size_t total);
    void (*complain)(void *arg, const char *line);
    void *arg;
};
bool collection_ingest(const struct ingest *i, struct built *made, size_t *skipped,
                       struct err *err);

/* The text's vector by the index's model, of length 1, in *out; nothing, and true, where it has no
 * model. */
bool collection_vector(struct store *s, struct config *c, const struct index *x, struct str text,
                       struct buf *out, struct err *err);

#endif
