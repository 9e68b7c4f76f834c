/*
 * lexicon.h - the lexical leg: which passage holds which terms, and BM25 over it.
 *
 * BM25 as of Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009),
 * with idf = ln(1 + (N - df + 0.5) / (df + 0.5)) as Lucene has it.  N, df and the mean
 * length count only what the reader may read, so that a score tells nothing of the
 * rest: scores are those of an index without it.
 *
 * A lexicon is one block of memory, the same as its file, and does not change.
 */
#ifndef RAG_LEXICON_H
#define RAG_LEXICON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/str.h"

enum {
    LEXICON_TITLE_WEIGHT = 1, /* a term of title or heading counts as so many of the text */
    LEXICON_QUERY_TERMS = 64, /* of more the rarest count */
};

struct lexicon {
    uint32_t n_terms, n_passages, n_postings;
    const uint32_t *term_at;  /* n_terms + 1 places in `terms`, which are sorted */
    const uint32_t *first;    /* n_terms + 1 places in the two that follow */
    const uint32_t *passages; /* ascending within a term */
    const uint32_t *lengths;  /* of each passage, in terms */
    const uint8_t *counts;    /* how often, at most 255 */
    const char *terms;
};

/* False: the bytes are no lexicon.  They are borrowed and aligned as memory of malloc() is. */
bool lexicon_read(struct lexicon *l, struct str bytes);

struct lexicon_draft;
struct lexicon_draft *lexicon_draft_new(void);
void lexicon_draft_free(struct lexicon_draft *d); /* NULL is fine */
void lexicon_draft_add(struct lexicon_draft *d, struct str title,
                       struct str text); /* the next passage */
void lexicon_draft_write(struct lexicon_draft *d, struct buf *out);

/* Which passages count: those whose group is open. */
struct scope_of {
    const uint32_t *group; /* of each passage */
    const bool *open;      /* of each group */
    uint32_t n;            /* passages that count */
    double mean_length;    /* of them */
    bool all;              /* every passage counts */
};

struct query_term {
    uint32_t term;
    double weight; /* idf */
};
struct query {
    struct query_term terms[LEXICON_QUERY_TERMS];
    size_t n;
};

void lexicon_ask(const struct lexicon *l, struct str text, const struct scope_of *s,
                 struct query *q);

/* Adds to scores[passage], all zero before, for every passage that counts. */
void lexicon_score(const struct lexicon *l, const struct query *q, const struct scope_of *s,
                   float *scores);

/* The place of a term; n_terms: unknown. */
uint32_t lexicon_find(const struct lexicon *l, struct str term);
struct str lexicon_term(const struct lexicon *l, uint32_t i);

#endif
