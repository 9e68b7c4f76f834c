#include "rag/access.h"

#include <stddef.h>
#include <string.h>

static bool holds(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

bool access_allows(const struct access *a, const struct reader *r)
{
    if (holds(a->teams, "*") || (r->team && *r->team && holds(a->teams, r->team)))
        return true;
    for (const char *const *tag = r->tags; tag && *tag; tag++)
        if (holds(a->tags, *tag))
            return true;
    return false;
}

static bool same_names(const char *const *a, const char *const *b)
{
    size_t i = 0;
    for (; a && a[i]; i++)
        if (!b || !b[i] || strcmp(a[i], b[i]) != 0)
            return false;
    return !b || !b[i];
}

bool access_equal(const struct access *a, const struct access *b)
{
    return same_names(a->teams, b->teams) && same_names(a->tags, b->tags);
}
