#include "rag/token.h"

#include <utf8proc.h>

enum { DECOMPOSED_MAX = 32 };

struct words {
    void (*each)(void *arg, struct str term);
    void *arg;
    char term[TOKEN_MAX_BYTES];
    size_t n, cut; /* cut: how much of it is the word where no digit is in it */
    unsigned letters;
    bool has_digit;
    utf8proc_int32_t before; /* in a script without spaces: the character before; else 0 */
    bool alone;              /* that character has been in no pair yet */
};

static bool has_no_spaces(utf8proc_int32_t c)
{
    return (c >= 0x0E00 && c <= 0x0EFF) || /* Thai, Lao */
           (c >= 0x1000 && c <= 0x109F) || /* Myanmar */
           (c >= 0x1780 && c <= 0x17FF) || /* Khmer */
           (c >= 0x3040 && c <= 0x30FF) || /* Hiragana, Katakana */
           (c >= 0x3400 && c <= 0x9FFF) || /* Han */
           (c >= 0xAC00 && c <= 0xD7A3) || /* Hangul: endings stick to words */
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

static bool is_accent(utf8proc_int32_t c)
{
    return c >= 0x0300 && c <= 0x036F;
}

static bool is_letter(utf8proc_int32_t c)
{
    const unsigned letters = 1u << UTF8PROC_CATEGORY_LU | 1u << UTF8PROC_CATEGORY_LL |
                             1u << UTF8PROC_CATEGORY_LT | 1u << UTF8PROC_CATEGORY_LM |
                             1u << UTF8PROC_CATEGORY_LO | 1u << UTF8PROC_CATEGORY_MN |
                             1u << UTF8PROC_CATEGORY_MC | 1u << UTF8PROC_CATEGORY_ND |
                             1u << UTF8PROC_CATEGORY_NL | 1u << UTF8PROC_CATEGORY_NO;
    return letters >> utf8proc_category(c) & 1;
}

static void say(struct words *w)
{
    if (w->n)
        w->each(w->arg,
                (struct str){w->term, w->letters > TOKEN_LETTERS && !w->has_digit ? w->cut : w->n});
    w->n = w->letters = 0;
    w->has_digit = false;
}

static void end_word(struct words *w)
{
    if (w->alone) {
        w->n = (size_t)utf8proc_encode_char(w->before, (utf8proc_uint8_t *)w->term);
        w->alone = false;
    }
    w->before = 0;
    say(w);
}

static void add_letter(struct words *w, utf8proc_int32_t c)
{
    if (w->before)
        end_word(w);
    if (w->n + 4 <= sizeof w->term)
        w->n += (size_t)utf8proc_encode_char(c, (utf8proc_uint8_t *)w->term + w->n);
    if (++w->letters == TOKEN_LETTERS)
        w->cut = w->n;
    w->has_digit |= c >= '0' && c <= '9';
}

static void add_to_pair(struct words *w, utf8proc_int32_t c)
{
    if (!w->before) {
        end_word(w);
        w->alone = true;
    } else {
        w->n = (size_t)utf8proc_encode_char(w->before, (utf8proc_uint8_t *)w->term);
        w->n += (size_t)utf8proc_encode_char(c, (utf8proc_uint8_t *)w->term + w->n);
        w->alone = false;
        say(w);
    }
    w->before = c;
}

static void add(struct words *w, utf8proc_int32_t c)
{
    if (is_accent(c))
        return;
    if (!is_letter(c))
        end_word(w);
    else if (has_no_spaces(c))
        add_to_pair(w, c);
    else
        add_letter(w, c);
}

static void add_ascii(struct words *w, unsigned char c)
{
    bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        add_letter(w, upper ? c + ('a' - 'A') : c);
    else
        end_word(w);
}

static void add_decomposed(struct words *w, utf8proc_int32_t c)
{
    utf8proc_int32_t parts[DECOMPOSED_MAX];
    int boundary = 0;
    if (has_no_spaces(c)) {
        add(w, c);
        return;
    }
    utf8proc_ssize_t n = utf8proc_decompose_char(
        c, parts, DECOMPOSED_MAX, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD,
        &boundary);
    for (utf8proc_ssize_t i = 0; i < n && i < DECOMPOSED_MAX; i++)
        add(w, parts[i]);
}

void tokens(struct str text, void (*each)(void *arg, struct str term), void *arg)
{
    struct words w = {.each = each, .arg = arg};
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text.p;
    for (size_t i = 0; i < text.n;) {
        utf8proc_int32_t c;
        if (p[i] < 0x80) {
            add_ascii(&w, p[i++]);
            continue;
        }
        utf8proc_ssize_t n = utf8proc_iterate(p + i, (utf8proc_ssize_t)(text.n - i), &c);
        if (n > 0)
            add_decomposed(&w, c);
        else
            end_word(&w);
        i += n > 0 ? (size_t)n : 1;
    }
    end_word(&w);
}

size_t token_words(struct str text)
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text.p;
    size_t words = 0, dense = 0;
    bool within = false;
    for (size_t i = 0; i < text.n;) {
        utf8proc_int32_t c = p[i];
        utf8proc_ssize_t n = 1;
        if (c >= 0x80)
            n = utf8proc_iterate(p + i, (utf8proc_ssize_t)(text.n - i), &c);
        bool letter = n > 0 && is_letter(c), joined = letter && has_no_spaces(c);
        dense += joined;
        words += letter && !joined && !within;
        within = letter && !joined;
        i += n > 0 ? (size_t)n : 1;
    }
    return words + (dense + 1) / 2;
}
