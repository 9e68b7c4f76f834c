#include <string.h>

#include "gateway/net/h1_answer.h"
#include "tests/unit/test.h"

/* What was found, as text: "200|name: value|.|body bytes". */
struct found {
    struct buf text;
    unsigned refuse; /* how often body bytes are not taken before they are */
    unsigned refused;
};

static void on_status(void *arg, int status)
{
    buf_addf(&((struct found *)arg)->text, "%d|", status);
}

static bool on_header(void *arg, struct str line)
{
    buf_addf(&((struct found *)arg)->text, STR_FMT "|", STR_ARG(line));
    return true;
}

static bool on_head_end(void *arg)
{
    buf_add(&((struct found *)arg)->text, STR(".|"));
    return true;
}

static bool on_body(void *arg, struct str bytes)
{
    struct found *f = arg;
    if (f->refused < f->refuse) {
        f->refused++;
        return false;
    }
    f->refused = 0;
    buf_add(&f->text, bytes);
    return true;
}

static const struct h1_events all = {on_status, on_header, on_head_end, on_body};

/* Reads it in pieces of `step` bytes; returns how many were read. */
static size_t read_in(struct h1_answer *a, struct str wire, size_t step, struct found *f, struct err *err)
{
    size_t at = 0;
    while (at < wire.n && a->state != H1_DONE && err->code == ERR_none) {
        size_t n = wire.n - at < step ? wire.n - at : step;
        at += h1_answer_read(a, (struct str){wire.p + at, n}, &all, f, err);
    }
    return at;
}

struct answer_case {
    const char *wire;
    const char *found; /* what is found, then '!' where it is an error, '~' where the connection has to close first */
    const char *left;  /* of the wire, unread */
    bool persists;
};

static const struct answer_case cases[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200|Content-Length: 5|.|hello", "", true},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200|Content-Length: 0|.|", "", true},
    {"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "200|Content-Length: 2|.|hi", "", true},
    {"HTTP/1.1 204 No\r\n\r\nHTTP", "204|.|", "HTTP", true},
    {"HTTP/1.1 100 Go on\r\nX: y\r\n\r\nHTTP/1.1 201 C\r\ncontent-length: 1\r\n\r\na", "100|X: y|201|content-length: 1|.|a", "",
     true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer: t\r\n\r\n",
     "200|Transfer-Encoding: chunked|.|hello!", "", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA \r\n0123456789\r\n000\r\n\r\nmore",
     "200|Transfer-Encoding: Chunked|.|0123456789", "more", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\na\r\n0\r\n\r\n",
     "200|Transfer-Encoding: chunked|Content-Length: 3|.|a", "", false},
    {"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\na", "200|Connection: x, Close|Content-Length: 1|.|a", "",
     false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "200|Content-Length: 1|.|a", "", false},
    {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na",
     "200|Connection: Keep-Alive|Content-Length: 1|.|a", "", true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
     "200|Content-Length: 3|Content-Length: 3|.|abc", "", true},
    {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "200|.|until the end~", "", false},
    {"HTTP/2 200\r\n\r\n", "!", NULL, false},
    {"HTTP/1.1 2000 OK\r\n\r\n", "!", NULL, false},
    {"HTTP/1.1 099 OK\r\n\r\n", "!", NULL, false},
    {"ICY 200 OK\r\n\r\n", "!", NULL, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "200|Content-Length: 3|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "200|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", "200|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0x3\r\n\r\n", "200|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "200|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     "200|Transfer-Encoding: chunked|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc", "200|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", "200|A: b|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "200|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "200|Transfer-Encoding: chunked|.|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "200|Transfer-Encoding: chunked|.|!", NULL, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "200|Transfer-Encoding: chunked|.|!", NULL,
     false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "200|Transfer-Encoding: chunked|.|a!", NULL, false},
};

static void check_case(const struct answer_case *c, size_t step, unsigned refuse)
{
    struct h1_answer a;
    struct found f = {.text = BUF_INIT(4096), .refuse = refuse};
    struct err err = {0};
    h1_answer_init(&a);
    size_t at = read_in(&a, str_of(c->wire), step, &f, &err);
    if (err.code == ERR_none && a.state != H1_DONE && h1_answer_closed(&a, &err))
        buf_add(&f.text, STR("~"));
    if (err.code != ERR_none) {
        assert_int_equal(err.code, ERR_bad_answer);
        buf_add(&f.text, STR("!"));
    }
    assert_string_equal(f.text.p, c->found);
    if (c->left) {
        assert_string_equal(c->wire + at, c->left);
        assert_int_equal(a.persists, c->persists);
    }
    buf_done(&f.text);
    h1_answer_done(&a);
}

static void an_answer_is_read_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t step = 1; step <= strlen(cases[i].wire); step++)
            check_case(&cases[i], step, 0);
}

static void bytes_that_are_not_taken_come_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t step = 1; step <= strlen(cases[i].wire); step += 3)
            check_case(&cases[i], step, 2);
}

static void a_connection_that_closes_early_has_cut_the_answer(void **state)
{
    (void)state;
    static const char wire[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    for (size_t n = 0; n < sizeof wire - 1; n++) {
        struct h1_answer a;
        struct found f = {.text = BUF_INIT(4096)};
        struct err err = {0};
        h1_answer_init(&a);
        assert_int_equal(read_in(&a, (struct str){wire, n}, n, &f, &err), n);
        assert_false(h1_answer_closed(&a, &err));
        assert_int_equal(err.code, ERR_upstream_cut);
        buf_done(&f.text);
        h1_answer_done(&a);
    }
}

static void a_line_has_a_limit(void **state)
{
    (void)state;
    for (size_t step = 1000; step <= 40000; step += 39000) {
        struct h1_answer a;
        struct buf wire = BUF_INIT(64 * 1024);
        struct found f = {.text = BUF_INIT(64 * 1024)};
        struct err err = {0};
        buf_add(&wire, STR("HTTP/1.1 200 OK\r\nA: "));
        for (int i = 0; i < H1_LINE_BYTES; i++)
            buf_add(&wire, STR("a"));
        buf_add(&wire, STR("\r\n\r\n"));
        h1_answer_init(&a);
        read_in(&a, buf_str(&wire), step, &f, &err);
        assert_int_equal(err.code, ERR_bad_answer);
        buf_done(&f.text);
        buf_done(&wire);
        h1_answer_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_read_however_it_is_cut),
        cmocka_unit_test(bytes_that_are_not_taken_come_again),
        cmocka_unit_test(a_connection_that_closes_early_has_cut_the_answer),
        cmocka_unit_test(a_line_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
