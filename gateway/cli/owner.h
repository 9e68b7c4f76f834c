/*
 * owner.h - who does what a command asks for.
 *
 * The process that holds the data directory's lock, over its control socket; where
 * there is none, this one, which takes the lock for as long as it needs.
 */
#ifndef GATEWAY_CLI_OWNER_H
#define GATEWAY_CLI_OWNER_H

#include <jansson.h>
#include <stdbool.h>

#include "gateway/base/err.h"
#include "gateway/cli/args.h"

/* Of --config, else of PENSTOCK_CONFIG; NULL: none, so the embedded default. */
const char *config_path(const struct args *a);

/* Of --data-dir, else of the config.  The caller frees it; NULL: *err. */
char *owner_data_dir(const struct args *a, struct err *err);

/*
 * An operation of /admin/v1, see admin_list.h; `path` is below it.  `in` is borrowed;
 * --dry-run is added to it.  *out is the caller's.  ERR_locked: somebody owns the
 * directory, and does not answer.
 */
bool owner_call(const struct args *a, const char *method, const char *path, json_t *in,
                json_t **out, struct err *err);

/* Adds the option's JSON, if it is given, to `in` under its name. */
bool args_add_json(const struct args *a, const char *name, json_t *in, struct err *err);

/*
 * The same of who answers on dir/control.sock.  *answered: somebody is there, whatever
 * the answer is.
 */
bool owner_ask(const char *dir, const char *method, const char *path, const json_t *in, json_t **out,
               bool *answered, struct err *err);

/* Has the owner commit what is queued; true where there is none. */
bool owner_flush(const char *data_dir, struct err *err);

#endif
