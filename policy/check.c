#include "policy/check.h"

#include <math.h>
#include <string.h>

#include "gateway/base/crypto.h"

enum { DIGITS_MAX = 40 };

int check_digits(struct str s, int *digits, int max)
{
    int n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            continue;
        if (n == max)
            return -1;
        digits[n++] = s.p[i] - '0';
    }
    return n;
}

static bool luhn(const int *d, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        int v = d[n - 1 - i];
        if (i % 2)
            v = v < 5 ? 2 * v : 2 * v - 9;
        sum += v;
    }
    return n > 1 && sum % 10 == 0;
}

bool check_luhn(struct str s)
{
    int d[DIGITS_MAX] = {0};
    return luhn(d, check_digits(s, d, DIGITS_MAX));
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static unsigned mod97_add(unsigned rest, char c)
{
    if (c >= '0' && c <= '9')
        return (rest * 10 + (unsigned)(c - '0')) % 97;
    return (rest * 100 + (unsigned)((c | 0x20) - 'a') + 10) % 97;
}

bool check_mod97(struct str s)
{
    char kept[64];
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < sizeof kept; i++)
        if (is_alnum(s.p[i]))
            kept[n++] = s.p[i];
    if (n < 5 || n == sizeof kept)
        return false;
    unsigned rest = 0;
    for (size_t i = 0; i < n; i++)
        rest = mod97_add(rest, kept[(i + 4) % n]);
    return rest == 1;
}

