#include "eval/csv.h"

#include "gateway/base/scope.h"

void csv_init(struct csv *c, struct str text)
{
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = (struct str){text.p + 3, text.n - 3};
    *c = (struct csv){text, 1, 1};
}

static char peek(const struct csv *c)
{
    return c->rest.n ? c->rest.p[0] : '\0';
}

/* Columns are characters. */
static char take(struct csv *c)
{
    char b = c->rest.p[0];
    c->rest = (struct str){c->rest.p + 1, c->rest.n - 1};
    c->column += ((unsigned char)b & 0xc0) != 0x80;
    if (b == '\n') {
        c->line++;
        c->column = 1;
    }
    return b;
}

static const char *read_quoted(struct csv *c, struct buf *out)
{
    take(c);
    while (c->rest.n) {
        char b = take(c);
        if (b == '"' && peek(c) != '"') {
            if (c->rest.n && peek(c) != ',' && peek(c) != '\n' && peek(c) != '\r')
                return "behind a closing quote stands neither a comma nor the end of the line";
            return NULL;
        }
        if (b == '"')
            take(c);
        buf_add(out, (struct str){&b, 1});
    }
    return "a quote is not closed";
}

static const char *read_field(struct csv *c, struct csv_field *f, struct arena *a)
{
    f->at = (struct conf_place){c->line, c->column};
    if (peek(c) == '"') {
        SCOPED(buf_done) struct buf out = BUF_INIT(c->rest.n);
        const char *problem = read_quoted(c, &out);
        f->text = (struct str){arena_strdup(a, buf_str(&out)), out.n};
        return problem;
    }
    struct str text = {c->rest.p, 0};
    while (c->rest.n && peek(c) != ',' && peek(c) != '\n' && peek(c) != '\r') {
        take(c);
        text.n++;
    }
    f->text = (struct str){arena_strdup(a, text), text.n};
    return NULL;
}

bool csv_next(struct csv *c, struct csv_row *row, struct arena *a, const char **problem,
              struct conf_place *at)
{
    row->n = 0;
    *problem = NULL;
    while (c->rest.n && (peek(c) == '\n' || peek(c) == '\r'))
        take(c);
    while (c->rest.n && row->n < CSV_FIELDS_MAX) {
        struct csv_field *f = &row->fields[row->n++];
        *problem = read_field(c, f, a);
        *at = f->at;
        if (*problem)
            return false;
        if (peek(c) != ',')
            return true;
        take(c);
        if (!c->rest.n)
            row->fields[row->n++] = (struct csv_field){STR(""), {c->line, c->column}};
    }
    if (row->n == CSV_FIELDS_MAX) {
        *at = (struct conf_place){c->line, c->column};
        *problem = "more than 255 fields in a line";
        return false;
    }
    return row->n > 0;
}
