/* Words in the order of their first bytes, so that a text's words are mostly dismissed by a look at
 * one bit. */
#include <strings.h>

#include "gateway/base/mem.h"
#include "policy/rule.h"
#include "policy/scan_priv.h"

struct word_list {
    bool begins[256];    /* by byte, in either case: some word begins so */
    uint64_t pair[1024]; /* bit of 256 * byte + next byte, in small letters */
    struct str *words;   /* sorted by first byte, then longest first; owned */
    unsigned first[257]; /* the words of a byte: words[first[b]] to words[first[b + 1] - 1] */
    size_t longest;
};

static unsigned char small(char c)
{
    return (unsigned char)(is_upper(c) ? c | 0x20 : c);
}

static int by_place(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    int c = small(x->p[0]) - small(y->p[0]);
    return c ? c : (x->n < y->n) - (x->n > y->n);
}

static void mark(struct word_list *l, struct str w)
{
    unsigned char b = small(w.p[0]);
    l->begins[b] = true;
    if (b >= 'a' && b <= 'z')
        l->begins[b & ~0x20] = true;
    for (unsigned k = 0; k < 256; k++)
        if (w.n < 2 || k == small(w.p[1]))
            l->pair[(b << 8 | k) / 64] |= (uint64_t)1 << k % 64;
}

struct word_list *word_list_new(const struct str *words, size_t n)
{
    struct word_list *l = NEW(struct word_list);
    l->words = mem_zalloc(n * sizeof *l->words);
    for (size_t i = 0; i < n; i++) {
        char *copy = mem_zalloc(words[i].n + 1);
        memcpy(copy, words[i].p, words[i].n);
        l->words[i] = (struct str){copy, words[i].n};
        l->longest = words[i].n > l->longest ? words[i].n : l->longest;
        mark(l, words[i]);
    }
    qsort(l->words, n, sizeof *l->words, by_place);
    for (unsigned b = 0, i = 0; b <= 256; b++) {
        while (i < n && small(l->words[i].p[0]) < b)
            i++;
        l->first[b] = i;
    }
    return l;
}

void word_list_free(struct word_list *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->first[256]; i++)
        free((char *)l->words[i].p);
    free(l->words);
    free(l);
}

size_t word_list_longest(const struct word_list *l)
{
    return l->longest;
}

static enum pattern_answer word_at(const struct word_list *l, const struct pattern_text *t,
                                   size_t at, struct pattern_match *match)
{
    struct str text = t->text;
    size_t left = text.n - at;
    unsigned char b = small(text.p[at]);
    for (unsigned i = l->first[b]; i < l->first[b + 1]; i++) {
        struct str w = l->words[i];
        size_t n = w.n < left ? w.n : left;
        if (strncasecmp(text.p + at, w.p, n) != 0)
            continue;
        *match = (struct pattern_match){at, at + n};
        if (left <= w.n && t->goes_on)
            return PATTERN_MORE;
        if (left >= w.n && (left == w.n || !is_word(text.p[at + w.n]) || !is_word(w.p[w.n - 1])))
            return PATTERN_YES;
    }
    return PATTERN_NO;
}

enum pattern_answer word_list_find(const struct word_list *l, const struct pattern_text *t,
                                   size_t from, struct pattern_match *match)
{
    struct str text = t->text;
    for (size_t at = from; at < text.n; at++) {
        if (!l->begins[(unsigned char)text.p[at]])
            continue;
        if (at > 0 && is_word(text.p[at - 1]) && is_word(text.p[at]))
            continue;
        unsigned char b = small(text.p[at]);
        unsigned k = at + 1 < text.n ? small(text.p[at + 1]) : 0;
        if (at + 1 < text.n && !(l->pair[(b << 8 | k) / 64] >> k % 64 & 1))
            continue;
        enum pattern_answer answer =
            l->first[b] < l->first[b + 1] ? word_at(l, t, at, match) : PATTERN_NO;
        if (answer != PATTERN_NO)
            return answer;
    }
    return PATTERN_NO;
}
