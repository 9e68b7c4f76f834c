#include "prompts/bucket.h"

#include "gateway/base/crypto.h"
#include "gateway/base/scope.h"

uint64_t bucket_of(struct str salt, struct str unit)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(salt.n + 1 + unit.n);
    buf_add(&text, salt);
    buf_add(&text, STR(":"));
    buf_add(&text, unit);
    struct hash h = crypto_sha256(buf_str(&text));
    uint64_t n = 0;
    for (unsigned i = 0; i < sizeof n; i++)
        n = n << 8 | h.bytes[i];
    return n;
}

bool bucket_is_canary(uint64_t bucket, unsigned share)
{
    return (unsigned)(((unsigned __int128)bucket * SHARE_ALL) >> 64) < share;
}
