/* fuzz_unpack.c - any bytes in any coding: decoded within the limit, or refused and nothing left.
 */
#include "gateway/base/scope.h"
#include "gateway/base/unpack.h"
#include "tests/fuzz/fuzz.h"

enum { MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str encodings[] = {STR("gzip"), STR("deflate"), STR("zstd"),
                                           STR("br"),   STR("gzip,br"), STR("identity")};
    struct str body = {(const char *)data, size};
    struct str encoding = encodings[fuzz_byte(&body) % (sizeof encodings / sizeof encodings[0])];
    SCOPED(buf_done) struct buf out = BUF_INIT(MAX);
    struct err err = {0};
    if (unpack(encoding, body, MAX, &out, &err))
        check(out.n <= MAX);
    else
        check(out.n == 0 && (err.code == ERR_bad_request || err.code == ERR_too_large));
    return 0;
}
