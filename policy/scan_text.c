#include <string.h>

#include "policy/scan_priv.h"

enum {
    EMAIL_LOCAL_MAX_BYTES = 64,
    EMAIL_DOMAIN_MAX_BYTES = 189,
    USER_MAX_BYTES = 64,
    PASSWORD_MAX_BYTES = 128,
};

enum scan_answer scan_end(const struct view *v, size_t end)
{
    if (end == v->text.n)
        return v->final ? SCAN_YES : SCAN_MORE;
    return is_word(v->text.p[end]) ? SCAN_NO : SCAN_YES;
}

enum scan_answer scan_number_end(const struct view *v, size_t end)
{
    enum scan_answer answer = scan_end(v, end);
    if (answer != SCAN_YES || end == v->text.n || !one_of(v->text.p[end], "-./"))
        return answer;
    if (end + 1 == v->text.n)
        return v->final ? SCAN_YES : SCAN_MORE;
    char after = v->text.p[end + 1];
    return v->text.p[end] == '-' ? (is_word(after) ? SCAN_NO : SCAN_YES)
           : is_digit(after)     ? SCAN_NO
                                 : SCAN_YES;
}

bool scan_within(struct str text, size_t at)
{
    if (at == 0)
        return false;
    char before = text.p[at - 1];
    if (is_word(before))
        return true;
    return one_of(before, "-./+@\\") && at > 1 && is_word(text.p[at - 2]);
}

static bool equal_fold(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = is_upper(a[i]) ? (char)(a[i] | 0x20) : a[i];
        if (c != b[i])
            return false;
    }
    return true;
}

static bool is_word_at(struct str text, size_t at, size_t to, struct str word)
{
    size_t end = at + word.n;
    return end <= to && equal_fold(text.p + at, word.p, word.n) &&
           (end == text.n || !is_letter(text.p[end]));
}

bool scan_cue(struct str text, size_t at, const char *words)
{
    size_t from = at > DETECTOR_CUE_BYTES ? at - DETECTOR_CUE_BYTES : 0;
    for (size_t i = from; i < at; i++) {
        if (is_word(text.p[i]) && i > 0 && is_word(text.p[i - 1]))
            continue;
        struct str rest = str_of(words), word;
        while (str_next(&rest, '|', &word))
            if ((text.p[i] | 0x20) == (word.p[0] | 0x20) && is_word_at(text, i, at, word))
                return true;
    }
    return false;
}

/* A letter beyond ASCII that ends at `end`: two bytes, U+00C0 to U+07FF, so no quotation mark. */
static bool is_wide_letter(struct str text, size_t end)
{
    unsigned char last = (unsigned char)text.p[end - 1],
                  lead = end > 1 ? (unsigned char)text.p[end - 2] : 0;
    return last >= 0x80 && last < 0xC0 && lead >= 0xC3 && lead < 0xE0;
}

/* How many bytes of a local part end at `end`; 0: none. */
static size_t local_back(struct str text, size_t floor, size_t end)
{
    if (end == floor)
        return 0;
    char c = text.p[end - 1];
    if (is_word(c) || one_of(c, ".+-%"))
        return 1;
    return end >= floor + 2 && is_wide_letter(text, end) ? 2 : 0;
}

/* A top-level domain: letters, two or more; or of an international one its other spelling. */
static bool is_top(struct str label)
{
    if (str_starts(label, STR("xn--")))
        return true;
    for (size_t i = 0; i < label.n; i++)
        if (!is_letter(label.p[i]) &&
            (unsigned char)label.p[i] < 0x80) /* those that look like Latin too */
            return false;
    return label.n >= 2 && label.n <= 24;
}

/* Bytes of a label's character at `at`; 0: none; -1: it is cut. */
static int label_char(struct str text, size_t at)
{
    if (at == text.n)
        return -1;
    char c = text.p[at];
    if (is_digit(c) || is_letter(c) || c == '-')
        return 1;
    if ((unsigned char)c < 0xC3 || (unsigned char)c >= 0xE0)
        return 0;
    return at + 1 == text.n ? -1 : 2;
}

