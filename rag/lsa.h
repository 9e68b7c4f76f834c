/*
 * lsa.h - vectors from the corpus itself, without a model and without a download.
 *
 * Latent semantic analysis (Deerwester et al. 1990): the leading right singular vectors
 * of the passages' tf-idf matrix, by randomised subspace iteration (Halko, Martinsson,
 * Tropp 2011).  A text becomes its terms' weights times that basis, of length 1.  Once
 * trained a basis does not change: new passages are folded in, until so many are new
 * that build.c trains another.
 */
#ifndef RAG_LSA_H
#define RAG_LSA_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/str.h"
#include "rag/lexicon.h"

enum { LSA_VERSION = 1, LSA_DIMENSION = 256 };

struct lsa;

/* NULL: there is too little to learn from. */
struct lsa *lsa_train(const struct lexicon *l);
void lsa_free(struct lsa *a); /* NULL is fine */

/* NULL: the bytes are none; they are copied. */
struct lsa *lsa_read(struct str bytes);
void lsa_write(const struct lsa *a, struct buf *out);

unsigned lsa_dimension(const struct lsa *a);

/* `out` has the dimension's floats; all zero where no term is known. */
void lsa_embed(const struct lsa *a, struct str title, struct str text, float *out);

#endif
