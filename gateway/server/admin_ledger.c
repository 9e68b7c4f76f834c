/* /admin/v1/ledger, and /flush */
#include "gateway/base/clock.h"
#include "gateway/server/admin_priv.h"
#include "gateway/store/ledger.h"
#include "gateway/store/prune.h"
#include "gateway/store/verify.h"

bool admin_ledger_flush(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    (void)segment, (void)in;
    if (!store_flush(a->store, err))
        return false;
    *out = json_object();
    return true;
}

bool admin_ledger_head(struct admin *a, const char *segment, json_t *in, json_t **out,
                       struct err *err)
{
    (void)segment, (void)in, (void)err;
    struct ledger_head h;
    ledger_head(a->store, &h);
    *out = json_pack("{s:I, s:s, s:I, s:I}", "seq", (json_int_t)h.seq, "mac", h.mac, "queued",
                     (json_int_t)h.queued, "written", (json_int_t)h.written);
    return true;
}

static json_t *verified(const struct verify *v)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "rows", (json_int_t)v->rows, "first",
                     (json_int_t)v->first, "last", (json_int_t)v->last, "lost",
                     (json_int_t)v->lost);
}

bool admin_ledger_verify(struct admin *a, const char *segment, json_t *in, json_t **out,
                         struct err *err)
{
    (void)segment, (void)in;
    struct verify v;
    if (!store_flush(a->store, err) || !ledger_verify(store_dir(a->store), &v, err))
        return false;
    *out = verified(&v);
    return true;
}

bool admin_ledger_rebuild(struct admin *a, const char *segment, json_t *in, json_t **out,
                          struct err *err)
{
    (void)segment;
    struct verify v;
    if (!ledger_rebuild(a->store, admin_dry_run(in), &v, err))
        return false;
    *out = verified(&v);
    return true;
}

bool admin_ledger_prune(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    (void)segment;
    int64_t before_ms;
    struct prune p;
    if (!admin_time(in, "before", 0, INT64_MIN, &before_ms, err))
        return false;
    if (before_ms == INT64_MIN)
        return err_say(err, ERR_bad_request, "before", "give the time before which rows may go");
    if (!ledger_prune(a->store, before_ms, admin_dry_run(in), &p, err))
        return false;
    *out = json_pack("{s:I, s:I, s:I}", "rows", (json_int_t)p.rows, "requests",
                     (json_int_t)p.requests, "last_seq", (json_int_t)p.last_seq);
    return true;
}
