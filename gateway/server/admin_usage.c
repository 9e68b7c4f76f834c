/* /admin/v1/usage/{}: what one key may do and has spent; callers see their own at /v1/usage. */
#include <string.h>

#include "gateway/server/admin_priv.h"
#include "gateway/server/report_ask.h"
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

bool admin_usage(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err)
{
    (void)in;
    if (!store_flush(a->store, err))
        return false;
    json_t *key = key_show(a->store, segment, err);
    json_t *by = json_pack("{s:s}", "by", "key");
    json_t *report = key ? report_ask(store_dir(a->store), "cost", by, err) : NULL;
    if (report)
        *out = json_pack("{s:s, s:O, s:O, s:O, s:o, s:[], s:{}}", "object", "usage", "key_id",
                         json_object_get(key, "id"), "team", json_object_get(key, "team"), "expires_ms",
                         json_object_get(key, "expires_ms"), "spent", row_of(report, segment), "budgets", "limits");
    json_decref(report);
    json_decref(by);
    json_decref(key);
    return report && (*out || err_set(err, ERR_internal, "usage"));
}
