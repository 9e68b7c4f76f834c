#include "gateway/store/row_priv.h"

#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/utf8.h"

/* A byte that is not UTF-8 grows to the three of U+FFFD. */
enum { GROWTH = 3 };

static size_t kept_bytes(const struct column *c, const void *from)
{
    size_t n = COLUMN_OF(struct str, from, c).n;
    bool cut = n > ROW_TEXT_BYTES && !str_eq(c->name, STR("tags"));
    return cut ? ROW_TEXT_BYTES : n;
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)(s.p[i] - 1) >= 0x7f)
            return false;
    return true;
}

static char *copy_mended(char *to, struct str s)
{
    while (s.n) {
        size_t n = s.p[0] ? utf8_len(s) : 0;
        memcpy(to, n ? s.p : "\uFFFD", n ? n : GROWTH);
        to += n ? n : GROWTH;
        n += n == 0;
        s = (struct str){s.p + n, s.n - n};
    }
    return to;
}

static char *copy_text(char *to, struct str s, struct str *copy)
{
    char *end = to + s.n;
    if (is_plain(s))
        memcpy(to, s.p ? s.p : "", s.n);
    else
        end = copy_mended(to, s);
    *copy = (struct str){to, (size_t)(end - to)};
    return end;
}

struct row *row_new(enum row_kind kind, const struct columns *cs, const void *from)
{
    size_t room = 0;
    for (size_t i = 0; i < cs->n; i++)
        if (cs->all[i].kind == COLUMN_TEXT) {
            struct str s = {COLUMN_OF(struct str, from, &cs->all[i]).p,
                            kept_bytes(&cs->all[i], from)};
            room += is_plain(s) ? s.n : s.n * GROWTH;
        }
    struct row *r = mem_zalloc(sizeof *r + room);
    r->kind = kind;
    r->bytes = sizeof *r + room;
    memcpy(&r->request, from, cs->struct_bytes);
    char *to = r->text;
    for (size_t i = 0; i < cs->n; i++)
        if (cs->all[i].kind == COLUMN_TEXT) {
            struct str s = {COLUMN_OF(struct str, from, &cs->all[i]).p,
                            kept_bytes(&cs->all[i], from)};
            to = copy_text(to, s, COLUMN_AT(struct str, &r->request, &cs->all[i]));
        }
    return r;
}
