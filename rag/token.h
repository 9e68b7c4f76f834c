/*
 * token.h - the terms of a text: what documents and questions are compared by.
 *
 * One rule for every language, without a list of words and without guessing which
 * language it is: compatibility forms (NFKD), case folded, accents dropped; runs of
 * letters and digits are words, cut to TOKEN_LETTERS where they hold no digit (what holds
 * one is a name or a number, and counts whole); scripts that put no spaces
 * between words give pairs of characters.  Measured against stemmers and SQLite's
 * FTS5 on SciFact and XQuAD: see README.md.  Pure; the only user of utf8proc.
 */
#ifndef RAG_TOKEN_H
#define RAG_TOKEN_H

#include "gateway/base/str.h"

enum {
    TOKEN_VERSION = 1, /* of the rule: an index made by another one is made anew */
    TOKEN_LETTERS = 6,
    TOKEN_MAX_BYTES = 64,
};

/* Calls each() with every term of the text in order; it is borrowed.  What is not UTF-8 parts
 * words. */
void tokens(struct str text, void (*each)(void *arg, struct str term), void *arg);

/* How many words a text has, about: two characters of a script without spaces count as one. */
size_t token_words(struct str text);

#endif
