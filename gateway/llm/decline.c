#include "gateway/llm/decline.h"

#include <string.h>

#include "gateway/base/scope.h"

static const char *const openings[] = {
#define OPENING(text) text,
#define PHRASE(stem, ends)
#include "gateway/llm/decline_list.h"
};

static const struct phrase {
    struct str stem, ends;
} phrases[] = {
#define OPENING(text)
#define PHRASE(stem, ends) {STR(stem), STR(ends)},
#include "gateway/llm/decline_list.h"
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Small letters, and one kind of apostrophe. */
static void plain(struct buf *out, struct str s)
{
    static const struct str odd[] = {STR("\u2032"), STR("\u2019")};
    for (size_t i = 0; i < s.n;) {
        struct str rest = {s.p + i, s.n - i};
        char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 'a' - 'A') : s.p[i];
        bool apostrophe = str_starts(rest, odd[0]) || str_starts(rest, odd[1]);
        buf_add(out, apostrophe ? STR("'") : (struct str){&c, 1});
        i += apostrophe ? odd[0].n : 1;
    }
}

static bool ends_well(struct str rest, struct str end)
{
    return str_starts(rest, end) && (rest.n == end.n || !is_word(rest.p[end.n]));
}

static bool has_end(struct str rest, struct str ends)
{
    struct str end;
    if (ends.n == 0)
        return ends_well(rest, ends);
    while (str_next(&ends, '|', &end))
        if (ends_well(rest, end))
            return true;
    return false;
}

static bool has_phrase(struct str text, const struct phrase *p)
{
    for (size_t at = 0; at + p->stem.n <= text.n;) {
        const char *found = memmem(text.p + at, text.n - at, p->stem.p, p->stem.n);
        if (!found)
            return false;
        size_t i = (size_t)(found - text.p), end = i + p->stem.n;
        if ((i == 0 || !is_word(text.p[i - 1])) &&
            has_end((struct str){text.p + end, text.n - end}, p->ends))
            return true;
        at = i + 1;
    }
    return false;
}

static struct str trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r')))
        s = (struct str){s.p + 1, s.n - 1};
    return s;
}

bool decline_is(struct str text)
{
    text = trim(text);
    SCOPED(buf_done) struct buf small = BUF_INIT(text.n + 1);
    plain(&small, text);
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++)
        if (str_starts(buf_str(&small), str_of(openings[i])))
            return true;
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (has_phrase(buf_str(&small), &phrases[i]))
            return true;
    return false;
}