/* Where the longest domain that begins at `at` ends; *end is set on SCAN_YES. */
static enum scan_answer scan_domain(const struct view *v, size_t at, size_t *end)
{
    struct str text = v->text;
    size_t i = at, found = 0;
    for (unsigned labels = 0;; labels++) {
        size_t label = i;
        int n;
        while (i - at <= EMAIL_DOMAIN_MAX_BYTES && (n = label_char(text, i)) > 0)
            i += (size_t)n;
        if (i - at > EMAIL_DOMAIN_MAX_BYTES)
            return SCAN_NO;
        if (n < 0 && !v->final)
            return SCAN_MORE;
        if (i == label || text.p[label] == '-')
            break;
        size_t last = i; /* a hyphen that ends it belongs to what follows */
        while (text.p[last - 1] == '-')
            last--;
        if (labels > 0 && is_top((struct str){text.p + label, last - label}))
            found = last;
        if (last != i || i == text.n || text.p[i] != '.')
            break;
        i++;
    }
    *end = found;
    return found ? SCAN_YES : SCAN_NO;
}

/* Looks back from the @, or %40, for the local part, and on for the domain. */
enum scan_answer scan_email(const struct view *v, struct match *m)
{
    struct str text = v->text;
    size_t at = v->at, from = at, end, n;
    while (at - from <= EMAIL_LOCAL_MAX_BYTES && (n = local_back(text, v->floor, from)) > 0)
        from -= n;
    *m = (struct match){.from = from};
    if (at == text.n)
        return from < at ? SCAN_MORE : SCAN_NO;
    if (at - from > EMAIL_LOCAL_MAX_BYTES)
        return SCAN_NO;
    while (from < at && one_of(text.p[from], ".-+%"))
        from++;
    if (from == at || text.p[at - 1] == '.')
        return SCAN_NO;
    size_t sign = text.p[at] == '@' ? 1 : 3;
    for (size_t k = 1; k < sign; k++) {
        if (at + k == text.n)
            return scan_short(v);
        if (text.p[at + k] != "%40"[k])
            return SCAN_NO;
    }
    enum scan_answer answer = scan_domain(v, at + sign, &end);
    *m = (struct match){from, answer == SCAN_YES ? end - from : 0};
    return answer;
}

/* How many bytes up to one of `stops`; at most max + 1. */
static size_t run_until(struct str text, size_t at, const char *stops, size_t max)
{
    size_t n = 0;
    while (at + n < text.n && n <= max && (unsigned char)text.p[at + n] > ' ' &&
           !one_of(text.p[at + n], stops))
        n++;
    return n;
}

/* At the colon of "scheme://user:password@": the login is the match. */
enum scan_answer scan_url_login(const struct view *v, struct match *m)
{
    struct str text = v->text;
    size_t from = v->at + 3;
    *m = (struct match){.from = from};
    if (v->at == 0 || !is_letter(text.p[v->at - 1]))
        return SCAN_NO;
    for (size_t i = 1; i < 3; i++)
        if (v->at + i < text.n && text.p[v->at + i] != '/')
            return SCAN_NO;
    if (from >= text.n) {
        m->from = text.n;
        return scan_short(v);
    }
    size_t user = run_until(text, from, "/?#@:\"'<>", USER_MAX_BYTES);
    if (user > USER_MAX_BYTES)
        return SCAN_NO;
    if (from + user == text.n)
        return scan_short(v);
    if (text.p[from + user] != ':')
        return SCAN_NO;
    size_t password = run_until(text, from + user + 1, "/?#@\"'<>", PASSWORD_MAX_BYTES);
    if (password > PASSWORD_MAX_BYTES)
        return SCAN_NO;
    size_t end = from + user + 1 + password;
    if (end == text.n)
        return scan_short(v);
    m->len = end - from;
    return password && text.p[end] == '@' ? SCAN_YES : SCAN_NO;
}

static bool is_calendar(int year, int month, int day)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] && year >= 0 &&
           year <= 2100;
}

/* 1985-03-12, 12/03/1985, 3.12.85: in one of the orders in which people write them. */
static bool is_date(const int *n, const size_t *digits)
{
    if (digits[0] == 4)
        return is_calendar(n[0], n[1], n[2]);
    return (digits[2] == 4 || digits[2] == 2) &&
           (is_calendar(n[2], n[1], n[0]) || is_calendar(n[2], n[0], n[1]));
}

