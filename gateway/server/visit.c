/*
 * libmicrohttpd calls visit_handle() for the head, for each piece of the body, and
 * when all of it has come; again when a suspended connection was resumed.  An answer
 * may be ready at any of these.  One that comes before the body was read is held until
 * the rest has been dropped, if that is little; else it goes out at once and the
 * connection lingers.
 */
#include "gateway/server/visit.h"

#include <stddef.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/core/receive.h"
#include "gateway/core/stage.h"
#include "gateway/server/admin_job.h"
#include "gateway/server/client.h"
#include "gateway/server/head_scan.h"
#include "gateway/server/page.h"
#include "gateway/server/raw.h"
#include "gateway/server/worker.h"

enum { DROP_MAX_BYTES = 1024 * 1024, ADMIN_BODY_BYTES = 4 * 1024 * 1024 };

static struct visit *visit_new(struct worker_slot *w, struct MHD_Connection *connection)
{
    struct visit *v = NEW(struct visit);
    v->worker = w;
    v->connection = connection;
    v->client = client_of(connection);
    v->client->visit = v;
    v->body = (struct buf)BUF_INIT(ADMIN_BODY_BYTES);
    reply_init(&v->reply);
    arena_init(&v->arena);
    v->next = w->visits;
    v->link = &w->visits;
    if (v->next)
        v->next->link = &v->next;
    w->visits = v;
    return v;
}

static void visit_free(struct visit *v)
{
    *v->link = v->next;
    if (v->next)
        v->next->link = v->link;
    if (v->exchanging)
        outlet_done(&v->outlet);
    reply_done(&v->reply);
    buf_done(&v->body);
    arena_done(&v->arena);
    free(v);
}

void visit_suspend(struct visit *v)
{
    if (v->suspended)
        return;
    v->suspended = true;
    MHD_suspend_connection(v->connection);
}

void visit_wake(struct visit *v)
{
    if (v->over && !v->exchanging && !v->job) { /* its job was all that was left */
        visit_free(v);
        return;
    }
    if (!v->suspended || v->over)
        return;
    v->suspended = false;
    MHD_resume_connection(v->connection);
    worker_stir(v->worker);
}

bool visit_leave(struct visit *v)
{
    if (!v->exchanging || v->x.finish != FINISH_none)
        return false;
    outlet_break(&v->outlet);
    exchange_abort(&v->x, FINISH_client_gone);
    return true;
}

static bool is_ready(const struct visit *v)
{
    return v->exchanging ? v->outlet.ready : v->reply.status != 0;
}

static enum MHD_Result queue_answer(struct visit *v)
{
    return v->exchanging ? outlet_queue(&v->outlet) : reply_queue(v);
}

static void exchange_is_over(struct exchange *x)
{
    struct visit *v = (struct visit *)((char *)x - offsetof(struct visit, x));
    config_unref(x->config);
    keyring_unref(x->keyring);
    visit_free(v);
}

static void memory_is_back(struct exchange *x)
{
    visit_wake((struct visit *)((char *)x - offsetof(struct visit, x)));
}

static void upstream_is_asked(struct exchange *x)
{
    outlet_expect(&((struct visit *)((char *)x - offsetof(struct visit, x)))->outlet);
}

static const struct front front = {.on_memory = memory_is_back, .on_asking = upstream_is_asked};

static void begin_exchange(struct visit *v)
{
    struct worker_slot *w = v->worker;
    struct exchange *x = &v->x;
    outlet_init(&v->outlet, v);
    exchange_init(x, stages, &v->outlet.sink);
    x->worker = &w->core;
    x->front = &front;
    x->on_over = exchange_is_over;
    x->endpoint = (enum endpoint)v->route->arg;
    x->config = config_ref(w->config);
    x->keyring = keyring_current(w->house->gateway.store);
    x->started_us = clock_now_us();
    x->started_ms = clock_wall_ms();
    worker_request_id(&w->core, x->started_ms, x->id);
    v->exchanging = true;
}

