/*
 * The scanner.  It runs for every request, every answer and every event, so it
 * steps over what nobody wants as fast as it can: strings 16 bytes at a time, no
 * recursion, no copy.  A function that takes p returns where to go on, or NULL
 * with the error set.
 */
#include "gateway/base/json_priv.h"

#include <stdio.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "gateway/base/utf8.h"

/* Where the value that comes next stands. */
struct slot {
    const struct json_node *node; /* NULL: no path goes there */
    size_t from;
    size_t element;
};

/* An array or object that is open.  Level 0 is what the document stands in. */
struct level {
    const struct json_node *node;
    const char *open;
    size_t from;
    size_t element;      /* of what it stands in */
    size_t index;        /* of the element at hand, if this is an array */
    size_t deep_element; /* goes with `deep` */
    uint64_t seen;       /* the members met, by json_node.bit */
    short deep;          /* the path that wants the strings in here; -1: none */
    bool array;
};

struct scan {
    const char *text, *end;
    const struct json_plan *plan;
    const struct json_visitor *visitor;
    struct err *err;
    unsigned depth, max_depth;
    bool escaped; /* the last string has escapes */
    struct slot slot;
    struct level levels[JSON_MAX_DEPTH + 1];
};

static const char *fail(struct scan *s, const char *p, const char *why)
{
    err_say(s->err, ERR_bad_json, NULL, "invalid JSON: %s at byte %zu", why, (size_t)(p - s->text));
    return NULL;
}

static inline const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* Skips what is ASCII, printable, and neither a quote nor a backslash. */
static inline const char *skip_plain(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)p);
        __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        /* the comparison is signed: what is not ASCII is below a space too */
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(ends, _mm_cmplt_epi8(v, space)));
        if (mask)
            return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && (signed char)*p >= ' ' && *p != '"' && *p != '\\')
        p++;
    return p;
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *skip_escape(struct scan *s, const char *p)
{
    s->escaped = true;
    const char *at = p++;
    if (p == s->end)
        return fail(s, p, "a string without an end");
    switch (*p++) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p;
    case 'u':
        if (s->end - p >= 4 && is_hex(p[0]) && is_hex(p[1]) && is_hex(p[2]) && is_hex(p[3]))
            return p + 4;
        break;
    default:
        break;
    }
    return fail(s, at, "an escape that is none");
}

static inline bool is_tail(char c)
{
    return (signed char)c < -64;
}

/* As utf8_len(), which it asks about all but the most common characters. */
static inline size_t multibyte(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;
    if (c >= 0xC2 && c < 0xE0 && end - p >= 2 && is_tail(p[1]))
        return 2;
    if (c > 0xE0 && c < 0xF0 && c != 0xED && end - p >= 3 && is_tail(p[1]) && is_tail(p[2]))
        return 3;
    return utf8_len((struct str){p, (size_t)(end - p)});
}

static const char *skip_multibyte(struct scan *s, const char *p)
{
    do {
        size_t n = multibyte(p, s->end);
        if (n == 0)
            return fail(s, p, "a byte that is not UTF-8");
        p += n;
    } while (p < s->end && (signed char)*p < 0);
    return p;
}

/* p is past the opening quote; the result is past the closing one. */
static inline const char *skip_string(struct scan *s, const char *p)
{
    const char *from = p - 1;
    s->escaped = false;
    for (;;) {
        p = skip_plain(p, s->end);
        if (p == s->end)
            return fail(s, from, "a string without an end");
        if (*p == '"')
            return p + 1;
        if (*p == '\\')
            p = skip_escape(s, p);
        else if ((signed char)*p < 0)
            p = skip_multibyte(s, p);
        else
            return fail(s, p, "a control character in a string");
        if (!p)
            return NULL;
    }
}

static inline const char *skip_digits(struct scan *s, const char *p)
{
    if (p == s->end || !is_digit(*p))
        return fail(s, p, "a number without a digit");
    do
        p++;
    while (p < s->end && is_digit(*p));
    return p;
}

