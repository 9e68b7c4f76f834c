/*
 * Shapes: what a number or a token looks like, in one line.
 *
 *   %d digit   %U capital   %L letter   %u small letter   %a letter or digit
 *   %A capital or digit   %2 A-Z2-7   %x 0-9a-f   %X hexadecimal   %w letter, digit, _ or -
 *   %b letter, digit, + or /   %- a space, a hyphen or nothing, the same everywhere
 *   %?c perhaps the byte c   %[a-cx] one of these
 *   {n} or {n,m} after one of the classes; anything else is itself
 *
 * As many as fit are taken, and nothing is given back: no shape needs more.
 */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "policy/scan_priv.h"

struct item {
    char kind; /* of a class; '=' a byte that is itself, '?' perhaps one, '[' one of set */
    char byte;
    struct str set;
    unsigned min, max;
};

static unsigned read_count(const char **p)
{
    unsigned n = 0;
    while (is_digit(**p))
        n = n * 10 + (unsigned)(*(*p)++ - '0');
    return n;
}

static const char *next_item(const char *p, struct item *i)
{
    *i = (struct item){.kind = '=', .byte = *p, .min = 1, .max = 1};
    if (*p++ != '%')
        return p;
    i->kind = *p++;
    i->min = i->kind != '?' && i->kind != '-';
    if (i->kind == '?') {
        i->byte = *p++;
    } else if (i->kind == '[') {
        const char *end = strchr(p, ']');
        i->set = (struct str){p, (size_t)(end - p)};
        p = end + 1;
    }
    if (*p != '{')
        return p;
    p++;
    i->min = i->max = read_count(&p);
    if (*p == ',') {
        p++;
        i->max = read_count(&p);
    }
    return p + 1;
}

/* A hyphen that begins the set is itself. */
static bool is_in_set(struct str set, char c)
{
    for (size_t i = 0; i < set.n; i++) {
        bool is_range = i > 0 && i + 1 < set.n && set.p[i] == '-';
        if (is_range ? c >= set.p[i - 1] && c <= set.p[i + 1] : c == set.p[i])
            return true;
    }
    return false;
}

static bool fits(const struct item *i, char c)
{
    switch (i->kind) {
    case 'd':
        return is_digit(c);
    case 'U':
        return is_upper(c);
    case 'L':
        return is_letter(c);
    case 'u':
        return is_letter(c) && !is_upper(c);
    case 'a':
        return is_letter(c) || is_digit(c);
    case 'A':
        return is_upper(c) || is_digit(c);
    case '2':
        return is_upper(c) || (c >= '2' && c <= '7');
    case 'x':
        return is_digit(c) || (c >= 'a' && c <= 'f');
    case 'X':
        return is_hex(c);
    case 'w':
        return is_word(c) || c == '-';
    case 'b':
        return is_letter(c) || is_digit(c) || c == '+' || c == '/';
    case '-':
        return c == ' ' || c == '-';
    case '[':
        return is_in_set(i->set, c);
    default:
        return c == i->byte;
    }
}

enum { ITEMS_MAX = 24 };

/* The rows' shapes, read once. */
static struct shape {
    struct item items[ITEMS_MAX];
    unsigned n;
    uint8_t head[256]; /* by byte: bit k: it may be the shape's byte k */
} shapes[DETECTOR_MAX];

/* Where one may be after some bytes: in which item, and how many of it were taken. */
struct state {
    unsigned item, taken;
};

enum { STATES_MAX = 64 };

/* All items that can come next, for some may be left out. */
static unsigned widen(const struct shape *s, struct state *states, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct state st = states[i];
        if (st.item < s->n && st.taken >= s->items[st.item].min && n < STATES_MAX)
            states[n++] = (struct state){st.item + 1, 0};
    }
    return n;
}

static void make_head(struct shape *s)
{
    struct state states[STATES_MAX] = {{0, 0}}, next[STATES_MAX] = {{0, 0}};
    unsigned n = 1;
    for (unsigned k = 0; k < SHAPE_HEAD_BYTES; k++) {
        unsigned n_next = 0;
        n = widen(s, states, n);
        for (unsigned i = 0; i < n; i++) {
            struct state st = states[i];
            bool ended = st.item == s->n, full = !ended && st.taken == s->items[st.item].max;
            for (unsigned b = 0; b < 256 && !full; b++)
                if (ended || fits(&s->items[st.item], (char)b))
                    s->head[b] |= (uint8_t)(1u << k);
            if (!full && n_next < STATES_MAX)
                next[n_next++] = ended ? st : (struct state){st.item, st.taken + 1};
        }
        memcpy(states, next, n_next * sizeof *next);
        n = n_next;
    }
}

static void read_shapes(void)
{
    for (unsigned row = 0; row < n_detectors; row++) {
        struct shape *s = &shapes[row];
        for (const char *p = detectors[row].shape; p && *p; s->n++) {
            assert(s->n < ITEMS_MAX);
            p = next_item(p, &s->items[s->n]);
        }
        make_head(s);
    }
}

const uint8_t *shape_head(unsigned row)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_shapes);
    return shapes[row].head;
}

/* Separators: the first decides for all. */
static bool same_separator(int *separator, char c)
{
    if (*separator < 0)
        *separator = (unsigned char)c;
    return *separator == (unsigned char)c;
}

static enum scan_answer match_shape(const struct view *v, size_t *end)
{
    struct str text = v->text;
    size_t at = v->at;
    int separator = -1;
    const struct shape *s = &shapes[v->d - detectors];
    for (const struct item *i = s->items; i < s->items + s->n; i++) {
        unsigned n = 0;
        while (n < i->max && at + n < text.n && fits(i, text.p[at + n]))
            n++;
        if (n < i->max && at + n == text.n && !v->final)
            return SCAN_MORE;
        if (n < i->min || (i->kind == '-' && !same_separator(&separator, n ? text.p[at] : '\0')))
            return SCAN_NO;
        at += n;
    }
    *end = at;
    return SCAN_YES;
}

enum scan_answer scan_number(const struct view *v, struct match *m)
{
    size_t end = v->at;
    if (scan_within(v->text, v->at))
        return SCAN_NO;
    enum scan_answer answer = match_shape(v, &end);
    *m = (struct match){v->at, end - v->at};
    return answer == SCAN_YES ? scan_number_end(v, end) : answer;
}

enum scan_answer scan_token(const struct view *v, struct match *m)
{
    size_t end = v->at;
    enum scan_answer answer = match_shape(v, &end);
    *m = (struct match){v->at, end - v->at};
    return answer == SCAN_YES ? scan_end(v, end) : answer;
}
