/* /admin/v1/teams */
#include "gateway/server/admin_priv.h"
#include "gateway/store/keys.h"

bool admin_teams_list(struct admin *a, const char *segment, json_t *in, json_t **out,
                      struct err *err)
{
    (void)segment, (void)in;
    *out = team_list(a->store, err);
    return *out != NULL;
}

bool admin_teams_create(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    (void)segment;
    const char *name = admin_text(in, "name", "", err);
    if (!name || !team_create(a->store, name, admin_dry_run(in), err))
        return false;
    *out = json_pack("{s:s}", "name", name);
    return true;
}

bool admin_teams_set_limits(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err)
{
    const json_t *limits = json_object_get(in, "limits");
    if (!limits)
        return err_say(err, ERR_bad_request, "limits", "give limits, {} for those of the config");
    if (!team_set_limits(a->store, segment, limits, admin_dry_run(in), err))
        return false;
    *out = json_pack("{s:s, s:O}", "name", segment, "limits", limits);
    return true;
}
