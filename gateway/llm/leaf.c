#include "gateway/llm/leaf.h"

#include "gateway/llm/member_priv.h"

struct walk {
    const struct member_plan *plan;
    bool (*each)(void *arg, const struct body_leaf *l, struct err *err);
    void *arg;
};

static bool on_hit(void *arg, const struct json_hit *h, struct err *err)
{
    const struct walk *w = arg;
    if (h->value.kind != VALUE_STRING)
        return true;
    const struct body_leaf l = {w->plan->members[h->path]->kind, h->value};
    return w->each(w->arg, &l, err);
}

bool leaf_walk(enum endpoint e, struct str body, unsigned max_depth,
               bool (*each)(void *arg, const struct body_leaf *l, struct err *err), void *arg,
               struct err *err)
{
    struct walk w = {member_plan(e), each, arg};
    const struct json_visitor v = {on_hit, &w};
    return json_scan(body, w.plan->json, max_depth, &v, err);
}
