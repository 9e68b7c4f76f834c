#include "rag/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#ifdef HAVE_FAISS
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/impl/AuxIndexStructures_c.h>
#include <faiss/c_api/index_factory_c.h>

#include "rag/faiss_c_ext.h"
#endif

void vector_normalise(float *v, unsigned dimension)
{
    double sum = 0;
    for (unsigned i = 0; i < dimension; i++)
        sum += (double)v[i] * v[i];
    for (unsigned i = 0; sum > 0 && i < dimension; i++)
        v[i] = (float)(v[i] / sqrt(sum));
}

#ifdef HAVE_FAISS

struct vectors {
    FaissIndex *index;
    unsigned dimension;
    size_t n;
    float *rows; /* for the score of one */
};

bool vectors_built(void)
{
    return true;
}

struct vectors *vectors_new(const float *rows, size_t n, unsigned dimension, struct err *err)
{
    struct vectors *v = NEW(struct vectors);
    v->dimension = dimension;
    v->n = n;
    v->rows = mem_zalloc(n * dimension * sizeof *v->rows);
    if (n)
        memcpy(v->rows, rows, n * dimension * sizeof *v->rows);
    if (faiss_index_factory(&v->index, (int)dimension, "Flat", METRIC_INNER_PRODUCT) == 0 &&
        (n == 0 || faiss_Index_add(v->index, (idx_t)n, v->rows) == 0))
        return v;
    err_set(err, ERR_internal, "faiss: %s", faiss_get_last_error());
    vectors_free(v);
    return NULL;
}

void vectors_free(struct vectors *v)
{
    if (!v)
        return;
    if (v->index)
        faiss_Index_free(v->index);
    free(v->rows);
    free(v);
}

static bool search_open(const struct vectors *v, const float *asked, idx_t k, const uint8_t *open,
                        float *scores, idx_t *ids)
{
    FaissIDSelectorBitmap *selector = NULL;
    FaissSearchParameters *parameters = NULL;
    bool ok = faiss_IDSelectorBitmap_new(&selector, (v->n + 7) / 8, open) == 0 &&
              faiss_SearchParameters_new(&parameters, (FaissIDSelector *)selector) == 0 &&
              faiss_Index_search_with_params(v->index, 1, asked, k, parameters, scores, ids) == 0;
    if (parameters)
        faiss_SearchParameters_free(parameters);
    if (selector)
        faiss_IDSelector_free((FaissIDSelector *)selector);
    return ok;
}

size_t vectors_search(const struct vectors *v, const float *asked, size_t k, const uint8_t *open,
                      uint32_t *ids, float *scores)
{
    if (k > v->n)
        k = v->n;
    if (k == 0)
        return 0;
    idx_t *found = mem_zalloc(k * sizeof *found);
    bool ok = open ? search_open(v, asked, (idx_t)k, open, scores, found)
                   : faiss_Index_search(v->index, 1, asked, (idx_t)k, scores, found) == 0;
    size_t n = 0;
    for (size_t i = 0; ok && i < k; i++)
        if (found[i] >= 0) { /* fewer than k: the rest of the slots say -1 */
            ids[n] = (uint32_t)found[i];
            scores[n++] = scores[i];
        }
    free(found);
    return n;
}

const float *vectors_row(const struct vectors *v, uint32_t id)
{
    return v->rows + (size_t)id * v->dimension;
}

float vectors_score(const struct vectors *v, const float *asked, uint32_t id)
{
    const float *row = vectors_row(v, id);
    float sum = 0;
    for (unsigned i = 0; i < v->dimension; i++)
        sum += row[i] * asked[i];
    return sum;
}

#else

bool vectors_built(void)
{
    return false;
}

struct vectors *vectors_new(const float *rows, size_t n, unsigned dimension, struct err *err)
{
    (void)rows, (void)n, (void)dimension;
    err_set(err, ERR_internal, "built without FAISS");
    return NULL;
}

void vectors_free(struct vectors *v)
{
    (void)v;
}

size_t vectors_search(const struct vectors *v, const float *asked, size_t k, const uint8_t *open,
                      uint32_t *ids, float *scores)
{
    (void)v, (void)asked, (void)k, (void)open, (void)ids, (void)scores;
    return 0;
}

const float *vectors_row(const struct vectors *v, uint32_t id)
{
    (void)v, (void)id;
    return NULL;
}

float vectors_score(const struct vectors *v, const float *asked, uint32_t id)
{
    (void)v, (void)asked, (void)id;
    return 0;
}

#endif
