/*
 * keyring.h - who may call, in memory.
 *
 * An immutable snapshot of teams and keys, counted, replaced whole when one of them
 * changes.  A key is found by HMAC of its secret and compared in constant time; no
 * secret is kept.
 */
#ifndef GATEWAY_STORE_KEYRING_H
#define GATEWAY_STORE_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/str.h"
#include "gateway/store/limits.h"
#include "gateway/store/purse.h"
#include "gateway/store/store.h"

struct keyring;

struct key {
    const char *id;   /* "key_…" */
    const char *team;
    const char *name; /* "" if it has none */
    const char *const *models; /* globs; NULL-terminated; empty: none */
    const char *const *tags;   /* NULL-terminated */
    int64_t expires_ms; /* wall clock; 0: never */
    bool admin;         /* may use /admin/v1, and no models */
    struct limits limits; /* its own, else its team's; what is open is the config's */
    struct pace *pace;    /* what it has used of them; NULL: it is not counted */
    struct purse *purses[PURSES_MAX]; /* its budgets, then its team's; by their length */
    unsigned n_purses;
};

/* Who owns the data directory and asks over its control socket: of no team, may use every model. */
extern const struct key keyring_operator;

struct keyring *keyring_current(struct store *s); /* a new reference */
bool keyring_is_current(struct store *s, const struct keyring *k); /* takes no lock */
struct keyring *keyring_ref(struct keyring *k);
void keyring_unref(struct keyring *k); /* NULL is fine */

/* NULL: unknown, revoked or expired.  Lives as long as the keyring. */
const struct key *keyring_find(const struct keyring *k, struct str secret, int64_t wall_ms);

/* The same by its id, whoever asks; NULL: there is none. */
const struct key *keyring_find_id(const struct keyring *k, struct str id);

bool key_may_use(const struct key *k, struct str model);

#endif
