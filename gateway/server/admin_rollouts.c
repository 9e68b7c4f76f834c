/* /admin/v1/rollouts */
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/scope.h"
#include "gateway/core/config.h"
#include "gateway/server/admin_priv.h"
#include "prompts/prompts.h"
#include "prompts/rollouts.h"

#define OF_MODEL "model:"

enum { TARGET_BYTES = 1024 };

bool admin_rollouts_list(struct admin *a, const char *segment, json_t *in, json_t **out,
                         struct err *err)
{
    (void)segment, (void)in;
    *out = rollouts_list(a->rollouts, err);
    return *out != NULL;
}

bool admin_rollouts_show(struct admin *a, const char *segment, json_t *in, json_t **out,
                         struct err *err)
{
    (void)in;
    *out = rollouts_status(a->rollouts, str_of(segment), err);
    return *out != NULL;
}

bool admin_rollouts_replay(struct admin *a, const char *segment, json_t *in, json_t **out,
                           struct err *err)
{
    (void)in;
    *out = rollouts_replay(a->rollouts, str_of(segment), err);
    return *out != NULL;
}

/* "10%", or a number of percent. */
static bool read_share(const json_t *in, unsigned *share, struct err *err)
{
    const json_t *v = json_object_get(in, "share");
    SCOPED(buf_done) struct buf text = BUF_INIT(32);
    if (json_is_string(v))
        buf_add(&text, str_of(json_string_value(v)));
    else if (json_is_number(v))
        buf_addf(&text, "%.8g", json_number_value(v));
    return (buf_ok(&text) && share_parse(buf_str(&text), share)) ||
           err_say(err, ERR_bad_request, "share", "share is 0.01%% to 100%%, as in 10%%");
}

/* What a model's rollout is against: its first target, or the one that was promoted. */
static bool find_target(struct admin *a, const struct config *c, struct str name, struct str canary,
                        struct buf *control, struct err *err)
{
    struct str prefix = STR(OF_MODEL), model = {name.p + prefix.n, name.n - prefix.n};
    const struct model *m = config_model(c, model);
    bool there = false;
    if (!m || !str_eq(str_of(m->name), model))
        return err_say(err, ERR_not_found, "name", "the config has no model '%.64s'",
                       name.p + prefix.n);
    for (unsigned i = 0; i < m->n_targets; i++)
        there |= target_is(&m->targets[i], canary.p);
    if (!there)
        return err_say(err, ERR_not_found, "canary",
                       "the model has no target '%.64s'; it is PROVIDER/MODEL", canary.p);
    struct draw d;
    rollouts_draw(a->rollouts, true, model, STR(""), &d);
    if (d.chosen && !d.rollout)
        buf_add(control, str_of(d.chosen));
    else
        buf_addf(control, "%s/%s", m->targets[0].provider->name, m->targets[0].model);
    return true;
}

/* What a prompt's rollout is against: the version that everybody gets. */
static bool find_version(struct admin *a, struct str name, struct str canary, struct buf *control,
                         struct err *err)
{
    struct prompt_set *set = prompts_current(a->prompts);
    const struct prompt_version *now = prompt_set_pick(set, name, STR(""), err);
    int64_t version;
    bool ok = now != NULL;
    if (ok &&
        (!str_int(canary, &version) || !prompt_version_find(prompt_set_find(set, name), version)))
        ok = err_say(err, ERR_not_found, "canary", "the prompt has no version '%.64s'", canary.p);
    if (ok)
        buf_add_int(control, now->version);
    prompt_set_unref(set);
    return ok;
}

static bool start(struct admin *a, const struct config *c, struct rollout_spec *spec,
                  const json_t *in, struct err *err)
{
    SCOPED(buf_done) struct buf control = BUF_INIT(TARGET_BYTES);
    bool of_model = str_starts(spec->name, STR(OF_MODEL));
    if (!(of_model ? find_target(a, c, spec->name, spec->canary, &control, err)
                   : find_version(a, spec->name, spec->canary, &control, err)))
        return false;
    spec->control = buf_str(&control);
    return rollouts_start(a->rollouts, spec, admin_dry_run(in), clock_wall_ms(), err);
}

bool admin_rollouts_start(struct admin *a, const char *segment, json_t *in, json_t **out,
                          struct err *err)
{
    (void)segment;
    const char *name = admin_text(in, "name", "", err), *canary = admin_text(in, "canary", "", err);
    struct rollout_spec spec = {.name = str_of(name), .canary = str_of(canary)};
    if (!name || !canary || !read_share(in, &spec.share, err))
        return false;
    if (!*name || !*canary)
        return err_say(err, ERR_bad_request, *name ? "canary" : "name",
                       "a rollout has a name and a canary");
    SCOPED(buf_done) struct buf problem = BUF_INIT(1024);
    struct config *c = a->config ? config_ref(a->config)
                                 : config_load(a->config_path, NULL, config_keep_first, &problem);
    bool ok = c ? start(a, c, &spec, in, err) : err_say(err, ERR_bad_config, NULL, "%s", problem.p);
    config_unref(c);
    if (!ok)
        return false;
    *out = admin_dry_run(in) ? json_pack("{s:s, s:s}", "name", name, "canary", canary)
                             : rollouts_status(a->rollouts, spec.name, err);
    return *out != NULL;
}

static bool decide(struct admin *a, const char *name, enum rollout_verb verb, const json_t *in,
                   json_t **out, struct err *err)
{
    bool dry_run = admin_dry_run(in), of_model = str_starts(str_of(name), STR(OF_MODEL));
    if (!rollouts_decide(a->rollouts, str_of(name), verb, dry_run, clock_wall_ms(), err))
        return false;
    if (verb == ROLLOUT_PROMOTE && !of_model && !dry_run &&
        !rollouts_settle(a->rollouts, a->prompts, err))
        return false;
    *out = rollouts_status(a->rollouts, str_of(name), err);
    return *out != NULL;
}

bool admin_rollouts_promote(struct admin *a, const char *segment, json_t *in, json_t **out,
                            struct err *err)
{
    return decide(a, segment, ROLLOUT_PROMOTE, in, out, err);
}

bool admin_rollouts_pause(struct admin *a, const char *segment, json_t *in, json_t **out,
                          struct err *err)
{
    return decide(a, segment, ROLLOUT_PAUSE, in, out, err);
}

/* Without a rollout a prompt's label goes back. */
bool admin_rollouts_rollback(struct admin *a, const char *segment, json_t *in, json_t **out,
                             struct err *err)
{
    struct str name = str_of(segment);
    int64_t from, to;
    if (str_starts(name, STR(OF_MODEL)) || rollouts_are_under_way(a->rollouts, name))
        return decide(a, segment, ROLLOUT_ROLL_BACK, in, out, err);
    if (!prompts_rollback(a->prompts, name, admin_dry_run(in), &from, &to, err))
        return false;
    *out = json_pack("{s:s, s:I, s:I}", "name", segment, "from", (json_int_t)from, "version",
                     (json_int_t)to);
    return *out != NULL;
}
