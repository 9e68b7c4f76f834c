/* admin_priv.h - the operations, and how they read what they are given. */
#ifndef GATEWAY_SERVER_ADMIN_PRIV_H
#define GATEWAY_SERVER_ADMIN_PRIV_H

#include <stdint.h>

#include "gateway/server/admin.h"

#define OP(method, path, changes, run, help)                                                       \
    bool admin_##run(struct admin *a, const char *segment, json_t *in, json_t **out,               \
                     struct err *err);
#include "gateway/server/admin_list.h"

/* The config in force, a new reference; NULL: *err. */
struct config *admin_config(struct admin *a, struct err *err);

/* Its prompts.dir; NULL: *err, it has none. */
const char *admin_inbox(const struct config *c, struct err *err);

bool admin_dry_run(const json_t *in); /* true, or the query's "true" */

/* A member that is a string; `otherwise` where it is absent or null.  NULL: another type (err). */
const char *admin_text(const json_t *in, const char *member, const char *otherwise,
                       struct err *err);

/*
 * A member that is a date or a time, see clock_parse(), or a duration from now ("30d",
 * "12h") if `now_ms` is not 0; `otherwise` where it is absent.
 */
bool admin_time(const json_t *in, const char *member, int64_t now_ms, int64_t otherwise,
                int64_t *ms, struct err *err);

#endif
