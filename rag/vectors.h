/*
 * vectors.h - the dense leg: exact search by inner product, over the passages that the
 * reader may read.  The only user of FAISS, by its C API.
 *
 * The file holds plain rows of floats, and FAISS is filled from it: FAISS never reads a
 * file (of 2,400 damaged ones 1.7.3 loads two thirds, and crashes on some).  Filters go
 * into a flat index, never HNSW, which finds a quarter of what it should behind one.
 * Search takes one vector, so no OpenMP team starts; any number of threads may search.
 */
#ifndef RAG_VECTORS_H
#define RAG_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/err.h"

struct vectors;

bool vectors_built(void); /* false: made --without-faiss, and nothing here ever succeeds */

/* n rows of `dimension` floats, copied.  NULL: *err. */
struct vectors *vectors_new(const float *rows, size_t n, unsigned dimension, struct err *err);
void vectors_free(struct vectors *v); /* NULL is fine */

/*
 * The k nearest to `asked` among those whose bit is set in `open` (NULL: all), best
 * first; returns how many there are.
 */
size_t vectors_search(const struct vectors *v, const float *asked, size_t k, const uint8_t *open,
                      uint32_t *ids, float *scores);

const float *vectors_row(const struct vectors *v, uint32_t id);
float vectors_score(const struct vectors *v, const float *asked, uint32_t id);

void vector_normalise(float *v, unsigned dimension); /* to length 1; a zero vector stays */

#endif
