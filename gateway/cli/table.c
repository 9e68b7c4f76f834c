#include "gateway/cli/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"

enum { COLUMNS_MAX = 16, CELL_BYTES = 4096 };

bool table_format_parse(const char *word, enum table_format *format)
{
    static const char *const words[] = {"text", "json", "markdown", "man"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i]) == 0) {
            *format = i;
            return true;
        }
    return false;
}

static void cell_text(struct buf *out, const json_t *v)
{
    if (json_is_string(v))
        buf_add(out, (struct str){json_string_value(v), json_string_length(v)});
    else if (json_is_integer(v))
        buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_boolean(v))
        buf_addf(out, "%s", json_is_true(v) ? "yes" : "no");
}

static size_t cell_width(const json_t *v)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(CELL_BYTES);
    cell_text(&text, v);
    return utf8_count(buf_str(&text));
}

static void pad(struct buf *out, size_t n)
{
    buf_addf(out, "%*s", (int)n, "");
}

/* The last column is not padded, and may be as long as it likes. */
static void text_row(struct buf *out, const json_t *row, const size_t *widths)
{
    const char *name;
    json_t *v;
    size_t i = 0, columns = json_object_size(row);
    json_object_foreach((json_t *)row, name, v)
    {
        cell_text(out, v);
        if (++i < columns && i < COLUMNS_MAX)
            pad(out, widths[i - 1] - cell_width(v) + 2);
    }
    buf_add(out, STR("\n"));
}

static void write_text(struct buf *out, const json_t *rows)
{
    size_t widths[COLUMNS_MAX] = {0}, i, k;
    json_t *row, *v;
    const char *name;
    json_array_foreach(rows, i, row)
    {
        k = 0;
        json_object_foreach(row, name, v)
        {
            size_t width = cell_width(v);
            if (k < COLUMNS_MAX && width > widths[k])
                widths[k] = width;
            k++;
        }
    }
    json_array_foreach(rows, i, row) text_row(out, row, widths);
}

static void markdown_cell(struct buf *out, const json_t *v, bool is_code)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(CELL_BYTES);
    cell_text(&text, v);
    is_code = is_code && text.n > 0;
    buf_add(out, is_code ? STR(" `") : STR(" "));
    for (size_t i = 0; i < text.n; i++)
        buf_addf(out, "%s%c", text.p[i] == '|' ? "\\" : "", text.p[i]);
    buf_add(out, is_code ? STR("` |") : STR(" |"));
}

static void write_markdown(struct buf *out, const json_t *rows)
{
    size_t i;
    json_t *row, *v;
    const char *name;
    json_t *first = json_array_get(rows, 0);
    buf_add(out, STR("|"));
    json_object_foreach(first, name, v) buf_addf(out, " %s |", name);
    buf_add(out, STR("\n|"));
    json_object_foreach(first, name, v) buf_add(out, STR(" --- |"));
    buf_add(out, STR("\n"));
    json_array_foreach(rows, i, row)
    {
        size_t k = 0, columns = json_object_size(row);
        buf_add(out, STR("|"));
        json_object_foreach(row, name, v) markdown_cell(out, v, ++k < columns);
        buf_add(out, STR("\n"));
    }
}

/* A line of man(7) may not begin with a dot or a quote, and a backslash is written \e. */
static void man_text(struct buf *out, const json_t *v)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(CELL_BYTES);
    cell_text(&text, v);
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\\')
            buf_add(out, STR("\\e"));
        else if (text.p[i] == '-')
            buf_add(out, STR("\\-"));
        else
            buf_add(out, (struct str){text.p + i, 1});
}

static void man_row(struct buf *out, const json_t *row)
{
    const char *name;
    json_t *v;
    size_t k = 0, columns = json_object_size(row);
    SCOPED(buf_done) struct buf facts = BUF_INIT(CELL_BYTES);
    json_object_foreach((json_t *)row, name, v)
    {
        if (++k == 1) {
            buf_add(out, STR(".TP\n.B "));
            man_text(out, v);
            buf_add(out, STR("\n"));
        } else if (k == columns) {
            buf_add(out, STR("\\&"));
            man_text(out, v);
        } else if (cell_width(v)) {
            buf_addf(&facts, "%s%s: ", facts.n ? "; " : "", name);
            man_text(&facts, v);
        }
    }
    if (facts.n)
        buf_addf(out, "\n.br\n%s", facts.p);
    buf_add(out, STR("\n"));
}

void table_write(struct buf *out, const json_t *rows, enum table_format format)
{
    size_t i;
    json_t *row;
    switch (format) {
    case TABLE_text:
        write_text(out, rows);
        break;
    case TABLE_json: {
        SCOPED(scope_free) char *text = json_dumps(rows, JSON_INDENT(1));
        buf_addf(out, "%s\n", text);
        break;
    }
    case TABLE_markdown:
        write_markdown(out, rows);
        break;
    case TABLE_man:
        json_array_foreach(rows, i, row) man_row(out, row);
        break;
    }
}
