#include "policy/pseudonym.h"

#include <string.h>

enum { KIND_AT = 3, DIGITS_AT = 5 };

static const char start[] = "PII";

void pseudonyms_init(struct pseudonyms *p, struct arena *a)
{
    *p = (struct pseudonyms){.arena = a};
}

static void free_key(void *arg)
{
    hmac_free(arg);
}

void pseudonyms_key(struct pseudonyms *p, const struct hash *scope)
{
    p->key = hmac_new(scope);
    arena_defer(p->arena, free_key, p->key);
}

static unsigned bucket_of(struct str s)
{
    uint32_t h = UINT32_C(2166136261); /* FNV-1a */
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT32_C(16777619);
    return h % PSEUDONYM_BUCKETS;
}

static struct str name_of(const struct pseudonym *n)
{
    return (struct str){n->name, PSEUDONYM_BYTES};
}

/* `salt` tells names apart that would be equal. */
static void write_name(const struct pseudonyms *p, struct pseudonym *n, char salt)
{
    static const char digits[] = "ABCDEFGHJKMNPQRSTVWXYZ0123456789";
    const struct str parts[] = {str_of(n->rule->id), {"\0", 1}, n->value, {&salt, 1}};
    struct hash h = hmac_of(p->key, parts, salt ? 4 : 3);
    uint64_t bits = 0;
    memcpy(n->name, start, KIND_AT);
    memcpy(n->name + KIND_AT, n->rule->code, 2);
    for (size_t i = 0; i < sizeof bits; i++)
        bits = bits << 8 | h.bytes[i];
    for (size_t i = DIGITS_AT; i < PSEUDONYM_BYTES; i++, bits >>= 5)
        n->name[i] = digits[bits & 31];
}

const struct pseudonym *pseudonym_of(struct pseudonyms *p, const struct rule *r, struct str value)
{
    unsigned b = bucket_of(value);
    for (struct pseudonym *n = p->by_value[b]; n; n = n->next_of_value)
        if (str_eq(n->value, value) && strcmp(n->rule->id, r->id) == 0)
            return n;
    struct pseudonym *n = arena_alloc(p->arena, sizeof *n);
    n->rule = r;
    n->value = (struct str){arena_strdup(p->arena, value), value.n};
    char salt = 0;
    do
        write_name(p, n, salt++);
    while (pseudonym_find(p, n->name));
    unsigned of_name = bucket_of(name_of(n));
    n->next_of_value = p->by_value[b];
    n->next_of_name = p->by_name[of_name];
    p->by_value[b] = p->by_name[of_name] = n;
    p->n++;
    return n;
}

const struct pseudonym *pseudonym_find(const struct pseudonyms *p, const char *name)
{
    const struct pseudonym *n = p->by_name[bucket_of((struct str){name, PSEUDONYM_BYTES})];
    while (n && memcmp(n->name, name, PSEUDONYM_BYTES) != 0)
        n = n->next_of_name;
    return n;
}

bool pseudonym_begins(const struct pseudonyms *p, struct str begin)
{
    size_t n = begin.n < KIND_AT ? begin.n : KIND_AT;
    if (p->n == 0 || memcmp(start, begin.p, n) != 0)
        return false;
    if (begin.n <= KIND_AT)
        return true;
    for (unsigned b = 0; b < PSEUDONYM_BUCKETS; b++)
        for (const struct pseudonym *each = p->by_name[b]; each; each = each->next_of_name)
            if (memcmp(each->name, begin.p, begin.n) == 0)
                return true;
    return false;
}
