#include "policy/detector.h"

#include <string.h>

#include "gateway/base/scope.h"
#include "policy/channel.h"
#include "tests/unit/policy_parts.h"
#include "tests/unit/test.h"

enum { MAX_BYTES = 64 * 1024 };

static struct policy *everything;
static struct policy_set *all;

static int make_all(void **state)
{
    (void)state;
    everything = policy_everything();
    assert_non_null(everything);
    all = policy_set_new((const struct policy *const *)&everything, 1);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    policy_set_free(all);
    policy_free(everything);
    return 0;
}

/* Writes the text with its findings as [id text]. */
static void mark(const struct policy_set *set, struct str text, struct buf *out)
{
    struct seeker s;
    struct finding f;
    size_t given = 0;
    const struct pattern_text whole = {.text = text};
    seeker_init(&s, &set->plans[DIRECTION_request]);
    while (seeker_next(&s, &whole, &f) == SCAN_YES) {
        buf_add(out, (struct str){text.p + given, f.from - given});
        buf_addf(out, "[%s ", f.rule->id);
        buf_add(out, (struct str){text.p + f.from, f.to - f.from});
        buf_add(out, STR("]"));
        given = f.to;
    }
    seeker_done(&s);
    buf_add(out, (struct str){text.p + given, text.n - given});
}

static void check(const char *text, const char *expected)
{
    SCOPED(buf_done) struct buf out = BUF_INIT(MAX_BYTES);
    mark(all, str_of(text), &out);
    assert_string_equal(out.p, expected);
}

/* With this detector alone. */
static bool finds(const char *text, const char *id)
{
    char source[256];
    SCOPED(buf_done) struct buf out = BUF_INIT(MAX_BYTES);
    snprintf(source, sizeof source, "{version: 1, rules: [{id: %s, request: {action: flag}}]}", id);
    struct policy *policy = parts_policy(source);
    struct policy_set *set = policy_set_new((const struct policy *const *)&policy, 1);
    mark(set, str_of(text), &out);
    policy_set_free(set);
    policy_free(policy);
    return strcmp(out.p, text) != 0;
}

static void every_row_finds_its_example_and_not_its_look_alike(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_detectors; i++) {
        const struct detector *d = &detectors[i];
        if (!finds(d->example, d->id))
            fail_msg("%s (row %u) is not found in '%s'", d->id, i, d->example);
        if (finds(d->look_alike, d->id))
            fail_msg("%s (row %u) is found in '%s'", d->id, i, d->look_alike);
        assert_int_equal(strlen(d->code), 2);
    }
}

static void there_is_as_much_as_was_promised(void **state)
{
    (void)state;
    unsigned services = 0, countries = 0;
    for (unsigned i = 0; i < n_detectors; i++) {
        bool is_new = i == 0 || strcmp(detectors[i].id, detectors[i - 1].id) != 0;
        services += is_new && str_starts(str_of(detectors[i].id), STR("secret."));
        countries +=
            is_new && strncmp(detectors[i].id, "pii.", 4) == 0 && detectors[i].id[6] == '_';
    }
    assert_in_range(services, 30, DETECTOR_MAX);
    assert_in_range(countries, 8, DETECTOR_MAX);
}

