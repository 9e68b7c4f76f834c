#include "gateway/base/money.h"

#include <inttypes.h>
#include <stdio.h>

enum { NANO = 1000000000, EXPONENT_MAX = 40 };

void money_text(int64_t nusd, char text[MONEY_TEXT_BYTES])
{
    uint64_t n = nusd < 0 ? -(uint64_t)nusd : (uint64_t)nusd;
    snprintf(text, MONEY_TEXT_BYTES, "%s%" PRIu64 ".%09" PRIu64, nusd < 0 ? "-" : "", n / NANO, n % NANO);
}

static bool is_digit(struct str s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

static bool add_digit(int64_t *n, char digit)
{
    return !__builtin_mul_overflow(*n, (int64_t)10, n) && !__builtin_add_overflow(*n, (int64_t)(digit - '0'), n);
}

/* "e-6" and its like at *i; *shift is how far the point moves to the right. */
static bool parse_exponent(struct str s, size_t *i, int *shift)
{
    *shift = 0;
    if (*i == s.n || (s.p[*i] != 'e' && s.p[*i] != 'E'))
        return true;
    ++*i;
    int sign = 1;
    if (*i < s.n && (s.p[*i] == '-' || s.p[*i] == '+'))
        sign = s.p[(*i)++] == '-' ? -1 : 1;
    if (!is_digit(s, *i))
        return false;
    for (; is_digit(s, *i) && *shift <= EXPONENT_MAX; ++*i)
        *shift = *shift * 10 + (s.p[*i] - '0');
    *shift *= sign;
    return *shift >= -EXPONENT_MAX && *shift <= EXPONENT_MAX;
}

bool money_parse(struct str s, unsigned places, int64_t *units)
{
    int64_t n = 0;
    int scale = (int)places, shift; /* the value is n * 10^scale units */
    size_t i = 0, digits = 0;
    for (; is_digit(s, i); i++, digits++)
        if (!add_digit(&n, s.p[i]))
            return false;
    if (i < s.n && s.p[i] == '.')
        for (i++; is_digit(s, i); i++, digits++, scale--)
            if (!add_digit(&n, s.p[i]))
                return false;
    if (digits == 0 || !parse_exponent(s, &i, &shift) || i != s.n)
        return false;
    for (scale += shift; scale > 0 && n > 0; scale--)
        if (!add_digit(&n, '0'))
            return false;
    for (; scale < 0 && n > 0; scale++) {
        if (n % 10 != 0)
            return false;
        n /= 10;
    }
    *units = n;
    return true;
}

int64_t money_sum(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}
