/*
 * rag.h - which collection a request is grounded in, and with which passages: for the
 * stages and sinks that need to know.
 */
#ifndef GATEWAY_CORE_RAG_H
#define GATEWAY_CORE_RAG_H

#include "gateway/core/exchange.h"
#include "rag/index.h"

/* A passage that the model is shown: [n] is passages[n - 1]. */
struct rag_passage {
    uint32_t document;
    uint32_t from, to; /* bytes of the document's text */
    double score;      /* comparable within one search */
    struct str text;   /* of a dry run: as the model would be shown it */
};

/*
 * Finds collection and version: by the header, the member penstock.rag, else the prompt's,
 * else the model's own.  Sets x->rag.collection, .index and .version, or leaves collection NULL.  Does so
 * once.
 */
bool rag_choose(struct exchange *x, struct err *err);

/*
 * What an answer depends on besides the request: "COLLECTION@VERSION", who reads, and
 * how much; "" where there is no collection.  For keys of caches.
 */
void rag_key(const struct exchange *x, struct buf *out);

/* Does a search of it want the question's vector by a model? */
static inline bool rag_asks_model(const struct index *x)
{
    const struct manifest *m = index_manifest(x);
    return m->embedder == EMBEDDER_model && m->fusion.lexical_percent < 100;
}

/* Does the answer pass through sink cite? */
static inline bool rag_is_on(const struct exchange *x)
{
    return x->rag.collection != NULL && x->rag.state == RAG_DONE;
}

#endif