static void findings_end_where_they_should(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"to ada@example.org.", "to [pii.email ada@example.org]."},
        {"...ada@example.org...", "...[pii.email ada@example.org]..."},
        {"<a.b+c@x-y.co.uk>", "<[pii.email a.b+c@x-y.co.uk]>"},
        {"a@b.co,c@d.org", "[pii.email a@b.co],[pii.email c@d.org]"},
        {"a@b.co@d.org", "[pii.email a@b.co]@d.org"},
        {"miguel.p\u00E9rez@m\u00FCller.de", "[pii.email miguel.p\u00E9rez@m\u00FCller.de]"},
        {"\u201Cada@example.org\u201D", "\u201C[pii.email ada@example.org]\u201D"},
        {"a@b..org a.@b.org @b.org a@-b.org a@b.c0m", "a@b..org a.@b.org @b.org a@-b.org a@b.c0m"},
        {"4111111111111111", "[pii.card 4111111111111111]"},
        {"4111-1111-1111-1111 12/27", "[pii.card 4111-1111-1111-1111] 12/27"},
        {"3782 822463 10005", "[pii.card 3782 822463 10005]"},
        {"4111 1111-1111 1111", "4111 1111-1111 1111"},
        {"0.4111111111111111 x4111111111111111", "0.4111111111111111 x4111111111111111"},
        {"41111111111111111111", "41111111111111111111"},
        {"4111111111111111@x.org", "[pii.card 4111111111111111]@x.org"},
        {"from 203.0.113.7.", "from [pii.ip 203.0.113.7]."},
        {"127.0.0.1 0.0.0.0 255.255.255.0 1.2.3 1.2.3.4.5",
         "127.0.0.1 0.0.0.0 255.255.255.0 1.2.3 1.2.3.4.5"},
        {"fe80::1, std::add 12:34:56 a::b", "[pii.ip fe80::1], std::add 12:34:56 a::b"},
        {"IBAN GB82WEST12345698765432.", "IBAN [pii.iban GB82WEST12345698765432]."},
        {"DE89 3704 0044 0532 0130 00 1234", "[pii.iban DE89 3704 0044 0532 0130 00] 1234"},
        {"550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"},
        {"postgres://ada:s3cret@db/x", "postgres://[pii.url_login ada:s3cret]@db/x"},
        {"tel. +49 30 901820, or 0301 2345678",
         "tel. [pii.phone +49 30 901820], or [pii.phone 0301 2345678]"},
        {"call 555-123-4567 x12.", "call [pii.phone 555-123-4567 x12]."},
        {"key=AKIA"
         "IOSFODNN7EXAMPLE;",
         "key=[secret.aws_key AKIA"
         "IOSFODNN7EXAMPLE];"},
        {"xAKIA"
         "IOSFODNN7EXAMPLE",
         "xAKIA"
         "IOSFODNN7EXAMPLE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(cases[i].text, cases[i].expected);
}

/* Numerical Recipes' generator: the same texts on every machine. */
static unsigned draw(uint32_t *seed, unsigned below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % below;
}

/* The text fed in pieces that draw() cuts; step 0: byte by byte. */
static void treat_cut(const struct policy_set *set, enum channel_kind kind, struct str text,
                      uint32_t *seed, unsigned step, struct buf *out)
{
    struct parts p;
    struct channel c;
    parts_init(&p, set, "red", "1");
    channel_init(&c, &p.t, DIRECTION_request, kind);
    while (text.n) {
        size_t n = step ? 1 + draw(seed, step) : 1;
        n = n < text.n ? n : text.n;
        while (n < text.n && ((unsigned char)text.p[n] & 0xC0) == 0x80)
            n++; /* pieces are whole characters */
        channel_feed(&c, (struct str){text.p, n}, out);
        text = (struct str){text.p + n, text.n - n};
    }
    channel_end(&c, out);
    channel_done(&c);
    parts_done(&p);
}

static const char *const bits[] = {"a",
                                   "@",
                                   ".",
                                   "4111",
                                   "1111",
                                   " ",
                                   "-",
                                   "AKIA",
                                   "IOSF",
                                   "7E",
                                   "@x.co",
                                   "\u00E9",
                                   "_",
                                   "4111111111111111",
                                   "a@b.org",
                                   "AKIA"
                                   "IOSFODNN7EXAMPLE",
                                   "+49 ",
                                   "30 ",
                                   "901820",
                                   "DE89",
                                   " 3704 0044 0532 0130 00",
                                   "call ",
                                   "x12",
                                   "born ",
                                   "12 March 1985",
                                   "Mar",
                                   "1985-",
                                   "03-12",
                                   "::",
                                   "fe80:",
                                   "00:1a",
                                   ":2b",
                                   "203.",
                                   "0.113.7",
                                   "\\n",
                                   "\\u0040",
                                   "\\ud83d\\ude00",
                                   "\\\"",
                                   "\"",
                                   "E12-345674",
                                   "staff ",
                                   "bluebird",
                                   "Project Falcon",
                                   "eyJhbGciOiJIUzI1NiJ9",
                                   ".eyJzdWIiOiIx",
                                   ".dozjgNryP4J3jVm",
                                   "-----BEGIN ",
                                   "PRIVATE KEY-----",
                                   "MHcC",
                                   "-----END PRIVATE KEY-----",
                                   "536-22-8726",
                                   "://",
                                   "ada:pw",
                                   "........................................"};

