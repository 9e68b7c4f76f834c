/* conf_value.c - scalars as numbers, sizes, times; and what a misspelt word may have meant. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/conf.h"

enum { WORD_BYTES = 48 };

static bool parse_digits(struct str *s, int64_t *n)
{
    size_t i = 0;
    *n = 0;
    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        if (__builtin_mul_overflow(*n, (int64_t)10, n) ||
            __builtin_add_overflow(*n, (int64_t)(s->p[i] - '0'), n))
            return false;
    *s = (struct str){s->p + i, s->n - i};
    return i > 0;
}

bool conf_parse_count(struct str text, int64_t *n)
{
    int64_t v;
    if (!parse_digits(&text, &v) || text.n)
        return false;
    *n = v;
    return true;
}

bool conf_parse_bool(struct str text, bool *v)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"on", true},   {"true", true},   {"yes", true},
                 {"off", false}, {"false", false}, {"no", false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_eq(text, str_of(words[i].word))) {
            *v = words[i].value;
            return true;
        }
    return false;
}

struct unit {
    const char *name;
    int64_t factor;
};

static bool parse_unit(struct str text, const struct unit *units, size_t n_units, int64_t *v)
{
    int64_t n;
    if (!parse_digits(&text, &n))
        return false;
    for (size_t i = 0; i < n_units; i++)
        if (str_eq(text, str_of(units[i].name)))
            return !__builtin_mul_overflow(n, units[i].factor, v);
    return false;
}

bool conf_parse_size(struct str text, int64_t *bytes)
{
    static const struct unit units[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};
    return parse_unit(text, units, sizeof units / sizeof units[0], bytes);
}

bool conf_parse_duration(struct str text, int64_t *ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};
    if (str_eq(text, STR("0")) || str_eq(text, STR("off"))) {
        *ms = 0;
        return true;
    }
    return parse_unit(text, units, sizeof units / sizeof units[0], ms);
}

void conf_number_text(enum conf_type type, int64_t n, char text[CONF_NUMBER_BYTES])
{
    static const struct {
        enum conf_type type;
        struct unit unit;
    } units[] = {
        {CONF_TYPE_SIZE, {"G", 1 << 30}},     {CONF_TYPE_SIZE, {"M", 1 << 20}},
        {CONF_TYPE_SIZE, {"K", 1 << 10}},     {CONF_TYPE_DURATION, {"d", 86400 * 1000}},
        {CONF_TYPE_DURATION, {"h", 3600000}}, {CONF_TYPE_DURATION, {"m", 60 * 1000}},
        {CONF_TYPE_DURATION, {"s", 1000}},    {CONF_TYPE_DURATION, {"ms", 1}},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].type == type && n && n % units[i].unit.factor == 0) {
            snprintf(text, CONF_NUMBER_BYTES, "%" PRId64 "%s", n / units[i].unit.factor,
                     units[i].unit.name);
            return;
        }
    snprintf(text, CONF_NUMBER_BYTES, "%" PRId64, n);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters to add, drop, change or swap make b of a (optimal string alignment). */
static unsigned distance(struct str a, struct str b)
{
    unsigned rows[3][WORD_BYTES + 1], *older = rows[0], *old = rows[1], *now = rows[2];
    for (unsigned j = 0; j <= b.n; j++)
        old[j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        now[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            bool equal = a.p[i - 1] == b.p[j - 1];
            now[j] = least(least(old[j], now[j - 1]) + 1, old[j - 1] + !equal);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = least(now[j], older[j - 2] + 1);
        }
        unsigned *spare = older;
        older = old;
        old = now;
        now = spare;
    }
    return old[b.n];
}

struct str conf_nearest(struct str text, struct str words)
{
    struct str best = {"", 0}, word;
    if (text.n > WORD_BYTES)
        return best;
    unsigned best_distance = least((unsigned)text.n / 3, 3) + 1;
    while (str_next(&words, '|', &word)) {
        if (word.n == 0 || word.n > WORD_BYTES)
            continue;
        unsigned d = distance(text, word);
        if (d < best_distance) {
            best_distance = d;
            best = word;
        }
    }
    return best;
}
