/*
 * The part of FAISS's C API that vectors.c needs, for systems that package FAISS
 * without libfaiss_c (Debian 12).  Same names, signatures and errors: 0, or below, and
 * then faiss_get_last_error().  configure prefers the real library.
 */
#ifndef NDEBUG
#define NDEBUG 1 /* the packaged CATCH_AND_HANDLE prints to stderr without it */
#endif
#include <faiss/Index.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/index_factory.h>

#include <exception>

extern "C" {
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/impl/AuxIndexStructures_c.h>
#include <faiss/c_api/index_factory_c.h>
}
#include <faiss/c_api/macros_impl.h>

#include "rag/faiss_c_ext.h"

thread_local std::exception_ptr faiss_last_exception;

static faiss::Index *as_index(FaissIndex *p)
{
    return reinterpret_cast<faiss::Index *>(p);
}

static const faiss::Index *as_index(const FaissIndex *p)
{
    return reinterpret_cast<const faiss::Index *>(p);
}

extern "C" {

const char *faiss_get_last_error()
{
    if (!faiss_last_exception)
        return nullptr;
    try {
        std::rethrow_exception(faiss_last_exception);
    } catch (std::exception &e) {
        return e.what(); /* faiss_last_exception keeps it alive */
    } catch (...) {
        return "unknown error";
    }
}

DEFINE_DESTRUCTOR(Index)
DEFINE_DESTRUCTOR(IDSelector)

int faiss_index_factory(FaissIndex **p, int d, const char *description, FaissMetricType metric)
{
    try {
        *p = reinterpret_cast<FaissIndex *>(
            faiss::index_factory(d, description, static_cast<faiss::MetricType>(metric)));
    }
    CATCH_AND_HANDLE
}

int faiss_Index_add(FaissIndex *index, idx_t n, const float *x)
{
    try {
        as_index(index)->add(n, x);
    }
    CATCH_AND_HANDLE
}

int faiss_Index_search(const FaissIndex *index, idx_t n, const float *x, idx_t k, float *scores,
                       idx_t *ids)
{
    try {
        as_index(index)->search(n, x, k, scores, ids);
    }
    CATCH_AND_HANDLE
}

int faiss_SearchParameters_new(FaissSearchParameters **p, FaissIDSelector *selector)
{
    try {
        auto *s = new faiss::SearchParameters;
        s->sel = reinterpret_cast<faiss::IDSelector *>(selector);
        *p = reinterpret_cast<FaissSearchParameters *>(s);
    }
    CATCH_AND_HANDLE
}

void faiss_SearchParameters_free(FaissSearchParameters *p)
{
    delete reinterpret_cast<faiss::SearchParameters *>(p);
}

int faiss_Index_search_with_params(const FaissIndex *index, idx_t n, const float *x, idx_t k,
                                   const FaissSearchParameters *p, float *scores, idx_t *ids)
{
    try {
        as_index(index)->search(n, x, k, scores, ids,
                                reinterpret_cast<const faiss::SearchParameters *>(p));
    }
    CATCH_AND_HANDLE
}

int faiss_IDSelectorBitmap_new(FaissIDSelectorBitmap **p, size_t n, const uint8_t *bitmap)
{
    try {
        *p = reinterpret_cast<FaissIDSelectorBitmap *>(new faiss::IDSelectorBitmap(n, bitmap));
    }
    CATCH_AND_HANDLE
}

} /* extern "C" */