/* "" where the origin may not read answers. */
static struct str allowed_origin(const struct config *c, struct str origin)
{
    for (const char *const *o = c->cors.origins; *o; o++)
        if (strcmp(*o, "*") == 0 || str_eq(origin, str_of(*o)))
            return origin;
    return STR("");
}

static bool may_visit(struct visit *v, const struct head *head, struct keyring *keyring, const struct key **key,
                      struct err *err)
{
    *key = keyring_find(keyring, head->secret, clock_wall_ms());
    if (v->route->access == ACCESS_OPEN || (v->route->access == ACCESS_ADMIN && v->client->is_control))
        return true;
    if (!*key)
        return err_set(err, ERR_bad_key, "%s", v->route->path);
    if (v->route->access == ACCESS_ADMIN && !(*key)->admin)
        return err_say(err, ERR_forbidden, NULL, "this path takes an admin key");
    return true;
}

/* The operation on what is a key's own. */
static struct str path_of_own(struct visit *v, const struct key *key)
{
    SCOPED(buf_done) struct buf path = BUF_INIT(1024);
    buf_addf(&path, v->route->kind == ROUTE_USAGE ? "/usage/%s" : "/feedback/%s", key->id);
    return (struct str){arena_strdup(&v->arena, buf_str(&path)), path.n};
}

static void begin_other(struct visit *v, const struct head *head)
{
    struct err err = {0};
    const struct key *key;
    struct keyring *keyring = keyring_current(v->worker->house->gateway.store);
    bool ok = may_visit(v, head, keyring, &key, &err);
    bool own = v->route->kind == ROUTE_USAGE || v->route->kind == ROUTE_FEEDBACK;
    if (ok && own)
        v->rest = path_of_own(v, key);
    else if (ok && v->route->kind != ROUTE_ADMIN)
        ok = page_write(v, key, &err);
    if (!ok)
        reply_error(&v->reply, &err);
    keyring_unref(keyring);
}

static bool is_preflight(struct visit *v, struct str method, const struct head_facts *facts)
{
    return str_eq(method, STR("OPTIONS")) && v->origin.n && facts->requested_method.n;
}

static bool check_url(const struct visit *v, struct str target, struct err *err)
{
    if ((int64_t)target.n <= v->worker->config->server.url_bytes)
        return true;
    return err_set(err, ERR_url_too_long, "%zu bytes", target.n);
}

static bool is_draining(const struct visit *v)
{
    return atomic_load_explicit(&v->worker->house->gateway.draining, memory_order_relaxed);
}

static void begin(struct visit *v, struct str method)
{
    struct err err = {0};
    struct head head = {0};
    struct head_facts facts = {0};
    struct str target = buf_str(&v->client->target);
    bool ok = check_url(v, target, &err) &&
              head_scan(v->connection, target, v->worker->config, &v->arena, &head, &facts, &err);
    v->origin = allowed_origin(v->worker->config, facts.origin);
    if (ok && is_preflight(v, method, &facts)) {
        reply_json(&v->reply, MHD_HTTP_NO_CONTENT, STR(""));
        v->reply.preflight = true;
        return;
    }
    if (ok)
        v->route = route_find(str_eq(method, STR("HEAD")) ? STR("GET") : method, target, &v->rest, &v->query,
                              &v->reply.allow, &err);
    if (v->route && v->route->kind == ROUTE_EXCHANGE && is_draining(v)) {
        err_set(&err, ERR_shutdown, "draining");
        v->route = NULL;
    }
    if (!v->route) {
        reply_error(&v->reply, &err);
        v->closes = err.code == ERR_bad_http || err.code == ERR_shutdown;
    } else if (v->route->kind == ROUTE_EXCHANGE) {
        begin_exchange(v);
        v->x.head = head;
        v->x.head.query = v->query;
        if (v->client->is_control && head.secret.n == 0)
            v->x.key = &keyring_operator;
        exchange_run(&v->x);
    } else {
        begin_other(v, &head);
    }
}

