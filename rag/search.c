/* Search: who may read comes first, then both legs, then their sum. */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "rag/index_priv.h"

enum { JOINED_MAX = 3, NO_LEG = -2 };

void passage_title(struct str title, struct str heading, struct buf *out)
{
    if (!str_starts(heading, title)) {
        buf_add(out, title);
        buf_add(out, title.n && heading.n ? STR(" > ") : STR(""));
    }
    buf_add(out, heading);
}

void index_scope(const struct index *x, const struct search *s, bool *open, struct scope_of *scope)
{
    double length = 0;
    *scope = (struct scope_of){.group = x->group_of, .open = open, .all = true};
    for (uint32_t g = 0; g < x->n_groups; g++) {
        open[g] = access_allows(g ? &x->groups[g] : &s->collection, &s->reader);
        scope->all &= open[g] || x->group_size[g] == 0;
        scope->n += open[g] ? x->group_size[g] : 0;
        length += open[g] ? x->group_length[g] : 0;
    }
    scope->mean_length = scope->n && length > 0 ? length / scope->n : 1;
}

/* A heap of the best: the worst of them on top. */
static void sift(uint32_t *heap, size_t n, size_t at, const float *scores)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
            if (scores[heap[child]] < scores[heap[least]])
                least = child;
        if (least == at)
            return;
        uint32_t t = heap[at];
        heap[at] = heap[least];
        heap[least] = t;
        at = least;
    }
}

static size_t best_of(const float *scores, uint32_t n, uint32_t best[SEARCH_CANDIDATES])
{
    size_t held = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (scores[i] <= 0)
            continue;
        if (held < SEARCH_CANDIDATES) {
            best[held++] = i;
            for (size_t k = held == SEARCH_CANDIDATES ? held / 2 : 0; k-- > 0;)
                sift(best, held, k, scores);
        } else if (scores[i] > scores[best[0]]) {
            best[0] = i;
            sift(best, held, 0, scores);
        }
    }
    return held;
}

static uint8_t *bits_of(const struct index *x, const struct scope_of *scope)
{
    if (scope->all)
        return NULL;
    uint8_t *bits = mem_zalloc(x->manifest.passages / 8 + 1);
    for (uint32_t i = 0; i < x->manifest.passages; i++)
        if (scope->open[scope->group[i]])
            bits[i / 8] |= (uint8_t)(1u << i % 8);
    return bits;
}

static size_t add_dense(const struct index *x, const struct scope_of *scope, const float *vector,
                        const float *lexical, struct candidate_passage *c, size_t n)
{
    uint32_t ids[SEARCH_CANDIDATES];
    float scores[SEARCH_CANDIDATES];
    uint8_t *bits = bits_of(x, scope);
    size_t found = vectors_search(x->vectors, vector, SEARCH_CANDIDATES, bits, ids, scores),
           own = n;
    free(bits);
    for (size_t i = 0; i < own; i++)
        c[i].dense = vectors_score(x->vectors, vector, c[i].passage);
    for (size_t i = 0; i < found; i++) {
        bool there = false;
        for (size_t k = 0; k < own && !there; k++)
            there = c[k].passage == ids[i];
        if (!there)
            c[n++] = (struct candidate_passage){
                .passage = ids[i], .lexical = lexical[ids[i]], .dense = scores[i]};
    }
    return n;
}

size_t index_candidates(const struct index *x, const struct search *s, const struct scope_of *scope,
                        const float *vector, struct candidate_passage *c)
{
    uint32_t best[SEARCH_CANDIDATES] = {
        0}; /* as the analyzer cannot see that it is filled before it is read */
    struct query q;
    if (scope->n == 0)
        return 0;
    float *scores = mem_zalloc((x->manifest.passages + 1) * sizeof *scores);
    size_t n = 0;
    if (s->legs != LEGS_dense) {
        lexicon_ask(&x->lexicon, s->text, scope, &q);
        lexicon_score(&x->lexicon, &q, scope, scores);
        n = best_of(scores, x->manifest.passages, best);
    }
    for (size_t i = 0; i < n; i++)
        c[i] = (struct candidate_passage){
            .passage = best[i], .lexical = scores[best[i]], .dense = NO_LEG};
    if (vector && x->vectors)
        n = add_dense(x, scope, vector, scores, c, n);
    free(scores);
    return n;
}

