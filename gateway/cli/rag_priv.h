/* rag_priv.h - the subcommands of `rag`, and what they share. */
#ifndef GATEWAY_CLI_RAG_PRIV_H
#define GATEWAY_CLI_RAG_PRIV_H

#include <stdbool.h>

#include "gateway/cli/cli.h"

enum { RAG_PATH_BYTES = 256 };

extern const struct command rag_ingest, rag_search;

/* "/rag/NAME/verb"; false, with *err: that is no collection's name. */
bool rag_path(const char *collection, const char *verb, char path[RAG_PATH_BYTES], struct err *err);

#endif
