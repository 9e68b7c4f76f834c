/*
 * chunk.h - cuts a document into passages.
 *
 * Paragraphs are put together up to about CHUNK_WORDS; one that is longer than
 * CHUNK_MAX_WORDS is cut between sentences, with a short last sentence in common.
 * No passage reaches over a heading.  Its bounds are bytes of the document's text,
 * without white space at its ends.  Pure.
 */
#ifndef RAG_CHUNK_H
#define RAG_CHUNK_H

#include "rag/document.h"

enum { CHUNK_VERSION = 1, CHUNK_WORDS = 120, CHUNK_MAX_WORDS = 160 };

/* Calls each() for every passage in order. */
void chunk(const struct document *d,
           void (*each)(void *arg, const struct section *s, size_t from, size_t to), void *arg);

#endif
