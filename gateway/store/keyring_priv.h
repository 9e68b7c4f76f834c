/* keyring_priv.h - how a keyring is made. */
#ifndef GATEWAY_STORE_KEYRING_PRIV_H
#define GATEWAY_STORE_KEYRING_PRIV_H

#include "gateway/store/keyring.h"
#include "gateway/store/sql_priv.h"

struct keyring *keyring_read(const struct store *s, const struct hash *hash_key, struct err *err);

#endif
