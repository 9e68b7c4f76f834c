/* blob.h - whole binary files: read at once, written so that they are there after a crash. */
#ifndef RAG_BLOB_H
#define RAG_BLOB_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

/* The bytes are terminated, and freed by the caller.  A longer file is an error (ERR_bad_index). */
bool blob_read(const char *path, size_t max, struct str *bytes, struct err *err);

bool blob_write(const char *path, struct str bytes,
                struct err *err); /* a new file; on disk when it returns */
bool blob_sync_folder(const char *path, struct err *err);

#endif
