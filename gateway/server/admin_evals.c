/* /admin/v1/evals: runs of suites, written by who runs them (gateway/cli/eval_run.c). */
#include <string.h>

#include "gateway/server/admin_priv.h"
#include "gateway/store/evals.h"

enum { ROWS_A_PAGE = 2000 };

/* Works on a connection of its own, as reports do. */
static bool read(struct admin *a,
                 json_t *(*fn)(struct sqlite3 *db, const char *id, const json_t *in,
                               struct err *err),
                 const char *id, const json_t *in, json_t **out, struct err *err)
{
    struct sqlite3 *db = store_read_open(store_dir(a->store), err);
    *out = db ? fn(db, id, in, err) : NULL;
    store_read_close(db);
    return *out != NULL;
}

static json_t *list_all(struct sqlite3 *db, const char *id, const json_t *in, struct err *err)
{
    (void)id, (void)in;
    return evals_list(db, NULL, err);
}

static json_t *list_one(struct sqlite3 *db, const char *id, const json_t *in, struct err *err)
{
    (void)in;
    json_t *list = evals_list(db, id, err);
    json_t *one = json_incref(json_array_get(list, 0));
    if (list && !one)
        err_say(err, ERR_not_found, "id", "there is no run '%.64s'", id);
    json_decref(list);
    return one;
}

static json_t *list_rows(struct sqlite3 *db, const char *id, const json_t *in, struct err *err)
{
    int64_t after = -1;
    const char *text = admin_text(in, "after", "-1", err);
    if (!text)
        return NULL;
    if (strcmp(text, "-1") != 0 && !str_int(str_of(text), &after)) {
        err_say(err, ERR_bad_request, "after", "after is the number of a row");
        return NULL;
    }
    return evals_rows(db, id, after, ROWS_A_PAGE, err);
}

static json_t *list_done(struct sqlite3 *db, const char *id, const json_t *in, struct err *err)
{
    (void)in;
    return evals_done(db, id, err);
}

bool admin_evals_list(struct admin *a, const char *segment, json_t *in, json_t **out,
                      struct err *err)
{
    return read(a, list_all, segment, in, out, err);
}

bool admin_evals_show(struct admin *a, const char *segment, json_t *in, json_t **out,
                      struct err *err)
{
    return read(a, list_one, segment, in, out, err);
}

bool admin_evals_rows(struct admin *a, const char *segment, json_t *in, json_t **out,
                      struct err *err)
{
    return read(a, list_rows, segment, in, out, err);
}

bool admin_evals_done(struct admin *a, const char *segment, json_t *in, json_t **out,
                      struct err *err)
{
    return read(a, list_done, segment, in, out, err);
}

bool admin_evals_create(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    (void)segment;
    if (!admin_text(in, "id", "", err))
        return false;
    if (!*admin_text(in, "id", "", err))
        return err_say(err, ERR_bad_request, "id", "a run needs an id");
    if (admin_dry_run(in))
        return err_say(err, ERR_bad_request, "dry_run",
                       "a run is not tried; use: penstock eval run --dry-run");
    if (!evals_create(a->store, in, err))
        return false;
    *out = json_object();
    return true;
}

bool admin_evals_add(struct admin *a, const char *segment, json_t *in, json_t **out,
                     struct err *err)
{
    const json_t *rows = json_object_get(in, "rows");
    if (!json_is_array(rows))
        return err_say(err, ERR_bad_request, "rows", "rows is an array");
    if (!admin_dry_run(in) &&
        !evals_add(a->store, segment, rows, json_is_true(json_object_get(in, "ends")), err))
        return false;
    *out = json_pack("{s:I}", "rows", (json_int_t)json_array_size(rows));
    return true;
}
