#include "policy/scan_priv.h"

enum { JWT_MAX_BYTES = 8 * 1024, JWT_PART_MIN_BYTES = 8, KEY_LABEL_MAX_BYTES = 48 };

static bool is_base64url(char c)
{
    return is_word(c) || c == '-';
}

/* Three parts of base64url with dots between; the second look reads the first. */
enum scan_answer scan_jwt(const struct view *v, struct match *m)
{
    static const char start[] = "eyJ";
    struct str text = v->text;
    size_t i = v->at, part = i;
    unsigned dots = 0;
    *m = (struct match){.from = v->at};
    for (size_t k = 0; k < sizeof start - 1; k++) {
        if (i + k == text.n)
            return scan_short(v);
        if (text.p[i + k] != start[k])
            return SCAN_NO;
    }
    for (; i < text.n && i - v->at < JWT_MAX_BYTES; i++) {
        if (is_base64url(text.p[i]))
            continue;
        if (text.p[i] != '.' || dots == 2 || i - part < JWT_PART_MIN_BYTES)
            break;
        dots++;
        part = i + 1;
    }
    if (i == text.n && !v->final)
        return SCAN_MORE;
    m->len = i - v->at;
    return dots == 2 && i - part >= JWT_PART_MIN_BYTES ? SCAN_YES : SCAN_NO;
}

static bool is_pem(char c)
{
    return is_digit(c) || is_letter(c) || one_of(c, "+/=\r\n \t:,-\\");
}

/* The first line, "-----BEGIN … PRIVATE KEY…-----"; *end is set on SCAN_YES. */
static enum scan_answer read_label(const struct view *v, struct str *label, size_t *end)
{
    static const char start[] = "-----BEGIN ";
    struct str text = v->text;
    size_t i = v->at;
    for (size_t k = 0; k < sizeof start - 1; k++, i++) {
        if (i == text.n)
            return scan_short(v);
        if (text.p[i] != start[k])
            return SCAN_NO;
    }
    size_t from = i;
    while (i < text.n && i - from < KEY_LABEL_MAX_BYTES &&
           (is_upper(text.p[i]) || is_digit(text.p[i]) || text.p[i] == ' '))
        i++;
    *label = (struct str){text.p + from, i - from};
    for (size_t k = 0; k < 5; k++, i++) {
        if (i == text.n)
            return scan_short(v);
        if (text.p[i] != '-')
            return SCAN_NO;
    }
    *end = i;
    bool is_private =
        memmem(label->p, label->n, "PRIVATE KEY", 11) || memmem(label->p, label->n, "PRIVATE ", 8);
    return is_private ? SCAN_YES : SCAN_NO;
}

/* To its last line; of one that is cut, or too long to wait for, what there is. */
enum scan_answer scan_private_key(const struct view *v, struct match *m)
{
    struct str text = v->text, label;
    size_t i = v->at;
    *m = (struct match){.from = v->at};
    if (v->at > 0 && text.p[v->at - 1] == '-')
        return SCAN_NO;
    enum scan_answer answer = read_label(v, &label, &i);
    if (answer != SCAN_YES)
        return answer;
    struct buf last = BUF_INIT(128);
    buf_addf(&last, "-----END " STR_FMT "-----", STR_ARG(label));
    size_t most = v->at + DETECTOR_LONGEST < text.n ? v->at + DETECTOR_LONGEST : text.n;
    const char *end = memmem(text.p + i, most - i, last.p, last.n);
    size_t last_bytes = last.n;
    buf_done(&last);
    if (end) {
        m->len = (size_t)(end - text.p) + last_bytes - v->at;
        return SCAN_YES;
    }
    while (i < most && is_pem(text.p[i]))
        i++;
    if (i == text.n && !v->final && i - v->at < DETECTOR_LONGEST)
        return SCAN_MORE;
    m->len = i - v->at;
    return SCAN_YES;
}