static int by_score(const void *a, const void *b)
{
    const struct candidate_passage *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->passage > y->passage) - (x->passage < y->passage);
}

void candidates_fuse(struct candidate_passage *c, size_t n, unsigned lexical_percent)
{
    double most = 0, low = 1, high = -1, w = lexical_percent / 100.0;
    for (size_t i = 0; i < n; i++) {
        most = c[i].lexical > most ? c[i].lexical : most;
        low = c[i].dense < low ? c[i].dense : low;
        high = c[i].dense > high ? c[i].dense : high;
    }
    for (size_t i = 0; i < n; i++) {
        double dense = high > low ? (c[i].dense - low) / (high - low) : 0;
        c[i].score = lexical_percent == 100
                         ? c[i].lexical
                         : w * (most > 0 ? c[i].lexical / most : 0) + (1 - w) * dense;
    }
    qsort(c, n, sizeof *c, by_score);
}

static bool join(const struct index *x, const struct candidate_passage *c, struct search_hit *h,
                 uint32_t *low, uint32_t *high)
{
    const struct index_passage *p = &x->passages[c->passage], *own = &x->passages[h->passage];
    bool beside = c->passage + 1 == *low || c->passage == *high + 1;
    if (p->document != h->document || !beside || *high - *low + 1 >= JOINED_MAX ||
        p->heading_at != own->heading_at || p->heading_bytes != own->heading_bytes)
        return false;
    *low = c->passage < *low ? c->passage : *low;
    *high = c->passage > *high ? c->passage : *high;
    h->from = p->from < h->from ? p->from : h->from;
    h->to = p->to > h->to ? p->to : h->to;
    return true;
}

static size_t take(const struct index *x, const struct candidate_passage *c, size_t n, unsigned k,
                   struct search_hit *hits)
{
    uint32_t low[SEARCH_MAX], high[SEARCH_MAX];
    size_t held = 0;
    for (size_t i = 0; i < n && held < k && c[i].score > 0; i++) {
        bool joined = false;
        for (size_t h = 0; h < held && !joined; h++)
            joined = join(x, &c[i], &hits[h], &low[h], &high[h]);
        if (joined)
            continue;
        const struct index_passage *p = &x->passages[c[i].passage];
        hits[held] = (struct search_hit){p->document, c[i].passage, p->from, p->to, c[i].score};
        low[held] = high[held] = c[i].passage;
        held++;
    }
    return held;
}

size_t index_search(const struct index *x, const struct search *s,
                    struct search_hit hits[SEARCH_MAX])
{
    struct candidate_passage c[2 * SEARCH_CANDIDATES];
    float own[LSA_DIMENSION];
    struct scope_of scope;
    bool *open = mem_zalloc(x->n_groups * sizeof *open);
    const float *vector = s->vector;
    unsigned percent = s->legs == LEGS_dense ? 0 : x->manifest.fusion.lexical_percent;
    if (s->legs == LEGS_lexical || (percent == 100 && s->legs != LEGS_dense)) {
        vector = NULL;
    } else if (!vector && x->lsa) {
        lsa_embed(x->lsa, STR(""), s->text, own);
        vector = own;
    }
    index_scope(x, s, open, &scope);
    size_t n = index_candidates(x, s, &scope, vector, c);
    candidates_fuse(c, n, vector ? percent : 100);
    free(open);
    return take(x, c, n, s->k < SEARCH_MAX ? s->k : SEARCH_MAX, hits);
}
