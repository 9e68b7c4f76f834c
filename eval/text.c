#include "eval/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"

/* Ranges of capitals: `step` 1: each is `add` below its small letter; 2: they alternate. */
static const struct range {
    uint32_t from, to, add, step;
} ranges[] = {
    {'A', 'Z', 32, 1},      {0xc0, 0xd6, 32, 1},    {0xd8, 0xde, 32, 1},   {0x100, 0x12e, 1, 2},
    {0x132, 0x136, 1, 2},   {0x139, 0x147, 1, 2},   {0x14a, 0x176, 1, 2},  {0x179, 0x17d, 1, 2},
    {0x386, 0x386, 38, 1},  {0x388, 0x38a, 37, 1},  {0x38c, 0x38c, 64, 1}, {0x38e, 0x38f, 63, 1},
    {0x391, 0x3a1, 32, 1},  {0x3a3, 0x3ab, 32, 1},  {0x400, 0x40f, 80, 1}, {0x410, 0x42f, 32, 1},
    {0x460, 0x480, 1, 2},   {0x48a, 0x4be, 1, 2},   {0x4d0, 0x52e, 1, 2},  {0x531, 0x556, 48, 1},
    {0x1e00, 0x1e94, 1, 2}, {0x1ea0, 0x1efe, 1, 2},
};

static uint32_t lower(uint32_t c)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        const struct range *r = &ranges[i];
        if (c >= r->from && c <= r->to && (c - r->from) % r->step == 0)
            return c + r->add;
    }
    return c;
}

static uint32_t decode(const char *p, size_t n)
{
    const unsigned char *b = (const unsigned char *)p;
    switch (n) {
    case 2:
        return (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
    case 3:
        return (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
    case 4:
        return (b[0] & 0x07u) << 18 | (b[1] & 0x3fu) << 12 | (b[2] & 0x3fu) << 6 | (b[3] & 0x3fu);
    default:
        return b[0];
    }
}

/* All mappings above stay below three bytes, or within three. */
static void encode(struct buf *out, uint32_t c)
{
    char b[3];
    if (c < 0x80) {
        b[0] = (char)c;
        buf_add(out, (struct str){b, 1});
    } else if (c < 0x800) {
        b[0] = (char)(0xc0 | c >> 6);
        b[1] = (char)(0x80 | (c & 0x3f));
        buf_add(out, (struct str){b, 2});
    } else {
        b[0] = (char)(0xe0 | c >> 12);
        b[1] = (char)(0x80 | (c >> 6 & 0x3f));
        b[2] = (char)(0x80 | (c & 0x3f));
        buf_add(out, (struct str){b, 3});
    }
}

void text_lower(struct buf *out, struct str s)
{
    while (s.n) {
        size_t n = utf8_len(s);
        uint32_t c = n ? decode(s.p, n) : 0;
        if (n == 0 || n == 4 || lower(c) == c)
            buf_add(out, (struct str){s.p, n ? n : 1});
        else
            encode(out, lower(c));
        n += n == 0;
        s = (struct str){s.p + n, s.n - n};
    }
}

bool text_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str text_trim(struct str s)
{
    while (s.n && text_is_space(s.p[0]))
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n && text_is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool text_contains(struct str in, struct str what)
{
    return what.n == 0 || (in.n >= what.n && memmem(in.p, in.n, what.p, what.n));
}

void text_number(struct buf *out, double d)
{
    char shortest[64] = "";
    if (d == floor(d) && fabs(d) < 1e21) {
        buf_addf(out, "%.0f", d);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        double back = 0;
        snprintf(shortest, sizeof shortest, "%.*g", digits, d);
        if (sscanf(shortest, "%lf", &back) == 1 && back == d)
            break;
    }
    buf_add(out, str_of(shortest));
}

void text_of(struct buf *out, const json_t *v)
{
    if (json_is_string(v)) {
        buf_add(out, (struct str){json_string_value(v), json_string_length(v)});
    } else if (json_is_number(v)) {
        text_number(out, json_number_value(v));
    } else {
        SCOPED(scope_free) char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        buf_add(out, str_of(text));
    }
}

json_t *text_json(struct str s)
{
    json_t *v = json_stringn(s.p ? s.p : "", s.n);
    if (v)
        return v;
    SCOPED(buf_done) struct buf mended = BUF_INIT(6 * s.n + 2);
    json_quote(&mended, s);
    return json_loadb(mended.p, mended.n, JSON_DECODE_ANY, NULL);
}

size_t text_units(struct str s, uint16_t **units)
{
    size_t n = 0;
    *units = mem_zalloc((s.n + 1) * sizeof **units);
    while (s.n) {
        size_t k = utf8_len(s);
        uint32_t c = k ? decode(s.p, k) : 0xfffd;
        if (c >= 0x10000) {
            (*units)[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            (*units)[n++] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            (*units)[n++] = (uint16_t)c;
        }
        k += k == 0;
        s = (struct str){s.p + k, s.n - k};
    }
    return n;
}
