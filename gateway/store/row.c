#include "gateway/store/row_priv.h"

#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/utf8.h"

/* A byte that is not UTF-8 grows to the three of U+FFFD. */
enum { GROWTH = 3 };

static struct str kept(const struct column *c, const void *from)
{
    struct str s = COLUMN_OF(struct str, from, c);
    bool json = str_eq(c->name, STR("tags")) || str_eq(c->name, STR("rag_passages"));
    if (s.n > ROW_TEXT_BYTES && !json)
        s.n = ROW_TEXT_BYTES;
    return s;
}

/* All bytes 0x01 to 0x7f, eight at a time: a zero borrows its high bit, the others have none. */
static bool is_plain(struct str s)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t word, bad = 0;
    size_t i = 0;
    for (; i + sizeof word <= s.n; i += sizeof word) {
        memcpy(&word, s.p + i, sizeof word);
        bad |= (word | (word - ones)) & highs;
    }
    for (; i < s.n; i++)
        bad |= (unsigned char)(s.p[i] - 1) >= 0x7f;
    return bad == 0;
}

static size_t mend(char *to, struct str s)
{
    char *from = to;
    while (s.n) {
        size_t n = s.p[0] ? utf8_len(s) : 0;
        memcpy(to, n ? s.p : "\uFFFD", n ? n : GROWTH);
        to += n ? n : GROWTH;
        n += n == 0;
        s = (struct str){s.p + n, s.n - n};
    }
    return (size_t)(to - from);
}

static size_t copy(char *to, struct str s, bool plain)
{
    if (!plain)
        return mend(to, s);
    if (s.n)
        memcpy(to, s.p, s.n);
    return s.n;
}

struct row *row_new(enum row_kind kind, const struct columns *cs, const void *from)
{
    struct str texts[COLUMNS_MAX];
    bool plain[COLUMNS_MAX];
    size_t room = 0;
    for (size_t i = 0; i < cs->n; i++)
        if (cs->all[i].kind == COLUMN_TEXT) {
            texts[i] = kept(&cs->all[i], from);
            plain[i] = is_plain(texts[i]);
            room += plain[i] ? texts[i].n : texts[i].n * GROWTH;
        }
    struct row *r = mem_zalloc(sizeof *r + room);
    r->kind = kind;
    r->bytes = sizeof *r + room;
    memcpy(&r->request, from, cs->struct_bytes);
    char *to = r->text;
    for (size_t i = 0; i < cs->n; i++)
        if (cs->all[i].kind == COLUMN_TEXT) {
            size_t n = copy(to, texts[i], plain[i]);
            *COLUMN_AT(struct str, &r->request, &cs->all[i]) = (struct str){to, n};
            to += n;
        }
    return r;
}

struct row *row_note(const struct note *n)
{
    struct row *r = mem_zalloc(sizeof *r + n->bytes);
    r->kind = ROW_note;
    r->bytes = sizeof *r + n->bytes;
    r->note = *n;
    r->note.data = r->text;
    memcpy(r->text, n->data, n->bytes);
    return r;
}