/* The answer goes out although the body is still coming. */
static enum MHD_Result answer_early(struct visit *v, bool in_body)
{
    v->closes = true;
    client_linger(v->client);
    if (!in_body)
        return queue_answer(v);
    raw_answer(v->client->fd, v->reply.status, buf_str(&v->reply.body)); /* libmicrohttpd takes none here */
    return MHD_NO;
}

static bool has_little_body(const struct visit *v)
{
    const char *length = MHD_lookup_connection_value(v->connection, MHD_HEADER_KIND, "Content-Length");
    const char *coding = MHD_lookup_connection_value(v->connection, MHD_HEADER_KIND, "Transfer-Encoding");
    int64_t bytes = 0;
    return !coding && (!length || (str_int(str_of(length), &bytes) && bytes <= DROP_MAX_BYTES));
}

static enum MHD_Result handle_head(struct visit *v, struct str method)
{
    begin(v, method);
    client_enter(v->client, PHASE_BODY);
    v->little = has_little_body(v);
    if (!is_ready(v))
        return MHD_YES;
    v->unread = true;
    return v->little && !v->closes ? MHD_YES : answer_early(v, false);
}

static enum MHD_Result drop(struct visit *v, size_t *bytes)
{
    v->unread = true;
    if (!v->little)
        return answer_early(v, true);
    *bytes = 0;
    return MHD_YES;
}

static enum MHD_Result handle_body(struct visit *v, const char *upload, size_t *bytes)
{
    struct str some = {upload, *bytes};
    if (v->unread || is_ready(v))
        return drop(v, bytes);
    client_enter(v->client, PHASE_BODY);
    if (!v->exchanging) {
        buf_add(&v->body, some);
        *bytes = 0;
        return MHD_YES;
    }
    switch (receive_add(&v->x, some)) {
    case RECEIVE_TAKEN:
        *bytes = 0;
        return MHD_YES;
    case RECEIVE_LATER:
        client_enter(v->client, PHASE_ANSWER);
        visit_suspend(v);
        return MHD_YES;
    case RECEIVE_ENDED:
        break;
    }
    return drop(v, bytes);
}

static void body_is_whole(struct visit *v, struct str method)
{
    v->whole = true;
    client_enter(v->client, PHASE_ANSWER);
    if (v->unread)
        return;
    if (v->client->has_left && visit_leave(v))
        return;
    struct err err = {0};
    if (v->exchanging) {
        receive_end(&v->x);
    } else if (!buf_ok(&v->body)) {
        err_set(&err, ERR_too_large, "an admin request");
        reply_error(&v->reply, &err);
    } else if (v->route->kind == ROUTE_USAGE) {
        admin_job_start(v, STR("GET"), v->rest);
    } else if (v->route->kind == ROUTE_FEEDBACK) {
        admin_job_start(v, STR("POST"), v->rest);
    } else if (v->route->kind == ROUTE_ADMIN) {
        admin_job_start(v, method, (struct str){v->rest.p - 1, v->rest.n + 1});
    }
}

enum MHD_Result visit_handle(void *worker, struct MHD_Connection *connection, const char *url, const char *method,
                             const char *version, const char *upload, size_t *upload_bytes, void **visit)
{
    (void)url, (void)version;
    struct visit *v = *visit;
    if (!v) {
        *visit = v = visit_new(worker, connection);
        return handle_head(v, str_of(method));
    }
    if (*upload_bytes)
        return handle_body(v, upload, upload_bytes);
    if (!v->whole)
        body_is_whole(v, str_of(method));
    if (is_ready(v))
        return queue_answer(v);
    visit_suspend(v);
    return MHD_YES;
}

void visit_completed(void *worker, struct MHD_Connection *connection, void **visit,
                     enum MHD_RequestTerminationCode how)
{
    (void)worker, (void)connection, (void)how;
    struct visit *v = *visit;
    if (!v)
        return;
    *visit = NULL;
    v->client->visit = NULL;
    client_enter(v->client, PHASE_IDLE);
    v->client = NULL;
    v->connection = NULL;
    v->over = true;
    if (v->exchanging)
        exchange_release(&v->x);
    else if (!v->job)
        visit_free(v);
}
