/* /admin/v1/upstreams: what is known of each, in the running server. */
#include "gateway/base/clock.h"
#include "gateway/server/admin_priv.h"
#include "gateway/server/upstreams.h"

static json_t *keys_of(const struct provider *p)
{
    json_t *keys = json_array();
    for (unsigned i = 0; i < p->n_api_keys; i++)
        json_array_append_new(
            keys, json_pack("{s:i, s:I}", "key", (int)i, "rests_ms",
                            (json_int_t)rotation_rests_ms(p->rotation, i, clock_now_ms())));
    return keys;
}

static json_t *ms_or_null(int64_t us)
{
    return us ? json_integer(us / 1000) : json_null();
}

static void add_upstream(void *list, const struct target *t, const struct health_view *v)
{
    const char *state = !v->open ? "closed" : v->rests_ms ? "open" : "probing";
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:s, s:I, s:i, s:I, s:i, s:i, s:o, s:o, s:I, s:o}", "provider",
                        t->provider->name, "model", t->model, "state", state, "rests_ms",
                        (json_int_t)v->rests_ms, "failures", (int)v->failures, "trips",
                        (json_int_t)v->trips, "in_flight", (int)v->in_flight, "error_percent",
                        (int)(v->error_ppm / 10000), "first_token_ms", ms_or_null(v->first_us[1]),
                        "body_ms", ms_or_null(v->first_us[0]), "output_tokens",
                        (json_int_t)v->output_tokens, "keys", keys_of(t->provider)));
}

bool admin_upstreams_list(struct admin *a, const char *segment, json_t *in, json_t **out,
                          struct err *err)
{
    (void)segment, (void)in;
    if (!a->config)
        return err_say(err, ERR_not_found, NULL,
                       "no server runs, so nothing is known of upstreams");
    *out = json_array();
    upstreams_each(a->config, add_upstream, *out);
    return true;
}