static const char *skip_number(struct scan *s, const char *p)
{
    if (*p == '-')
        p++;
    if (p < s->end && *p == '0')
        p++;
    else
        p = skip_digits(s, p);
    if (p && p < s->end && *p == '.')
        p = skip_digits(s, p + 1);
    if (p && p < s->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < s->end && (*p == '+' || *p == '-'))
            p++;
        p = skip_digits(s, p);
    }
    return p;
}

static const char *skip_word(struct scan *s, const char *p, struct str word)
{
    if ((size_t)(s->end - p) < word.n || memcmp(p, word.p, word.n) != 0)
        return fail(s, p, "something that is no value");
    return p + word.n;
}

static bool report(struct scan *s, short path, size_t element, struct json_value value)
{
    const struct json_hit h = {(size_t)path, element, value};
    return s->visitor->hit(s->visitor->arg, &h, s->err);
}

static inline const char *scalar(struct scan *s, const char *p)
{
    const char *at = p;
    enum json_kind kind;
    if (*p == '"') {
        kind = VALUE_STRING;
        p = skip_string(s, p + 1);
    } else if (*p == '-' || is_digit(*p)) {
        kind = VALUE_NUMBER;
        p = skip_number(s, p);
    } else if (*p == 't') {
        kind = VALUE_TRUE;
        p = skip_word(s, p, STR("true"));
    } else if (*p == 'f') {
        kind = VALUE_FALSE;
        p = skip_word(s, p, STR("false"));
    } else {
        kind = VALUE_NULL;
        p = skip_word(s, p, STR("null"));
    }
    if (!p)
        return NULL;

    const struct level *l = &s->levels[s->depth];
    const struct json_value v = {kind, {at, (size_t)(p - at)}, s->slot.from};
    if (s->slot.node && s->slot.node->path >= 0)
        return report(s, s->slot.node->path, s->slot.element, v) ? p : NULL;
    if (kind == VALUE_STRING && l->deep >= 0)
        return report(s, l->deep, l->deep_element, v) ? p : NULL;
    return p;
}

/* The member of l that is called so, between the quotes; NULL: none that is wanted. */
static const struct json_node *find_member(struct scan *s, const struct level *l, struct str raw)
{
    if (!s->escaped)
        return json_member(s->plan, l->node, raw);
    char name[JSON_NAME_BYTES + 4];
    size_t n = 0;
    for (const char *p = raw.p, *end = raw.p + raw.n; p < end;) {
        if (n > JSON_NAME_BYTES)
            return NULL;
        if (*p == '\\')
            n += json_unescape(&p, end, name + n);
        else
            name[n++] = *p++;
    }
    return json_member(s->plan, l->node, (struct str){name, n});
}

/* At the name of a member; the result is at its value. */
static inline const char *member(struct scan *s, const char *p)
{
    struct level *l = &s->levels[s->depth];
    if (p == s->end || *p != '"')
        return fail(s, p, "a name is missing");
    const char *at = p;
    p = skip_string(s, p + 1);
    if (!p)
        return NULL;

    const struct json_node *node = NULL;
    if (l->node && l->node->members)
        node = find_member(s, l, (struct str){at + 1, (size_t)(p - at) - 2});
    if (node && l->seen & node->bit) {
        char path[64];
        snprintf(path, sizeof path, STR_FMT, STR_ARG(node->way));
        err_say(s->err, ERR_duplicate_member, path, "the member %s is given twice", path);
        return NULL;
    }
    l->seen |= node ? node->bit : 0;
    s->slot = (struct slot){node, (size_t)(at - s->text), l->element};

    p = skip_space(p, s->end);
    if (p == s->end || *p != ':')
        return fail(s, p, "a colon is missing");
    return skip_space(p + 1, s->end);
}

