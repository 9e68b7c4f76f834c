/* policy_parts.h - what tests of policies need around a treatment: an arena, keys, a policy from a
 * text. */
#ifndef TESTS_UNIT_POLICY_PARTS_H
#define TESTS_UNIT_POLICY_PARTS_H

#include <stdio.h>
#include <string.h>

#include "gateway/base/scope.h"
#include "policy/treat.h"
#include "tests/unit/test.h"

struct parts {
    struct arena arena;
    struct treatment t;
    const char *team, *conversation;
};

static inline void parts_keys(void *arg, struct hash *pseudonym, struct hash *hash)
{
    const struct parts *p = arg;
    char label[64];
    struct hash master = crypto_sha256(STR("a master key"));
    snprintf(label, sizeof label, "%s\n%s", p->team, p->conversation);
    *pseudonym = crypto_derive(&master, str_of(label));
    *hash = crypto_derive(&master, STR("policy-hash"));
}

static inline void parts_init(struct parts *p, const struct policy_set *set, const char *team,
                              const char *conversation)
{
    *p = (struct parts){.team = team, .conversation = conversation};
    arena_init(&p->arena);
    treatment_init(&p->t, &p->arena, set, parts_keys, p);
}

static inline void parts_done(struct parts *p)
{
    arena_done(&p->arena);
}

static inline void parts_complain(void *arg, const char *line)
{
    (void)arg;
    print_message("%s\n", line);
}

static inline struct policy *parts_policy(const char *text)
{
    struct policy *p = policy_parse("test", "test.yaml", str_of(text), parts_complain, NULL);
    assert_non_null(p);
    return p;
}

#endif
