/*
 * behaviour.h - what an answer looks like, told from its text alone: the same text always
 * gives the same scores.  Formulas and worked examples: eval/BEHAVIOUR.md.
 *
 * Pure.
 */
#ifndef GATEWAY_LLM_BEHAVIOUR_H
#define GATEWAY_LLM_BEHAVIOUR_H

#include <stdbool.h>

#include "gateway/base/str.h"

enum { BEHAVIOUR_OPENING_BYTES = 200 }; /* in which a refusal is looked for */

struct behaviour {
    bool refusal;
    bool empty;
    bool truncated; /* it was cut at its greatest length */
    bool misfit;    /* it was to be JSON, or fit a schema, and does not */
    bool language_mismatch;
    unsigned repetition;     /* percent */
    unsigned citations_lost; /* marks [n] beyond the passages */
};

bool behaviour_refusal(struct str text);
bool behaviour_empty(struct str text); /* nothing but white space */

/* 100 x (1 - different runs of four words / all of them), rounded down; 0 below 20 words. */
unsigned behaviour_repetition(struct str text);

/* Marks "[n]" with n not within 1..passages. */
unsigned behaviour_citations_lost(struct str text, unsigned passages);

/* Letters by their script. */
enum script {
    SCRIPT_latin,
    SCRIPT_greek,
    SCRIPT_cyrillic,
    SCRIPT_hebrew,
    SCRIPT_arabic,
    SCRIPT_indic,
    SCRIPT_thai,
    SCRIPT_east_asian,
    SCRIPT_count,
};
struct scripts {
    unsigned n[SCRIPT_count];
};
void scripts_add(struct scripts *s, struct str text);

/* Both have at least 20 letters, of which 70 % are of one script each, and not of the same. */
bool scripts_mismatch(const struct scripts *asked, const struct scripts *answered);

#endif
