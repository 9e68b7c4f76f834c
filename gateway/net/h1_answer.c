/*
 * A line that stands whole in what came is read where it stands; only one that is
 * cut is put together.
 */
#include "gateway/net/h1_answer.h"

#include <string.h>
#include <strings.h>

enum { NO_LENGTH = -1, CHUNK_SIZE_DIGITS = 15 };

void h1_answer_init(struct h1_answer *a)
{
    *a = (struct h1_answer){.line = BUF_INIT(H1_LINE_BYTES)};
    h1_answer_begin(a);
}

void h1_answer_done(struct h1_answer *a)
{
    buf_done(&a->line);
}

void h1_answer_begin(struct h1_answer *a)
{
    a->state = H1_STATUS;
    a->status = 0;
    a->length = NO_LENGTH;
    a->chunked = false;
    a->persists = true;
    buf_empty_out(&a->line);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* HTTP/1.x 200 [reason] */
static bool read_status(struct h1_answer *a, struct str line, struct err *err)
{
    const char *p = line.p;
    bool is_one = line.n >= 12 && memcmp(p, "HTTP/1.", 7) == 0 && is_digit(p[7]) && p[8] == ' ' && is_digit(p[9]) &&
                  is_digit(p[10]) && is_digit(p[11]) && (line.n == 12 || p[12] == ' ');
    if (!is_one)
        return err_set(err, ERR_bad_answer, "not HTTP/1.1");
    a->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    a->persists = p[7] != '0';
    return a->status >= 100 || err_set(err, ERR_bad_answer, "a status below 100");
}

static bool is_word(struct str s, const char *word)
{
    size_t n = strlen(word);
    return s.n == n && strncasecmp(s.p, word, n) == 0;
}

static bool read_length(struct h1_answer *a, struct str value, struct err *err)
{
    int64_t n;
    if (!str_int(value, &n) || n < 0 || (a->length != NO_LENGTH && a->length != n))
        return err_set(err, ERR_bad_answer, "a Content-Length that is none, or two");
    a->length = n;
    return true;
}

static void read_connection(struct h1_answer *a, struct str value)
{
    struct str word;
    while (str_next(&value, ',', &word)) {
        word = str_trim(word);
        if (is_word(word, "close"))
            a->persists = false;
        else if (is_word(word, "keep-alive"))
            a->persists = true;
    }
}

/* What a header line says about where the answer ends. */
static bool read_header(struct h1_answer *a, struct str line, struct err *err)
{
    struct str name;
    bool is_header = str_next(&line, ':', &name) && line.p && name.n > 0;
    if (!is_header || memchr(name.p, ' ', name.n) || memchr(name.p, '\t', name.n)) /* a folded line, too */
        return err_set(err, ERR_bad_answer, "a header line that is none");
    struct str value = str_trim(line);
    if (is_word(name, "content-length"))
        return read_length(a, value, err);
    if (is_word(name, "transfer-encoding")) {
        if (a->chunked || !is_word(value, "chunked"))
            return err_set(err, ERR_bad_answer, "a Transfer-Encoding other than chunked");
        a->chunked = true;
    } else if (is_word(name, "connection")) {
        read_connection(a, value);
    }
    return true;
}

static void begin_body(struct h1_answer *a)
{
    if (a->status == 204 || a->status == 304) {
        a->state = H1_DONE;
    } else if (a->chunked) {
        a->persists &= a->length == NO_LENGTH; /* RFC 9112, 6.3: a sign of smuggling */
        a->state = H1_CHUNK_SIZE;
    } else if (a->length == NO_LENGTH) {
        a->persists = false;
        a->state = H1_BODY_TO_END;
    } else {
        a->left = a->length;
        a->state = a->left ? H1_BODY : H1_DONE;
    }
}

static bool read_chunk_size(struct h1_answer *a, struct str line, struct err *err)
{
    int64_t size = 0;
    size_t i = 0;
    for (; i < line.n && i < CHUNK_SIZE_DIGITS; i++) {
        char c = line.p[i];
        int digit = is_digit(c)            ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            break;
        size = size * 16 + digit;
    }
    bool ends = i == line.n || line.p[i] == ';' || line.p[i] == ' ' || line.p[i] == '\t';
    if (i == 0 || !ends)
        return err_set(err, ERR_bad_answer, "a chunk size that is none");
    a->left = size;
    a->state = size ? H1_CHUNK : H1_TRAILER;
    return true;
}

/* True: go on with what follows the line. */
static bool read_line(struct h1_answer *a, struct str line, const struct h1_events *events, void *arg,
                      struct err *err)
{
    switch ((int)a->state) {
    case H1_STATUS:
        if (!read_status(a, line, err))
            return false;
        a->state = H1_HEADER;
        events->status(arg, a->status);
        return true;
    case H1_HEADER:
        if (line.n)
            return read_header(a, line, err) && events->header(arg, line);
        if (a->status < 200) {
            h1_answer_begin(a);
            return true;
        }
        begin_body(a);
        return events->head_end(arg);
    case H1_CHUNK_SIZE:
        return read_chunk_size(a, line, err);
    case H1_CHUNK_END:
        a->state = H1_CHUNK_SIZE;
        return line.n == 0 || err_set(err, ERR_bad_answer, "a chunk longer than its size");
    default: /* H1_TRAILER */
        if (line.n == 0)
            a->state = H1_DONE;
        return true;
    }
}

static struct str without_cr(struct str line)
{
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* Takes the bytes of one line; *go_on: it was read, and what follows may be. */
static size_t take_line(struct h1_answer *a, struct str bytes, const struct h1_events *events, void *arg,
                        bool *go_on, struct err *err)
{
    const char *end = memchr(bytes.p, '\n', bytes.n);
    size_t n = end ? (size_t)(end - bytes.p) : bytes.n;
    struct str line = {bytes.p, n};
    bool was_cut = a->line.n > 0;
    if (!end || was_cut) {
        buf_add(&a->line, line);
        line = buf_str(&a->line);
    }
    if (line.n > H1_LINE_BYTES || !buf_ok(&a->line)) {
        *go_on = err_set(err, ERR_bad_answer, "a line of more than %d bytes", H1_LINE_BYTES);
        return n;
    }
    if (!end)
        return n;
    *go_on = read_line(a, without_cr(line), events, arg, err);
    if (was_cut)
        buf_empty_out(&a->line);
    return n + 1;
}

static size_t take_body(struct h1_answer *a, struct str bytes, const struct h1_events *events, void *arg, bool *go_on)
{
    bool counted = a->state != H1_BODY_TO_END;
    if (counted && (int64_t)bytes.n > a->left)
        bytes.n = (size_t)a->left;
    *go_on = events->body(arg, bytes);
    if (!*go_on)
        return 0;
    if (counted)
        a->left -= (int64_t)bytes.n;
    if (counted && a->left == 0)
        a->state = a->state == H1_CHUNK ? H1_CHUNK_END : H1_DONE;
    return bytes.n;
}

size_t h1_answer_read(struct h1_answer *a, struct str bytes, const struct h1_events *events, void *arg,
                      struct err *err)
{
    size_t at = 0;
    bool go_on = true;
    while (go_on && at < bytes.n && a->state != H1_DONE) {
        struct str rest = {bytes.p + at, bytes.n - at};
        bool is_body = a->state == H1_BODY || a->state == H1_BODY_TO_END || a->state == H1_CHUNK;
        at += is_body ? take_body(a, rest, events, arg, &go_on) : take_line(a, rest, events, arg, &go_on, err);
    }
    return at;
}

bool h1_answer_closed(struct h1_answer *a, struct err *err)
{
    if (a->state == H1_BODY_TO_END)
        a->state = H1_DONE;
    return a->state == H1_DONE || err_set(err, ERR_upstream_cut, "the connection closed before the answer's end");
}
