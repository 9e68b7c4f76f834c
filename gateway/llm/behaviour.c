#include "gateway/llm/behaviour.h"

#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"
#include "gateway/llm/decline.h"

enum { RUN_WORDS = 4, LEAST_WORDS = 20, LEAST_LETTERS = 20, MOST_PERCENT = 70, CITED_DIGITS = 3 };

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool behaviour_empty(struct str text)
{
    size_t i = 0;
    while (i < text.n && is_space(text.p[i]))
        i++;
    return i == text.n;
}

bool behaviour_refusal(struct str text)
{
    if (text.n > BEHAVIOUR_OPENING_BYTES)
        text.n = BEHAVIOUR_OPENING_BYTES;
    return decline_is(text);
}

/* ---- repetition */

/* FNV-1a */
static uint64_t hash_word(struct str word)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < word.n; i++)
        h = (h ^ (uint8_t)word.p[i]) * 0x100000001b3u;
    return h;
}

static size_t hash_words(struct str text, uint64_t *hashes)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        size_t from = i;
        while (i < text.n && !is_space(text.p[i]))
            i++;
        if (i > from)
            hashes[n++] = hash_word((struct str){text.p + from, i - from});
        i += i < text.n;
    }
    return n;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

unsigned behaviour_repetition(struct str text)
{
    SCOPED(scope_free) uint64_t *h = mem_zalloc((text.n / 2 + 1) * sizeof *h);
    size_t words = hash_words(text, h), different = 0;
    if (words < LEAST_WORDS)
        return 0;
    size_t runs = words - RUN_WORDS + 1;
    for (size_t i = 0; i < runs; i++)
        for (size_t k = 1; k < RUN_WORDS; k++)
            h[i] = h[i] * 0x9e3779b97f4a7c15u + h[i + k];
    qsort(h, runs, sizeof *h, by_value);
    for (size_t i = 0; i < runs; i++)
        different += i == 0 || h[i] != h[i - 1];
    return (unsigned)(100 - (100 * different + runs - 1) / runs);
}

/* ---- citations */

unsigned behaviour_citations_lost(struct str text, unsigned passages)
{
    unsigned lost = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned n = 0, digits = 0;
        if (text.p[i] != '[')
            continue;
        while (i + 1 < text.n && digits <= CITED_DIGITS && text.p[i + 1] >= '0' &&
               text.p[i + 1] <= '9') {
            n = 10 * n + (unsigned)(text.p[++i] - '0');
            digits++;
        }
        bool mark = digits > 0 && digits <= CITED_DIGITS && i + 1 < text.n && text.p[i + 1] == ']';
        lost += mark && (n == 0 || n > passages);
    }
    return lost;
}

/* ---- scripts */

static const struct {
    uint32_t from, to;
    enum script script;
} ranges[] = {
    {'A', 'Z', SCRIPT_latin},
    {'a', 'z', SCRIPT_latin},
    {0xc0, 0x24f, SCRIPT_latin},
    {0x370, 0x3ff, SCRIPT_greek},
    {0x400, 0x52f, SCRIPT_cyrillic},
    {0x590, 0x5ff, SCRIPT_hebrew},
    {0x600, 0x77f, SCRIPT_arabic},
    {0x900, 0xdff, SCRIPT_indic},
    {0xe00, 0xe7f, SCRIPT_thai},
    {0x1e00, 0x1eff, SCRIPT_latin},
    {0x3040, 0x30ff, SCRIPT_east_asian},
    {0x3400, 0x9fff, SCRIPT_east_asian},
    {0xac00, 0xd7af, SCRIPT_east_asian},
};

static uint32_t decode(const unsigned char *b, size_t n)
{
    if (n == 2)
        return (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
    if (n == 3)
        return (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
    return n == 1 ? b[0] : 0;
}

void scripts_add(struct scripts *s, struct str text)
{
    while (text.n) {
        size_t n = utf8_len(text);
        uint32_t c = decode((const unsigned char *)text.p, n);
        for (size_t i = 0; c && i < sizeof ranges / sizeof ranges[0]; i++)
            s->n[ranges[i].script] += c >= ranges[i].from && c <= ranges[i].to;
        n += n == 0;
        text = (struct str){text.p + n, text.n - n};
    }
}

/* SCRIPT_count: none leads. */
static enum script leader(const struct scripts *s)
{
    unsigned sum = 0, best = 0;
    for (unsigned i = 0; i < SCRIPT_count; i++) {
        sum += s->n[i];
        best = s->n[i] > s->n[best] ? i : best;
    }
    return sum >= LEAST_LETTERS && 100 * (uint64_t)s->n[best] >= MOST_PERCENT * (uint64_t)sum
               ? (enum script)best
               : SCRIPT_count;
}

bool scripts_mismatch(const struct scripts *asked, const struct scripts *answered)
{
    enum script a = leader(asked), b = leader(answered);
    return a != SCRIPT_count && b != SCRIPT_count && a != b;
}
