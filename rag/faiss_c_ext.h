/*
 * faiss_c_ext.h - functions of FAISS's C API that later versions declare and 1.7.3, as
 * Debian 12 packages it, does not: filtered search.  Names and signatures are upstream's.
 */
#ifndef RAG_FAISS_C_EXT_H
#define RAG_FAISS_C_EXT_H

#include <faiss/c_api/Index_c.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef HAVE_FAISS_SEARCH_PARAMETERS /* configure: the headers have them */
typedef struct FaissSearchParameters_H FaissSearchParameters;
int faiss_SearchParameters_new(FaissSearchParameters **, FaissIDSelector *);
void faiss_SearchParameters_free(FaissSearchParameters *);
int faiss_Index_search_with_params(const FaissIndex *, idx_t n, const float *x, idx_t k,
                                   const FaissSearchParameters *, float *scores, idx_t *ids);
#endif
#ifndef HAVE_FAISS_IDSELECTOR_BITMAP
typedef struct FaissIDSelector_H FaissIDSelectorBitmap;
int faiss_IDSelectorBitmap_new(FaissIDSelectorBitmap **, size_t n, const uint8_t *bitmap);
#endif

#ifdef __cplusplus
}
#endif

#endif
