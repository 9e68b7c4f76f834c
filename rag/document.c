#include "rag/document.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"
#include "rag/blob.h"
#include "rag/document_priv.h"

enum { PATH_MAX_BYTES = 4096, LINE_BYTES = 4096 + 512 };

static const struct format {
    const char *suffix;
    void (*read)(struct source *s);
} formats[] = {
#define FORMAT(suffix, name) {suffix, read_##name},
#include "rag/format_list.h"
};

void corpus_init(struct corpus *c, void (*complain)(void *arg, const char *line), void *arg)
{
    *c = (struct corpus){.complain = complain, .arg = arg};
    arena_init(&c->arena);
}

void corpus_done(struct corpus *c)
{
    free(c->documents);
    arena_done(&c->arena);
    *c = (struct corpus){0};
}

static const struct format *format_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(dot + 1, formats[i].suffix) == 0)
            return &formats[i];
    return NULL;
}

bool document_is_known(const char *path)
{
    return format_of(path) != NULL;
}

static void complain(struct corpus *c, const char *file, size_t line, size_t column,
                     const char *fmt, va_list ap)
{
    struct buf text = BUF_INIT(LINE_BYTES);
    char what[512];
    vsnprintf(what, sizeof what, fmt, ap);
    buf_addf(&text, "%s:%zu:%zu: %s", file, line, column, what);
    c->problems++;
    c->complain(c->arg, text.p);
    buf_done(&text);
}

void corpus_problem(struct corpus *c, const char *file, size_t line, size_t column, const char *fmt,
                    ...)
{
    va_list ap;
    va_start(ap, fmt);
    complain(c, file, line, column, fmt, ap);
    va_end(ap);
}

void source_problem(struct source *s, size_t at, const char *fmt, ...)
{
    size_t line = 1, begins = 0, end = at < s->bytes.n ? at : s->bytes.n;
    for (size_t i = 0; i < end; i++)
        if (s->bytes.p[i] == '\n') {
            line++;
            begins = i + 1;
        }
    size_t column = 1 + utf8_count((struct str){s->bytes.p + begins, end - begins});
    va_list ap;
    va_start(ap, fmt);
    complain(s->corpus, s->file, line, column, fmt, ap);
    va_end(ap);
}

bool text_is_blank(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!strchr(" \t\r\n\f\v", text.p[i]) || !text.p[i])
            return false;
    return true;
}

bool source_is_text(struct source *s)
{
    if (s->bytes.n >= 2 &&
        (memcmp(s->bytes.p, "\xFF\xFE", 2) == 0 || memcmp(s->bytes.p, "\xFE\xFF", 2) == 0)) {
        source_problem(s, 0, "the file is UTF-16; save it as UTF-8");
        return false;
    }
    for (size_t i = 0; i < s->bytes.n;) {
        size_t n = utf8_len((struct str){s->bytes.p + i, s->bytes.n - i});
        if (n == 0)
            source_problem(s, i, "the byte 0x%02x is not UTF-8; save the file as UTF-8",
                           (unsigned char)s->bytes.p[i]);
        else if (!s->bytes.p[i])
            source_problem(s, i,
                           "a zero byte: this is no text; remove it, or give the file the suffix "
                           "of its format");
        if (n == 0 || !s->bytes.p[i])
            return false;
        i += n;
    }
    if (text_is_blank(s->bytes))
        source_problem(s, 0, "the file is empty; write something into it, or remove it");
    return !text_is_blank(s->bytes);
}

static const struct section *whole(struct arena *a, struct str text)
{
    struct section *one = arena_alloc(a, sizeof *one);
    one->heading = STR("");
    one->to = text.n;
    return one;
}

void source_add(struct source *s, const struct document *d, size_t line, size_t column)
{
    struct corpus *c = s->corpus;
    char place[PATH_MAX_BYTES + 32];
    if (c->n == c->room) {
        c->room = c->room ? 2 * c->room : 64;
        c->documents = mem_realloc(c->documents, c->room * sizeof *c->documents);
    }
    snprintf(place, sizeof place, "%s:%zu:%zu", s->file, line, column);
    struct document *to = &c->documents[c->n++];
    *to = *d;
    to->version = crypto_sha256(d->text);
    to->place = arena_strdup(&c->arena, str_of(place));
    if (!to->n_sections) {
        to->sections = whole(&c->arena, d->text);
        to->n_sections = 1;
    }
}

