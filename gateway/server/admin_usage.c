/* /admin/v1/usage/{}: what one key may do and has spent; callers see their own at /v1/usage. */
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/core/limit.h"
#include "gateway/server/admin_priv.h"
#include "gateway/server/report_ask.h"
#include "gateway/store/budgets.h"
#include "gateway/store/keyring.h"
#include "gateway/store/keys.h"

/* The row of a report by key; a key that has asked nothing has none. */
static json_t *row_of(const json_t *report, const char *id)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(report, "rows"), i, row)
    {
        const char *key = json_string_value(json_object_get(row, "key"));
        if (key && strcmp(key, id) == 0) {
            json_t *copy = json_copy(row);
            json_object_del(copy, "key");
            return copy;
        }
    }
    return json_pack("{s:i, s:i, s:i, s:s}", "requests", 0, "input_tokens", 0, "output_tokens", 0, "cost_usd",
                     "0.000000000");
}

static json_t *budgets_of(const struct key *k)
{
    json_t *out = json_array();
    for (unsigned i = 0; i < k->n_purses; i++) {
        struct purse_state s;
        purse_look(k->purses[i], clock_wall_ms(), &s);
        json_array_append_new(out, budget_object(&s));
    }
    return out;
}

static const struct key nobody; /* a key that was revoked has no limits and no budgets any more */

bool admin_usage(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err)
{
    (void)in;
    if (!store_flush(a->store, err))
        return false;
    json_t *key = key_show(a->store, segment, err);
    json_t *by = json_pack("{s:s}", "by", "key");
    struct keyring *keyring = keyring_current(a->store);
    const struct key *k = keyring_find_id(keyring, str_of(segment));
    k = k ? k : &nobody;
    json_t *report = key ? report_ask(store_dir(a->store), "cost", by, err) : NULL;
    if (report)
        *out = json_pack("{s:s, s:O, s:O, s:O, s:o, s:o, s:o}", "object", "usage", "key_id",
                         json_object_get(key, "id"), "team", json_object_get(key, "team"), "expires_ms",
                         json_object_get(key, "expires_ms"), "spent", row_of(report, segment), "budgets", budgets_of(k), "limits",
                         a->config ? limit_object(k, a->config, clock_now_us()) : json_object());
    keyring_unref(keyring);
    json_decref(report);
    json_decref(by);
    json_decref(key);
    return report && (*out || err_set(err, ERR_internal, "usage"));
}
