/*
 * The formulas of national numbers.  Where one has no check digit its ranges are
 * checked.  Sources: the issuing offices' rules as collected in Wikipedia's "National
 * identification number" and its pages of each.
 */
#include <string.h>

#include "policy/check.h"

static int sum_of(const int *d, const int *weights, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += d[i] * weights[i];
    return sum;
}

static bool all_same(const int *d, int n)
{
    for (int i = 1; i < n; i++)
        if (d[i] != d[0])
            return false;
    return true;
}

static int number_of(const int *d, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++)
        v = v * 10 + d[i];
    return v;
}

static bool is_date(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* Letters and digits, in capitals; how many, or -1. */
static int plain(struct str s, char *out, int max)
{
    int n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (c < '0' || c > '9'))
            continue;
        if (n == max)
            return -1;
        out[n++] = letter ? (char)(c & ~0x20) : c;
    }
    return n;
}

/* Social Security Administration: what was never issued, and two that were printed on samples. */
bool check_us_ssn(struct str s)
{
    int d[9];
    if (check_digits(s, d, 9) != 9)
        return false;
    int area = number_of(d, 3), group = number_of(d + 3, 2), serial = number_of(d + 5, 4),
        all = number_of(d, 9);
    return area != 0 && area != 666 && area < 900 && group != 0 && serial != 0 && all != 78051120 &&
           all != 219099999 && !all_same(d, 9);
}

bool check_us_itin(struct str s)
{
    int d[9];
    if (check_digits(s, d, 9) != 9 || d[0] != 9)
        return false;
    int group = number_of(d + 3, 2);
    return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
           (group >= 90 && group <= 92) || group >= 94;
}

bool check_us_aba(struct str s)
{
    static const int weights[] = {3, 7, 1, 3, 7, 1, 3, 7, 1};
    int d[9];
    if (check_digits(s, d, 9) != 9)
        return false;
    int prefix = number_of(d, 2);
    bool issued = prefix <= 12 || (prefix >= 21 && prefix <= 32) ||
                  (prefix >= 61 && prefix <= 72) || prefix == 80;
    return issued && !all_same(d, 9) && sum_of(d, weights, 9) % 10 == 0;
}

bool check_us_npi(struct str s)
{
    int d[10];
    char with_prefix[15] = "80840";
    if (plain(s, with_prefix + 5, 10) != 10 || check_digits(s, d, 10) != 10)
        return false;
    return (d[0] == 1 || d[0] == 2) && !all_same(d, 9) && check_luhn((struct str){with_prefix, 15});
}

bool check_ca_sin(struct str s)
{
    int d[9];
    return check_digits(s, d, 9) == 9 && d[0] != 0 && d[0] != 8 && !all_same(d, 9) && check_luhn(s);
}

bool check_uk_nhs(struct str s)
{
    static const int weights[] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
    int d[10];
    if (check_digits(s, d, 10) != 10)
        return false;
    return !all_same(d, 10) && (11 - sum_of(d, weights, 9) % 11) % 11 == d[9];
}

bool check_uk_nino(struct str s)
{
    static const char never[] = "BG GB KN NK NT TN ZZ";
    char c[9];
    if (plain(s, c, 9) != 9 || strchr("DFIQUV", c[0]) || strchr("DFIQUVO", c[1]) || c[8] < 'A' ||
        c[8] > 'D')
        return false;
    for (const char *pair = never; pair < never + sizeof never; pair += 3)
        if (pair[0] == c[0] && pair[1] == c[1])
            return false;
    return true;
}

/* One digit comes two or three times among the first ten; numbers made up for tests often have none
 * that does. */
bool check_de_tax(struct str s)
{
    int d[11], count[10] = {0}, twice = 0, thrice = 0;
    if (check_digits(s, d, 11) != 11 || d[0] == 0)
        return false;
    for (int i = 0; i < 10; i++)
        count[d[i]]++;
    for (int i = 0; i < 10; i++) {
        if (count[i] > 3)
            return false;
        twice += count[i] == 2;
        thrice += count[i] == 3;
    }
    return twice + thrice <= 1 && check_mod11_10(s);
}

static bool nif_letter(int number, char letter)
{
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == letter;
}

