/*
 * document.h - documents as they are handed in, read into text.
 *
 * Offsets of passages count bytes of a document's text: of Markdown and plain text
 * that is the file as it stands, of JSONL the member `text`, of HTML and PDF what was
 * read out of it.  The version of a document is the SHA-256 of its text.
 *
 * What is wrong with a file is a problem, not an error: reading goes on, and each
 * problem is one line, "FILE:LINE:COLUMN: what is wrong; what to do".  Columns count
 * characters from 1.  All memory is that of the corpus.  Not thread-safe.
 */
#ifndef RAG_DOCUMENT_H
#define RAG_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/arena.h"
#include "gateway/base/crypto.h"
#include "gateway/base/str.h"
#include "rag/access.h"

enum {
    DOCUMENT_MAX_BYTES = 64 * 1024 * 1024, /* of a file, and of a text */
    DOCUMENT_ID_BYTES = 512,
    DOCUMENT_TITLE_BYTES = 1024,
};

struct section {        /* what stands under one heading */
    struct str heading; /* its path, "Guide > Install"; "" at the top */
    size_t from, to;    /* bytes of the text */
};

struct document {
    struct str id, title, text;
    struct hash version;
    bool has_access; /* else the collection's counts */
    struct access access;
    const struct section *sections; /* in order */
    size_t n_sections;
    const char *place; /* "FILE:LINE:COLUMN" */
};

struct corpus {
    struct arena arena;
    struct document *documents;
    size_t n, room;
    size_t problems;
    size_t skipped; /* files of no known format */
    void (*complain)(void *arg, const char *line);
    void *arg;
};

void corpus_init(struct corpus *c, void (*complain)(void *arg, const char *line), void *arg);
void corpus_done(struct corpus *c);

/*
 * Adds a file, or every file of a known format below a folder, in the order of their
 * names; a document's id is its path below the folder, with '/'.  What is hidden and
 * what is a link is left alone.  Problems are counted.
 */
void corpus_add(struct corpus *c, const char *path);

/* To be called once when all was added: no id may stand twice. */
void corpus_check(struct corpus *c);

/* A known suffix, as "md"? */
bool document_is_known(const char *path);

#endif
