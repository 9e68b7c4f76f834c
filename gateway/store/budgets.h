/*
 * budgets.h - budgets as they are kept, and the changes to them.
 *
 * Each change is on disk and in force when the function returns true.  With `dry_run`
 * everything is checked and nothing is written.  Errors: ERR_not_found, ERR_bad_request,
 * ERR_store.  They block; from any thread but a loop.
 */
#ifndef GATEWAY_STORE_BUDGETS_H
#define GATEWAY_STORE_BUDGETS_H

#include <jansson.h>

#include "gateway/store/purse.h"

struct budget_owner { /* one of them; the other is "" */
    const char *team, *key_id;
};

struct budget_spec {
    struct budget_owner owner;
    enum period per;
    struct amount limit; /* BUDGET_NONE: what is there stays, and of a new one there is none */
};

bool budget_set(struct store *s, const struct budget_spec *b, bool dry_run, struct err *err);

/* Of that owner, all of them where `per` is PERIOD_count. */
bool budget_delete(struct store *s, const struct budget_owner *o, enum period per, bool dry_run,
                   struct err *err);

/* What crashes left as spent is given back, and what was closed opened; *by: how much, of all its
 * budgets. */
bool budget_release(struct store *s, const struct budget_owner *o, bool dry_run, struct amount *by,
                    struct err *err);

/* An array of objects, as interfaces show it. */
json_t *budget_list(struct store *s, struct err *err);

/* The object of one, as in the list. */
json_t *budget_object(const struct purse_state *s);

/* Is there any?  Of a database that is open for reading. */
bool budget_any(struct sqlite3 *db, bool *any, struct err *err);

#endif
