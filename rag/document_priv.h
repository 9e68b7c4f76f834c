/* document_priv.h - what the readers of the formats share. */
#ifndef RAG_DOCUMENT_PRIV_H
#define RAG_DOCUMENT_PRIV_H

#include "rag/document.h"

struct source { /* one file */
    struct corpus *corpus;
    const char *file; /* for messages */
    struct str id;    /* what it is called where it does not say so itself */
    struct str bytes; /* terminated; the corpus's own */
};

/* Adds what is in the file to the corpus; what is wrong becomes a problem. */
#define FORMAT(suffix, name) void read_##name(struct source *s);
#include "rag/format_list.h"

/* At the byte `at` of the file. */
void source_problem(struct source *s, size_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* At a line and column that are known. */
void corpus_problem(struct corpus *c, const char *file, size_t line, size_t column, const char *fmt,
                    ...) __attribute__((format(printf, 5, 6)));

/* UTF-8 without zero bytes, and not empty; else a problem. */
bool source_is_text(struct source *s);

/*
 * Takes the document over: id, title, text, access, sections (none: the whole text is
 * one).  `line`, `column`: where its id stands in its file; 1 and 1 if it is all of it.
 */
void source_add(struct source *s, const struct document *d, size_t line, size_t column);

bool text_is_blank(struct str text);

/* Sections that grow. */
struct outline {
    struct arena *arena;
    struct section *v;
    size_t n, room;
    struct str levels[6]; /* the headings that hold here */
};
/* What follows stands under this heading, 1 to 6, at the byte `at`. */
void outline_heading(struct outline *o, unsigned level, struct str heading, size_t at);
void outline_end(struct outline *o, size_t at);

#endif