bool check_es_nif(struct str s)
{
    int d[8];
    char c[9];
    int n = plain(s, c, 9);
    return n >= 8 && check_digits(s, d, 8) == n - 1 && nif_letter(number_of(d, n - 1), c[n - 1]);
}

bool check_es_nie(struct str s)
{
    int d[8] = {0};
    char c[9];
    if (plain(s, c, 9) != 9 || c[0] < 'X' || c[0] > 'Z' || check_digits(s, d + 1, 7) != 7)
        return false;
    d[0] = c[0] - 'X';
    return nif_letter(number_of(d, 8), c[8]);
}

/* Decreto ministeriale 12 marzo 1974. */
bool check_it_fiscal(struct str s)
{
    static const int odd[] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                              20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
    char c[16];
    if (plain(s, c, 16) != 16)
        return false;
    int sum = 0;
    for (int i = 0; i < 15; i++) {
        int v = c[i] >= 'A' ? c[i] - 'A' : c[i] - '0';
        sum += i % 2 ? v : odd[v];
    }
    return 'A' + sum % 26 == c[15];
}

/* INSEE; Corsica's 2A and 2B count as 19 and 18. */
bool check_fr_nir(struct str s)
{
    char c[15];
    if (plain(s, c, 15) != 15)
        return false;
    if (c[5] == '2' && (c[6] == 'A' || c[6] == 'B')) {
        c[5] = '1';
        c[6] = c[6] == 'A' ? '9' : '8';
    }
    int64_t number = 0;
    for (int i = 0; i < 15; i++)
        if (c[i] < '0' || c[i] > '9')
            return false;
    for (int i = 0; i < 13; i++)
        number = number * 10 + c[i] - '0';
    return 97 - number % 97 == (c[13] - '0') * 10 + c[14] - '0';
}

bool check_pl_pesel(struct str s)
{
    static const int weights[] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1};
    static const int centuries[] = {1900, 2000, 2100, 2200, 1800};
    int d[11];
    if (check_digits(s, d, 11) != 11)
        return false;
    int month = number_of(d + 2, 2), year = centuries[month / 20] + number_of(d, 2);
    return is_date(year, month % 20, number_of(d + 4, 2)) && sum_of(d, weights, 11) % 10 == 0;
}

bool check_nl_bsn(struct str s)
{
    static const int weights[] = {9, 8, 7, 6, 5, 4, 3, 2, -1};
    int d[9];
    return check_digits(s, d, 9) == 9 && !all_same(d, 9) && sum_of(d, weights, 9) % 11 == 0;
}

