/* What a promotion means for a prompt: the label follows the verdict, which is on disk. */
#include "prompts/prompts.h"
#include "prompts/rollouts_priv.h"

static bool has_newer(const struct rollouts *rs, const struct rollout *r)
{
    for (const struct rollout *n = atomic_load(&rs->newest); n != r; n = n->next)
        if (str_eq(str_of(n->name), str_of(r->name)))
            return true;
    return false;
}

static bool settle_one(const struct rollout *r, struct prompts *p, const struct prompt_set *set,
                       struct err *err)
{
    const struct prompt_entry *e = prompt_set_find(set, str_of(r->name));
    const struct prompt_label *l = e ? prompt_label_find(e, STR("production")) : NULL;
    int64_t canary;
    if (!e || !str_int(str_of(r->canary), &canary) ||
        (l && (l->version == canary || l->moved_ms > r->ended_ms)))
        return true;
    struct label_move m = {.name = str_of(r->name),
                           .label = STR("production"),
                           .version = canary,
                           .expect = l ? l->version : LABEL_EXPECT_NONE,
                           .why = STR("rollout")};
    return prompts_label(p, &m, false, err);
}

bool rollouts_settle(struct rollouts *rs, struct prompts *p, struct err *err)
{
    bool ok = true;
    if (rollouts_are_none(rs))
        return true;
    struct prompt_set *set = prompts_current(p);
    for (const struct rollout *r = atomic_load(&rs->newest); ok && r; r = r->next) {
        struct face f = atomic_load(&r->face);
        if (f.state == ROLLOUT_promoted && !str_starts(str_of(r->name), STR("model:")) &&
            !has_newer(rs, r))
            ok = settle_one(r, p, set, err);
    }
    prompt_set_unref(set);
    return ok;
}
