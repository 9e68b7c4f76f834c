#include "gateway/cli/show.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/base/str.h"
#include "gateway/base/utf8.h"

enum { CELL_MAX_BYTES = 4096, COLUMNS_MAX = 32, SECONDS_BYTES = sizeof "2026-01-31T23:59:59" - 1 };

void show_json(const json_t *doc)
{
    SCOPED(scope_free) char *text = json_dumps(doc, 0);
    out_print("%s\n", text ? text : "null");
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static void add_list(struct buf *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_addf(out, "%s%s", i ? "," : "", json_string_value(json_array_get(list, i)));
}

/* A time in a table is a date that people can read; in CSV it stays the number. */
static void add_cell(struct buf *out, const json_t *v, const char *member, bool people)
{
    char time[CLOCK_TEXT_BYTES];
    if (json_is_string(v)) {
        buf_add(out, (struct str){json_string_value(v), json_string_length(v)});
    } else if (json_is_integer(v) && people && ends_in(member, "_ms")) {
        clock_text(json_integer_value(v), time);
        buf_addf(out, "%.*sZ", SECONDS_BYTES, time);
    } else if (json_is_integer(v)) {
        buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    } else if (json_is_boolean(v)) {
        buf_add(out, json_is_true(v) ? STR("yes") : STR("no"));
    } else if (json_is_array(v)) {
        add_list(out, v);
    }
    if (people && out->n == 0)
        buf_add(out, STR("-"));
}

static void print_cell(struct str s, size_t width, bool right, bool end)
{
    int fill = (int)(width - utf8_count(s));
    if (right)
        out_print("%*s" STR_FMT, fill, "", STR_ARG(s));
    else
        out_print(STR_FMT "%*s", STR_ARG(s), end ? 0 : fill, "");
    out_print(end ? "\n" : "  ");
}

/* The unit at the end of a member's name is left out where its cells show it. */
static void add_title(struct buf *out, const char *member)
{
    size_t n = strlen(member) - (ends_in(member, "_ms") ? 3 : 0);
    for (size_t i = 0; i < n; i++) {
        char up = member[i] == '_' ? ' ' : member[i];
        if (up >= 'a' && up <= 'z')
            up = (char)(up - 'a' + 'A');
        buf_add(out, (struct str){&up, 1});
    }
}

struct table {
    const char *const *members;
    size_t n;
    size_t width[COLUMNS_MAX];
    bool right[COLUMNS_MAX];
};

static void measure(struct table *t, const json_t *row)
{
    for (size_t i = 0; i < t->n; i++) {
        const json_t *v = json_object_get(row, t->members[i]);
        SCOPED(buf_done) struct buf cell = BUF_INIT(CELL_MAX_BYTES);
        add_cell(&cell, v, t->members[i], true);
        size_t width = utf8_count(buf_str(&cell));
        if (width > t->width[i])
            t->width[i] = width;
        t->right[i] |= (json_is_integer(v) && !ends_in(t->members[i], "_ms")) ||
                       ends_in(t->members[i], "_usd");
    }
}

static void print_row(const struct table *t, const json_t *row)
{
    for (size_t i = 0; i < t->n; i++) {
        SCOPED(buf_done) struct buf cell = BUF_INIT(CELL_MAX_BYTES);
        add_cell(&cell, json_object_get(row, t->members[i]), t->members[i], true);
        print_cell(buf_str(&cell), t->width[i], t->right[i], i + 1 == t->n);
    }
}

void show_table(const json_t *rows, const char *const *members, size_t n, const json_t *last)
{
    struct table t = {.members = members, .n = n < COLUMNS_MAX ? n : COLUMNS_MAX};
    for (size_t i = 0; i < t.n; i++)
        t.width[i] = strlen(members[i]);
    for (size_t i = 0; i < json_array_size(rows); i++)
        measure(&t, json_array_get(rows, i));
    if (last)
        measure(&t, last);
    for (size_t i = 0; i < t.n; i++) {
        SCOPED(buf_done) struct buf title = BUF_INIT(CELL_MAX_BYTES);
        add_title(&title, members[i]);
        print_cell(buf_str(&title), t.width[i], t.right[i], i + 1 == t.n);
    }
    for (size_t i = 0; i < json_array_size(rows); i++)
        print_row(&t, json_array_get(rows, i));
    if (last)
        print_row(&t, last);
}

static void print_field(struct str s)
{
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++)
        quoted |= strchr(",\"\r\n", s.p[i]) != NULL;
    if (!quoted) {
        out_print(STR_FMT, STR_ARG(s));
        return;
    }
    out_print("\"");
    for (size_t i = 0; i < s.n; i++)
        out_print(s.p[i] == '"' ? "\"\"" : "%c", s.p[i]);
    out_print("\"");
}

void show_csv(const json_t *rows, const char *const *members, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out_print("%s%s", members[i], i + 1 == n ? "\n" : ",");
    for (size_t r = 0; r < json_array_size(rows); r++)
        for (size_t i = 0; i < n; i++) {
            SCOPED(buf_done) struct buf cell = BUF_INIT(CELL_MAX_BYTES);
            add_cell(&cell, json_object_get(json_array_get(rows, r), members[i]), members[i],
                     false);
            print_field(buf_str(&cell));
            out_print(i + 1 == n ? "\n" : ",");
        }
}