bool check_fi_hetu(struct str s)
{
    static const char marks[] = "+-YXWVUABCDEF", digits[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
    int d[9];
    if (s.n != 11 || !strchr(marks, s.p[6]) || check_digits((struct str){s.p, 10}, d, 9) != 9)
        return false;
    int century = s.p[6] == '+' ? 1800 : s.p[6] == '-' || s.p[6] >= 'U' ? 1900 : 2000;
    return number_of(d + 6, 3) >= 2 &&
           is_date(century + number_of(d + 4, 2), number_of(d + 2, 2), number_of(d, 2)) &&
           digits[number_of(d, 9) % 31] == (s.p[10] >= 'a' ? s.p[10] & ~0x20 : s.p[10]);
}

/* The century may be written or not; a coordination number has 60 added to the day. */
bool check_se_pnr(struct str s)
{
    int d[12], n = check_digits(s, d, 12);
    const int *last = d + n - 10;
    if (n != 10 && n != 12)
        return false;
    int year = n == 12 ? number_of(d, 4) : 2000 + number_of(last, 2), day = number_of(last + 4, 2);
    char text[10];
    for (int i = 0; i < 10; i++)
        text[i] = (char)('0' + last[i]);
    return is_date(year, number_of(last + 2, 2), day > 60 ? day - 60 : day) &&
           check_luhn((struct str){text, 10});
}

bool check_in_aadhaar(struct str s)
{
    int d[12];
    bool mirrored = true;
    if (check_digits(s, d, 12) != 12 || d[0] < 2)
        return false;
    for (int i = 0; i < 6; i++)
        mirrored &= d[i] == d[11 - i];
    return !mirrored && check_verhoeff(s);
}

bool check_in_pan(struct str s)
{
    char c[10];
    return plain(s, c, 10) == 10 && strchr("ABCFGHJLPT", c[3]);
}

bool check_au_tfn(struct str s)
{
    static const int weights[] = {1, 4, 3, 7, 5, 8, 6, 9, 10};
    int d[9];
    return check_digits(s, d, 9) == 9 && !all_same(d, 9) && sum_of(d, weights, 9) % 11 == 0;
}

bool check_au_abn(struct str s)
{
    static const int weights[] = {10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19};
    int d[11];
    if (check_digits(s, d, 11) != 11 || d[0] == 0)
        return false;
    d[0]--;
    return sum_of(d, weights, 11) % 89 == 0;
}

bool check_br_cpf(struct str s)
{
    static const int weights[] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
    int d[11];
    if (check_digits(s, d, 11) != 11 || all_same(d, 11))
        return false;
    int first = sum_of(d, weights + 1, 9) * 10 % 11 % 10,
        second = sum_of(d, weights, 10) * 10 % 11 % 10;
    return first == d[9] && second == d[10];
}

/* GB 11643-1999: ISO 7064 mod 11-2. */
bool check_cn_id(struct str s)
{
    static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int d[17];
    char c[18];
    if (plain(s, c, 18) != 18 || check_digits((struct str){c, 17}, d, 17) != 17)
        return false;
    int year = number_of(d + 6, 4);
    return year >= 1800 && year < 2100 &&
           is_date(year, number_of(d + 10, 2), number_of(d + 12, 2)) &&
           "10X98765432"[sum_of(d, weights, 17) % 11] == c[17];
}

bool check_sg_nric(struct str s)
{
    static const int weights[] = {2, 7, 6, 5, 4, 3, 2};
    int d[7];
    char c[9];
    if (plain(s, c, 9) != 9 || check_digits(s, d, 7) != 7)
        return false;
    bool later = c[0] == 'T' || c[0] == 'G';
    int sum = (sum_of(d, weights, 7) + (later ? 4 : c[0] == 'M' ? 3 : 0)) % 11;
    const char *letters = c[0] == 'S' || c[0] == 'T' ? "JZIHGFEDCBA"
                          : c[0] == 'M'              ? "KLJNPQRTUWX"
                                                     : "XWUTRQPNMLK";
    return strchr("STFGM", c[0]) && letters[c[0] == 'M' ? 10 - sum : sum] == c[8];
}

/* Those issued since October 2020 have no check digit; they are not found. */
bool check_kr_rrn(struct str s)
{
    static const int weights[] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    int d[13];
    if (check_digits(s, d, 13) != 13 || d[6] < 1 || d[6] > 4)
        return false;
    int year = (d[6] <= 2 ? 1900 : 2000) + number_of(d, 2);
    return is_date(year, number_of(d + 2, 2), number_of(d + 4, 2)) &&
           (11 - sum_of(d, weights, 12) % 11) % 10 == d[12];
}

bool check_th_id(struct str s)
{
    static const int weights[] = {13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
    int d[13];
    if (check_digits(s, d, 13) != 13)
        return false;
    int province = number_of(d + 1, 2);
    return d[0] != 0 && province >= 10 && province <= 96 &&
           (11 - sum_of(d, weights, 12) % 11) % 10 == d[12];
}

bool check_tr_id(struct str s)
{
    int d[11], sum = 0;
    if (check_digits(s, d, 11) != 11 || d[0] == 0)
        return false;
    int odd = d[0] + d[2] + d[4] + d[6] + d[8], even = d[1] + d[3] + d[5] + d[7];
    for (int i = 0; i < 10; i++)
        sum += d[i];
    return ((7 * odd - even) % 10 + 10) % 10 == d[9] && sum % 10 == d[10];
}

bool check_za_id(struct str s)
{
    int d[13];
    return check_digits(s, d, 13) == 13 &&
           is_date(2000 + number_of(d, 2), number_of(d + 2, 2), number_of(d + 4, 2)) &&
           d[10] <= 2 && check_luhn(s);
}
