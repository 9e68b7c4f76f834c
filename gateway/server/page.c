#include "gateway/server/page.h"

#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "gateway/core/policy_tally.h"
#include "gateway/server/upstreams.h"
#include "gateway/server/worker.h"
#include "gateway/store/ledger.h"

enum { NAME_SHOWN_BYTES = 64 };

static void write_model(struct buf *out, struct str name)
{
    buf_add(out, STR("{\"id\": "));
    json_quote(out, name);
    buf_add(out, STR(", \"object\": \"model\", \"created\": 0, \"owned_by\": \"penstock\"}"));
}

static bool write_models(struct visit *v, const struct key *key)
{
    const struct config *c = v->worker->config;
    struct buf *out = &v->reply.body;
    bool any = false;
    buf_add(out, STR("{\"object\": \"list\", \"data\": ["));
    for (unsigned i = 0; i < c->n_models; i++) {
        struct str name = str_of(c->models[i].name);
        if (memchr(name.p, '*', name.n) || !key_may_use(key, name))
            continue;
        buf_add(out, any ? STR(", ") : STR(""));
        write_model(out, name);
        any = true;
    }
    buf_add(out, STR("]}"));
    v->reply.status = MHD_HTTP_OK;
    return true;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* SDKs escape the slashes of a name. */
static void unescape(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%' && i + 2 < s.n && nibble(s.p[i + 1]) >= 0 && nibble(s.p[i + 2]) >= 0) {
            c = (char)(nibble(s.p[i + 1]) << 4 | nibble(s.p[i + 2]));
            i += 2;
        }
        buf_add(out, (struct str){&c, 1});
    }
}

static bool write_one_model(struct visit *v, const struct key *key, struct err *err)
{
    SCOPED(buf_done) struct buf name = BUF_INIT(v->rest.n);
    unescape(v->rest, &name);
    struct str text = buf_str(&name);
    const struct model *m = config_model(v->worker->config, text);
    if (!m || !(key_may_use(key, text) || key_may_use(key, str_of(m->name)))) {
        int shown = text.n < NAME_SHOWN_BYTES ? (int)text.n : NAME_SHOWN_BYTES;
        return err_say(err, ERR_no_model, "model", "the model '%.*s' does not exist, or this key may not use it",
                       shown, text.p);
    }
    write_model(&v->reply.body, text);
    v->reply.status = MHD_HTTP_OK;
    return true;
}

static int64_t gauge(void *house, enum metric m)
{
    struct house *h = house;
    struct ledger_head head;
    int64_t in_flight = 0;
    switch ((int)m) {
    case METRIC_connections:
        return atomic_load(&h->gate.open);
    case METRIC_requests_in_flight:
        for (unsigned i = 0; i < h->n_workers; i++)
            in_flight += atomic_load_explicit(&h->workers[i].core.in_flight, memory_order_relaxed);
        return in_flight;
    case METRIC_memory_in_flight_bytes:
        return atomic_load(&h->gateway.memory.used_bytes);
    case METRIC_ledger_queue_rows:
        ledger_head(h->gateway.store, &head);
        return head.queued;
    case METRIC_ledger_head_seq:
        ledger_head(h->gateway.store, &head);
        return head.seq;
    case METRIC_config_generation:
        return (int64_t)h->workers[0].config->generation;
    default:
        return 0;
    }
}

static bool write_metrics(struct visit *v)
{
    struct house *h = v->worker->house;
    struct ledger_head head;
    v->reply.content_type = "text/plain; version=0.0.4";
    metrics_show(h->gateway.metrics, gauge, h, &v->reply.body);
    policy_tally_show(h->gateway.policy_tally, &v->reply.body);
    ledger_head(h->gateway.store, &head);
    buf_addf(&v->reply.body,
             "# HELP penstock_ledger_head_info the MAC of the last committed row of the ledger\n"
             "# TYPE penstock_ledger_head_info gauge\npenstock_ledger_head_info{mac=\"%s\"} 1\n",
             head.mac);
    upstreams_metrics(v->worker->config, &v->reply.body);
    v->reply.status = MHD_HTTP_OK;
    return true;
}

static bool write_state(struct visit *v, bool well)
{
    reply_json(&v->reply, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
               well ? STR("{\"status\": \"ok\"}") : STR("{\"status\": \"draining\"}"));
    return true;
}

bool page_write(struct visit *v, const struct key *key, struct err *err)
{
    struct err unready = {0};
    switch (v->route->kind) {
    case ROUTE_MODELS:
        return write_models(v, key);
    case ROUTE_MODEL:
        return write_one_model(v, key, err);
    case ROUTE_METRICS:
        return write_metrics(v);
    case ROUTE_HEALTH:
        return write_state(v, true);
    case ROUTE_READY:
        return write_state(v, !atomic_load(&v->worker->house->gateway.draining) &&
                                  ledger_ready(v->worker->house->gateway.store, &unready));
    case ROUTE_EXCHANGE:
    case ROUTE_USAGE:
    case ROUTE_FEEDBACK:
    case ROUTE_ADMIN:
    case ROUTE_NOT_BUILT:
        break;
    }
    return err_set(err, ERR_not_built, "%s", v->route->path);
}
