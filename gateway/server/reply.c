#include "gateway/server/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/core/error_body.h"
#include "gateway/core/label.h"
#include "gateway/core/limit.h"
#include "gateway/server/client.h"
#include "gateway/server/visit.h"
#include "gateway/server/worker.h"

enum { REPLY_MAX_BYTES = 1024 * 1024 * 1024 }; /* what is put in has bounds of its own */

void reply_init(struct reply *r)
{
    *r = (struct reply){.content_type = "application/json", .body = BUF_INIT(REPLY_MAX_BYTES)};
}

void reply_done(struct reply *r)
{
    buf_done(&r->body);
}

void reply_error(struct reply *r, const struct err *err)
{
    const struct err_info *info = err_info(err->code);
    r->status = info->status;
    r->content_type = "application/json";
    r->says_retry = true;
    r->should_retry = info->again;
    r->retry_after_ms = err->retry_after_ms;
    buf_cut(&r->body, 0);
    error_body_write(err, &r->body);
}

void reply_json(struct reply *r, int status, struct str body)
{
    r->status = status;
    buf_cut(&r->body, 0);
    buf_add(&r->body, body);
}

static void add_label(const struct exchange *x, struct MHD_Response *response)
{
    struct label label;
    label_make(x, &label);
    for (unsigned i = 0; i < label.n; i++)
        MHD_add_response_header(response, label.rows[i].name, label.rows[i].text);
    limit_label(x, &label);
    for (unsigned i = 0; i < label.n; i++)
        MHD_add_response_header(response, label.rows[i].name, label.rows[i].text);
    for (unsigned i = 0; i < x->call.n_passed; i++)
        MHD_add_response_header(response, x->call.passed[i].name, x->call.passed[i].value);
}

void reply_add_common(struct visit *v, struct MHD_Response *response)
{
    if (v->exchanging) {
        MHD_add_response_header(response, "x-request-id", v->x.id);
        if (v->x.stages_run > 1)
            add_label(&v->x, response);
    }
    if (v->origin.n) {
        MHD_add_response_header(response, "access-control-allow-origin", v->origin.p);
        MHD_add_response_header(response, "vary", "origin");
        MHD_add_response_header(response, "access-control-expose-headers", "*");
    }
    if (v->closes)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static void add_retry(const struct reply *r, struct MHD_Response *response)
{
    char text[32];
    if (r->says_retry)
        MHD_add_response_header(response, "x-should-retry", r->should_retry ? "true" : "false");
    if (r->retry_after_ms > 0) {
        snprintf(text, sizeof text, "%" PRId64, (r->retry_after_ms + 999) / 1000);
        MHD_add_response_header(response, "retry-after", text);
        snprintf(text, sizeof text, "%" PRId64, r->retry_after_ms);
        MHD_add_response_header(response, "retry-after-ms", text);
    }
}

static void add_preflight(struct MHD_Response *response)
{
    MHD_add_response_header(response, "access-control-allow-methods", "GET, POST, OPTIONS");
    MHD_add_response_header(response, "access-control-allow-headers",
                            "authorization, content-type, x-api-key, api-key, idempotency-key, traceparent, "
                            "openai-organization, openai-project, openai-beta, x-penstock-tags, x-penstock-unit, "
                            "x-penstock-session, x-penstock-timeout-ms, x-penstock-trailer, x-penstock-dry-run, "
                            "x-stainless-lang, x-stainless-package-version, x-stainless-os, x-stainless-arch, "
                            "x-stainless-runtime, x-stainless-runtime-version, x-stainless-retry-count, "
                            "x-stainless-timeout, x-stainless-helper-method");
    MHD_add_response_header(response, "access-control-max-age", "600");
}

enum MHD_Result reply_queue(struct visit *v)
{
    struct reply *r = &v->reply;
    size_t n = r->body.n;
    char *body = buf_take(&r->body);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(n, body, free);
    MHD_add_response_header(response, "content-type", r->content_type);
    add_retry(r, response);
    if (r->allow)
        MHD_add_response_header(response, "allow", r->allow);
    if (r->preflight)
        add_preflight(response);
    reply_add_common(v, response);
    client_enter(v->client, PHASE_ANSWER);
    enum MHD_Result queued = MHD_queue_response(v->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return queued;
}
