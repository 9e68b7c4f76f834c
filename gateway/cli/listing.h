/* listing.h - what the commands share that list things. */
#ifndef GATEWAY_CLI_LISTING_H
#define GATEWAY_CLI_LISTING_H

#include <stddef.h>

#include "gateway/cli/args.h"

/*
 * All of a `list` without words: what GET `path` of /admin/v1 answers, as show_table()
 * has it or, with --json, as it is.  The result is the exit code.
 */
int listing_run(const struct args *a, const char *path, const char *const *columns, size_t n);

#endif
