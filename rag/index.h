/*
 * index.h - one version of a collection, in memory: its documents, passages, and the two
 * legs by which they are found.
 *
 * Immutable and counted; any number of threads may search.  It is opened from the
 * folder that build.h writes, or not at all: whatever differs from the manifest, by
 * size or SHA-256, is refused (ERR_bad_index) before a byte of it is used.
 */
#ifndef RAG_INDEX_H
#define RAG_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/crypto.h"
#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "rag/access.h"
#include "rag/manifest.h"

struct index;

struct index_document {
    struct str id, title, text;
    struct hash version; /* SHA-256 of the text */
    uint32_t group;      /* 0: the collection's access counts */
    uint32_t first, n;   /* its passages */
};

struct index_passage {
    uint32_t document;
    uint32_t from, to; /* bytes of the document's text */
    uint32_t heading_at, heading_bytes;
};

/*
 * `manifest` is the SHA-256 that the manifest must have; NULL: any.  Problems of the
 * manifest are given to complain(), as manifest_parse() does.
 */
struct index *index_open(const char *folder, const char *collection, unsigned version,
                         const struct hash *manifest, void (*complain)(void *arg, const char *line),
                         void *arg, struct err *err);
struct index *index_ref(struct index *x);
void index_unref(struct index *x); /* NULL is fine */

const struct manifest *index_manifest(const struct index *x);
const struct index_document *index_document(const struct index *x, uint32_t i);
const struct index_passage *index_passage(const struct index *x, uint32_t i);
struct str index_heading(const struct index *x, uint32_t passage);
/* What stands over a passage: the document's title and its own heading. */
void passage_title(struct str title, struct str heading, struct buf *out);

const struct access *index_access(const struct index *x, uint32_t group); /* of group 0: nobody */

enum { SEARCH_MAX = 50, SEARCH_CANDIDATES = 100 };

enum search_legs { LEGS_both, LEGS_lexical, LEGS_dense };

struct search {
    struct str text;
    const float *vector; /* of the text, by the index's model, of length 1; NULL: LSA makes its own,
                            else lexical only */
    struct reader reader;
    struct access collection; /* who reads what names nobody itself */
    unsigned k;               /* 1 to SEARCH_MAX */
    enum search_legs legs;
};

struct search_hit {
    uint32_t document;
    uint32_t passage;  /* the best of those that were joined */
    uint32_t from, to; /* bytes of the document's text */
    double score;      /* comparable within one search */
};

/*
 * Best first; returns how many.  Neighbours in one section are joined.  Who may read
 * nothing of what matches gets nothing, and scores as if the rest were not there.
 */
size_t index_search(const struct index *x, const struct search *s, struct search_hit hits[SEARCH_MAX]);

#endif
