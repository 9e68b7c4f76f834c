/* scan_priv.h - the scans of detector_list.h, and what they share.  Pure. */
#ifndef POLICY_SCAN_PRIV_H
#define POLICY_SCAN_PRIV_H

#include <string.h>

#include "policy/detector.h"

scan_fn scan_email, scan_url_login, scan_date; /* scan_text.c */
scan_fn scan_phone, scan_card, scan_iban;      /* scan_number.c */
scan_fn scan_ipv4, scan_ipv6, scan_mac;        /* scan_net.c */
scan_fn scan_jwt, scan_private_key;            /* scan_secret.c */
scan_fn scan_number, scan_token;               /* scan_shape.c */

/* Of a row with a shape, by byte: bit k: the shape's byte k may be it.  256 of them. */
enum { SHAPE_HEAD_BYTES = DETECTOR_HEAD_BYTES };
const uint8_t *shape_head(unsigned row);

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool is_letter(char c)
{
    return is_upper(c) || (c >= 'a' && c <= 'z');
}

static inline bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool is_word(char c)
{
    return is_digit(c) || is_letter(c) || c == '_';
}

static inline bool one_of(char c, const char *set)
{
    for (; *set; set++)
        if (*set == c)
            return true;
    return false;
}

/* For a text that ends in the middle of a shape. */
static inline enum scan_answer scan_short(const struct view *v)
{
    return v->final ? SCAN_NO : SCAN_MORE;
}

/* Is `end` the end of a word? */
enum scan_answer scan_end(const struct view *v, size_t end);

/* The same for a number: neither a hyphen nor a point goes on with it. */
enum scan_answer scan_number_end(const struct view *v, size_t end);

/* Is `at` within something longer, such as a UUID, a version or a path? */
bool scan_within(struct str text, size_t at);

/* Does one of the words "a|b" stand in the DETECTOR_CUE_BYTES before `at`?  ASCII letters of both
 * cases are equal. */
bool scan_cue(struct str text, size_t at, const char *words);

#endif
