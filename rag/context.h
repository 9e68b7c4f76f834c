/*
 * context.h - passages as a model is shown them: numbered, delimited, and said to be
 * quoted documents that give no orders.
 *
 * A '<' of a passage becomes "&lt;", so no document can close its own block, open
 * another, or write the marks by which chat templates part roles.  Pure.
 */
#ifndef RAG_CONTEXT_H
#define RAG_CONTEXT_H

#include "gateway/base/str.h"

void context_begin(struct buf *out);
void context_add(struct buf *out, unsigned n, struct str title, struct str text); /* n from 1 */
void context_end(struct buf *out);

/* What stands there where nothing was found. */
void context_nothing(struct buf *out);

/* Tokens that a passage takes, about. */
unsigned context_tokens(struct str title, struct str text);

#endif
