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

void shape_first(const char *shape, bool first[256], int *second)
{
    struct item i, after;
    const char *p = next_item(shape, &i);
    for (unsigned b = 0; b < 256; b++)
        first[b] = fits(&i, (char)b);
    next_item(p, &after);
    *second = i.max == 1 && *p && after.kind == '=' ? (unsigned char)after.byte : -1;
}

/* Separators: the first decides for all. */
static bool same_separator(int *separator, char c)
{
    if (*separator < 0)
        *separator = c;
    return *separator == c;
}

static enum scan_answer match_shape(const struct view *v, size_t *end)
{
    struct str text = v->text;
    size_t at = v->at;
    int separator = -1;
    struct item i;
    for (const char *p = v->d->shape; *p;) {
        p = next_item(p, &i);
        unsigned n = 0;
        while (n < i.max && at + n < text.n && fits(&i, text.p[at + n]))
            n++;
        if (n < i.max && at + n == text.n && !v->final)
            return SCAN_MORE;
        if (n < i.min || (i.kind == '-' && !same_separator(&separator, n ? text.p[at] : '\0')))
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
