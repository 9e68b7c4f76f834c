#include "gateway/core/refusal.h"

#include <jansson.h>
#include <string.h>

#include "gateway/base/scope.h"

enum { RETRY_AFTER_MAX_MS = 24 * 3600 * 1000 };

void refusal_explain(int status, int64_t retry_after_ms, struct err *err)
{
    if (status == 401 || status == 402 || status == 403)
        err_set(err, ERR_upstream_refused, "status %d", status);
    else if (status == 429)
        err_set(err, ERR_upstream_busy, "status %d", status);
    else
        err_set(err, ERR_upstream_error, "status %d", status);
    err->retry_after_ms = retry_after_ms > 0 ? retry_after_ms : 0;
}

int64_t refusal_retry_after_ms(const struct call_head *head)
{
    int64_t n, found = -1;
    for (unsigned i = 0; i < head->n_headers; i++) {
        const struct call_header *h = &head->headers[i];
        if (str_eq(h->name, STR("retry-after-ms")) && str_int(h->value, &n) && n >= 0 && n <= RETRY_AFTER_MAX_MS)
            return n;
        if (str_eq(h->name, STR("retry-after")) && str_int(h->value, &n) && n >= 0 && n <= RETRY_AFTER_MAX_MS / 1000)
            found = n * 1000;
    }
    return found;
}

static void free_json(json_t **j)
{
    json_decref(*j);
}

static bool is_text_or_null(const json_t *v)
{
    return v && (json_is_string(v) || json_is_null(v));
}

/* "error" with OpenAI's four members, of OpenAI's types. */
static bool has_openai_form(const json_t *error)
{
    return json_is_string(json_object_get(error, "message")) && json_is_string(json_object_get(error, "type")) &&
           is_text_or_null(json_object_get(error, "param")) && is_text_or_null(json_object_get(error, "code"));
}

static void add_member(struct buf *out, const char *name, const json_t *value)
{
    buf_addf(out, ", \"%s\": ", name);
    if (json_is_string(value)) {
        json_quote(out, (struct str){json_string_value(value), json_string_length(value)});
    } else if (json_is_integer(value)) {
        buf_addf(out, "\"%" JSON_INTEGER_FORMAT "\"", json_integer_value(value));
    } else {
        buf_add(out, STR("null"));
    }
}

/* Mistral, llama.cpp, Ollama and others nearly have the form. */
static void write_anew(struct buf *out, const json_t *top, int status)
{
    const json_t *error = json_object_get(top, "error");
    const json_t *from = json_is_object(error) ? error : top;
    const json_t *message = json_is_string(error) ? error : json_object_get(from, "message");
    buf_add(out, STR("{\"error\": {\"message\": "));
    if (json_is_string(message)) {
        json_quote(out, (struct str){json_string_value(message), json_string_length(message)});
    } else {
        buf_addf(out, "\"the upstream answered with status %d\"", status);
    }
    const json_t *type = json_object_get(from, "type");
    json_t *ours = json_string(status >= 500 ? "server_error" : "invalid_request_error");
    add_member(out, "type", json_is_string(type) ? type : ours);
    json_decref(ours);
    add_member(out, "param", json_object_get(from, "param"));
    add_member(out, "code", json_object_get(from, "code"));
    buf_add(out, STR("}}"));
}

/* Every occurrence of the key becomes stars: an upstream may quote the header it did not like. */
static void hide_key(char *text, size_t n, struct str key)
{
    char *at = text;
    while (key.n && (at = memmem(at, n - (size_t)(at - text), key.p, key.n))) {
        memset(at, '*', key.n);
        at += key.n;
    }
}

const char *refusal_hide_key(struct exchange *x, struct str text)
{
    char *copy = arena_strdup(&x->arena, text);
    const struct provider *p = x->call.offer->target->provider;
    for (unsigned i = 0; i < p->n_api_keys; i++)
        hide_key(copy, text.n, p->api_keys[i].s);
    return copy;
}

struct str refusal_body(struct exchange *x, int status, struct str body)
{
    if (status == 401 || status == 402 || status == 403)
        return STR("");
    SCOPED(free_json) json_t *top = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    SCOPED(buf_done) struct buf out = BUF_INIT(body.n * 6 + 512);
    if (json_is_array(top) && json_array_size(top) == 1) { /* Gemini's */
        json_t *only = json_incref(json_array_get(top, 0));
        json_decref(top);
        top = only;
    }
    if (has_openai_form(json_object_get(top, "error")))
        buf_add(&out, body);
    else
        write_anew(&out, top, status);
    return (struct str){refusal_hide_key(x, buf_str(&out)), out.n};
}
