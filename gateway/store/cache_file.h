/*
 * cache_file.h - answers kept on disk: data_dir/cache.db, which may be deleted at any
 * time.  A file that is damaged or of another version is begun anew.
 *
 * Thread-safe; blocks, so it is called by jobs.  Times are wall clock.
 */
#ifndef GATEWAY_STORE_CACHE_FILE_H
#define GATEWAY_STORE_CACHE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/crypto.h"
#include "gateway/base/err.h"
#include "gateway/base/str.h"

struct cache_file;

struct cache_file *cache_file_open(const char *data_dir, int64_t max_bytes, struct err *err); /* NULL: ERR_store */
void cache_file_close(struct cache_file *f); /* NULL is fine */

/* The keys of all entries that have not expired. */
bool cache_file_keys(struct cache_file *f, int64_t now_ms, void (*each)(void *arg, const struct hash *key), void *arg,
                     struct err *err);

/* Appends the value; false: there is none, or *err is set. */
bool cache_file_get(struct cache_file *f, const struct hash *key, int64_t now_ms, struct buf *value, struct err *err);

/* Replaces what is there; then drops what has expired, and the oldest until max_bytes are kept. */
bool cache_file_put(struct cache_file *f, const struct hash *key, struct str value, int64_t expires_ms, int64_t now_ms,
                    struct err *err);

#endif
