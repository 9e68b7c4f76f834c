/* index_priv.h - an index as it is put together, for those who open, build and measure it. */
#ifndef RAG_INDEX_PRIV_H
#define RAG_INDEX_PRIV_H

#include <stdatomic.h>

#include "gateway/base/arena.h"
#include "rag/index.h"
#include "rag/lexicon.h"
#include "rag/lsa.h"
#include "rag/vectors.h"

struct index {
    _Atomic unsigned refs;
    struct arena arena;
    struct manifest manifest;
    struct str parts[MANIFEST_FILES]; /* owned; of vectors only while they are loaded */
    struct index_document *documents;
    const struct index_passage *passages;
    struct access *groups;
    uint32_t n_groups;
    uint32_t *group_of;   /* of each passage */
    uint32_t *group_size; /* passages of each group */
    double *group_length; /* the sum of their lengths */
    struct lexicon lexicon;
    struct lsa *lsa;
    struct vectors *vectors;
};

/* Takes the parts over, whatever comes of it. */
struct index *index_make(const struct manifest *m, struct str parts[MANIFEST_FILES],
                         struct err *err);

/* Who counts; `open` has room for every group. */
void index_scope(const struct index *x, const struct search *s, bool *open, struct scope_of *scope);

struct candidate_passage {
    uint32_t passage;
    double lexical, dense; /* dense: -2 where there is no such leg */
    double score;
};

/* Fills up to 2 * SEARCH_CANDIDATES; unsorted. */
size_t index_candidates(const struct index *x, const struct search *s, const struct scope_of *scope,
                        const float *vector, struct candidate_passage *c);

/* The scores of candidates under this weight, best first. */
void candidates_fuse(struct candidate_passage *c, size_t n, unsigned lexical_percent);

#endif
