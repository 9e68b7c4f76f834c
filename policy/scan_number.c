#include "policy/scan_priv.h"

enum {
    CARD_MIN_DIGITS = 12,
    CARD_MAX_DIGITS = 19,
    IBAN_MAX_BYTES = 34 + 8,
    PHONE_MAX_BYTES = 32,
    PHONE_MAX_DIGITS = 15,
    PHONE_GROUPS = 8,
    EXTENSION_BYTES = sizeof " ext. 12345" + 2, /* and what decides that it ends there */
};

/* Groups of digits, with the same space or hyphen between them. */
static enum scan_answer scan_groups(const struct view *v, const unsigned char *groups,
                                    struct match *m)
{
    struct str text = v->text;
    size_t i = v->at;
    char separator = '\0';
    for (; *groups; groups++) {
        for (unsigned digit = 0; digit < *groups; digit++, i++) {
            if (i == text.n)
                return scan_short(v);
            if (!is_digit(text.p[i]))
                return SCAN_NO;
        }
        if (!groups[1])
            break;
        if (i == text.n)
            return scan_short(v);
        if (!separator)
            separator = text.p[i];
        if ((separator != ' ' && separator != '-') || text.p[i++] != separator)
            return SCAN_NO;
    }
    *m = (struct match){v->at, i - v->at};
    return scan_number_end(v, i);
}

/* 12 to 19 digits on end, or grouped as they stand on a card. */
enum scan_answer scan_card(const struct view *v, struct match *m)
{
    static const unsigned char groupings[][6] = {
        {4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}, {4, 4, 4, 4, 3}};
    struct str text = v->text;
    size_t at = v->at, n = 0;

    *m = (struct match){.from = at};
    if (at == text.n || scan_within(text, at))
        return SCAN_NO;
    while (at + n < text.n && n <= CARD_MAX_DIGITS && is_digit(text.p[at + n]))
        n++;
    m->len = n;
    if (n > CARD_MAX_DIGITS)
        return SCAN_NO;
    if (at + n == text.n && !v->final)
        return SCAN_MORE;
    if (n >= CARD_MIN_DIGITS)
        return scan_number_end(v, at + n);

    enum scan_answer answer = SCAN_NO;
    for (size_t i = sizeof groupings / sizeof groupings[0]; answer == SCAN_NO && i-- > 0;)
        answer = scan_groups(v, groupings[i], m);
    if (answer == SCAN_MORE)
        m->from = at;
    return answer;
}

/* Two letters, two digits, then groups of up to four with single spaces or hyphens between: the
 * longest that is valid. */
enum scan_answer scan_iban(const struct view *v, struct match *m)
{
    struct str text = v->text;
    size_t i = v->at, best = 0;
    unsigned run = 0;
    *m = (struct match){.from = v->at};
    if (scan_within(text, i))
        return SCAN_NO;
    for (unsigned n = 0; i < text.n && i - v->at < IBAN_MAX_BYTES; i++) {
        char c = text.p[i];
        bool separates = n >= 4 && run == 4 && (c == ' ' || c == '-');
        if (separates && n % 4 == 0) {
            run = 0;
            continue;
        }
        if (n < 2 ? !is_letter(c) : n < 4 ? !is_digit(c) : !is_letter(c) && !is_digit(c))
            break;
        n++;
        run = run == 4 ? 5 : run + 1; /* five on end: it is not grouped */
        bool ends = i + 1 == text.n || !is_word(text.p[i + 1]);
        if (n >= 15 && ends && check_iban((struct str){text.p + v->at, i + 1 - v->at}))
            best = i + 1;
    }
    if (i == text.n && !v->final)
        return SCAN_MORE;
    m->len = best ? best - v->at : 0;
    return best ? SCAN_YES : SCAN_NO;
}

/* What was read of a telephone number. */
struct phone {
    bool plus, paren;
    char separator; /* of the groups after the first */
    bool mixed;     /* they differ */
    unsigned digits, groups;
    unsigned size[PHONE_GROUPS];
    char lead[PHONE_GROUPS]; /* the first digit of each */
    char second;             /* digit */
    enum { CUE_UNKNOWN, CUE_NONE, CUE_THERE } cue;
};

/* 3-3-4 of North America, perhaps after a 1. */
static bool is_nanp(const struct phone *p)
{
    unsigned first = p->groups == 4 && p->size[0] == 1 && p->lead[0] == '1';
    return p->groups == 3 + first && p->size[first] == 3 && p->size[first + 1] == 3 &&
           p->size[first + 2] == 4 && p->lead[first] >= '2' && p->lead[first + 1] >= '2';
}

