/* Each rule reads one buffer and writes the next, as a row of regular expressions would. */
#include "eval/treebank.h"

#include <string.h>

#include "eval/text.h"
#include "gateway/base/scope.h"

static char at(struct str s, size_t i)
{
    return i < s.n ? s.p[i] : '\0';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What may continue a word: bytes of other alphabets too. */
static bool is_word(char c)
{
    return is_letter(c) || is_digit(c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_punctuation(char c)
{
    return c && strchr("!\"#%&'()*,-./:;?@[\\]_{}", c) != NULL;
}

static void put(struct buf *out, char c)
{
    buf_add(out, (struct str){&c, 1});
}

static void put_apart(struct buf *out, struct str s)
{
    put(out, ' ');
    buf_add(out, s);
    put(out, ' ');
}

static void join_space(struct buf *out, struct str s)
{
    s = text_trim(s);
    for (size_t i = 0; i < s.n; i++)
        if (!text_is_space(s.p[i]))
            put(out, s.p[i]);
        else if (!text_is_space(at(s, i + 1)))
            put(out, ' ');
}

static bool opens(struct str s, size_t i, size_t n, bool inside)
{
    char before = i ? s.p[i - 1] : '\0';
    bool there = i + n < s.n || i == 0 || text_is_space(before) || strchr("([{<", before);
    bool context = i == 0 || text_is_space(before) || is_punctuation(before) || before == '<' ||
                   (i >= 2 && memcmp(s.p + i - 2, "``", 2) == 0);
    return there && !inside && context && !(before && strchr(".!?", before)) && n == 1;
}

static void split_quotes(struct buf *out, struct str s)
{
    bool inside = false;
    for (size_t i = 0; i < s.n;) {
        bool ticks = at(s, i) == '`' && at(s, i + 1) == '`';
        bool twice = at(s, i) == '\'' && at(s, i + 1) == '\'';
        size_t n = ticks || twice ? 2 : s.p[i] == '"' ? 1 : 0;
        if (n == 0) {
            put(out, s.p[i++]);
            continue;
        }
        inside = ticks || opens(s, i, n, inside);
        put_apart(out, inside ? STR("``") : STR("''"));
        i += n;
    }
}

/* The last period of the text, before what closes it, unless it ends "a.b". */
static size_t last_period(struct str s)
{
    size_t i = s.n;
    while (i && (text_is_space(s.p[i - 1]) || strchr("])}>'", s.p[i - 1])))
        i--;
    if (i < 2 || s.p[i - 1] != '.' || s.p[i - 2] == '.')
        return s.n;
    bool acronym =
        i >= 4 && is_letter(s.p[i - 2]) && s.p[i - 3] == '.' && is_letter(s.p[i - 4]) &&
        !(i >= 5 && (is_letter(s.p[i - 5]) || is_digit(s.p[i - 5]) || s.p[i - 5] == '_'));
    return acronym ? s.n : i - 1;
}

static void split_marks(struct buf *out, struct str s)
{
    size_t period = last_period(s);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '.' && at(s, i + 1) == '.' && at(s, i + 2) == '.') {
            put_apart(out, STR("..."));
            i += 2;
        } else if (c == '-' && at(s, i + 1) == '-') {
            put_apart(out, STR("--"));
            i++;
        } else if (strchr(";@#$%&?![](){}<>", c) ||
                   ((c == ':' || c == ',') && !is_digit(at(s, i + 1)))) {
            put_apart(out, (struct str){&c, 1});
        } else if (i == period) {
            put_apart(out, STR("."));
        } else {
            put(out, c);
        }
    }
}

/* "it's " as "it 's "; of an apostrophe at the end of a word: apart. */
static void split_apostrophes(struct buf *out, struct str s)
{
    static const char *const ends[] = {"'s", "'m", "'d", "'ll", "'re", "'ve", "n't"};
    for (size_t i = 0; i < s.n; i++) {
        size_t n = 0;
        for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++) {
            struct str end = str_of(ends[k]);
            if (str_starts((struct str){s.p + i, s.n - i}, end) && at(s, i + end.n) == ' ')
                n = end.n;
        }
        if (n) {
            put_apart(out, (struct str){s.p + i, n});
            i += n - 1;
        } else if (s.p[i] == '\'' && at(s, i + 1) == ' ' && i && s.p[i - 1] != '\'') {
            put_apart(out, STR("'"));
        } else {
            put(out, s.p[i]);
        }
    }
}

static void split_contractions(struct buf *out, struct str s)
{
    static const struct {
        struct str first, second;
    } words[] = {
        {STR("can"), STR("not")}, {STR("d"), STR("'ye")},  {STR("gim"), STR("me")},
        {STR("gon"), STR("na")},  {STR("got"), STR("ta")}, {STR("lem"), STR("me")},
        {STR("more"), STR("'n")}, {STR("wan"), STR("na")}, {STR("'t"), STR("is")},
        {STR("'t"), STR("was")},
    };
    for (size_t i = 0; i < s.n;) {
        size_t k = 0, n = sizeof words / sizeof words[0];
        for (; k < n; k++) {
            struct str a = words[k].first, b = words[k].second;
            struct str rest = {s.p + i + a.n, s.n - i > a.n ? s.n - i - a.n : 0};
            if (str_starts((struct str){s.p + i, s.n - i}, a) && str_starts(rest, b) &&
                !(i && is_word(s.p[i - 1])) && !is_word(at(s, i + a.n + b.n)))
                break;
        }
        if (k == n) {
            put(out, s.p[i++]);
            continue;
        }
        put_apart(out, words[k].first);
        put_apart(out, words[k].second);
        i += words[k].first.n + words[k].second.n;
    }
}

void treebank(struct buf *out, struct str text)
{
    static void (*const rules[])(struct buf * out, struct str s) = {
        join_space, split_quotes, split_marks, split_apostrophes, split_contractions, join_space,
    };
    size_t n = sizeof rules / sizeof rules[0], room = 8 * text.n + 64;
    SCOPED(buf_done) struct buf a = BUF_INIT(room);
    SCOPED(buf_done) struct buf b = BUF_INIT(room);
    buf_add(&a, text);
    for (size_t i = 0; i < n; i++) {
        struct buf swap;
        buf_cut(&b, 0);
        if (rules[i] == split_apostrophes) /* its rules look for the space behind a word */
            buf_add(&a, STR(" "));
        rules[i](&b, buf_str(&a));
        swap = a, a = b, b = swap;
    }
    buf_add(out, buf_str(&a));
}
