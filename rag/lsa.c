#include "rag/lsa.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "rag/token.h"
#include "rag/vectors.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

enum {
    MAGIC = 0x3141534c, /* "LSA1" */
    OVERSAMPLING = 10,
    ITERATIONS = 4,
    MIN_PASSAGES = 20,
    TEXT_TERMS = 4096, /* distinct ones of one text */
};

/* The block: MAGIC, terms, dimension, 0; places of the terms; idf; basis; the terms' text. */
struct lsa {
    char *bytes;
    size_t n;
    uint32_t terms, dimension;
    const uint32_t *at;
    const float *idf, *basis;
    const char *text;
};

static bool lay_out(struct lsa *a)
{
    const uint32_t *head = (const void *)a->bytes;
    if (a->n < 4 * sizeof *head || head[0] != MAGIC || head[2] == 0 || head[2] > LSA_DIMENSION)
        return false;
    a->terms = head[1], a->dimension = head[2];
    uint64_t words = 4 + (uint64_t)a->terms + 1 + a->terms + (uint64_t)a->terms * a->dimension;
    if (words * sizeof *head > a->n)
        return false;
    a->at = head + 4;
    a->idf = (const float *)(const void *)(a->at + a->terms + 1);
    a->basis = a->idf + a->terms;
    a->text = (const char *)(a->basis + (size_t)a->terms * a->dimension);
    for (uint32_t i = 0; i < a->terms; i++)
        if (a->at[i] > a->at[i + 1])
            return false;
    return a->at[0] == 0 && a->at[a->terms] == a->n - (size_t)(a->text - a->bytes);
}

struct lsa *lsa_read(struct str bytes)
{
    struct lsa *a = NEW(struct lsa);
    a->n = bytes.n;
    a->bytes = mem_zalloc(bytes.n + 1);
    if (bytes.n)
        memcpy(a->bytes, bytes.p, bytes.n);
    if (lay_out(a))
        return a;
    lsa_free(a);
    return NULL;
}

void lsa_write(const struct lsa *a, struct buf *out)
{
    buf_add(out, (struct str){a->bytes, a->n});
}

void lsa_free(struct lsa *a)
{
    if (a)
        free(a->bytes);
    free(a);
}

unsigned lsa_dimension(const struct lsa *a)
{
    return a->dimension;
}

static uint32_t find(const struct lsa *a, struct str term)
{
    uint32_t low = 0, high = a->terms;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct str here = {a->text + a->at[middle], a->at[middle + 1] - a->at[middle]};
        int order = memcmp(here.p, term.p, here.n < term.n ? here.n : term.n);
        order = order ? order : (here.n > term.n) - (here.n < term.n);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return a->terms;
}

struct embedding {
    const struct lsa *a;
    uint32_t terms[TEXT_TERMS];
    size_t n;
};

static void note(void *arg, struct str term)
{
    struct embedding *e = arg;
    uint32_t t = find(e->a, term);
    if (t < e->a->terms && e->n < TEXT_TERMS)
        e->terms[e->n++] = t;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void lsa_embed(const struct lsa *a, struct str title, struct str text, float *out)
{
    struct embedding e = {.a = a};
    tokens(title, note, &e);
    tokens(text, note, &e);
    memset(out, 0, a->dimension * sizeof *out);
    if (e.n)
        qsort(e.terms, e.n, sizeof e.terms[0], by_number);
    for (size_t i = 0, end; i < e.n; i = end) {
        for (end = i; end < e.n && e.terms[end] == e.terms[i]; end++)
            ;
        float weight = (1 + logf((float)(end - i))) * a->idf[e.terms[i]];
        const float *row = a->basis + (size_t)e.terms[i] * a->dimension;
        for (uint32_t k = 0; k < a->dimension; k++)
            out[k] += weight * row[k];
    }
    vector_normalise(out, a->dimension);
}

#ifdef HAVE_FAISS /* and with it BLAS and LAPACK, by Fortran's names */

void sgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
            const float *beta, float *c, const int *ldc);
