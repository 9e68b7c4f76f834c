/* show.h - what a command found, for people and for programs. */
#ifndef GATEWAY_CLI_SHOW_H
#define GATEWAY_CLI_SHOW_H

#include <jansson.h>

#include "gateway/cli/args.h"

void show_json(const json_t *doc); /* on one line */

/*
 * An array of objects as an aligned table: a column for each member, named in capitals
 * and in the order given; numbers stand to the right, null is "-".  `last`, if not
 * NULL, is one more row.
 */
void show_table(const json_t *rows, const char *const *members, size_t n, const json_t *last);

/* The same rows as CSV (RFC 4180), with a line of names. */
void show_csv(const json_t *rows, const char *const *members, size_t n);

#endif
