/*
 * table.h - rows as people and programs want to see them.
 *
 * A table is a JSON array of objects, whose members are the columns, in order; the first
 * names the row, and the last is a sentence about it.
 */
#ifndef GATEWAY_CLI_TABLE_H
#define GATEWAY_CLI_TABLE_H

#include <jansson.h>
#include <stdbool.h>

#include "gateway/base/str.h"

enum table_format { TABLE_text, TABLE_json, TABLE_markdown, TABLE_man };

bool table_format_parse(const char *word, enum table_format *format);

/* Appends the table: aligned columns, a JSON document, a table of Markdown, paragraphs for man(7).
 */
void table_write(struct buf *out, const json_t *rows, enum table_format format);

#endif
