/* dir_priv.h - the data directory as files: its mode, its lock, its secrets. */
#ifndef GATEWAY_STORE_DIR_PRIV_H
#define GATEWAY_STORE_DIR_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/crypto.h"
#include "gateway/base/err.h"
#include "gateway/base/str.h"

bool dir_make(const char *dir, struct err *err); /* 0700, with the folders above it */

/*
 * Closes one that was there to others: only where it is empty or has a master.key, so
 * that nobody's other folder (/tmp) is changed; else it is refused.
 */
bool dir_secure(const char *dir, struct err *err);

/* The descriptor that holds the lock until it is closed; -1 with ERR_locked or ERR_store. */
int dir_lock(const char *dir, struct err *err);

/* Reads dir/master.key, made first if it is missing and `make`. */
bool dir_master_key(const char *dir, bool make, struct hash *key, struct err *err);

/* A new file dir/name (0600), whole and on disk, or none; ERR_conflict if it is there. */
bool dir_write(const char *dir, const char *name, struct str bytes, struct err *err);

int dir_open(const char *dir, const char *name, int flags, struct err *err); /* 0600; -1: err */
char *dir_path(const char *dir, const char *name); /* the caller frees it */

#endif
