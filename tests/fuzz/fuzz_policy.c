/*
 * fuzz_policy.c - any bytes as a policy: it is refused with complaints, each one line with a
 * place, or it can be used: a text that is treated by it comes out the same however it is cut.
 */
#include <string.h>

#include "gateway/base/scope.h"
#include "policy/channel.h"
#include "tests/fuzz/fuzz.h"

static void on_complaint(void *arg, const char *line)
{
    ++*(size_t *)arg;
    check(strncmp(line, "fuzz.yaml", 9) == 0 && !strchr(line, '\n'));
}

static void keys(void *arg, struct hash *pseudonym, struct hash *hash)
{
    (void)arg;
    *pseudonym = *hash = crypto_sha256(STR("fuzz"));
}

static void treat(const struct policy_set *set, struct str text, size_t step, struct buf *out)
{
    struct arena arena;
    struct treatment t;
    struct channel c;
    arena_init(&arena);
    treatment_init(&t, &arena, set, keys, NULL);
    channel_init(&c, &t, DIRECTION_request, CHANNEL_PLAIN);
    for (size_t at = 0; at < text.n; at += step)
        channel_feed(&c, (struct str){text.p + at, text.n - at < step ? text.n - at : step}, out);
    channel_end(&c, out);
    channel_done(&c);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str text = STR("Ada <ada@example.org>, staff E12-345674: 4111 1111 1111 1111, AAAA aaaa key=abc; "
                                       "bluebird, Project Falcon, +44 20 7946 0958 born 12 March 1985 Z8078221M");
    size_t complaints = 0;
    struct policy *p =
        policy_parse("fuzz", "fuzz.yaml", (struct str){(const char *)data, size}, on_complaint, &complaints);
    check((p == NULL) == (complaints > 0));
    if (!p)
        return 0;
    struct policy_set *set = policy_set_new((const struct policy *const *)&p, 1);
    SCOPED(buf_done) struct buf whole = BUF_INIT(SIZE_MAX), cut = BUF_INIT(SIZE_MAX);
    treat(set, text, text.n, &whole);
    treat(set, text, 1, &cut);
    check(str_eq(buf_str(&whole), buf_str(&cut)));
    policy_set_free(set);
    policy_free(p);
    return 0;
}
