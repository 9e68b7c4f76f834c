/*
 * admin.h - /admin/v1: what the commands do, one row an operation.
 *
 * An operation takes a JSON object and gives a JSON document; it may block, so the
 * server runs it on the job pool and a command without an owner in process.
 */
#ifndef GATEWAY_SERVER_ADMIN_H
#define GATEWAY_SERVER_ADMIN_H

#include <jansson.h>
#include <stdbool.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/store/store.h"
#include "rag/shelf.h"

struct cache;
struct config;
struct prompts;
struct rollouts;

/* What operations work on. */
struct admin {
    struct store *store;
    struct cache *cache;     /* NULL where no server runs */
    struct prompts *prompts;
    struct rollouts *rollouts;
    struct config *config;   /* borrowed; NULL: that of config_path */
    const char *config_path; /* NULL: the embedded default */
    /* Reads the config again; false: *err says what is wrong.  NULL where no server runs. */
    bool (*reload)(void *arg, struct err *err);
    void *reload_arg;
    struct shelf_slot *shelf; /* of the indexes that are served; NULL where no server runs */
    /* Told how far a long operation is; may be NULL. */
    void (*progress)(void *arg, const char *what, size_t done, size_t total);
    void (*complain)(void *arg, const char *line); /* problems of files, one a line; NULL: only the first is kept */
    void *progress_arg;
    bool quiet; /* changes are not logged: a command tells its user itself */
};

struct admin_op {
    const char *method;
    const char *path; /* below /admin/v1, "{}" for one segment, e.g. "/keys/{}" */
    const char *help;
    bool changes;     /* it is logged as an EVENT_admin, and takes ?dry_run=true */
    /*
     * `in` is the body, with the members of the query added; {} if there is none.
     * `segment` is what stood for {}, "" if nothing.  *out is new; the caller frees it.
     */
    bool (*run)(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err);
};

extern const struct admin_op admin_ops[]; /* of admin_list.h; ends with a row whose method is NULL */

/* Finds and runs it; ERR_no_path, ERR_bad_method, or what the operation says. */
bool admin_run(struct admin *a, const char *method, struct str path, json_t *in, json_t **out, struct err *err);

#endif
