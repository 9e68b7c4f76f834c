/*
 * pseudonym.h - names that stand for values, and the way back.
 *
 * A name is "PII", two letters for the kind, and ten digits of base 32 of an HMAC of kind
 * and value: letters and digits only, so that Markdown, HTML, JSON, shells and URLs leave
 * it alone.  The key is that of a scope (a team's conversation), so the same value has
 * the same name there, in every turn, and another one elsewhere; nothing is stored.
 * Equal means equal byte for byte.
 *
 * The way back is this map and nothing else: it holds what was found in one request (and
 * its answer).  A name that is not in it stays as it is, whoever made it.
 *
 * Belongs to one exchange.
 */
#ifndef POLICY_PSEUDONYM_H
#define POLICY_PSEUDONYM_H

#include "gateway/base/arena.h"
#include "gateway/base/crypto.h"
#include "policy/rule.h"

enum { PSEUDONYM_BYTES = 15 };

struct pseudonym {
    char name[PSEUDONYM_BYTES];
    const struct rule *rule;
    struct str value;                               /* in the arena */
    struct pseudonym *next_of_name, *next_of_value; /* in their buckets */
};

enum { PSEUDONYM_BUCKETS = 64 };

struct pseudonyms {
    struct arena *arena;
    struct hmac *key;
    struct pseudonym *by_name[PSEUDONYM_BUCKETS], *by_value[PSEUDONYM_BUCKETS];
    unsigned n;
};

/* All zero is an empty map; the key is made with the first name.  The scope's key is derived by the
 * caller. */
void pseudonyms_init(struct pseudonyms *p, struct arena *a);
void pseudonyms_key(struct pseudonyms *p, const struct hash *scope);

const struct pseudonym *pseudonym_of(struct pseudonyms *p, const struct rule *r,
                                     struct str value); /* minted if need be */
const struct pseudonym *pseudonym_find(const struct pseudonyms *p,
                                       const char *name); /* PSEUDONYM_BYTES; NULL: none */

/* Is `begin`, shorter than a name, how one of them begins? */
bool pseudonym_begins(const struct pseudonyms *p, struct str begin);

#endif
