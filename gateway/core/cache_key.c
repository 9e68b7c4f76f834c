#include "gateway/core/cache_key.h"

#include "gateway/base/scope.h"
#include "gateway/core/arm.h"
#include "gateway/core/model_find.h"
#include "gateway/core/rag.h"

enum { FORMAT = 3, GROWTH_BYTES = 4096 };

/* Each with its length, so that no two lists of parts read alike. */
static void add_part(struct buf *b, struct str part)
{
    buf_add_int(b, (int64_t)part.n);
    buf_add(b, STR(":"));
    buf_add(b, part);
}

struct hash cache_key(const struct exchange *x)
{
    static const char *const without[] = {"model",    "stream",   "stream_options",    "user",
                                          "metadata", "penstock", "safety_identifier", "prompt_cache_key",
                                          "store",    NULL};
    bool by_key = x->config->cache.scope == CACHE_SCOPE_key;
    SCOPED(buf_done) struct buf reader = BUF_INIT(GROWTH_BYTES * 16);
    SCOPED(buf_done) struct buf text = BUF_INIT(x->body.n + 17 * GROWTH_BYTES);
    buf_add_int(&text, FORMAT);
    add_part(&text, by_key ? STR("key") : STR("team"));
    add_part(&text, str_of(by_key ? x->key->id : x->key->team));
    add_part(&text, str_of(endpoint_info(x->endpoint)->name));
    add_part(&text, x->head.query);
    add_part(&text, model_name(x));
    add_part(&text, str_of(x->prompt.version ? x->prompt.version->hash : ""));
    add_part(&text, str_of(x->policy.set ? x->policy.set->version : ""));
    add_part(&text, (struct str){(const char *)x->model->digest.bytes, HASH_BYTES});
    add_part(&text, str_of(arm_word(x)));
    add_part(&text, str_of(x->arm.model.chosen));
    rag_key(x, &reader);
    add_part(&text, buf_str(&reader)); /* the passages themselves stand in the body */
    json_canonical(&text, x->body, without);
    return crypto_sha256(buf_str(&text));
}
