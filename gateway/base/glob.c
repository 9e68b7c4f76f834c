/*
 * The parts between the stars are found from left to right, each at the first place
 * where it occurs; no other choice can do better, so nothing is ever tried twice.
 */
#include "gateway/base/glob.h"

#include <string.h>

static struct str drop(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

bool glob_match(struct str pattern, struct str text)
{
    struct str rest = pattern, part;
    if (pattern.n == 0 || !memchr(pattern.p, '*', pattern.n))
        return str_eq(pattern, text);

    str_next(&rest, '*', &part);
    if (!str_starts(text, part))
        return false;
    text = drop(text, part.n);
    while (str_next(&rest, '*', &part)) {
        if (!rest.p)
            return str_ends(text, part);
        if (part.n == 0)
            continue;
        const char *at = text.n >= part.n ? memmem(text.p, text.n, part.p, part.n) : NULL;
        if (!at)
            return false;
        text = drop(text, (size_t)(at - text.p) + part.n);
    }
    return true;
}