void ssyev_(const char *jobz, const char *uplo, const int *n, float *a, const int *lda, float *w,
            float *work, const int *lwork, int *info);

/* The matrix as the lexicon has it: column by column, a column being a term that stands in two
 * passages or more. */
struct matrix {
    const struct lexicon *l;
    uint32_t *columns; /* terms of the lexicon */
    size_t n_columns;
    float *idf;         /* of each column */
    float *scale;       /* of each passage: 1 / its length */
    float counted[256]; /* what a count weighs */
    int r;              /* columns of a block, whose rows lie together */
};

static float weight_of(const struct matrix *m, size_t column, uint32_t i)
{
    return m->counted[m->l->counts[i]] * m->idf[column] * m->scale[m->l->passages[i]];
}

static bool matrix_init(struct matrix *m, const struct lexicon *l)
{
    *m = (struct matrix){.l = l};
    for (unsigned i = 1; i < sizeof m->counted / sizeof m->counted[0]; i++)
        m->counted[i] = 1 + logf((float)i);
    m->columns = mem_zalloc((l->n_terms + 1) * sizeof *m->columns);
    m->idf = mem_zalloc((l->n_terms + 1) * sizeof *m->idf);
    m->scale = mem_zalloc((l->n_passages + 1) * sizeof *m->scale);
    for (uint32_t t = 0; t < l->n_terms; t++) {
        uint32_t df = l->first[t + 1] - l->first[t];
        if (df < 2)
            continue;
        float idf = logf((float)(l->n_passages + 1) / (float)df);
        m->idf[m->n_columns] = idf * idf; /* once is worth .004 nDCG less on SciFact */
        m->columns[m->n_columns++] = t;
    }
    for (uint32_t p = 0; p < l->n_passages; p++)
        m->scale[p] = 1;
    float *sums = mem_zalloc((l->n_passages + 1) * sizeof *sums);
    for (size_t c = 0; c < m->n_columns; c++)
        for (uint32_t i = l->first[m->columns[c]]; i < l->first[m->columns[c] + 1]; i++)
            sums[l->passages[i]] += weight_of(m, c, i) * weight_of(m, c, i);
    for (uint32_t p = 0; p < l->n_passages; p++)
        m->scale[p] = sums[p] > 0 ? 1 / sqrtf(sums[p]) : 0;
    free(sums);
    size_t smaller = m->n_columns < l->n_passages ? m->n_columns : l->n_passages;
    m->r = (int)(smaller < LSA_DIMENSION + OVERSAMPLING ? smaller : LSA_DIMENSION + OVERSAMPLING);
    return l->n_passages >= MIN_PASSAGES && m->r > OVERSAMPLING;
}

static void matrix_done(struct matrix *m)
{
    free(m->columns);
    free(m->idf);
    free(m->scale);
}

__attribute__((optimize("O3"))) static void add_row(float *restrict to, const float *restrict from,
                                                    float w, int n)
{
    for (int i = 0; i < n; i++)
        to[i] += w * from[i];
}

/* terms = X' passages, or passages = X terms */
static void multiply(const struct matrix *m, float *terms, float *passages, bool to_terms)
{
    const struct lexicon *l = m->l;
    size_t r = (size_t)m->r;
    memset(to_terms ? terms : passages, 0,
           (to_terms ? m->n_columns : l->n_passages) * r * sizeof *terms);
    for (size_t c = 0; c < m->n_columns; c++)
        for (uint32_t i = l->first[m->columns[c]]; i < l->first[m->columns[c] + 1]; i++) {
            float *term = terms + c * r, *passage = passages + l->passages[i] * r;
            add_row(to_terms ? term : passage, to_terms ? passage : term, weight_of(m, c, i), m->r);
        }
}

