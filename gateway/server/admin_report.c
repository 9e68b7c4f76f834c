/* /admin/v1/report/{} */
#include <string.h>

#include "gateway/server/admin_priv.h"
#include "gateway/server/report_ask.h"
#include "gateway/store/report.h"

enum { DATE_BYTES = sizeof "2026-01-31" - 1, DAY_MS = 24 * 3600 * 1000 };

json_t *report_ask(const char *data_dir, const char *kind, const json_t *in, struct err *err)
{
    const char *by = admin_text(in, "by", "", err), *to = admin_text(in, "to", "", err);
    struct report_spec r = {.kind = str_of(kind)};
    if (!by || !to || !admin_time(in, "from", 0, INT64_MIN, &r.from_ms, err) ||
        !admin_time(in, "to", 0, INT64_MAX, &r.to_ms, err))
        return NULL;
    r.by = str_of(by);
    if (strlen(to) == DATE_BYTES)
        r.to_ms += DAY_MS;
    struct sqlite3 *db = store_read_open(data_dir, err);
    json_t *out = db ? report_make(db, &r, err) : NULL;
    store_read_close(db);
    return out;
}

bool admin_report(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err)
{
    if (!store_flush(a->store, err))
        return false;
    *out = report_ask(store_dir(a->store), segment, in, err);
    return *out != NULL;
}
