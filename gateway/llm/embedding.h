/* embedding.h - questions to /v1/embeddings, and the vectors of their answers. */
#ifndef GATEWAY_LLM_EMBEDDING_H
#define GATEWAY_LLM_EMBEDDING_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

/* Appends the body that asks for vectors of these texts, as plain numbers. */
void embedding_ask(struct str model, const struct str *texts, size_t n, struct buf *out);

/*
 * Appends the n vectors of an answer as floats, in the order of the texts, each of
 * length 1.  False: ERR_bad_answer.
 */
bool embedding_read(struct str body, size_t n, struct buf *rows, unsigned *dimension,
                    struct err *err);

#endif
