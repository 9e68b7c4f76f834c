/*
 * treat.h - does to findings what their rules say, and keeps count.
 *
 * Belongs to one exchange (or one run of a command); all memory is its arena's.
 */
#ifndef POLICY_TREAT_H
#define POLICY_TREAT_H

#include "policy/pseudonym.h"
#include "policy/policy.h"

enum { HIT_HASHES = 4, HIT_HASH_BYTES = 13 };

/* What one rule found in one direction, and what was done. */
struct hit {
    const struct rule *rule;
    enum direction direction;
    enum action action;
    unsigned count;
    unsigned n_hashes; /* of the first different values, if the rule's logs allow it */
    char hashes[HIT_HASHES][HIT_HASH_BYTES];
    struct hit *next;
};

/* A finding, decoded. */
struct found {
    const struct rule *rule;
    struct str value;
    bool blocks; /* whatever the rule says */
};

struct treatment {
    struct arena *arena;
    const struct policy_set *set;
    struct pseudonyms names;
    /* Derives the keys when they are first needed: of the scope's pseudonyms, and of hashes. */
    void (*keys)(void *arg, struct hash *pseudonym, struct hash *hash);
    void *arg;
    struct hmac *hash_key;
    struct hit *hits;              /* newest first */
    const struct rule *blocked_by; /* NULL: nothing blocks */
};

/* `keys` may be called later, as long as t is used. */
void treatment_init(struct treatment *t, struct arena *a, const struct policy_set *set,
                    void (*keys)(void *arg, struct hash *pseudonym, struct hash *hash), void *arg);

/*
 * Counts the finding and appends what stands there instead; for a flag that is nothing,
 * and false: it stays.  A rule that blocks sets t->blocked_by.
 */
bool treatment_apply(struct treatment *t, enum direction d, const struct found *f, struct buf *out);

/* The worst that was done so far: "clean", "flagged", "redacted", "blocked". */
const char *treatment_verdict(const struct treatment *t);

/*
 * Appends what was found as a JSON array of at most `max` bytes, of what the rules let
 * logs hold; what has no room is left out.  Nothing at all: nothing is appended.
 */
void treatment_write(const struct treatment *t, size_t max, struct buf *out);

#endif
