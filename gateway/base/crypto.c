#include "gateway/base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "gateway/base/mem.h"

enum { HMAC_BLOCK_BYTES = 64 };

/*
 * RFC 2104 over EVP_MD: the digest's state after either padded key, kept and copied.
 * Measured, OpenSSL 3.0: 0.46 us for a short text, against 1.3 us for EVP_MAC.
 */
struct hmac {
    EVP_MD_CTX *inner, *outer; /* never updated, only copied */
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

struct hash crypto_sha256(struct str text)
{
    struct hash h;
    must(EVP_Digest(text.n ? text.p : "", text.n, h.bytes, NULL, EVP_sha256(), NULL) == 1);
    return h;
}

static EVP_MD_CTX *begin_with(struct str key, unsigned char pad)
{
    unsigned char block[HMAC_BLOCK_BYTES];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < key.n; i++)
        block[i] ^= (unsigned char)key.p[i];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1);
    must(EVP_DigestUpdate(ctx, block, sizeof block) == 1);
    crypto_wipe(block, sizeof block);
    return ctx;
}

struct hmac *hmac_new_of(struct str key)
{
    struct hash hashed = {0};
    if (key.n > HMAC_BLOCK_BYTES) {
        hashed = crypto_sha256(key);
        key = (struct str){(const char *)hashed.bytes, HASH_BYTES};
    }
    struct hmac *h = NEW(struct hmac);
    h->inner = begin_with(key, 0x36);
    h->outer = begin_with(key, 0x5c);
    crypto_wipe(&hashed, sizeof hashed);
    return h;
}

struct hmac *hmac_new(const struct hash *key)
{
    return hmac_new_of((struct str){(const char *)key->bytes, HASH_BYTES});
}

void hmac_free(struct hmac *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->inner);
    EVP_MD_CTX_free(h->outer);
    free(h);
}

struct hash hmac_of(const struct hmac *h, const struct str *parts, size_t n)
{
    struct hash out;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx && EVP_MD_CTX_copy_ex(ctx, h->inner) == 1);
    for (size_t i = 0; i < n; i++)
        if (parts[i].n)
            must(EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1);
    must(EVP_DigestFinal_ex(ctx, out.bytes, NULL) == 1);
    must(EVP_MD_CTX_copy_ex(ctx, h->outer) == 1 &&
         EVP_DigestUpdate(ctx, out.bytes, HASH_BYTES) == 1);
    must(EVP_DigestFinal_ex(ctx, out.bytes, NULL) == 1);
    EVP_MD_CTX_free(ctx);
    return out;
}

static struct hash hmac_once(const struct hash *key, struct str a, struct str b)
{
    struct hmac *h = hmac_new(key);
    struct hash out = hmac_of(h, (struct str[]){a, b}, 2);
    hmac_free(h);
    return out;
}

struct hash crypto_derive(const struct hash *master, struct str label)
{
    static const struct hash no_salt;
    struct hash prk =
        hmac_once(&no_salt, (struct str){(const char *)master->bytes, HASH_BYTES}, STR(""));
    struct hash out = hmac_once(&prk, label, STR("\x01"));
    crypto_wipe(&prk, sizeof prk);
    return out;
}

void crypto_base64(struct str bytes, struct buf *out)
{
    unsigned char text[5];
    for (; bytes.n; bytes.p += 3, bytes.n -= bytes.n < 3 ? bytes.n : 3) {
        EVP_EncodeBlock(text, (const unsigned char *)bytes.p, bytes.n < 3 ? (int)bytes.n : 3);
        buf_add(out, (struct str){(const char *)text, 4});
    }
}

bool crypto_unbase64(struct str text, struct buf *out)
{
    unsigned char bytes[4];
    if (text.n == 0 || text.n % 4)
        return false;
    for (; text.n; text.p += 4, text.n -= 4) {
        int n = EVP_DecodeBlock(bytes, (const unsigned char *)text.p, 4);
        int padding = text.n == 4 ? (text.p[3] == '=') + (text.p[2] == '=') : 0;
        if (n != 3 || (text.n > 4 && memchr(text.p, '=', 4)))
            return false;
        buf_add(out, (struct str){(const char *)bytes, (size_t)(n - padding)});
    }
    return true;
}

bool hash_equal(const struct hash *a, const struct hash *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

void hash_hex(const struct hash *h, char text[HASH_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_BYTES; i++) {
        text[2 * i] = digits[h->bytes[i] >> 4];
        text[2 * i + 1] = digits[h->bytes[i] & 15];
    }
    text[2 * HASH_BYTES] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool hash_parse(struct str hex, struct hash *h)
{
    if (hex.n != 2 * HASH_BYTES)
        return false;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = nibble(hex.p[2 * i]), low = nibble(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        h->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void crypto_random(void *bytes, size_t n)
{
    must(RAND_bytes(bytes, (int)n) == 1);
}

void crypto_wipe(void *bytes, size_t n)
{
    OPENSSL_cleanse(bytes, n);
}
