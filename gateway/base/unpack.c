/*
 * Each coding is a function that decodes a whole body, a chunk at a time, and
 * stops as soon as more comes out than may: a few bytes can stand for gigabytes.
 * For the same reason the window that a body may ask for is bounded.
 */
#include "gateway/base/unpack.h"

#include <brotli/decode.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

#include "gateway/base/scope.h"

enum {
    CHUNK_BYTES = 16 * 1024,
    CODINGS_MAX = 2,
    ZSTD_WINDOW_LOG = 23, /* 8 MiB: what RFC 8878 asks every decoder for */
};

typedef bool unpack_fn(struct str body, struct buf *out, struct err *err);

static bool broken(struct err *err, const char *coding)
{
    return err_say(err, ERR_bad_request, NULL, "the body is not valid %s, or not whole", coding);
}

static bool emit(struct buf *out, const void *bytes, size_t n, struct err *err)
{
    buf_add(out, (struct str){bytes, n});
    return buf_ok(out) ||
           err_say(err, ERR_too_large, NULL, "the decoded body exceeds %zu bytes", out->max);
}

/* Decodes one zlib stream after the other: a gzip body may have several members. */
static bool inflate_all(z_stream *z, struct str body, struct buf *out, const char *coding,
                        struct err *err)
{
    unsigned char chunk[CHUNK_BYTES];
    z->next_in = (unsigned char *)(uintptr_t)body.p;
    z->avail_in = (unsigned)body.n;
    int rc = Z_OK;
    do {
        if (rc == Z_STREAM_END)
            inflateReset(z);
        z->next_out = chunk;
        z->avail_out = sizeof chunk;
        rc = inflate(z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END)
            return broken(err, coding);
        if (!emit(out, chunk, sizeof chunk - z->avail_out, err))
            return false;
    } while (rc != Z_STREAM_END || z->avail_in > 0);
    return true;
}

static bool inflate_as(int window_bits, struct str body, struct buf *out, const char *coding,
                       struct err *err)
{
    z_stream z = {0};
    if (body.n > UINT32_MAX)
        return err_set(err, ERR_too_large, "%zu bytes of %s", body.n, coding);
    if (inflateInit2(&z, window_bits) != Z_OK)
        abort();
    bool ok = inflate_all(&z, body, out, coding, err);
    inflateEnd(&z);
    return ok;
}

static bool unpack_gzip(struct str body, struct buf *out, struct err *err)
{
    return inflate_as(16 + MAX_WBITS, body, out, "gzip", err);
}

/* RFC 9110 means zlib's format; what some clients send is the bare one. */
static bool unpack_deflate(struct str body, struct buf *out, struct err *err)
{
    unsigned char b[2] = {0};
    for (size_t i = 0; i < body.n && i < 2; i++)
        b[i] = (unsigned char)body.p[i];
    bool zlib = (b[0] & 0x0F) == 8 && (b[0] << 8 | b[1]) % 31 == 0;
    return inflate_as(zlib ? MAX_WBITS : -MAX_WBITS, body, out, "deflate", err);
}

static void zstd_free(ZSTD_DCtx **d)
{
    ZSTD_freeDCtx(*d);
}

static bool unpack_zstd(struct str body, struct buf *out, struct err *err)
{
    SCOPED(zstd_free) ZSTD_DCtx *d = ZSTD_createDCtx();
    if (!d)
        abort();
    ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    char chunk[CHUNK_BYTES];
    ZSTD_inBuffer in = {body.p, body.n, 0};
    ZSTD_outBuffer part;
    size_t left = 1; /* 0 at the end of a frame with all of it written */
    do {
        part = (ZSTD_outBuffer){chunk, sizeof chunk, 0};
        left = ZSTD_decompressStream(d, &part, &in);
        if (ZSTD_isError(left))
            return broken(err, "zstd");
        if (!emit(out, chunk, part.pos, err))
            return false;
    } while (in.pos < in.size || (left > 0 && part.pos == part.size));
    return left == 0 || broken(err, "zstd");
}

static void brotli_free(BrotliDecoderState **b)
{
    BrotliDecoderDestroyInstance(*b);
}

static bool unpack_br(struct str body, struct buf *out, struct err *err)
{
    SCOPED(brotli_free) BrotliDecoderState *b = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    if (!b)
        abort();
    uint8_t chunk[CHUNK_BYTES];
    const uint8_t *in = (const uint8_t *)body.p;
    size_t in_n = body.n;
    BrotliDecoderResult rc = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    while (rc == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        uint8_t *at = chunk;
        size_t room = sizeof chunk;
        rc = BrotliDecoderDecompressStream(b, &in_n, &in, &room, &at, NULL);
        if (!emit(out, chunk, sizeof chunk - room, err))
            return false;
    }
    return (rc == BROTLI_DECODER_RESULT_SUCCESS && in_n == 0) || broken(err, "br");
}

static bool same_word(struct str word, const char *name)
{
    struct str n = str_of(name);
    return word.n == n.n && strncasecmp(word.p, n.p, n.n) == 0;
}

static unpack_fn *find(struct str word)
{
    static const struct {
        const char *name;
        unpack_fn *fn;
    } codings[] = {
        {"gzip", unpack_gzip}, {"x-gzip", unpack_gzip}, {"deflate", unpack_deflate},
        {"zstd", unpack_zstd}, {"br", unpack_br},
    };
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++)
        if (same_word(word, codings[i].name))
            return codings[i].fn;
    return NULL;
}

static struct str trim(struct str s)
{
    while (s.n > 0 && (*s.p == ' ' || *s.p == '\t'))
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* The codings in the order in which they were applied. */
static bool parse(struct str encoding, unpack_fn *fns[CODINGS_MAX], size_t *n, struct err *err)
{
    struct str word;
    *n = 0;
    while (str_next(&encoding, ',', &word)) {
        word = trim(word);
        if (word.n == 0 || same_word(word, "identity"))
            continue;
        unpack_fn *fn = find(word);
        if (!fn || *n == CODINGS_MAX)
            return err_set(err, ERR_bad_encoding, "content-encoding");
        fns[(*n)++] = fn;
    }
    return true;
}

bool unpack(struct str encoding, struct str body, size_t max, struct buf *out, struct err *err)
{
    unpack_fn *fns[CODINGS_MAX];
    size_t n;
    if (!parse(encoding, fns, &n, err))
        return false;
    SCOPED(buf_done) struct buf first = BUF_INIT(max), second = BUF_INIT(max);
    for (struct buf *to = &first; n > 0; to = &second) {
        if (!fns[--n](body, to, err))
            return false;
        body = buf_str(to);
    }
    return emit(out, body.p, body.n, err);
}
