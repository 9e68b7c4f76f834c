/*
 * indexes.h - which versions of a collection's index there are, and which labels point to
 * them.  The indexes themselves are files, see rag/index.h; here is what they must be.
 *
 * Each change is on disk when the function returns true.  With `dry_run` everything is
 * checked and nothing is written.  Errors: ERR_not_found, ERR_conflict, ERR_bad_request,
 * ERR_store.  They block; from any thread but a loop.
 */
#ifndef GATEWAY_STORE_INDEXES_H
#define GATEWAY_STORE_INDEXES_H

#include <jansson.h>
#include <stdbool.h>

#include "gateway/base/crypto.h"
#include "gateway/base/err.h"
#include "gateway/store/store.h"

#define INDEX_LABEL "production" /* what is served where nothing else is asked for */

struct index_row {
    const char *collection;
    unsigned version, documents, passages;
    struct hash manifest; /* SHA-256 of the version's manifest.json */
};

/* A new version; `label` (NULL: none) points to it at once. */
bool index_adopt(struct store *s, const struct index_row *row, const char *label, bool dry_run,
                 struct err *err);

bool index_label(struct store *s, const char *collection, const char *label, unsigned version,
                 bool dry_run, struct err *err);

/* The label goes back to the version it pointed to before; *version is that one. */
bool index_rollback(struct store *s, const char *collection, const char *label, bool dry_run,
                    unsigned *version, struct err *err);

/* {collection, version, documents, passages, manifest, labels, created_ms}, oldest first. */
json_t *index_list(struct store *s, struct err *err);

#endif
