#include "rag/chunk.h"

#include <string.h>

#include "gateway/base/utf8.h"
#include "rag/token.h"

enum { SENTENCE_MAX_BYTES = 4096 };

struct cutting {
    const struct document *d;
    const struct section *section;
    void (*each)(void *arg, const struct section *s, size_t from, size_t to);
    void *arg;
};

struct range {
    size_t from, to;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static struct range trim(struct str t, struct range r)
{
    while (r.from < r.to && is_space(t.p[r.from]))
        r.from++;
    while (r.from < r.to && is_space(t.p[r.to - 1]))
        r.to--;
    return r;
}

static size_t words(const struct cutting *c, struct range r)
{
    return token_words((struct str){c->d->text.p + r.from, r.to - r.from});
}

static void emit(struct cutting *c, struct range r)
{
    r = trim(c->d->text, r);
    if (r.from < r.to)
        c->each(c->arg, c->section, r.from, r.to);
}

/* The end of the paragraph that begins at `at`: a line without text, or the end of a page. */
static size_t paragraph_end(struct str t, size_t at, size_t to)
{
    for (; at < to; at++) {
        if (t.p[at] == '\f')
            return at + 1;
        if (t.p[at] != '\n')
            continue;
        size_t i = at + 1;
        while (i < to && (t.p[i] == ' ' || t.p[i] == '\t' || t.p[i] == '\r'))
            i++;
        if (i >= to || t.p[i] == '\n')
            return i;
    }
    return to;
}

static const char *const enders[] = {".", "!", "?", "…", "؟", "۔"};
static const char *const full_enders[] = {"。", "！", "？", "।",
                                          "॥"}; /* no space needs to follow */

static size_t ender_at(struct str t, size_t at, const char *const *marks, size_t n)
{
    struct str rest = {t.p + at, t.n - at};
    for (size_t i = 0; i < n; i++)
        if (str_starts(rest, str_of(marks[i])))
            return strlen(marks[i]);
    return 0;
}

/* The end of the sentence that begins at `at`, white space after it included. */
static size_t sentence_end(struct str t, size_t at, size_t to)
{
    size_t most = at + SENTENCE_MAX_BYTES < to ? at + SENTENCE_MAX_BYTES : to;
    while (most < to && (t.p[most] & 0xC0) == 0x80)
        most--;
    for (size_t i = at; i < most;) {
        size_t full = ender_at(t, i, full_enders, sizeof full_enders / sizeof full_enders[0]);
        size_t mark = full ? full : ender_at(t, i, enders, sizeof enders / sizeof enders[0]);
        size_t after = i + mark;
        while (mark && after < most && strchr("\"')]", t.p[after]))
            after++;
        if (mark && (full || after >= most || is_space(t.p[after]))) {
            while (after < most && is_space(t.p[after]))
                after++;
            return after;
        }
        size_t n = utf8_len((struct str){t.p + i, most - i});
        i += mark ? mark : n ? n : 1;
    }
    return most;
}

/* Sentences until there are words enough; the last one begins the next passage too. */
static void cut_long(struct cutting *c, struct range r)
{
    struct str t = c->d->text;
    size_t from = r.from, last = r.from, n = 0;
    for (size_t at = r.from; at < r.to;) {
        size_t end = sentence_end(t, at, r.to);
        size_t more = words(c, (struct range){at, end});
        if (n && n + more > CHUNK_WORDS) {
            emit(c, (struct range){from, at});
            bool short_last = words(c, (struct range){last, at}) <= CHUNK_WORDS / 3;
            from = short_last && last > from ? last : at;
            n = from == at ? 0 : words(c, (struct range){from, at});
        }
        n += more;
        last = at;
        at = end;
    }
    emit(c, (struct range){from, r.to});
}

static void cut_section(struct cutting *c)
{
    struct str t = {c->d->text.p, c->d->text.n};
    struct range held = {c->section->from, c->section->from};
    size_t n = 0; /* words held */
    for (size_t at = c->section->from; at < c->section->to;) {
        struct range p = {at, paragraph_end(t, at, c->section->to)};
        size_t more = words(c, p);
        if (n && n + more > CHUNK_MAX_WORDS) {
            emit(c, held);
            held = (struct range){p.from, p.from};
            n = 0;
        }
        if (more > CHUNK_MAX_WORDS) {
            cut_long(c, p);
            held = (struct range){p.to, p.to};
        } else {
            held.to = p.to;
            n += more;
            if (n >= CHUNK_WORDS) {
                emit(c, held);
                held = (struct range){p.to, p.to};
                n = 0;
            }
        }
        at = p.to > at ? p.to : at + 1;
    }
    emit(c, held);
}

void chunk(const struct document *d,
           void (*each)(void *arg, const struct section *s, size_t from, size_t to), void *arg)
{
    struct cutting c = {.d = d, .each = each, .arg = arg};
    for (size_t i = 0; i < d->n_sections; i++) {
        c.section = &d->sections[i];
        cut_section(&c);
    }
}
