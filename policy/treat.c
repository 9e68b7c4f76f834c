#include "policy/treat.h"

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"

enum { HASH_DIGITS = 12, MASK_SHOWN = 4, MASK_ALL_UP_TO = 8 };

void treatment_init(struct treatment *t, struct arena *a, const struct policy_set *set,
                    void (*keys)(void *arg, struct hash *pseudonym, struct hash *hash), void *arg)
{
    *t = (struct treatment){.arena = a, .set = set, .keys = keys, .arg = arg};
    pseudonyms_init(&t->names, a);
}

static void free_key(void *arg)
{
    hmac_free(arg);
}

static void need_keys(struct treatment *t)
{
    struct hash scope, hash;
    if (t->hash_key)
        return;
    t->keys(t->arg, &scope, &hash);
    pseudonyms_key(&t->names, &scope);
    t->hash_key = hmac_new(&hash);
    arena_defer(t->arena, free_key, t->hash_key);
    crypto_wipe(&scope, sizeof scope);
    crypto_wipe(&hash, sizeof hash);
}

static void hash_of(struct treatment *t, struct str value, char text[HIT_HASH_BYTES])
{
    char hex[HASH_HEX_BYTES];
    need_keys(t);
    struct hash h = hmac_of(t->hash_key, &value, 1);
    hash_hex(&h, hex);
    for (size_t i = 0; i < HASH_DIGITS; i++)
        text[i] = hex[i];
    text[HASH_DIGITS] = '\0';
}

static struct hit *hit_of(struct treatment *t, const struct rule *r, enum direction d,
                          enum action action)
{
    for (struct hit *h = t->hits; h; h = h->next)
        if (h->rule == r && h->direction == d && h->action == action)
            return h;
    struct hit *h = arena_alloc(t->arena, sizeof *h);
    *h = (struct hit){.rule = r, .direction = d, .action = action, .next = t->hits};
    t->hits = h;
    return h;
}

static void keep_hash(struct treatment *t, struct hit *h, struct str value)
{
    char text[HIT_HASH_BYTES];
    hash_of(t, value, text);
    for (unsigned i = 0; i < h->n_hashes; i++)
        if (str_eq(str_of(h->hashes[i]), str_of(text)))
            return;
    for (unsigned i = 0; i < HIT_HASH_BYTES; i++)
        h->hashes[h->n_hashes][i] = text[i];
    h->n_hashes++;
}

/* Characters, not bytes. */
static void write_mask(struct str value, struct buf *out)
{
    size_t n = utf8_count(value);
    size_t hidden = n <= MASK_ALL_UP_TO ? n : n - MASK_SHOWN;
    for (size_t i = 0; i < hidden; i++) {
        size_t bytes = utf8_len(value);
        bytes = bytes ? bytes : 1;
        value = (struct str){value.p + bytes, value.n - bytes};
        buf_add(out, STR("*"));
    }
    buf_add(out, value);
}

bool treatment_apply(struct treatment *t, enum direction d, const struct found *f, struct buf *out)
{
    const struct rule *r = f->rule;
    enum action action = f->blocks ? ACTION_block : r->actions[d];
    struct hit *h = hit_of(t, r, d, action);
    char hash[HIT_HASH_BYTES];
    h->count++;
    if (r->logs == RULE_LOGS_HASH && h->n_hashes < HIT_HASHES)
        keep_hash(t, h, f->value);
    switch (action) {
    case ACTION_none:
    case ACTION_flag:
    case ACTION_count:
        return false;
    case ACTION_pseudonymise:
        need_keys(t);
        buf_add(out, (struct str){pseudonym_of(&t->names, r, f->value)->name, PSEUDONYM_BYTES});
        return true;
    case ACTION_hash:
        hash_of(t, f->value, hash);
        buf_addf(out, "[%s:%s]", r->label, hash);
        return true;
    case ACTION_mask:
        write_mask(f->value, out);
        return true;
    case ACTION_redact:
        buf_addf(out, "[%s]", r->label);
        return true;
    case ACTION_block:
        if (!t->blocked_by)
            t->blocked_by = r;
        return true;
    }
    return false;
}

const char *treatment_verdict(const struct treatment *t)
{
    enum action worst = ACTION_none;
    for (const struct hit *h = t->hits; h; h = h->next)
        worst = h->action > worst ? h->action : worst;
    return worst == ACTION_none || worst == ACTION_count ? "clean"
           : worst == ACTION_flag                        ? "flagged"
           : worst == ACTION_block                       ? "blocked"
                                                         : "redacted";
}

static void write_hit(const struct hit *h, struct buf *out)
{
    buf_add(out, STR("{\"rule\":"));
    json_quote(out, str_of(h->rule->id));
    buf_addf(out, ",\"direction\":\"%s\",\"action\":\"%s\",\"count\":%u",
             direction_word(h->direction), action_word(h->action), h->count);
    for (unsigned i = 0; i < h->n_hashes; i++)
        buf_addf(out, "%s\"%s\"", i ? "," : ",\"hashes\":[", h->hashes[i]);
    buf_add(out, h->n_hashes ? STR("]}") : STR("}"));
}

void treatment_write(const struct treatment *t, size_t max, struct buf *out)
{
    SCOPED(buf_done) struct buf list = BUF_INIT(max);
    for (const struct hit *h = t->hits; h; h = h->next) {
        SCOPED(buf_done) struct buf one = BUF_INIT(1024);
        if (h->rule->logs == RULE_LOGS_NONE)
            continue;
        write_hit(h, &one);
        if (list.n + one.n + 2 > max) /* a comma or bracket before, and the last bracket */
            break;
        buf_add(&list, list.n ? STR(",") : STR("["));
        buf_add(&list, buf_str(&one));
    }
    if (list.n == 0)
        return;
    buf_add(out, buf_str(&list));
    buf_add(out, STR("]"));
}
