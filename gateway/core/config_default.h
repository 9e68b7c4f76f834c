/*
 * config_default.h - the embedded default: what the gateway runs with where no config is.
 */
#ifndef GATEWAY_CORE_CONFIG_DEFAULT_H
#define GATEWAY_CORE_CONFIG_DEFAULT_H

#include "gateway/provider/dialect.h"

/*
 * Appends it as YAML: the built-in sim/ models; a provider, and the wildcard NAME/ and
 * star, for each dialect whose key is in the environment; and the same for each that
 * lives on this machine and of which has() says that it is there.  `has` may be NULL.
 */
void config_default(struct buf *yaml, bool (*has)(void *arg, const struct dialect *d), void *arg);

#endif
