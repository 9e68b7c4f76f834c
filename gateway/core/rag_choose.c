#include "gateway/core/rag.h"

#include "gateway/core/model_find.h"

#include <pthread.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "gateway/store/indexes.h"

enum { NAME_BYTES = 256 };

static struct json_plan *plan;

static void make_plan(void)
{
    static const char *const paths[] = {"rag"};
    plan = json_plan_new(paths, 1);
}

static bool on_hit(void *arg, const struct json_hit *h, struct err *err)
{
    *(struct json_value *)arg = h->value;
    return h->value.kind == VALUE_STRING || h->value.kind == VALUE_NULL ||
           err_say(err, ERR_bad_request, "penstock.rag",
                   "penstock.rag is \"COLLECTION[@LABEL]\" or \"off\"");
}

/* Of the body; where a client can add no header. */
static bool of_body(struct exchange *x, struct str *asked, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct json_value v = {.kind = VALUE_ABSENT};
    const struct json_visitor visitor = {on_hit, &v};
    pthread_once(&once, make_plan);
    *asked = STR("");
    if (x->request.penstock.kind != VALUE_OBJECT)
        return true;
    if (!json_scan(x->request.penstock.raw, plan, x->config->server.json_depth, &visitor, err))
        return false;
    SCOPED(buf_done) struct buf text = BUF_INIT(NAME_BYTES);
    if (v.kind == VALUE_STRING && json_text(&v, &text))
        *asked = (struct str){arena_strdup(&x->arena, buf_str(&text)), text.n};
    return true;
}

/* What the request says counts, then its prompt, then its model. */
static bool find_asked(struct exchange *x, struct str *asked, struct err *err)
{
    *asked = x->head.rag;
    if (!asked->n && !of_body(x, asked, err))
        return false;
    if (asked->n)
        return true;
    const struct prompt *p = x->prompt.version ? x->prompt.version->prompt : NULL;
    if (p && p->rag) {
        *asked = str_of(p->rag);
        return true;
    }
    const struct model *m = x->model ? x->model : config_model(x->config, model_name(x));
    bool fits = x->endpoint == ENDPOINT_chat || x->endpoint == ENDPOINT_responses;
    if (m && m->rag && fits)
        *asked = str_of(m->rag);
    return true;
}

static bool no_version(struct str collection, struct str label, struct err *err)
{
    return err_say(err, ERR_no_collection, "x-penstock-rag",
                   "collection '%.*s' has no version '%.*s'",
                   (int)(collection.n < 64 ? collection.n : 64), collection.p,
                   (int)(label.n < 64 ? label.n : 64), label.p);
}

static void give_back(void *shelf)
{
    shelf_unref(shelf);
}

static bool choose(struct exchange *x, struct str asked, struct err *err)
{
    struct str label = asked, name;
    str_next(&label, '@', &name);
    if (!label.p)
        label = STR(INDEX_LABEL);
    if (x->endpoint != ENDPOINT_chat && x->endpoint != ENDPOINT_responses)
        return err_say(err, ERR_bad_request, "x-penstock-rag",
                       "only chat and Responses can be grounded in documents");
    const struct collection *c = config_collection(x->config, name);
    if (!c)
        return err_say(err, ERR_no_collection, "x-penstock-rag", "there is no collection '%.*s'",
                       (int)(name.n < 64 ? name.n : 64), name.p);
    x->rag.shelf = shelf_slot_get(&x->worker->gateway->shelf);
    arena_defer(&x->arena, give_back, x->rag.shelf); /* whichever stage asked */
    const struct shelf_place *p = shelf_find(x->rag.shelf, name, label);
    if (!p)
        return no_version(name, label, err);
    if (!p->index)
        return err_set(err, ERR_bad_index, "%s@%u is damaged", c->name, p->version);
    x->rag.collection = c;
    x->rag.index = p->index;
    x->rag.version = p->version;
    return true;
}

bool rag_choose(struct exchange *x, struct err *err)
{
    struct str asked;
    if (x->rag.chosen)
        return true;
    x->rag.chosen = true;
    if (!find_asked(x, &asked, err))
        return false;
    return !asked.n || str_eq(asked, STR("off")) || choose(x, asked, err);
}

void rag_key(const struct exchange *x, struct buf *out)
{
    const struct collection *c = x->rag.collection;
    if (!c)
        return;
    buf_addf(out, "%s@%u;k=%u;tokens=%u;nothing=%u;team=%s", c->name, x->rag.version, c->k,
             c->tokens, (unsigned)c->nothing_found, x->key->team);
    for (const char *const *tag = x->key->tags; *tag; tag++)
        buf_addf(out, ";tag=%s", *tag);
    for (const char *const *team = c->access.teams; *team; team++)
        buf_addf(out, ";reads=%s", *team);
    for (const char *const *tag = c->access.tags; *tag; tag++)
        buf_addf(out, ";reads-tag=%s", *tag);
}
