/* Steps through an object member by member, without looking into them. */
#include <string.h>

#include "gateway/base/json_priv.h"

static size_t space(struct str text, size_t at)
{
    while (at < text.n &&
           (text.p[at] == ' ' || text.p[at] == '\n' || text.p[at] == '\r' || text.p[at] == '\t'))
        at++;
    return at;
}

static size_t behind_string(struct str text, size_t at)
{
    for (at++;; at++) {
        const char *quote = memchr(text.p + at, '"', text.n - at);
        if (!quote)
            return text.n;
        at = (size_t)(quote - text.p);
        size_t escapes = 0;
        while (text.p[at - 1 - escapes] == '\\')
            escapes++;
        if (escapes % 2 == 0)
            return at + 1;
    }
}

static size_t behind_value(struct str text, size_t at)
{
    unsigned depth = 0;
    for (; at < text.n; at++) {
        char c = text.p[at];
        if (c == '"') {
            at = behind_string(text, at);
            if (depth == 0)
                return at;
            at--;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if (c == ']' || c == '}') {
            if (depth == 0)
                return at;
            if (--depth == 0)
                return at + 1;
        } else if (depth == 0 && (c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
            return at;
        }
    }
    return at;
}

static enum json_kind kind_of(char c)
{
    switch (c) {
    case '"':
        return VALUE_STRING;
    case '{':
        return VALUE_OBJECT;
    case '[':
        return VALUE_ARRAY;
    case 't':
        return VALUE_TRUE;
    case 'f':
        return VALUE_FALSE;
    case 'n':
        return VALUE_NULL;
    default:
        return VALUE_NUMBER;
    }
}

bool json_next_member(struct str object, size_t *at, struct json_value *name,
                      struct json_value *value)
{
    size_t from = space(object, *at ? *at : space(object, 0) + 1);
    if (from < object.n && object.p[from] == ',')
        from = space(object, from + 1);
    if (from >= object.n || object.p[from] != '"')
        return false;
    size_t to = behind_string(object, from);
    *name = (struct json_value){VALUE_STRING, {object.p + from, to - from}, from};
    size_t start = space(object, space(object, to) + 1);
    *at = behind_value(object, start);
    *value = (struct json_value){kind_of(object.p[start]), {object.p + start, *at - start}, from};
    return true;
}