/* The eigenvectors of block' block, as columns for Fortran, and their values, both ascending. */
static bool gram(const float *block, size_t rows, int r, float *vectors, float *values)
{
    const float one = 1, zero = 0;
    int n = (int)rows, room = r * 64, info = 0;
    sgemm_("N", "T", &r, &r, &n, &one, block, &r, block, &r, &zero, vectors, &r);
    float *work = mem_zalloc((size_t)room * sizeof *work);
    ssyev_("V", "U", &r, vectors, &r, values, work, &room, &info);
    free(work);
    return info == 0;
}

/* block = block times the eigenvectors over the roots of their values: its columns are orthonormal.
 */
static bool turn(float *block, size_t rows, int r)
{
    const float one = 1, zero = 0;
    float *vectors = mem_zalloc((size_t)r * (size_t)r * sizeof *vectors),
          *values = mem_zalloc((size_t)r * sizeof *values);
    float *out = mem_zalloc(rows * (size_t)r * sizeof *out);
    bool ok = gram(block, rows, r, vectors, values);
    for (int k = 0; ok && k < r; k++) {
        float w = values[k] > 1e-6F * values[r - 1] ? 1 / sqrtf(values[k]) : 0;
        for (int i = 0; i < r; i++)
            vectors[k * r + i] *= w;
    }
    int n = (int)rows;
    if (ok)
        sgemm_("T", "N", &r, &n, &r, &one, vectors, &r, block, &r, &zero, out, &r);
    if (ok)
        memcpy(block, out, rows * (size_t)r * sizeof *out);
    free(vectors);
    free(values);
    free(out);
    return ok;
}

/* Starts are the same each time: an index is made alike wherever it is made. */
static void fill(float *v, size_t n)
{
    uint64_t x = 0x9E3779B97F4A7C15;
    for (size_t i = 0; i < n; i++) {
        x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
        v[i] = (float)((int64_t)(x * 0x2545F4914F6CDD1D) >> 11) * 0x1p-52F;
    }
}

static struct lsa *pack(const struct matrix *m, const float *terms)
{
    uint32_t dimension = (uint32_t)m->r - OVERSAMPLING, at = 0;
    uint32_t head[] = {MAGIC, (uint32_t)m->n_columns, dimension, 0};
    struct buf out = BUF_INIT(SIZE_MAX);
    buf_add(&out, (struct str){(const char *)head, sizeof head});
    for (size_t c = 0; c <= m->n_columns; c++) {
        buf_add(&out, (struct str){(const char *)&at, sizeof at});
        if (c < m->n_columns)
            at += (uint32_t)lexicon_term(m->l, m->columns[c]).n;
    }
    buf_add(&out, (struct str){(const char *)m->idf, m->n_columns * sizeof *m->idf});
    for (size_t c = 0; c < m->n_columns; c++) /* values ascend, so the last columns lead */
        buf_add(&out, (struct str){(const char *)(terms + c * (size_t)m->r + OVERSAMPLING),
                                   dimension * sizeof *terms});
    for (size_t c = 0; c < m->n_columns; c++)
        buf_add(&out, lexicon_term(m->l, m->columns[c]));
    struct lsa *a = lsa_read(buf_str(&out));
    buf_done(&out);
    return a;
}

struct lsa *lsa_train(const struct lexicon *l)
{
    struct matrix m;
    struct lsa *a = NULL;
    if (matrix_init(&m, l)) {
        size_t r = (size_t)m.r;
        float *passages = mem_zalloc(l->n_passages * r * sizeof *passages);
        float *terms = mem_zalloc(m.n_columns * r * sizeof *terms);
        fill(passages, l->n_passages * r);
        bool ok = true;
        for (unsigned i = 0; ok && i < ITERATIONS; i++) {
            multiply(&m, terms, passages, true);
            multiply(&m, terms, passages, false);
            ok = turn(passages, l->n_passages, m.r);
        }
        if (ok) {
            multiply(&m, terms, passages, true);
            ok = turn(terms, m.n_columns, m.r);
        }
        if (ok)
            a = pack(&m, terms);
        free(passages);
        free(terms);
    }
    matrix_done(&m);
    return a;
}

#else

struct lsa *lsa_train(const struct lexicon *l)
{
    (void)l;
    return NULL;
}

#endif
