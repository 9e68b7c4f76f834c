/*
 * conf_ref.c - ${NAME}, ${NAME:-default} and file:PATH in scalars.
 *
 * It works on the tree, after parsing, and in one pass: a value with a colon, a quote
 * or a "${" in it stays what it is.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/conf_priv.h"
#include "gateway/base/file.h"
#include "gateway/base/scope.h"

enum { VALUE_BYTES = 64 * 1024 };

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool is_letter = (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || ch == '_';
        if (!is_letter && (i == 0 || ch < '0' || ch > '9'))
            return false;
    }
    return s.n > 0;
}

static struct str cut(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

static bool starts(struct str s, struct str with)
{
    return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

/* Appends what `inside` of ${inside} stands for. */
static bool add_variable(struct conf *c, const struct conf_node *node, struct str inside,
                         struct buf *out)
{
    struct str name = inside, otherwise = {NULL, 0};
    const char *colon = memmem(inside.p, inside.n, ":-", 2);
    if (colon) {
        name.n = (size_t)(colon - inside.p);
        otherwise = cut(inside, name.n + 2);
    }
    if (!is_name(name)) {
        conf_problem(
            c, node->at,
            "'${…}' must hold the name of an environment variable; write '$${' for a plain '${'");
        return false;
    }
    const char *found = getenv(arena_strdup(&c->arena, name));
    if (colon && (!found || !*found)) {
        buf_add(out, otherwise);
        return true;
    }
    if (!found) {
        const char *quoted = conf_quote(c, name);
        conf_problem(c, node->at,
                     "the environment variable '%s' is not set; set it, or write '${%s:-default}'",
                     quoted, quoted);
        return false;
    }
    buf_add(out, str_of(found));
    return true;
}

static bool add_parts(struct conf *c, const struct conf_node *node, struct buf *out)
{
    struct str rest = node->text;
    while (rest.n) {
        const char *dollar = memchr(rest.p, '$', rest.n);
        size_t before = dollar ? (size_t)(dollar - rest.p) : rest.n;
        buf_add(out, (struct str){rest.p, before});
        rest = cut(rest, before);
        if (starts(rest, STR("$${"))) {
            buf_add(out, STR("${"));
            rest = cut(rest, 3);
        } else if (starts(rest, STR("${"))) {
            const char *end = memchr(rest.p, '}', rest.n);
            if (!end) {
                conf_problem(c, node->at, "a '${' is not closed by '}'");
                return false;
            }
            if (!add_variable(c, node, (struct str){rest.p + 2, (size_t)(end - rest.p) - 2}, out))
                return false;
            rest = cut(rest, (size_t)(end - rest.p) + 1);
        } else if (rest.n) {
            buf_add(out, (struct str){rest.p, 1});
            rest = cut(rest, 1);
        }
    }
    return true;
}

static bool add_file(struct conf *c, const struct conf_node *node, struct buf *out)
{
    const char *path = conf_path(c, cut(node->text, strlen("file:")));
    struct err err = {0};
    SCOPED(scope_free) char *text = file_read(path, VALUE_BYTES, &err);
    if (!text) {
        conf_problem(c, node->at, "cannot take this value from its file: %s", err.detail);
        return false;
    }
    struct str value = str_of(text);
    if (value.n && value.p[value.n - 1] == '\n')
        value.n--;
    if (value.n && value.p[value.n - 1] == '\r')
        value.n--;
    buf_add(out, value);
    return true;
}

static void expand_scalar(struct conf *c, struct conf_node *node)
{
    bool is_file = starts(node->text, STR("file:"));
    if (!is_file && !memmem(node->text.p, node->text.n, "${", 2))
        return;
    SCOPED(buf_done) struct buf out = BUF_INIT(VALUE_BYTES);
    bool done = is_file ? add_file(c, node, &out) : add_parts(c, node, &out);
    if (done && !buf_ok(&out))
        conf_problem(c, node->at, "this becomes longer than %d bytes", VALUE_BYTES);
    node->text =
        (struct str){arena_strdup(&c->arena, done ? buf_str(&out) : STR("")), done ? out.n : 0};
    node->hidden = true;
    node->lost = !done;
}

void conf_expand(struct conf *c, struct conf_node *node)
{
    if (node->expanded)
        return;
    node->expanded = true;
    if (node->kind == CONF_SCALAR)
        expand_scalar(c, node);
    for (size_t i = 0; i < node->n; i++)
        conf_expand(c, node->entries[i].value);
}
