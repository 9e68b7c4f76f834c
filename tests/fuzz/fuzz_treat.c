/*
 * fuzz_treat.c - any bytes as a text: treated by all detectors and by rules of one's own it
 * comes out the same however it is cut, and restoring what was pseudonymised gives it back.
 */
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"
#include "policy/channel.h"
#include "policy/restore.h"
#include "tests/fuzz/fuzz.h"

static const char own[] = "version: 1\nrules:\n"
                          "- {id: own.staff, regex: '\\bE[0-9]{2}-[0-9]{6}\\b', request: {action: pseudonymise}}\n"
                          "- {id: own.lazy, regex: '(?<=a)4{1,3}1{1,9}?(?=1|@)', request: {action: pseudonymise}}\n"
                          "- {id: own.words, words: [bluebird, Project Falcon], request: {action: pseudonymise}}\n";

static struct policy *policies[2];
static struct policy_set *set;

static void no_complaint(void *arg, const char *line)
{
    (void)arg;
    (void)line;
    check(false);
}

/* By an earlier row? */
static bool is_named(unsigned row)
{
    for (unsigned i = 0; i < row; i++)
        if (strcmp(detectors[i].id, detectors[row].id) == 0)
            return true;
    return false;
}

/* Everything that is built in, pseudonymised. */
static struct policy *all_names(void)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(64 * 1024);
    buf_add(&text, STR("version: 1\nrules:\n"));
    for (unsigned i = 0; i < n_detectors; i++)
        if (!is_named(i))
            buf_addf(&text, "- {id: %s, request: {action: pseudonymise}}\n", detectors[i].id);
    return policy_parse("all", "all.yaml", buf_str(&text), no_complaint, NULL);
}

static void make(void)
{
    if (set)
        return;
    policies[0] = policy_parse("own", "own.yaml", str_of(own), no_complaint, NULL);
    policies[1] = all_names();
    set = policy_set_new((const struct policy *const *)policies, 2);
}

static void keys(void *arg, struct hash *pseudonym, struct hash *hash)
{
    (void)arg;
    *pseudonym = *hash = crypto_sha256(STR("fuzz"));
}

static size_t whole_characters(struct str text, size_t n)
{
    n = n < text.n ? n : text.n;
    while (n < text.n && ((unsigned char)text.p[n] & 0xC0) == 0x80)
        n++;
    return n;
}

static void treat(struct treatment *t, enum channel_kind kind, struct str text, size_t step, struct buf *out)
{
    struct channel c;
    channel_init(&c, t, DIRECTION_request, kind);
    while (text.n) {
        size_t n = whole_characters(text, step);
        channel_feed(&c, (struct str){text.p, n}, out);
        text = (struct str){text.p + n, text.n - n};
    }
    channel_end(&c, out);
    channel_done(&c);
}

static void restore(struct treatment *t, struct str text, size_t step, struct buf *out)
{
    struct restorer r;
    restorer_init(&r, &t->names, RESTORE_CONTENT, false);
    for (size_t at = 0; at < text.n; at += step)
        restorer_feed(&r, (struct str){text.p + at, text.n - at < step ? text.n - at : step}, out);
    restorer_end(&r, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    size_t step = 1 + fuzz_byte(&text) % 16;
    struct arena arena;
    struct treatment t;
    make();
    for (struct str rest = text; rest.n;) { /* what channels get is UTF-8 */
        size_t n = utf8_len(rest);
        if (n == 0)
            return 0;
        rest = (struct str){rest.p + n, rest.n - n};
    }
    arena_init(&arena);
    treatment_init(&t, &arena, set, keys, NULL);
    for (enum channel_kind kind = CHANNEL_PLAIN; kind <= CHANNEL_DOCUMENT; kind++) {
        SCOPED(buf_done) struct buf whole = BUF_INIT(SIZE_MAX), cut = BUF_INIT(SIZE_MAX), back = BUF_INIT(SIZE_MAX);
        treat(&t, kind, text, text.n + 1, &whole);
        treat(&t, kind, text, step, &cut);
        check(str_eq(buf_str(&whole), buf_str(&cut)));
        if (kind != CHANNEL_PLAIN)
            continue;
        restore(&t, buf_str(&whole), step, &back);
        check(memmem(text.p ? text.p : "", text.n, "PII", 3) || str_eq(buf_str(&back), text));
    }
    arena_done(&arena);
    return 0;
}
