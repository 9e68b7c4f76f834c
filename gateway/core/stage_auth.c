/*
 * auth - who is asking?
 *
 * Reads:   head.secret, keyring
 * Writes:  key
 */
#include "gateway/core/exchange.h"
#include "gateway/core/stage.h"

static enum step auth_run(struct exchange *x, struct err *err)
{
    if (x->key) /* the server knows who it is */
        return STEP_NEXT;
    if (x->head.secret.n == 0) {
        err_say(err, ERR_bad_key, NULL, "no API key; send one as 'Authorization: Bearer KEY'");
        return STEP_FAIL;
    }
    x->key = keyring_find(x->keyring, x->head.secret, x->started_ms);
    if (x->key)
        return STEP_NEXT;
    err_say(err, ERR_bad_key, NULL, "the API key is unknown, revoked or expired");
    return STEP_FAIL;
}

const struct stage stage_auth = {
    .name = "auth",
    .help = "who is asking? no key, no answer",
    .run = auth_run,
};
