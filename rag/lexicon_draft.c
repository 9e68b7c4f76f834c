/* Makes a lexicon: every passage's terms are numbered as they come, then put in order. */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "rag/lexicon.h"
#include "rag/token.h"

enum { MAGIC = 0x314c5350, COUNT_MAX = 255 };

struct entry {
    uint32_t term, passage;
    uint8_t count;
};

struct word {
    uint32_t at, n; /* in `text` */
    uint32_t postings;
};

struct lexicon_draft {
    char *text; /* of all terms */
    size_t text_n, text_room;
    struct word *words;
    size_t n_words, words_room;
    uint32_t *slots; /* by hash: 1 + a place in words, or 0 */
    size_t n_slots;  /* a power of two, at least twice n_words */
    struct entry *entries;
    size_t n_entries, entries_room;
    uint32_t *lengths;
    size_t n_passages, lengths_room;
    uint32_t *now; /* the terms of the passage that is added */
    size_t n_now, now_room;
    unsigned weight;
};

static void *grown(void *p, size_t n, size_t *room, size_t bytes)
{
    if (n < *room)
        return p;
    while (*room <= n)
        *room = *room ? 2 * *room : 256;
    return mem_realloc(p, *room * bytes);
}

struct lexicon_draft *lexicon_draft_new(void)
{
    struct lexicon_draft *d = NEW(struct lexicon_draft);
    d->n_slots = 1024;
    d->slots = mem_zalloc(d->n_slots * sizeof *d->slots);
    return d;
}

void lexicon_draft_free(struct lexicon_draft *d)
{
    if (!d)
        return;
    free(d->text);
    free(d->words);
    free(d->slots);
    free(d->entries);
    free(d->lengths);
    free(d->now);
    free(d);
}

static uint64_t hash_of(struct str s) /* FNV-1a */
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3;
    return h;
}

static struct str word_text(const struct lexicon_draft *d, const struct word *w)
{
    return (struct str){d->text + w->at, w->n};
}

static size_t slot_of(const struct lexicon_draft *d, struct str term)
{
    size_t at = hash_of(term) & (d->n_slots - 1);
    while (d->slots[at] && !str_eq(word_text(d, &d->words[d->slots[at] - 1]), term))
        at = (at + 1) & (d->n_slots - 1);
    return at;
}

static void more_slots(struct lexicon_draft *d)
{
    free(d->slots);
    d->n_slots *= 2;
    d->slots = mem_zalloc(d->n_slots * sizeof *d->slots);
    for (size_t i = 0; i < d->n_words; i++)
        d->slots[slot_of(d, word_text(d, &d->words[i]))] = (uint32_t)i + 1;
}

static uint32_t number_of(struct lexicon_draft *d, struct str term)
{
    size_t at = slot_of(d, term);
    if (d->slots[at])
        return d->slots[at] - 1;
    d->words = grown(d->words, d->n_words, &d->words_room, sizeof *d->words);
    d->text = grown(d->text, d->text_n + term.n, &d->text_room, 1);
    memcpy(d->text + d->text_n, term.p, term.n);
    d->words[d->n_words] = (struct word){(uint32_t)d->text_n, (uint32_t)term.n, 0};
    d->text_n += term.n;
    d->slots[at] = (uint32_t)++d->n_words;
    if (2 * d->n_words > d->n_slots)
        more_slots(d);
    return (uint32_t)d->n_words - 1;
}

static void note(void *arg, struct str term)
{
    struct lexicon_draft *d = arg;
    uint32_t number = number_of(d, term);
    for (unsigned i = 0; i < d->weight; i++) {
        d->now = grown(d->now, d->n_now, &d->now_room, sizeof *d->now);
        d->now[d->n_now++] = number;
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void lexicon_draft_add(struct lexicon_draft *d, struct str title, struct str text)
{
    uint32_t passage = (uint32_t)d->n_passages;
    d->n_now = 0;
    d->weight = 1;
    tokens(text, note, d);
    d->weight = LEXICON_TITLE_WEIGHT;
    tokens(title, note, d);
    d->lengths = grown(d->lengths, d->n_passages, &d->lengths_room, sizeof *d->lengths);
    d->lengths[d->n_passages++] = (uint32_t)d->n_now;
    if (d->n_now)
        qsort(d->now, d->n_now, sizeof *d->now, by_number);
    for (size_t i = 0, end; i < d->n_now; i = end) {
        for (end = i; end < d->n_now && d->now[end] == d->now[i]; end++)
            ;
        size_t count = end - i < COUNT_MAX ? end - i : COUNT_MAX;
        d->entries = grown(d->entries, d->n_entries, &d->entries_room, sizeof *d->entries);
        d->entries[d->n_entries++] = (struct entry){d->now[i], passage, (uint8_t)count};
        d->words[d->now[i]].postings++;
    }
}

static int by_text(const void *a, const void *b, void *draft)
{
    const struct lexicon_draft *d = draft;
    struct str x = word_text(d, &d->words[*(const uint32_t *)a]),
               y = word_text(d, &d->words[*(const uint32_t *)b]);
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return order ? order : (x.n > y.n) - (x.n < y.n);
}

static void add_words(struct buf *out, const uint32_t *v, size_t n)
{
    if (n)
        buf_add(out, (struct str){(const char *)v, n * sizeof *v});
}

/* Entries are in the order of passages, so each term's are too. */
static void write_postings(const struct lexicon_draft *d, const uint32_t *next_of, struct buf *out)
{
    uint32_t *next = mem_zalloc((d->n_words + 1) * sizeof *next),
             *passages = mem_zalloc((d->n_entries + 1) * sizeof *passages);
    char *counts = mem_zalloc(d->n_entries + 1);
    memcpy(next, next_of, d->n_words * sizeof *next);
    for (size_t i = 0; i < d->n_entries; i++) {
        uint32_t at = next[d->entries[i].term]++;
        passages[at] = d->entries[i].passage;
        counts[at] = (char)d->entries[i].count;
    }
    add_words(out, passages, d->n_entries);
    add_words(out, d->lengths, d->n_passages);
    buf_add(out, (struct str){counts, d->n_entries});
    free(next);
    free(passages);
    free(counts);
}

void lexicon_draft_write(struct lexicon_draft *d, struct buf *out)
{
    size_t n = d->n_words;
    uint32_t *order = mem_zalloc((n + 1) * sizeof *order), *at = mem_zalloc((n + 1) * sizeof *at);
    uint32_t *first = mem_zalloc((n + 1) * sizeof *first),
             *first_of = mem_zalloc((n + 1) * sizeof *first_of);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    if (n)
        qsort_r(order, n, sizeof *order, by_text, d);
    for (size_t i = 0; i < n; i++) {
        const struct word *w = &d->words[order[i]];
        at[i + 1] = at[i] + w->n;
        first_of[order[i]] = first[i];
        first[i + 1] = first[i] + w->postings;
    }
    const uint32_t head[] = {MAGIC, (uint32_t)n, (uint32_t)d->n_passages, (uint32_t)d->n_entries};
    add_words(out, head, sizeof head / sizeof head[0]);
    add_words(out, at, n + 1);
    add_words(out, first, n + 1);
    write_postings(d, first_of, out);
    for (size_t i = 0; i < n; i++)
        buf_add(out, word_text(d, &d->words[order[i]]));
    free(order);
    free(at);
    free(first);
    free(first_of);
}
