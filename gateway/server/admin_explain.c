/* /admin/v1/explain */
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/core/collection.h"
#include "gateway/core/explain.h"
#include "gateway/server/admin_priv.h"

enum { EXPLANATION_BYTES = 1024 * 1024 };

/* "chat" by its name; without one by the member that only its body has. */
static bool find_endpoint(const char *name, struct str body, enum endpoint *e, struct err *err)
{
    for (*e = 0; *e < ENDPOINT_count; ++*e)
        if (strcmp(name, endpoint_info(*e)->name) == 0)
            return true;
    if (*name)
        return err_say(err, ERR_bad_request, "endpoint", "there is no endpoint '%s'", name);
    *e = memmem(body.p, body.n, "\"messages\"", 10) ? ENDPOINT_chat
         : memmem(body.p, body.n, "\"prompt\"", 8)  ? ENDPOINT_completions
                                                    : ENDPOINT_responses;
    return true;
}

bool admin_explain(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err)
{
    (void)segment;
    const char *text = admin_text(in, "body", "", err), *key = admin_text(in, "key", "", err);
    const char *endpoint = admin_text(in, "endpoint", "", err);
    enum endpoint e;
    if (!text || !key || !endpoint || !find_endpoint(endpoint, str_of(text), &e, err))
        return false;
    SCOPED(buf_done) struct buf told = BUF_INIT(EXPLANATION_BYTES), problem = BUF_INIT(1024);
    struct config *c = a->config ? config_ref(a->config) : config_load(a->config_path, NULL, config_keep_first, &problem);
    struct gateway gateway = {.store = a->store, .prompts = a->prompts, .rollouts = a->rollouts, .cache = a->cache};
    shelf_slot_init(&gateway.shelf);
    struct shelf *shelf = a->shelf ? shelf_slot_get(a->shelf) : collection_shelf(a->store, NULL, err);
    if (shelf)
        shelf_slot_put(&gateway.shelf, shelf);
    if (c)
        gateway.memory.max_bytes = c->server.memory_in_flight;
    bool ok = !shelf ? false
              : c ? explain_run(&gateway, c, str_of(key), e, str_of(text), &told, err)
                : err_say(err, ERR_bad_config, NULL, "%s", problem.p);
    config_unref(c);
    shelf_slot_done(&gateway.shelf);
    if (!ok)
        return false;
    *out = json_loadb(told.p, told.n, 0, NULL);
    return *out || err_set(err, ERR_internal, "the explanation is no JSON");
}
