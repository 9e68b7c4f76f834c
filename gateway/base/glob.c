#include "gateway/base/glob.h"

/* When what follows a '*' does not match, the last '*' takes one byte more. */
bool glob_match(struct str pattern, struct str text)
{
    size_t p = 0, t = 0, after_star = 0, retry = 0;
    bool starred = false;
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            starred = true;
            after_star = ++p;
            retry = t;
        } else if (p < pattern.n && pattern.p[p] == text.p[t]) {
            p++;
            t++;
        } else if (starred) {
            p = after_star;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}