static const char own_rules[] =
    "version: 1\n"
    "rules:\n"
    "- {id: pii.email, request: {action: pseudonymise}}\n"
    "- {id: pii.card, request: {action: mask}}\n"
    "- {id: pii.phone, request: {action: redact}}\n"
    "- {id: pii.iban, request: {action: hash}}\n"
    "- {id: pii.ip, request: {action: redact}}\n"
    "- {id: pii.birth_date, request: {action: redact}}\n"
    "- {id: secret.private_key, request: {action: redact}}\n"
    "- {id: secret.jwt, request: {action: redact}}\n"
    "- {id: own.staff, regex: '\\bE[0-9]{2}-[0-9]{6}\\b', context: {words: [staff]}, request: "
    "{action: redact}}\n"
    "- {id: own.lazy, regex: '(?<=a)4{1,3}1{1,9}?(?=1|@)', request: {action: redact}}\n"
    "- {id: own.words, words: [bluebird, Project Falcon, mar], request: {action: mask}}\n";

static void where_a_text_is_cut_changes_nothing(void **state)
{
    (void)state;
    struct policy *own = parts_policy(own_rules);
    struct policy_set *set = policy_set_new((const struct policy *const *)&own, 1);
    uint32_t seed = 1;
    for (int round = 0; round < 4000; round++) {
        enum channel_kind kind = (enum channel_kind)(round % 3);
        SCOPED(buf_done) struct buf text = BUF_INIT(MAX_BYTES);
        SCOPED(buf_done) struct buf whole = BUF_INIT(2 * MAX_BYTES);
        SCOPED(buf_done) struct buf cut = BUF_INIT(2 * MAX_BYTES);
        SCOPED(buf_done) struct buf bytes = BUF_INIT(2 * MAX_BYTES);
        for (unsigned left = 1 + draw(&seed, 24); left > 0; left--)
            buf_add(&text, str_of(bits[draw(&seed, sizeof bits / sizeof bits[0])]));
        treat_cut(set, kind, buf_str(&text), &seed, MAX_BYTES, &whole);
        treat_cut(set, kind, buf_str(&text), &seed, 12, &cut);
        treat_cut(set, kind, buf_str(&text), &seed, 0, &bytes);
        if (strcmp(cut.p, whole.p) != 0 || strcmp(bytes.p, whole.p) != 0)
            fail_msg("round %d, kind %d\ntext  %s\nwhole %s\ncut   %s\nbytes %s", round, kind,
                     text.p, whole.p, cut.p, bytes.p);
        if (kind == CHANNEL_DOCUMENT)
            continue;
        struct parts p;
        SCOPED(buf_done) struct buf once = BUF_INIT(2 * MAX_BYTES);
        parts_init(&p, set, "red", "1");
        bool changed = channel_treat(&p.t, DIRECTION_request, kind, NULL, buf_str(&text), &once);
        assert_string_equal(changed ? once.p : text.p, whole.p);
        parts_done(&p);
    }
    policy_set_free(set);
    policy_free(own);
}

static void little_is_held_back(void **state)
{
    (void)state;
    struct parts p;
    struct channel c;
    const struct str text = STR(
        "The quick brown fox jumps over 13 lazy dogs, and writes to ada@example.org about it on a "
        "Monday in March; then nothing more is heard of it, for 3.14 days.");
    SCOPED(buf_done) struct buf out = BUF_INIT(MAX_BYTES);
    size_t held = 0;
    parts_init(&p, all, "red", "1");
    channel_init(&c, &p.t, DIRECTION_request, CHANNEL_PLAIN);
    for (size_t i = 0; i < text.n; i++) {
        channel_feed(&c, (struct str){text.p + i, 1}, &out);
        held += i + 1 - out.n;
        assert_in_range(i + 1 - out.n, 0, 40);
    }
    channel_end(&c, &out);
    assert_string_equal(out.p, text.p);
    assert_in_range(held / text.n, 0, 8);
    channel_done(&c);
    parts_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_finds_its_example_and_not_its_look_alike),
        cmocka_unit_test(there_is_as_much_as_was_promised),
        cmocka_unit_test(findings_end_where_they_should),
        cmocka_unit_test(where_a_text_is_cut_changes_nothing),
        cmocka_unit_test(little_is_held_back),
    };
    return cmocka_run_group_tests_name("detector", tests, make_all, free_all);
}