/* It is written as hardly anything else is. */
static bool is_certain(const struct phone *p)
{
    if (p->plus)
        return p->digits >= 8 && p->lead[0] != '0';
    if (p->groups < 2)
        return false;
    bool dials_out = p->lead[0] == '0' && p->second == '0';
    if (dials_out)
        return p->digits >= 10 && p->digits <= 15 && p->groups >= 3;
    bool national =
        p->lead[0] == '0' && p->digits >= 9 && p->digits <= 11 && !p->mixed && p->size[0] >= 2;
    return is_nanp(p) || national;
}

/* It may be one, if something says so. */
static bool is_possible(const struct phone *p)
{
    return p->digits >= 7 && p->digits <= 12 && !p->mixed && (p->groups > 1 || p->digits >= 9);
}

static const char phone_cue[] = "phone|telephone|tel|telefon|téléphone|teléfono|mobile|cell|"
                                "cellphone|handy|fax|call|calling|reach|dial|ring|"
                                "whatsapp|contact|sms|hotline|number is";

/* Looked for once, and only if it matters. */
static bool has_cue(const struct view *v, struct phone *p)
{
    if (p->cue == CUE_UNKNOWN)
        p->cue = scan_cue(v->text, v->at, phone_cue) ? CUE_THERE : CUE_NONE;
    return p->cue == CUE_THERE;
}

static bool is_phone(const struct view *v, struct phone *p)
{
    return is_certain(p) || (is_possible(p) && has_cue(v, p));
}

static void add_group(struct phone *p, struct str digits)
{
    if (p->groups == 0)
        p->second = digits.n > 1 ? digits.p[1] : '\0';
    p->lead[p->groups] = digits.p[0];
    p->size[p->groups++] = (unsigned)digits.n;
    p->digits += (unsigned)digits.n;
}

/* Between two groups: one of " -./", a parenthesis, or a space and a parenthesis.  How many bytes;
 * 0: none. */
static size_t read_separator(struct str text, size_t at, struct phone *p)
{
    size_t i = at;
    bool closes = i < text.n && text.p[i] == ')';
    i += closes;
    char c = i < text.n && one_of(text.p[i], " -./") ? text.p[i] : '\0';
    i += c != '\0';
    bool opens = i < text.n && text.p[i] == '(' && !closes;
    i += opens;
    p->paren |= opens || closes;
    if (c && !closes && !opens && p->groups > 1) {
        p->mixed |= p->separator && p->separator != c;
        p->separator = c;
    }
    return i - at;
}

/* "x123", " ext. 123": where it ends, or `at` where there is none. */
static size_t skip_extension(struct str text, size_t at)
{
    static const char *const marks[] = {"x", " x", " ext ", " ext. ", ";ext="};
    for (size_t k = 0; k < sizeof marks / sizeof marks[0]; k++) {
        size_t n = strlen(marks[k]), i = at + n;
        if (i >= text.n || memcmp(text.p + at, marks[k], n) != 0)
            continue;
        while (i < text.n && i - at - n < 5 && is_digit(text.p[i]))
            i++;
        if (i > at + n)
            return i;
    }
    return at;
}

/* The longest beginning that may be a number; the groups are those of struct phone. */
enum scan_answer scan_phone(const struct view *v, struct match *m)
{
    struct str text = v->text;
    struct phone p = {0};
    size_t i = v->at, best = 0;
    *m = (struct match){.from = v->at};
    if (i == text.n || scan_within(text, i) ||
        (i > 0 && !is_digit(text.p[i]) && is_word(text.p[i - 1])))
        return SCAN_NO;
    p.plus = text.p[i] == '+';
    i += p.plus;
    if (i < text.n && text.p[i] == '(') {
        p.paren = true;
        i++;
    }
    while (p.groups < PHONE_GROUPS && i - v->at < PHONE_MAX_BYTES) {
        size_t from = i;
        while (i < text.n && i - from <= PHONE_MAX_DIGITS && is_digit(text.p[i]))
            i++;
        if (i == from || i - from > PHONE_MAX_DIGITS || p.digits + (i - from) > PHONE_MAX_DIGITS)
            break;
        add_group(&p, (struct str){text.p + from, i - from});
        if (is_phone(v, &p))
            best = i;
        size_t n = read_separator(text, i, &p);
        if (n == 0)
            break;
        i += n;
    }
    bool extends =
        best && best < text.n && one_of(text.p[best], " x;") && text.n - best < EXTENSION_BYTES;
    if ((i == text.n || extends) && !v->final)
        return SCAN_MORE;
    if (!best)
        return SCAN_NO;
    size_t end = skip_extension(text, best);
    m->len = end - v->at;
    return scan_number_end(v, end);
}
