/*
 * policy_scan.h - what the policies find in a text, for people who write policies.
 */
#ifndef GATEWAY_CORE_POLICY_SCAN_H
#define GATEWAY_CORE_POLICY_SCAN_H

#include "gateway/core/config.h"

/* Which policies: those that apply to a request, or one by its name or file. */
struct policy_choice {
    const struct policy_set *set;
    struct policy *own; /* what is freed with the choice; NULL: nothing */
    struct policy_set *own_set;
};

/*
 * `name` is that of a policy of the config, or the path of a file (it has a '/' or ends in
 * ".yaml"); "" is what applies to *ask, or, where the config has no policies, every built-in
 * detector.  `c` may be NULL.  False: *err, or complain() was called.
 */
bool policy_choose(struct policy_choice *choice, const struct config *c, const char *name,
                   const struct policy_ask *ask, void (*complain)(void *arg, const char *line),
                   void *arg, struct err *err);
void policy_choice_done(struct policy_choice *choice);

/* Appends [{"rule", "start", "end", "action"}, …]: byte offsets, never the value. */
void policy_scan(const struct policy_set *set, enum direction d, struct str text, struct buf *out);

/* Appends {"version", "rules": [{"rule", "request", "response", "restore", "kind"}, …]} of what
 * applies. */
void policy_describe(const struct policy_set *set, struct buf *out);

#endif
