/* Edits of a text that was scanned: only what they name changes, byte for byte. */
#include "gateway/base/json.h"

#include <assert.h>
#include <string.h>

static struct str slice(struct str text, size_t from, size_t to)
{
    return (struct str){text.p + from, to - from};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static size_t skip_space(struct str text, size_t at)
{
    while (at < text.n && is_space(text.p[at]))
        at++;
    return at;
}

static size_t value_from(struct str text, const struct json_value *v)
{
    return (size_t)(v->raw.p - text.p);
}

static size_t value_to(struct str text, const struct json_value *v)
{
    return value_from(text, v) + v->raw.n;
}

void json_splice(struct buf *out, struct str text, const struct json_edit *edits, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        assert(at <= edits[i].from && edits[i].from <= edits[i].to && edits[i].to <= text.n);
        buf_add(out, slice(text, at, edits[i].from));
        buf_add(out, edits[i].with);
        at = edits[i].to;
    }
    buf_add(out, slice(text, at, text.n));
}

struct json_edit json_replace(struct str text, const struct json_value *v, struct str with)
{
    return (struct json_edit){value_from(text, v), value_to(text, v), with};
}

struct json_edit json_rename(struct str text, const struct json_value *v, struct str with)
{
    size_t to = value_from(text, v);
    do
        to--;
    while (text.p[to] != '"');
    return (struct json_edit){v->from, to + 1, with};
}

struct json_edit json_remove(struct str text, const struct json_value *v)
{
    size_t from = v->from, to = value_to(text, v), after = skip_space(text, to);
    if (text.p[after] == ',')
        return (struct json_edit){from, after + 1, STR("")};
    size_t before = from;
    while (is_space(text.p[before - 1]))
        before--;
    if (text.p[before - 1] == ',')
        from = before - 1;
    return (struct json_edit){from, to, STR("")};
}

struct json_edit json_insert(struct str text, const struct json_value *object, struct str member,
                             struct buf *room)
{
    size_t at = value_from(text, object) + 1;
    size_t start = room->n;
    buf_add(room, member);
    if (text.p[skip_space(text, at)] != '}')
        buf_add(room, STR(","));
    return (struct json_edit){at, at, slice(buf_str(room), start, room->n)};
}
