/*
 * text.h - texts as JavaScript's strings have them, where promptfoo's verdicts depend on it.
 *
 * Pure.  Lengths are in bytes unless said otherwise; what is not UTF-8 is left as it is.
 */
#ifndef EVAL_TEXT_H
#define EVAL_TEXT_H

#include <jansson.h>

#include "gateway/base/str.h"

/* Appends it in lower case: the simple mappings of Latin, Greek, Cyrillic and Armenian. */
void text_lower(struct buf *out, struct str s);

bool text_is_space(char c); /* ASCII's */
struct str text_trim(struct str s);
bool text_contains(struct str in, struct str what);

/* Appends what String(v) gives; an array or object as compact JSON. */
void text_of(struct buf *out, const json_t *v);

/* A new string; what is not UTF-8 in it becomes U+FFFD. */
json_t *text_json(struct str s);

/* Appends a number as JavaScript prints it. */
void text_number(struct buf *out, double d);

/* UTF-16 code units, as JavaScript counts; the caller frees *units. */
size_t text_units(struct str s, uint16_t **units);

#endif
