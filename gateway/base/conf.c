/* conf.c - what belongs to the whole text: its memory, its paths, its problems. */
#include "gateway/base/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/conf_priv.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"

enum { PROBLEMS_MAX = 100, PROBLEM_BYTES = 1024, QUOTE_BYTES = 64 };

struct conf *conf_new(const char *file)
{
    struct conf *c = NEW(struct conf);
    arena_init(&c->arena);
    c->file = arena_strdup(&c->arena, str_of(file));
    return c;
}

void conf_free(struct conf *c)
{
    if (!c)
        return;
    arena_done(&c->arena);
    free(c->problems);
    free(c);
}

struct arena *conf_arena(struct conf *c)
{
    return &c->arena;
}

const char *conf_path(struct conf *c, struct str path)
{
    const char *slash = strrchr(c->file, '/');
    const char *plain = arena_strdup(&c->arena, path);
    if (!slash || (path.n && path.p[0] == '/'))
        return plain;
    struct buf beside = BUF_INIT(path.n + strlen(c->file));
    buf_add(&beside, (struct str){c->file, (size_t)(slash - c->file) + 1});
    buf_add(&beside, path);
    const char *found =
        access(beside.p, F_OK) == 0 ? arena_strdup(&c->arena, buf_str(&beside)) : plain;
    buf_done(&beside);
    return found;
}

static const struct conf_node *member(const struct conf_node *map, struct str name)
{
    for (size_t i = 0; map->kind == CONF_MAP && i < map->n; i++)
        if (str_eq(map->entries[i].name, name))
            return map->entries[i].value;
    return NULL;
}

struct conf_place conf_find(const struct conf_node *root, const char *path)
{
    struct str rest = str_of(path), name;
    while (str_next(&rest, '.', &name)) {
        const struct conf_node *next = member(root, name);
        if (!next)
            break;
        root = next;
    }
    return root->at;
}

void conf_problem(struct conf *c, struct conf_place at, const char *fmt, ...)
{
    if (c->n_problems == PROBLEMS_MAX)
        return;
    char text[PROBLEM_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (c->n_problems == c->cap_problems) {
        c->cap_problems = c->cap_problems ? 2 * c->cap_problems : 8;
        c->problems = mem_realloc(c->problems, c->cap_problems * sizeof *c->problems);
    }
    c->problems[c->n_problems++] = (struct conf_problem){at, arena_strdup(&c->arena, str_of(text))};
}

size_t conf_problems(const struct conf *c)
{
    return c->n_problems;
}

static bool is_after(struct conf_place a, struct conf_place b)
{
    return a.line != b.line ? a.line > b.line : a.column > b.column;
}

/* Insertion, for it keeps those of one place in the order they were found. */
static void sort_problems(struct conf_problem *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct conf_problem one = p[i];
        size_t at = i;
        for (; at > 0 && is_after(p[at - 1].at, one.at); at--)
            p[at] = p[at - 1];
        p[at] = one;
    }
}

size_t conf_report(struct conf *c, void (*complain)(void *arg, const char *line), void *arg)
{
    sort_problems(c->problems, c->n_problems);
    for (size_t i = 0; i < c->n_problems; i++) {
        const struct conf_problem *p = &c->problems[i];
        struct buf line = BUF_INIT(PROBLEM_BYTES + strlen(c->file) + 32);
        if (p->at.line)
            buf_addf(&line, "%s:%u:%u: ", c->file, p->at.line, p->at.column);
        buf_add(&line, str_of(p->text));
        complain(arg, line.p);
        buf_done(&line);
    }
    size_t n = c->n_problems;
    c->n_problems = 0;
    return n;
}

const char *conf_quote(struct conf *c, struct str text)
{
    struct buf out = BUF_INIT(QUOTE_BYTES + sizeof "…");
    while (text.n) {
        size_t n = utf8_len(text);
        bool is_odd =
            n == 0 || (unsigned char)text.p[0] < ' ' || text.p[0] == 0x7f ||
            (n == 2 && (unsigned char)text.p[0] == 0xc2 && (unsigned char)text.p[1] < 0xa0);
        if (n == 0)
            n = 1;
        if (out.n + n > QUOTE_BYTES) {
            buf_add(&out, STR("…"));
            break;
        }
        buf_add(&out, is_odd ? STR("?") : (struct str){text.p, n});
        text.p += n;
        text.n -= n;
    }
    const char *quoted = arena_strdup(&c->arena, buf_str(&out));
    buf_done(&out);
    return quoted;
}
