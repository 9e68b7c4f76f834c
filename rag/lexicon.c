#include "rag/lexicon.h"

#include <math.h>
#include <string.h>

#include "rag/token.h"

static const double k1 = 1.2, b = 0.75;

enum { HEADER_WORDS = 4, MAGIC = 0x314c5350 /* "PSL1" */ };

static bool rises(const uint32_t *at, size_t n, size_t end)
{
    if (at[0] != 0 || at[n] != end)
        return false;
    for (size_t i = 0; i < n; i++)
        if (at[i] > at[i + 1])
            return false;
    return true;
}

bool lexicon_read(struct lexicon *l, struct str bytes)
{
    const uint32_t *head = (const void *)bytes.p;
    size_t left = bytes.n / sizeof *head;
    *l = (struct lexicon){0};
    if (left < HEADER_WORDS || head[0] != MAGIC)
        return false;
    l->n_terms = head[1], l->n_passages = head[2], l->n_postings = head[3];
    uint64_t words =
        (uint64_t)HEADER_WORDS + 2 * ((uint64_t)l->n_terms + 1) + l->n_postings + l->n_passages;
    if (words * sizeof *head + l->n_postings > bytes.n)
        return false;
    l->term_at = head + HEADER_WORDS;
    l->first = l->term_at + l->n_terms + 1;
    l->passages = l->first + l->n_terms + 1;
    l->lengths = l->passages + l->n_postings;
    l->counts = (const uint8_t *)(l->lengths + l->n_passages);
    l->terms = (const char *)l->counts + l->n_postings;
    for (uint32_t i = 0; i < l->n_postings; i++)
        if (l->passages[i] >= l->n_passages)
            return false;
    return rises(l->first, l->n_terms, l->n_postings) &&
           rises(l->term_at, l->n_terms, bytes.n - (size_t)(l->terms - bytes.p));
}

struct str lexicon_term(const struct lexicon *l, uint32_t i)
{
    return (struct str){l->terms + l->term_at[i], l->term_at[i + 1] - l->term_at[i]};
}

static int compare(struct str a, struct str c)
{
    size_t n = a.n < c.n ? a.n : c.n;
    int order = n ? memcmp(a.p, c.p, n) : 0;
    return order ? order : (a.n > c.n) - (a.n < c.n);
}

uint32_t lexicon_find(const struct lexicon *l, struct str term)
{
    uint32_t low = 0, high = l->n_terms;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(lexicon_term(l, middle), term);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return l->n_terms;
}

struct asking {
    const struct lexicon *l;
    const struct scope_of *scope;
    struct query *q;
};

static uint32_t count_open(const struct lexicon *l, const struct scope_of *s, uint32_t term)
{
    if (s->all)
        return l->first[term + 1] - l->first[term];
    uint32_t n = 0;
    for (uint32_t i = l->first[term]; i < l->first[term + 1]; i++)
        n += s->open[s->group[l->passages[i]]];
    return n;
}

static size_t weakest(const struct query *q)
{
    size_t at = 0;
    for (size_t i = 1; i < q->n; i++)
        if (q->terms[i].weight < q->terms[at].weight)
            at = i;
    return at;
}

static void ask_term(void *arg, struct str text)
{
    struct asking *a = arg;
    struct query *q = a->q;
    uint32_t term = lexicon_find(a->l, text);
    if (term == a->l->n_terms)
        return;
    for (size_t i = 0; i < q->n; i++)
        if (q->terms[i].term == term) /* said twice counts once: questions ramble */
            return;
    double df = count_open(a->l, a->scope, term);
    if (df == 0)
        return;
    struct query_term fresh = {term, log(1 + (a->scope->n - df + 0.5) / (df + 0.5))};
    size_t at = q->n < LEXICON_QUERY_TERMS ? q->n++ : weakest(q);
    if (at + 1 == q->n || fresh.weight > q->terms[at].weight)
        q->terms[at] = fresh;
}

void lexicon_ask(const struct lexicon *l, struct str text, const struct scope_of *s,
                 struct query *q)
{
    struct asking a = {l, s, q};
    q->n = 0;
    tokens(text, ask_term, &a);
}

static double saturate(double count, double length, double mean)
{
    return count * (k1 + 1) / (count + k1 * (1 - b + b * length / mean));
}

void lexicon_score(const struct lexicon *l, const struct query *q, const struct scope_of *s,
                   float *scores)
{
    for (size_t k = 0; k < q->n; k++) {
        uint32_t term = q->terms[k].term;
        for (uint32_t i = l->first[term]; i < l->first[term + 1]; i++) {
            uint32_t p = l->passages[i];
            if (s->all || s->open[s->group[p]])
                scores[p] += (float)(q->terms[k].weight *
                                     saturate(l->counts[i], l->lengths[p], s->mean_length));
        }
    }
}