/* At an element of an array. */
static inline const char *element(struct scan *s, const char *p)
{
    const struct level *l = &s->levels[s->depth];
    s->slot.node = l->node && l->node->each ? &s->plan->nodes[l->node->each] : NULL;
    s->slot.from = (size_t)(p - s->text);
    s->slot.element = s->slot.node ? l->index : l->element;
    return p;
}

/* At a bracket; the result is at the first value within, or at the closing bracket. */
static inline const char *open_level(struct scan *s, const char *p, bool *empty)
{
    if (s->depth >= s->max_depth) {
        err_say(s->err, ERR_too_deep, NULL, "the JSON is nested deeper than %u levels",
                s->max_depth);
        return NULL;
    }
    const struct level *outer = &s->levels[s->depth];
    const struct json_node *node = s->slot.node;
    bool deep = node && node->deep >= 0;
    struct level *l = &s->levels[++s->depth];
    l->node = node;
    l->open = p;
    l->from = s->slot.from;
    l->element = s->slot.element;
    l->index = 0;
    l->deep_element = deep ? s->slot.element : outer->deep_element;
    l->seen = 0;
    l->deep = deep ? node->deep : outer->deep;
    l->array = *p == '[';

    p = skip_space(p + 1, s->end);
    *empty = p < s->end && *p == (l->array ? ']' : '}');
    if (*empty)
        return p;
    return l->array ? element(s, p) : member(s, p);
}

/* At a closing bracket; the result is past it. */
static inline const char *close_level(struct scan *s, const char *p)
{
    const struct level *l = &s->levels[s->depth--];
    p++;
    if (!l->node || l->node->path < 0)
        return p;
    const struct json_value v = {
        l->array ? VALUE_ARRAY : VALUE_OBJECT, {l->open, (size_t)(p - l->open)}, l->from};
    return report(s, l->node->path, l->element, v) ? p : NULL;
}

/* After a value: closes what ends here.  The result is at the next value, or at the end. */
static inline const char *after_value(struct scan *s, const char *p)
{
    while (s->depth > 0) {
        struct level *l = &s->levels[s->depth];
        p = skip_space(p, s->end);
        if (p == s->end)
            return fail(s, p, "the end comes too early");
        if (*p == ',') {
            p = skip_space(p + 1, s->end);
            if (!l->array)
                return member(s, p);
            l->index++;
            return element(s, p);
        }
        if (*p != (l->array ? ']' : '}'))
            return fail(s, p, "a comma or a bracket is missing");
        p = close_level(s, p);
        if (!p)
            return NULL;
    }
    return p;
}

/* At a value; the result is past it if it is a scalar, else at the bracket that closes an empty
 * one. */
static inline const char *value(struct scan *s, const char *p)
{
    while (p && p < s->end && (*p == '{' || *p == '[')) {
        bool empty = false;
        p = open_level(s, p, &empty);
        if (empty)
            return p;
    }
    if (p == s->end)
        return fail(s, p, "a value is missing");
    return p ? scalar(s, p) : NULL;
}

bool json_scan(struct str text, const struct json_plan *plan, unsigned max_depth,
               const struct json_visitor *v, struct err *err)
{
    struct scan s;
    s.text = text.n ? text.p : "";
    s.end = s.text + text.n;
    s.plan = plan;
    s.visitor = v;
    s.err = err;
    s.depth = 0;
    s.max_depth = max_depth < JSON_MAX_DEPTH ? max_depth : JSON_MAX_DEPTH;
    s.levels[0] = (struct level){.deep = -1};

    const char *p = skip_space(s.text, s.end);
    s.slot = (struct slot){&plan->nodes[0], (size_t)(p - s.text), 0};
    do {
        p = value(&s, p);
        p = p ? after_value(&s, p) : NULL;
    } while (p && s.depth > 0);
    if (!p)
        return false;
    p = skip_space(p, s.end);
    return p == s.end || fail(&s, p, "something follows the value");
}