static enum scan_answer scan_date_of_numbers(const struct view *v, struct match *m)
{
    struct str text = v->text;
    size_t i = v->at, digits[3];
    int n[3] = {0};
    char separator = '\0';
    for (unsigned k = 0; k < 3; k++) {
        size_t from = i;
        while (i < text.n && i - from < 4 && is_digit(text.p[i]))
            n[k] = n[k] * 10 + (text.p[i++] - '0');
        digits[k] = i - from;
        if (i == text.n && (k < 2 || !v->final) && scan_short(v) == SCAN_MORE)
            return SCAN_MORE;
        if (digits[k] == 0 || (k < 2 && (i == text.n || !one_of(text.p[i], "-/."))))
            return SCAN_NO;
        if (k < 2 && separator && text.p[i] != separator)
            return SCAN_NO;
        if (k < 2)
            separator = text.p[i++];
    }
    *m = (struct match){v->at, i - v->at};
    return is_date(n, digits) ? scan_end(v, i) : SCAN_NO;
}

/* Bytes of the month's name at `at`; 0: there is none, or, if *cut, perhaps there will be one. */
static size_t month_name(struct str text, size_t at, bool *cut)
{
    static const char *const names[] = {
        "january",   "february", "march",    "april",    "may", "june", "july", "august",
        "september", "october",  "november", "december", "jan", "feb",  "mar",  "apr",
        "jun",       "jul",      "aug",      "sept",     "sep", "oct",  "nov",  "dec"};
    size_t left = text.n - at;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (left && (text.p[at] | 0x20) != names[i][0])
            continue;
        size_t n = strlen(names[i]);
        *cut |= left < n && equal_fold(text.p + at, names[i], left);
        if (left >= n && equal_fold(text.p + at, names[i], n) &&
            (left == n || !is_letter(text.p[at + n])))
            return n;
    }
    return 0;
}

static size_t skip_any(struct str text, size_t at, const char *bytes)
{
    for (unsigned n = 0; n < 4 && at < text.n && one_of(text.p[at], bytes); n++)
        at++;
    return at;
}

static size_t skip_digits(struct str text, size_t at, size_t max)
{
    size_t n = 0;
    while (at + n < text.n && n < max && is_digit(text.p[at + n]))
        n++;
    return at + n;
}

static size_t skip_ordinal(struct str text, size_t at)
{
    bool is_ordinal = at + 2 <= text.n && is_letter(text.p[at]) && is_letter(text.p[at + 1]) &&
                      memmem("st nd rd th", 11, text.p + at, 2);
    return is_ordinal ? at + 2 : at;
}

/* "12 March 1985", "12th March, 1985", "March 12, 1985" */
static enum scan_answer scan_date_of_words(const struct view *v, struct match *m)
{
    struct str text = v->text;
    size_t i = v->at, day;
    bool cut = false;
    size_t month = month_name(text, i, &cut);
    *m = (struct match){.from = v->at};
    if (month)
        i = skip_any(text, i + month, " .");
    day = i;
    i = skip_digits(text, i, 2);
    bool has_day = i > day;
    i = skip_any(text, skip_ordinal(text, i), " ,.-");
    if (has_day && !month) {
        month = month_name(text, i, &cut);
        i = skip_any(text, i + month, " ,.-");
    }
    size_t year = i;
    i = skip_digits(text, i, 4);
    if (i - year == 4 && has_day && month) {
        m->len = i - v->at;
        return scan_end(v, i);
    }
    return cut || text.n - i < 2 ? scan_short(v) : SCAN_NO;
}

enum scan_answer scan_date(const struct view *v, struct match *m)
{
    *m = (struct match){.from = v->at};
    if (v->at == v->text.n || scan_within(v->text, v->at))
        return SCAN_NO;
    enum scan_answer answer = is_digit(v->text.p[v->at]) ? scan_date_of_numbers(v, m) : SCAN_NO;
    if (answer == SCAN_MORE)
        m->from = v->at;
    return answer == SCAN_NO ? scan_date_of_words(v, m) : answer;
}
