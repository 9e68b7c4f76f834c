#include "gateway/net/fetch.h"

#include <curl/curl.h>

enum { CONNECT_MS = 2000 };

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct buf *body = arg;
    buf_add(body, (struct str){p, size * n});
    return buf_ok(body) ? size * n : 0;
}

static size_t on_head(char *p, size_t size, size_t n, void *arg)
{
    buf_add(arg, (struct str){p, size * n});
    return size * n;
}

/* The struct is libcurl's handle itself. */
struct fetch_line *fetch_line_new(void)
{
    return (struct fetch_line *)curl_easy_init();
}

void fetch_line_free(struct fetch_line *l)
{
    curl_easy_cleanup((CURL *)l);
}

static void set_options(CURL *c, const struct fetch *f, struct buf *body,
                        struct curl_slist *headers)
{
    if (f->unix_socket)
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, f->unix_socket);
    curl_easy_setopt(c, CURLOPT_URL, f->url);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, f->method);
    if (f->body.n) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.n);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->body.p);
    }
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)f->timeout_ms);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
    if (f->head) {
        curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_head);
        curl_easy_setopt(c, CURLOPT_HEADERDATA, f->head);
    }
}

bool fetch_run(const struct fetch *f, int *status, struct buf *body, struct err *err)
{
    CURL *c = f->line ? (CURL *)f->line : curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    if (!c || !headers) {
        if (!f->line)
            curl_easy_cleanup(c);
        return err_set(err, ERR_internal, "libcurl cannot begin");
    }
    for (const char *const *h = f->header_lines; h && *h; h++)
        headers = curl_slist_append(headers, *h);
    set_options(c, f, body, headers);
    CURLcode rc = curl_easy_perform(c);
    long code = 0;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    curl_slist_free_all(headers);
    if (f->line)
        curl_easy_reset(c);
    else
        curl_easy_cleanup(c);
    if (rc != CURLE_OK)
        return err_set(err, rc == CURLE_OPERATION_TIMEDOUT ? ERR_timeout : ERR_upstream_down,
                       "%s: %s", f->unix_socket ? f->unix_socket : f->url, curl_easy_strerror(rc));
    *status = (int)code;
    return true;
}
