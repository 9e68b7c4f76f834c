/*
 * access.h - who may read a document.
 *
 * A document names teams and tags of keys; one match of either kind is enough.  Names
 * nobody: nobody.  The team "*" is everybody.  Decided before anything is scored.
 */
#ifndef RAG_ACCESS_H
#define RAG_ACCESS_H

#include <stdbool.h>

struct access {
    const char *const *teams, *const *tags; /* NULL-terminated; NULL: none */
};

struct reader {
    const char *team; /* NULL or "": of none */
    const char *const *tags;
};

bool access_allows(const struct access *a, const struct reader *r);
bool access_equal(const struct access *a, const struct access *b);

#endif
