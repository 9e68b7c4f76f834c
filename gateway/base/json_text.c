/* What a value says: the characters of a string, the number of an integer; and back. */
#include "gateway/base/json_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/utf8.h"

static unsigned hex4(const char *p)
{
    unsigned n = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        n = n << 4 | (c <= '9' ? c - (unsigned)'0' : (c | 0x20u) - 'a' + 10);
    }
    return n;
}

static size_t encode(unsigned c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((0xF00 >> n & 0xF0) | c);
    return n;
}

size_t json_unescape(const char **p, const char *end, char out[4])
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = *p + 1;
    if (*at != 'u') {
        *p = at + 1;
        out[0] = to[strchr(from, *at) - from];
        return 1;
    }
    unsigned c = hex4(at + 1);
    at += 5;
    if (c >= 0xD800 && c < 0xE000) {
        unsigned low =
            c < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2) : 0;
        if (low >= 0xDC00 && low < 0xE000) {
            at += 6;
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        } else {
            c = 0xFFFD;
        }
    }
    *p = at;
    return encode(c, out);
}

/* What stands between the quotes. */
static struct str inside(const struct json_value *v)
{
    return (struct str){v->raw.p + 1, v->raw.n - 2};
}

/* Cuts the next piece off *rest: what has no escape, or what one escape stands for. */
static bool next_piece(struct str *rest, char room[4], struct str *piece)
{
    if (rest->n == 0)
        return false;
    const char *p = rest->p, *end = p + rest->n;
    if (*p == '\\') {
        size_t n = json_unescape(&p, end, room);
        *piece = (struct str){room, n};
    } else {
        const char *escape = memchr(p, '\\', rest->n);
        p = escape ? escape : end;
        *piece = (struct str){rest->p, (size_t)(p - rest->p)};
    }
    *rest = (struct str){p, (size_t)(end - p)};
    return true;
}

bool json_text(const struct json_value *v, struct buf *out)
{
    if (v->kind != VALUE_STRING)
        return false;
    struct str rest = inside(v), piece;
    char room[4];
    while (next_piece(&rest, room, &piece))
        buf_add(out, piece);
    return true;
}

bool json_text_is(const struct json_value *v, struct str text)
{
    if (v->kind != VALUE_STRING)
        return false;
    struct str rest = inside(v), piece;
    char room[4];
    while (next_piece(&rest, room, &piece)) {
        if (!str_starts(text, piece))
            return false;
        text = (struct str){text.p + piece.n, text.n - piece.n};
    }
    return text.n == 0;
}

size_t json_text_bytes(const struct json_value *v)
{
    if (v->kind != VALUE_STRING)
        return 0;
    struct str rest = inside(v), piece;
    char room[4];
    size_t n = 0;
    while (next_piece(&rest, room, &piece))
        n += piece.n;
    return n;
}

bool json_double(const struct json_value *v, double *d)
{
    enum { NUMBER_BYTES = 512 }; /* no number worth having is longer */
    char text[NUMBER_BYTES];
    if (v->kind != VALUE_NUMBER || v->raw.n >= sizeof text)
        return false;
    memcpy(text, v->raw.p, v->raw.n);
    text[v->raw.n] = '\0';
    *d = strtod(text, NULL);
    return isfinite(*d);
}

bool json_int(const struct json_value *v, int64_t *n)
{
    return v->kind == VALUE_NUMBER && str_int(v->raw, n);
}

/* The bytes at the start of s that may stand in a JSON string as they are. */
static size_t plain_bytes(struct str s)
{
    size_t i = 0;
    while (i < s.n) {
        unsigned char c = (unsigned char)s.p[i];
        size_t n = c < 0x80 ? 1 : utf8_len((struct str){s.p + i, s.n - i});
        if (n == 0 || c < 0x20 || c == '"' || c == '\\')
            break;
        i += n;
    }
    return i;
}

void json_quote(struct buf *out, struct str text)
{
    buf_add(out, STR("\""));
    while (text.n > 0) {
        size_t n = plain_bytes(text);
        buf_add(out, (struct str){text.p, n});
        text = (struct str){text.p + n, text.n - n};
        if (text.n == 0)
            break;
        unsigned char c = (unsigned char)text.p[0];
        if (c >= 0x80)
            buf_add(out, STR("\xEF\xBF\xBD"));
        else if (c == '"' || c == '\\')
            buf_add(out, (struct str){(const char[]){'\\', (char)c}, 2});
        else if (c == '\n' || c == '\r' || c == '\t')
            buf_add(out, c == '\n' ? STR("\\n") : c == '\r' ? STR("\\r") : STR("\\t"));
        else
            buf_addf(out, "\\u%04x", c);
        text = (struct str){text.p + 1, text.n - 1};
    }
    buf_add(out, STR("\""));
}
