/*
 * The job has copies of all it needs: its visit may be gone before it is done, and is
 * then only told so.
 */
#include "gateway/server/admin_job.h"

#include <stddef.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/server/admin.h"
#include "gateway/server/worker.h"

struct admin_job {
    struct job job;
    struct visit *visit;
    struct admin admin;
    char *method, *path, *query, *body;
    size_t body_bytes;
    json_t *out;
    struct err err;
};

static char *copy_of(struct str s)
{
    char *p = mem_zalloc(s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

static void add_query(json_t *in, char *query)
{
    struct str rest = str_of(query), part, name;
    while (rest.n && str_next(&rest, '&', &part)) {
        struct str value = part;
        str_next(&value, '=', &name);
        if (name.n == 0)
            continue;
        char *key = copy_of(name);
        json_object_set_new(in, key, value.p ? json_stringn(value.p, value.n) : json_true());
        free(key);
    }
}

static void work(struct job *job)
{
    struct admin_job *a = (struct admin_job *)job;
    json_error_t why;
    json_t *in = a->body_bytes ? json_loadb(a->body, a->body_bytes, JSON_REJECT_DUPLICATES, &why)
                               : json_object();
    if (!json_is_object(in)) {
        err_say(&a->err, ERR_bad_json, NULL, "the body must be a JSON object");
    } else {
        add_query(in, a->query);
        admin_run(&a->admin, a->method, str_of(a->path), in, &a->out, &a->err);
    }
    json_decref(in);
}

static void job_free(struct admin_job *a)
{
    json_decref(a->out);
    config_unref(a->admin.config);
    free(a->method);
    free(a->path);
    free(a->query);
    free(a->body);
    free(a);
}

static void done(struct job *job)
{
    struct admin_job *a = (struct admin_job *)job;
    struct visit *v = a->visit;
    v->job = NULL;
    if (a->err.code != ERR_none) {
        if (err_info(a->err.code)->status >= MHD_HTTP_INTERNAL_SERVER_ERROR)
            LOG(warning, F("what", a->path), F("detail", a->err.detail));
        reply_error(&v->reply, &a->err);
    } else {
        char *text = json_dumps(a->out, JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
        reply_json(&v->reply, MHD_HTTP_OK, str_of(text));
        free(text);
    }
    job_free(a);
    visit_wake(v);
}

void admin_job_start(struct visit *v, struct str method, struct str path)
{
    struct house *h = v->worker->house;
    struct admin_job *a = NEW(struct admin_job);
    *a = (struct admin_job){
        .job = {.work = work, .done = done, .loop = v->worker->core.loop},
        .visit = v,
        .admin = {.store = h->gateway.store,
                  .cache = h->gateway.cache,
                  .prompts = h->gateway.prompts,
                  .rollouts = h->gateway.rollouts,
                  .shelf = &h->gateway.shelf,
                  .config = config_ref(v->worker->config),
                  .reload = h->reload,
                  .reload_arg = h->reload_arg},
        .method = copy_of(method),
        .path = copy_of(path),
        .query = copy_of(v->query),
        .body = copy_of(buf_str(&v->body)),
        .body_bytes = v->body.n,
    };
    v->job = a;
    jobs_add(h->gateway.jobs, &a->job);
}
