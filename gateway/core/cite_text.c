#include "gateway/core/cite_text.h"

#include <stdlib.h>

#include "gateway/base/mem.h"

void cite_text_init(struct cite_text *c)
{
    *c = (struct cite_text){.held = BUF_INIT(SIZE_MAX)};
}

void cite_text_done(struct cite_text *c)
{
    buf_done(&c->held);
    free(c->marks);
    c->marks = NULL;
    c->n_marks = c->room = 0;
}

enum mark { MARK_none, MARK_whole, MARK_begun };

/* Of what stands at the beginning of s: " [12]" or "[12]"; *bytes of it, and its number. */
static enum mark mark_at(struct str s, size_t *bytes, unsigned *number)
{
    size_t i = s.n && s.p[0] == ' ';
    *number = 0;
    if (i == s.n)
        return MARK_begun;
    if (s.p[i++] != '[')
        return MARK_none;
    size_t first = i;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        if (i - first == MARK_DIGITS)
            return MARK_none;
        *number = *number * 10 + (unsigned)(s.p[i] - '0');
    }
    if (i == s.n)
        return MARK_begun;
    *bytes = i + 1;
    return i > first && s.p[i] == ']' ? MARK_whole : MARK_none;
}

static void note(struct cite_text *c, unsigned number)
{
    if (c->n_marks == c->room) {
        c->room = c->room ? 2 * c->room : 8;
        c->marks = mem_realloc(c->marks, c->room * sizeof *c->marks);
    }
    c->marks[c->n_marks++] = number;
}

void cite_text_add(struct cite_text *c, struct str text, bool last, unsigned n, struct buf *out)
{
    buf_add(&c->held, text);
    struct str all = buf_str(&c->held);
    size_t from = 0, i = 0, bytes = 0;
    unsigned number;
    while (i < all.n) {
        enum mark mark = MARK_none;
        if (all.p[i] == ' ' || all.p[i] == '[')
            mark = mark_at((struct str){all.p + i, all.n - i}, &bytes, &number);
        if (mark == MARK_begun && !last)
            break;
        if (mark != MARK_whole) {
            i++;
            continue;
        }
        bool resolves = number >= 1 && number <= n;
        if (resolves)
            note(c, number);
        else
            buf_add(out, (struct str){all.p + from, i - from});
        c->removed += !resolves;
        i += bytes;
        from = resolves ? from : i;
    }
    buf_add(out, (struct str){all.p + from, i - from});
    buf_drop(&c->held, i);
}