void outline_heading(struct outline *o, unsigned level, struct str heading, size_t at)
{
    outline_end(o, at);
    o->levels[level - 1] = heading;
    for (unsigned i = level; i < 6; i++)
        o->levels[i] = STR("");
    struct buf path = BUF_INIT(DOCUMENT_TITLE_BYTES);
    for (unsigned i = 0; i < level; i++)
        if (o->levels[i].n) {
            buf_add(&path, path.n ? STR(" > ") : STR(""));
            buf_add(&path, o->levels[i]);
        }
    if (o->n == o->room) { /* what was outgrown stays in the arena */
        o->room = o->room ? 2 * o->room : 16;
        struct section *more = arena_alloc(o->arena, o->room * sizeof *more);
        if (o->n)
            memcpy(more, o->v, o->n * sizeof *more);
        o->v = more;
    }
    o->v[o->n++] = (struct section){{arena_strdup(o->arena, buf_str(&path)), path.n}, at, at};
    buf_done(&path);
}

void outline_end(struct outline *o, size_t at)
{
    if (o->n)
        o->v[o->n - 1].to = at;
}

static void add_file(struct corpus *c, const char *path, const char *id)
{
    const struct format *f = format_of(path);
    struct err err = {0};
    if (!f) {
        c->skipped++;
        return;
    }
    struct str bytes;
    if (!blob_read(path, DOCUMENT_MAX_BYTES, &bytes, &err)) {
        corpus_problem(c, path, 1, 1, "%s; a document is a readable file of at most 64 MiB",
                       err.detail);
        return;
    }
    arena_defer(&c->arena, free, (char *)bytes.p);
    struct source s = {c, arena_strdup(&c->arena, str_of(path)), {0}, bytes};
    s.id = (struct str){arena_strdup(&c->arena, str_of(id)), strlen(id)};
    f->read(&s);
}

static void add_folder(struct corpus *c, const char *path, const char *below);

static void add_entry(struct corpus *c, const char *folder, const char *below, const char *name)
{
    char path[PATH_MAX_BYTES], id[PATH_MAX_BYTES];
    struct stat st;
    int a = snprintf(path, sizeof path, "%s/%s", folder, name);
    int b = snprintf(id, sizeof id, "%s%s%s", below, *below ? "/" : "", name);
    if (a >= (int)sizeof path || b >= (int)sizeof id || lstat(path, &st) != 0)
        return;
    if (S_ISDIR(st.st_mode))
        add_folder(c, path, id);
    else if (S_ISREG(st.st_mode))
        add_file(c, path, id);
}

static void add_folder(struct corpus *c, const char *path, const char *below)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0)
        corpus_problem(c, path, 1, 1, "%s; give a folder that can be read", strerror(errno));
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.')
            add_entry(c, path, below, names[i]->d_name);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

void corpus_add(struct corpus *c, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        corpus_problem(c, path, 1, 1, "%s; give a file or a folder that is there", strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        add_folder(c, path, "");
    } else {
        const char *slash = strrchr(path, '/');
        if (!format_of(path))
            corpus_problem(c, path, 1, 1,
                           "no format has this suffix; use .md, .txt, .html, .pdf or .jsonl");
        else
            add_file(c, path, slash ? slash + 1 : path);
    }
}

static int by_id(const void *a, const void *b)
{
    const struct document *x = *(const struct document *const *)a,
                          *y = *(const struct document *const *)b;
    size_t n = x->id.n < y->id.n ? x->id.n : y->id.n;
    int c = memcmp(x->id.p, y->id.p, n);
    if (c == 0 && x->id.n != y->id.n)
        c = x->id.n < y->id.n ? -1 : 1;
    return c ? c : (x > y) - (x < y);
}

void corpus_check(struct corpus *c)
{
    const struct document **sorted = mem_zalloc((c->n + 1) * sizeof *sorted);
    for (size_t i = 0; i < c->n; i++)
        sorted[i] = &c->documents[i];
    qsort(sorted, c->n, sizeof *sorted, by_id);
    for (size_t i = 1; i < c->n; i++)
        if (str_eq(sorted[i - 1]->id, sorted[i]->id)) {
            struct buf line = BUF_INIT(LINE_BYTES);
            buf_addf(&line, "%s: the id '%.64s' stands at %s already; give each document its own",
                     sorted[i]->place, sorted[i]->id.p, sorted[i - 1]->place);
            c->problems++;
            c->complain(c->arg, line.p);
            buf_done(&line);
        }
    free(sorted);
}
