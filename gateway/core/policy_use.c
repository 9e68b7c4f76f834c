#include "gateway/core/policy_use.h"

#include "gateway/base/scope.h"
#include "gateway/core/model_find.h"
#include "policy/seeker.h"

enum { SCOPE_BYTES = 64 * 1024 };

static struct str text_of(struct exchange *x, const struct json_value *v)
{
    if (v->kind != VALUE_STRING)
        return STR("");
    SCOPED(buf_done) struct buf text = BUF_INIT(v->raw.n);
    json_text(v, &text);
    return (struct str){arena_strdup(&x->arena, buf_str(&text)), text.n};
}

/*
 * The first that is given.  previous_response_id is left out: the first request of that
 * conversation had none, and what it had instead is what counts.
 */
static struct str conversation_of(struct exchange *x)
{
    const struct json_value *from[] = {&x->request.conversation, &x->request.prompt_cache_key,
                                       &x->request.safety_identifier, &x->request.user};
    if (x->session.n)
        return x->session;
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        struct str text = text_of(x, from[i]);
        if (text.n)
            return text;
    }
    return str_of(x->key->id);
}

/* Only when the first pseudonym or hash is needed: most requests have none. */
static void derive_keys(void *arg, struct hash *pseudonym, struct hash *hash)
{
    struct exchange *x = arg;
    const struct store *store = x->worker->gateway->store;
    SCOPED(buf_done) struct buf scope = BUF_INIT(SCOPE_BYTES);
    buf_addf(&scope, "%s\n", x->key->team ? x->key->team : "");
    buf_add(&scope, conversation_of(x));
    struct hash all = store_derive(store, "pseudonym");
    *pseudonym = crypto_derive(&all, buf_str(&scope));
    *hash = store_derive(store, "policy-hash");
    crypto_wipe(&all, sizeof all);
}

bool policy_use_begin(struct exchange *x)
{
    const struct policy_ask ask = {str_of(x->key->team), str_of(x->key->id),
                                   config_alias(x->config, model_name(x)), x->prompt.name};
    x->policy.set = config_policy_set(x->config, &ask);
    if (!x->policy.set)
        return false;
    treatment_init(&x->policy.t, &x->arena, x->policy.set, derive_keys, x);
    return true;
}

bool policy_use_looks(const struct exchange *x, enum direction d)
{
    return x->policy.set && x->policy.set->plans[d].strongest != ACTION_none;
}

void policy_use_inspect(struct exchange *x, enum direction d, struct str text)
{
    struct treatment *t = &x->policy.t;
    struct seeker s;
    struct finding f;
    const struct pattern_text whole = {.text = text};
    SCOPED(buf_done) struct buf ignored = BUF_INIT(SIZE_MAX);
    seeker_init(&s, &x->policy.set->plans[d]);
    while (!t->blocked_by && seeker_next(&s, &whole, &f) == SCAN_YES) {
        bool blocks = f.given_up || f.rule->actions[d] > ACTION_flag;
        const struct found found = {f.rule, {text.p + f.from, f.to - f.from}, blocks};
        treatment_apply(t, d, &found, &ignored);
    }
    seeker_done(&s);
}
