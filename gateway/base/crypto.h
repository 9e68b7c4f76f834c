/*
 * crypto.h - the few primitives the gateway needs; the only user of libcrypto.
 *
 * Thread-safe.  A failure of libcrypto here is out of memory or a broken
 * installation and ends the process.
 */
#ifndef GATEWAY_BASE_CRYPTO_H
#define GATEWAY_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/str.h"

enum { HASH_BYTES = 32, HASH_HEX_BYTES = 2 * HASH_BYTES + 1 };

struct hash { /* SHA-256, or HMAC with it, or a derived key */
    uint8_t bytes[HASH_BYTES];
};

struct hash crypto_sha256(struct str text);

/* RFC 5869 with SHA-256 and no salt: each use of the master key has its own label. */
struct hash crypto_derive(const struct hash *master, struct str label);

/* HMAC-SHA256 (RFC 2104) with a key that is prepared once; hmac_of() may run on many threads at once. */
struct hmac;
struct hmac *hmac_new(const struct hash *key);
struct hmac *hmac_new_of(struct str key); /* of any length */
void hmac_free(struct hmac *h);
struct hash hmac_of(const struct hmac *h, const struct str *parts, size_t n); /* of the parts put together */

/* RFC 4648, with padding.  The second: false if the text is none. */
void crypto_base64(struct str bytes, struct buf *out);
bool crypto_unbase64(struct str text, struct buf *out);

bool hash_equal(const struct hash *a, const struct hash *b); /* in constant time */
void hash_hex(const struct hash *h, char text[HASH_HEX_BYTES]);
bool hash_parse(struct str hex, struct hash *h);

void crypto_random(void *bytes, size_t n);
void crypto_wipe(void *bytes, size_t n); /* is not optimised away */

#endif
