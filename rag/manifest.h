/*
 * manifest.h - manifest.json of an index version: what it was made of, and the size and
 * SHA-256 of each of its files.  The store keeps the manifest's own SHA-256.
 */
#ifndef RAG_MANIFEST_H
#define RAG_MANIFEST_H

#include <stdbool.h>

#include "gateway/base/arena.h"
#include "gateway/base/crypto.h"
#include "gateway/base/err.h"
#include "gateway/base/str.h"

enum { MANIFEST_FORMAT = 1, MANIFEST_MAX_BYTES = 64 * 1024, MANIFEST_FILES = 7 };

/* The files of a version, in this order. */
enum part {
    PART_documents,
    PART_texts,
    PART_passages,
    PART_headings,
    PART_lexicon,
    PART_lsa,
    PART_vectors
};
extern const char *const part_names[MANIFEST_FILES];

enum embedder_kind { EMBEDDER_none, EMBEDDER_lsa, EMBEDDER_model };

/* How the two legs did on questions made of the corpus itself: thousandths of mean reciprocal rank.
 */
struct fusion {
    unsigned lexical_percent; /* the weight of the lexical leg; 100: the dense one does not help */
    unsigned questions;       /* 0: not measured */
    unsigned lexical, dense, fused;
};

struct manifest {
    const char *collection;
    unsigned version, parent; /* parent 0: none */
    const char *created;
    unsigned token_version, chunk_version;
    unsigned documents, passages;
    enum embedder_kind embedder;
    const char *model;  /* of the kind `model`: the public name */
    unsigned dimension; /* 0: no vectors */
    struct fusion fusion;
    struct manifest_file {
        bool there;
        int64_t bytes;
        struct hash sha256;
    } files[MANIFEST_FILES];
};

/*
 * Texts live in the arena.  False: *err, and each problem was given to complain() as
 * "FILE:LINE:COLUMN: what; what to do".
 */
bool manifest_parse(struct manifest *m, const char *file, struct str text, struct arena *a,
                    void (*complain)(void *arg, const char *line), void *arg, struct err *err);
void manifest_write(const struct manifest *m, struct buf *out);

#endif
