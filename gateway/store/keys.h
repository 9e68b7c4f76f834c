/*
 * keys.h - teams and keys as they are kept, and the changes to them.
 *
 * Each change is on disk, and in the keyring, when the function returns true.  With
 * `dry_run` everything is checked and nothing is written.  Errors: ERR_not_found,
 * ERR_conflict, ERR_bad_request, ERR_store.  They block; from any thread but a loop.
 * A secret is shown once and kept as HMAC-SHA256 under the label "key-hash".
 */
#ifndef GATEWAY_STORE_KEYS_H
#define GATEWAY_STORE_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/store/store.h"

enum { KEY_ID_BYTES = 32, KEY_SECRET_BYTES = 64, KEY_SECRET_MIN = 8, KEY_SECRET_MAX = 256 };

struct key_spec {
    const char *team, *name; /* name: "" for none */
    json_t *models, *tags;   /* arrays of strings; NULL: none */
    json_t *metadata;        /* an object; NULL: none */
    json_t *limits;          /* as limits.h reads them; NULL: those of the team */
    int64_t expires_ms;      /* wall clock; 0: never */
    bool admin;              /* has no team and no models */
    struct str secret;       /* to import; empty: a new one is made */
};

/* *secret gets the key's text, new or imported. */
bool key_create(struct store *s, const struct key_spec *k, bool dry_run, char id[KEY_ID_BYTES],
                struct buf *secret, struct err *err);
bool key_revoke(struct store *s, const char *id, bool dry_run, struct err *err);

/* The key gets another secret; the old one ends at once. */
bool key_rotate(struct store *s, const char *id, struct str import, bool dry_run,
                struct buf *secret, struct err *err);

bool team_create(struct store *s, const char *name, bool dry_run, struct err *err);

/* The limits of each key of the team that has none of its own. */
bool team_set_limits(struct store *s, const char *name, const json_t *limits, bool dry_run, struct err *err);

/* Arrays of objects, oldest first; never a secret. */
json_t *key_list(struct store *s, struct err *err);
json_t *team_list(struct store *s, struct err *err);

/* The object of one key, as in the list. */
json_t *key_show(struct store *s, const char *id, struct err *err);

/*
 * Where there is no key at all: writes data_dir/admin.key and data_dir/first.key (team
 * "default", all models), then makes both keys in one transaction; a crash before that
 * leaves files that the next start writes anew.  *made: whether it did.
 */
bool keys_first(struct store *s, bool *made, struct err *err);

#endif
