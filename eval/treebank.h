/*
 * treebank.h - a text as the words that ROUGE counts.
 *
 * Penn Treebank's rules as the library js-rouge (3.2) has them, with which promptfoo
 * counts; in small letters, so only ASCII's punctuation and the contractions matter.
 */
#ifndef EVAL_TREEBANK_H
#define EVAL_TREEBANK_H

#include "gateway/base/str.h"

/* Appends the words with one space between them. */
void treebank(struct buf *out, struct str text);

#endif