bool check_verhoeff(struct str s)
{
    static const unsigned char times[10][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
        {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
        {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
        {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
        {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
    static const unsigned char turned[8][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
        {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
        {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
        {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
    int d[DIGITS_MAX], n = check_digits(s, d, DIGITS_MAX);
    unsigned c = 0;
    for (int i = 0; i < n; i++)
        c = times[c][turned[i % 8][d[n - 1 - i]]];
    return n > 1 && c == 0;
}

bool check_mod11_10(struct str s)
{
    int d[DIGITS_MAX], n = check_digits(s, d, DIGITS_MAX), p = 10;
    for (int i = 0; i + 1 < n; i++) {
        p = (p + d[i]) % 10;
        p = 2 * (p ? p : 10) % 11;
    }
    return n > 1 && (11 - p) % 10 == d[n - 1];
}

/* ISO/IEC 7812 issuer ranges, by the first four digits, and how long their cards are. */
static bool has_issuer(const int *d, int n)
{
    static const struct {
        int from, to, shortest, longest;
    } issuers[] = {
        {1000, 1999, 15, 15}, {2131, 2131, 15, 15}, {1800, 1800, 15, 15}, {2221, 2720, 16, 16},
        {3000, 3059, 14, 16}, {3095, 3095, 14, 16}, {3400, 3499, 15, 15}, {3500, 3599, 16, 19},
        {3600, 3699, 14, 19}, {3700, 3799, 15, 15}, {3800, 3999, 14, 19}, {4000, 4999, 13, 19},
        {5000, 5099, 12, 19}, {5100, 5599, 16, 16}, {5600, 5999, 12, 19}, {6000, 6999, 12, 19},
    };
    int first = d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3];
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++)
        if (first >= issuers[i].from && first <= issuers[i].to)
            return n >= issuers[i].shortest && n <= issuers[i].longest;
    return false;
}

bool check_card(struct str s)
{
    int d[19], n = check_digits(s, d, 19);
    return n >= 12 && has_issuer(d, n) && luhn(d, n);
}

/* ISO 13616 registry: the country and the length of its IBANs. */
static const char iban_lengths[] = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ2"
                                   "4DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22"
                                   "GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ2"
                                   "0LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20"
                                   "MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA2"
                                   "4SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26"
                                   "UA29VA22VG24XK20YE30";

bool check_iban(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += is_alnum(s.p[i]);
    for (const char *c = iban_lengths; *c; c += 4)
        if (s.n > 4 && c[0] == (s.p[0] & ~0x20) && c[1] == (s.p[1] & ~0x20))
            return n == (size_t)((c[2] - '0') * 10 + c[3] - '0') && check_mod97(s);
    return false;
}

bool check_mac(struct str s)
{
    bool zeros = true, ones = true;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_alnum(s.p[i]))
            continue;
        zeros &= s.p[i] == '0';
        ones &= (s.p[i] | 0x20) == 'f';
    }
    return !zeros && !ones;
}

static uint32_t crc32_of(struct str s)
{
    uint32_t crc = ~UINT32_C(0);
    for (size_t i = 0; i < s.n; i++) {
        crc ^= (unsigned char)s.p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (UINT32_C(0xEDB88320) & -(crc & 1));
    }
    return ~crc;
}

/* github.blog, "Behind GitHub's new authentication token formats", 2021. */
bool check_crc32(struct str s)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    enum { SUM_BYTES = 6 };
    const char *from = memchr(s.p, '_', s.n);
    if (!from || s.p + s.n - from < 1 + SUM_BYTES + 1)
        return false;
    from++;
    uint32_t crc = crc32_of((struct str){from, (size_t)(s.p + s.n - from) - SUM_BYTES});
    for (size_t i = 0; i < SUM_BYTES; i++, crc /= 62)
        if (s.p[s.n - 1 - i] != digits[crc % 62])
            return false;
    return true;
}

bool check_base58(struct str s)
{
    static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    enum { BYTES = 25, SUM_BYTES = 4 };
    unsigned char bytes[BYTES] = {0};
    for (size_t i = 0; i < s.n; i++) {
        const char *digit = s.p[i] ? strchr(digits, s.p[i]) : NULL;
        if (!digit)
            return false;
        unsigned carry = (unsigned)(digit - digits);
        for (size_t k = BYTES; k-- > 0; carry >>= 8) {
            carry += 58u * bytes[k];
            bytes[k] = (unsigned char)carry;
        }
        if (carry)
            return false;
    }
    struct hash once = crypto_sha256((struct str){(char *)bytes, BYTES - SUM_BYTES});
    struct hash twice = crypto_sha256((struct str){(char *)once.bytes, HASH_BYTES});
    return memcmp(twice.bytes, bytes + BYTES - SUM_BYTES, SUM_BYTES) == 0;
}

static uint32_t bech32_step(uint32_t sum, unsigned value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
    unsigned top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++)
        sum ^= top >> i & 1 ? generator[i] : 0;
    return sum;
}

bool check_bech32(struct str s)
{
    static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    enum { BECH32 = 1, BECH32M = 0x2bc830a3 };
    const char *one = memchr(s.p, '1', s.n);
    if (!one)
        return false;
    uint32_t sum = 1;
    for (const char *c = s.p; c < one; c++)
        sum = bech32_step(sum, (unsigned char)(*c | 0x20) >> 5);
    sum = bech32_step(sum, 0);
    for (const char *c = s.p; c < one; c++)
        sum = bech32_step(sum, (unsigned char)(*c | 0x20) & 31);
    for (const char *c = one + 1; c < s.p + s.n; c++) {
        const char *digit = *c ? strchr(digits, *c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c) : NULL;
        if (!digit)
            return false;
        sum = bech32_step(sum, (unsigned)(digit - digits));
    }
    return sum == BECH32 || sum == BECH32M;
}

/* Of base64url, up to the first '.'. */
static size_t decode_head(struct str s, char *out, size_t max)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n && s.p[i] != '.' && n < max; i++) {
        char c = s.p[i];
        unsigned v = c >= 'A' && c <= 'Z'   ? (unsigned)(c - 'A')
                     : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 26
                     : c >= '0' && c <= '9' ? (unsigned)(c - '0') + 52
                     : c == '-'             ? 62u
                                            : 63u;
        bits = bits << 6 | v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (char)(bits >> held);
        }
    }
    return n;
}

bool check_jwt(struct str s)
{
    char head[512];
    size_t n = decode_head(s, head, sizeof head);
    return n > 2 && head[0] == '{' && (n == sizeof head || head[n - 1] == '}') &&
           memmem(head, n, "\"alg\"", 5);
}

double check_entropy(struct str s)
{
    unsigned count[256] = {0};
    double bits = 0;
    for (size_t i = 0; i < s.n; i++)
        count[(unsigned char)s.p[i]]++;
    for (size_t i = 0; i < 256; i++)
        if (count[i])
            bits -= count[i] / (double)s.n * log2(count[i] / (double)s.n);
    return bits;
}

bool check_random(struct str s)
{
    return check_entropy(s) >= 3;
}
