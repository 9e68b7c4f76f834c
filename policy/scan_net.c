#include "policy/scan_priv.h"

enum { IPV6_MAX_BYTES = 45, IPV6_GROUPS = 8, MAC_PAIRS = 6 };

/* Not what every machine is called. */
static bool is_somebody(const unsigned *octet)
{
    bool masks = octet[0] == 255 && (octet[1] == 255 || octet[1] == 0);
    return octet[0] != 0 && octet[0] != 127 && !masks;
}

/* Four numbers up to 255; *end is set on SCAN_YES. */
static enum scan_answer read_ipv4(const struct view *v, size_t at, unsigned octet[4], size_t *end)
{
    struct str text = v->text;
    for (unsigned k = 0; k < 4; k++) {
        size_t from = at;
        octet[k] = 0;
        while (at < text.n && at - from < 4 && is_digit(text.p[at]))
            octet[k] = octet[k] * 10 + (unsigned)(text.p[at++] - '0');
        size_t n = at - from;
        if (at == text.n && (k < 3 || !v->final) && n < 4)
            return scan_short(v);
        if (n == 0 || n > 3 || octet[k] > 255 || (n > 1 && text.p[from] == '0') ||
            (k < 3 && text.p[at] != '.'))
            return SCAN_NO;
        at += k < 3;
    }
    *end = at;
    return SCAN_YES;
}

enum scan_answer scan_ipv4(const struct view *v, struct match *m)
{
    unsigned octet[4];
    size_t end = v->at;
    *m = (struct match){.from = v->at};
    if (v->at == v->text.n || scan_within(v->text, v->at))
        return SCAN_NO;
    enum scan_answer answer = read_ipv4(v, v->at, octet, &end);
    if (answer != SCAN_YES)
        return answer;
    m->len = end - v->at;
    if (!is_somebody(octet))
        return SCAN_NO;
    if (end == v->text.n || v->text.p[end] == '/' || v->text.p[end] == '-')
        return scan_end(v, end);
    return scan_number_end(v, end);
}

/* RFC 4291: groups of up to four hexadecimal digits; one "::" stands for those that are left out.
 */
enum scan_answer scan_ipv6(const struct view *v, struct match *m)
{
    struct str text = v->text;
    size_t i = v->at, run = 0, from = v->at;
    unsigned groups = 0, gaps = 0, digits = 0;
    *m = (struct match){.from = v->at};
    if (i == text.n || (i > 0 && (one_of(text.p[i - 1], ":-./") || is_word(text.p[i - 1]))))
        return SCAN_NO;
    for (; i < text.n && i - v->at <= IPV6_MAX_BYTES; i++) {
        if (is_hex(text.p[i])) {
            if (run == 0)
                from = i;
            if (++run > 4)
                return SCAN_NO;
            digits += is_digit(text.p[i]);
            continue;
        }
        if (text.p[i] != ':')
            break;
        groups += run > 0;
        if (run == 0) {
            bool doubled =
                i > v->at ? text.p[i - 1] == ':' : i + 1 < text.n && text.p[i + 1] == ':';
            if (i + 1 == text.n && i == v->at)
                return scan_short(v);
            if (!doubled)
                return SCAN_NO;
            gaps += i > v->at;
        }
        run = 0;
    }
    if (i == text.n && !v->final)
        return i - v->at <= IPV6_MAX_BYTES ? SCAN_MORE : SCAN_NO;
    size_t end = i;
    groups += run > 0;
    unsigned octet[4];
    if (gaps == 1 && run > 0 && end < text.n && text.p[end] == '.') {
        size_t dotted;
        enum scan_answer answer = read_ipv4(v, from, octet, &dotted);
        if (answer == SCAN_MORE)
            return SCAN_MORE;
        if (answer == SCAN_NO && end + 1 < text.n && is_digit(text.p[end + 1]))
            return SCAN_NO;
        if (answer == SCAN_YES) {
            end = dotted;
            groups++;
        }
    }
    while (end > v->at + 2 && text.p[end - 1] == ':' && text.p[end - 2] != ':')
        end--; /* "fe80::1:" at the end of a clause */
    m->len = end - v->at;
    bool is_prefix = groups == 1 && text.p[v->at] != ':' && end - v->at > 4; /* "fe80::" */
    bool whole = gaps == 1 ? (groups >= 2 || is_prefix) && groups < IPV6_GROUPS && digits > 0
                           : gaps == 0 && groups == IPV6_GROUPS;
    return whole ? scan_end(v, end) : SCAN_NO;
}

/* aa:bb:cc:dd:ee:ff, with colons or hyphens, or aabb.ccdd.eeff */
enum scan_answer scan_mac(const struct view *v, struct match *m)
{
    struct str text = v->text;
    size_t at = v->at, i = at;
    *m = (struct match){.from = at};
    if (at == text.n || scan_within(text, at) ||
        (at > 0 && text.p[at - 1] == ':' && at > 1 && is_hex(text.p[at - 2])))
        return SCAN_NO;
    size_t size = 0;
    while (size < 5 && at + size < text.n && is_hex(text.p[at + size]))
        size++;
    if (at + size == text.n)
        return size < 5 ? scan_short(v) : SCAN_NO;
    char separator = text.p[at + size];
    if (size == 4 ? separator != '.' : size != 2 || (separator != ':' && separator != '-'))
        return SCAN_NO;
    for (unsigned k = 0; k < 2 * MAC_PAIRS; k++, i++) {
        if (k && k % size == 0) {
            if (i == text.n)
                return scan_short(v);
            if (text.p[i++] != separator)
                return SCAN_NO;
        }
        if (i == text.n)
            return scan_short(v);
        if (!is_hex(text.p[i]))
            return SCAN_NO;
    }
    m->len = i - at;
    if (i < text.n && text.p[i] == separator && separator != '.')
        return i + 1 == text.n         ? (v->final ? SCAN_YES : SCAN_MORE)
               : is_hex(text.p[i + 1]) ? SCAN_NO
                                       : SCAN_YES;
    return scan_end(v, i);
}
