/*
 * detect.h - is a model server running on this machine?
 *
 * Blocks for as long as DETECT_MS at most, and not at all where nothing listens; for
 * the start of the program and for reloads.
 */
#ifndef GATEWAY_CORE_DETECT_H
#define GATEWAY_CORE_DETECT_H

#include <stdbool.h>

#include "gateway/provider/dialect.h"

enum { DETECT_MS = 200 };

/* Asks the place of a local dialect for its models; as config_default() wants it.  `arg` is
 * ignored. */
bool detect_server(void *arg, const struct dialect *d);

/* What that is made of: true if 127.0.0.1:PORT answers GET /v1/models with a list. */
bool detect_models(unsigned port);

#endif
