#include "gateway/base/unpack.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "gateway/base/scope.h"
#include "tests/unit/test.h"

enum { MAX = 1 << 20 };

/* "hello hello hello hello" as Google's encoder packs it. */
static const struct str hello = STR("hello hello hello hello");
static const struct str hello_br = STR("\x1B\x16\x00\x00\x24\x40\x6A\x10\x65\xEA\xF0\x9C\x3E");

static void pack_zlib(struct str text, int window_bits, struct buf *out)
{
    unsigned char room[4096];
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)text.p,
                  .avail_in = (unsigned)text.n,
                  .next_out = room,
                  .avail_out = sizeof room};
    deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    buf_add(out, (struct str){(char *)room, z.total_out});
}

static void pack_zstd(struct str text, struct buf *out)
{
    char room[4096];
    size_t n = ZSTD_compress(room, sizeof room, text.p, text.n, 3);
    assert_false(ZSTD_isError(n));
    buf_add(out, (struct str){room, n});
}

static void pack(const char *coding, struct str text, struct buf *out)
{
    if (strcmp(coding, "gzip") == 0)
        pack_zlib(text, 16 + MAX_WBITS, out);
    else if (strcmp(coding, "deflate") == 0)
        pack_zlib(text, MAX_WBITS, out);
    else if (strcmp(coding, "zstd") == 0)
        pack_zstd(text, out);
    else if (strcmp(coding, "br") == 0)
        buf_add(out, hello_br);
    else
        buf_add(out, text);
}

static void expect(const char *encoding, struct str body, struct str want)
{
    SCOPED(buf_done) struct buf out = BUF_INIT(MAX);
    struct err err = {0};
    if (!unpack(str_of(encoding), body, MAX, &out, &err))
        fail_msg("%s: %s", encoding, err.say);
    assert_true(str_eq(buf_str(&out), want));
}

static void refuse(const char *encoding, struct str body, size_t max, enum err_code code)
{
    SCOPED(buf_done) struct buf out = BUF_INIT(MAX);
    struct err err = {0};
    buf_add(&out, STR("before"));
    assert_false(unpack(str_of(encoding), body, max, &out, &err));
    assert_int_equal(err.code, code);
    assert_string_equal(out.p, "before");
}

static void each_coding_is_undone(void **state)
{
    (void)state;
    static const char *const codings[] = {"gzip", "deflate", "zstd", "br", "identity"};
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        SCOPED(buf_done) struct buf packed = BUF_INIT(MAX);
        pack(codings[i], hello, &packed);
        expect(codings[i], buf_str(&packed), hello);
    }
    expect("", hello, hello);
}

static void a_name_is_matched_as_http_does(void **state)
{
    (void)state;
    SCOPED(buf_done) struct buf packed = BUF_INIT(MAX);
    pack("gzip", hello, &packed);
    expect("GZip", buf_str(&packed), hello);
    expect("x-gzip", buf_str(&packed), hello);
    expect(" gzip , identity,", buf_str(&packed), hello);
    SCOPED(buf_done) struct buf bare = BUF_INIT(MAX);
    pack_zlib(hello, -MAX_WBITS, &bare);
    expect("deflate", buf_str(&bare), hello);
}

static void codings_are_undone_last_first(void **state)
{
    (void)state;
    SCOPED(buf_done) struct buf once = BUF_INIT(MAX), twice = BUF_INIT(MAX);
    pack("zstd", hello, &once);
    pack("gzip", buf_str(&once), &twice);
    expect("zstd, gzip", buf_str(&twice), hello);
    refuse("gzip, zstd", buf_str(&twice), MAX, ERR_bad_request);
    refuse("gzip, gzip, gzip", buf_str(&twice), MAX, ERR_bad_encoding);
}

static void several_members_are_one_body(void **state)
{
    (void)state;
    SCOPED(buf_done) struct buf gz = BUF_INIT(MAX), zst = BUF_INIT(MAX);
    pack("gzip", STR("one "), &gz);
    pack("gzip", STR("two"), &gz);
    expect("gzip", buf_str(&gz), STR("one two"));
    pack("zstd", STR("one "), &zst);
    pack("zstd", STR("two"), &zst);
    expect("zstd", buf_str(&zst), STR("one two"));
}

static void an_unknown_coding_is_refused(void **state)
{
    (void)state;
    refuse("compress", hello, MAX, ERR_bad_encoding);
    refuse("gzip;q=1", hello, MAX, ERR_bad_encoding);
    refuse("gzip gzip", hello, MAX, ERR_bad_encoding);
}

static void a_body_that_is_cut_or_broken_is_refused(void **state)
{
    (void)state;
    static const char *const codings[] = {"gzip", "deflate", "zstd", "br"};
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        SCOPED(buf_done) struct buf packed = BUF_INIT(MAX);
        pack(codings[i], hello, &packed);
        for (size_t n = 0; n < packed.n; n++)
            refuse(codings[i], (struct str){packed.p, n}, MAX, ERR_bad_request);
        refuse(codings[i], STR("\xFF\xFE{\"model\""), MAX, ERR_bad_request);
        buf_add(&packed, STR("behind"));
        refuse(codings[i], buf_str(&packed), MAX, ERR_bad_request);
    }
}

static void what_grows_past_the_limit_is_refused(void **state)
{
    (void)state;
    static const char zeros[100000];
    static const char *const codings[] = {"gzip", "deflate", "zstd"};
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        SCOPED(buf_done) struct buf packed = BUF_INIT(MAX);
        pack(codings[i], (struct str){zeros, sizeof zeros}, &packed);
        assert_true(packed.n < 1000);
        refuse(codings[i], buf_str(&packed), sizeof zeros - 1, ERR_too_large);
        SCOPED(buf_done) struct buf out = BUF_INIT(MAX);
        struct err err = {0};
        assert_true(unpack(str_of(codings[i]), buf_str(&packed), sizeof zeros, &out, &err));
        assert_int_equal(out.n, sizeof zeros);
    }
    refuse("br", hello_br, hello.n - 1, ERR_too_large);
}

/* Ten bytes that ask for 128 MB of window. */
static void a_window_past_what_rfc_8878_asks_for_is_refused(void **state)
{
    (void)state;
    refuse("zstd", STR("\x28\xB5\x2F\xFD\x00\x88\x01\x00\x00"), MAX, ERR_bad_request);
    expect("zstd", STR("\x28\xB5\x2F\xFD\x00\x68\x01\x00\x00"), STR(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_coding_is_undone),
        cmocka_unit_test(a_name_is_matched_as_http_does),
        cmocka_unit_test(codings_are_undone_last_first),
        cmocka_unit_test(several_members_are_one_body),
        cmocka_unit_test(an_unknown_coding_is_refused),
        cmocka_unit_test(a_body_that_is_cut_or_broken_is_refused),
        cmocka_unit_test(what_grows_past_the_limit_is_refused),
        cmocka_unit_test(a_window_past_what_rfc_8878_asks_for_is_refused),
    };
    return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
