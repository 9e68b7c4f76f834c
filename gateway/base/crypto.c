#include "gateway/base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "gateway/base/mem.h"

struct hmac {
    EVP_MAC *mac;
    EVP_MAC_CTX *keyed; /* never updated, only copied */
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

struct hmac *hmac_new(const struct hash *key)
{
    struct hmac *h = NEW(struct hmac);
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end()};
    must((h->mac = EVP_MAC_fetch(NULL, "HMAC", NULL)) != NULL);
    must((h->keyed = EVP_MAC_CTX_new(h->mac)) != NULL);
    must(EVP_MAC_init(h->keyed, key->bytes, sizeof key->bytes, params) == 1);
    return h;
}

void hmac_free(struct hmac *h)
{
    if (!h)
        return;
    EVP_MAC_CTX_free(h->keyed);
    EVP_MAC_free(h->mac);
    free(h);
}

struct hash hmac_of(const struct hmac *h, const struct str *parts, size_t n)
{
    struct hash out;
    size_t len = 0;
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(h->keyed);
    must(ctx != NULL);
    for (size_t i = 0; i < n; i++)
        if (parts[i].n)
            must(EVP_MAC_update(ctx, (const unsigned char *)parts[i].p, parts[i].n) == 1);
    must(EVP_MAC_final(ctx, out.bytes, &len, sizeof out.bytes) == 1 && len == sizeof out.bytes);
    EVP_MAC_CTX_free(ctx);
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
    struct hash prk = hmac_once(&no_salt, (struct str){(const char *)master->bytes, HASH_BYTES}, STR(""));
    struct hash out = hmac_once(&prk, label, STR("\x01"));
    crypto_wipe(&prk, sizeof prk);
    return out;
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
