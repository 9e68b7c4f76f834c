#include "policy/policy.h"

#include <string.h>

#include "gateway/base/arena.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"

enum { VERSION_BYTES = POLICY_SETS_OF * (POLICY_NAME_BYTES + 16) };

static const struct rule **append(struct arena *a, const struct rule **list, const struct rule *r)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    const struct rule **longer = arena_alloc(a, (n + 2) * sizeof *longer);
    for (size_t i = 0; i < n; i++)
        longer[i] = list[i];
    longer[n] = r;
    return longer;
}

static void add_rule(struct plan *p, struct arena *a, const struct rule *r, enum direction d)
{
    enum action action = r->actions[d];
    if (action == ACTION_none)
        return;
    p->strongest = action > p->strongest ? action : p->strongest;
    if (r->kind != RULE_BUILTIN) {
        p->own = append(a, p->own, r);
        p->n_own++;
        return;
    }
    for (unsigned row = 0; row < n_detectors; row++) {
        if (strcmp(detectors[row].id, r->id) != 0)
            continue;
        p->has_builtin = true;
        p->of_row[row] = append(a, p->of_row[row], r);
        detector_set_add(&p->builtin, row, r->no_cue);
    }
}

static void add_rule_both(struct policy_set *s, struct arena *a, const struct rule *r)
{
    for (enum direction d = 0; d < DIRECTION_count; d++) {
        add_rule(&s->plans[d], a, r, d);
        s->makes_names[d] |= r->actions[d] == ACTION_pseudonymise;
    }
}

struct policy_set *policy_set_new(const struct policy *const *policies, unsigned n)
{
    struct policy_set *s = NEW(struct policy_set);
    struct arena *a = NEW(struct arena);
    arena_init(a);
    s->memory = a;
    s->plans[DIRECTION_response].direction = DIRECTION_response;
    SCOPED(buf_done) struct buf version = BUF_INIT(VERSION_BYTES);
    s->policies = arena_alloc(a, n * sizeof *s->policies);
    s->n_policies = n;
    for (unsigned i = 0; i < n; i++) {
        s->policies[i] = policies[i];
        buf_addf(&version, "%s%s@%s", i ? "+" : "", policies[i]->name, policies[i]->hash);
        s->refuse_unscanned |= policies[i]->refuse_unscanned;
        for (unsigned k = 0; k < policies[i]->n_rules; k++)
            add_rule_both(s, a, &policies[i]->rules[k]);
    }
    s->version = arena_strdup(a, buf_str(&version));
    return s;
}

void policy_set_free(struct policy_set *s)
{
    if (!s)
        return;
    arena_done(s->memory);
    free(s->memory);
    free(s);
}
