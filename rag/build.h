/*
 * build.h - makes a new version of a collection out of documents, and the version before.
 *
 * A document whose id, title and text are as before keeps its passages and vectors; only
 * what changed is cut and embedded.  The version is a new folder, there whole or not at
 * all; what is served is not touched.  Vectors that cost a call of a model are kept in
 * `embedding.part` until the version is there, so that a build that was killed goes on
 * where it was.  One build of a collection at a time (flock).  Blocks.
 */
#ifndef RAG_BUILD_H
#define RAG_BUILD_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/err.h"
#include "rag/document.h"
#include "rag/index.h"

/* Turns texts into vectors: by a model, elsewhere. */
struct embedder {
    const char *model; /* its public name: versions made with another are embedded anew */
    /* Appends n rows of floats to *rows, in order; *dimension is theirs. */
    bool (*embed)(void *arg, const struct str *texts, size_t n, struct buf *rows,
                  unsigned *dimension, struct err *err);
    void *arg;
};

struct build {
    const char *folder; /* of the collection: <data>/indexes/<collection> */
    const char *collection;
    const struct corpus *corpus;
    const struct index *parent;      /* the version before; NULL: none */
    const struct embedder *embedder; /* NULL: LSA on the corpus itself */
    bool lexical_only;
    bool dry_run; /* count, and make nothing */
    bool add;     /* documents of the version before that are not in the corpus stay */
    /* Told now and then how far it is; may be NULL. */
    void (*progress)(void *arg, const char *what, size_t done, size_t total);
    void *arg;
};

struct built {
    unsigned version; /* 0: nothing changed, and none was made */
    struct hash manifest;
    size_t documents, passages;
    size_t kept, changed, added, removed; /* documents */
    size_t embedded;                      /* passages */
    size_t resumed;                       /* of these, found in embedding.part */
    struct fusion fusion;
    enum embedder_kind embedder;
};

bool build_run(const struct build *b, struct built *out, struct err *err);

#endif
