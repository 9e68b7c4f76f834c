/*
 * One transfer: what is asked, what the answer's bytes become, and when to give up.
 * libcurl's own timeouts are used for connecting alone; the others end at things it
 * does not see, the first event and the last, and share one timer.
 */
#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/llm/frame.h"
#include "gateway/net/curl_priv.h"

enum {
    RECEIVE_BYTES = 4 * 1024,     /* libcurl's buffer of an answer */
    QUESTION_BYTES = 64 * 1024,   /* a body up to this is sent from one piece, with its head */
    CHARGE_STEP = 64 * 1024,      /* memory of a body is taken in steps of this */
    MEMORY_RETRY_MS = 20,         /* how often a transfer that waits for memory looks again, */
    MEMORY_PATIENCE_MS = 5 * 1000 /* and for how long */
};

static size_t on_header(char *line, size_t size, size_t n, void *transfer);
static size_t on_bytes(char *bytes, size_t size, size_t n, void *transfer);
static size_t on_read(char *room, size_t size, size_t n, void *transfer);
static int on_seek(void *transfer, curl_off_t offset, int origin);
static void on_timeout(struct timer *timer);

static void set_fixed_options(struct transfer *tr)
{
    CURL *e = tr->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, tr);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "identity"); /* and decodes what comes all the same */
    curl_easy_setopt(e, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, tr);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, tr);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(e, CURLOPT_READDATA, tr);
    curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(e, CURLOPT_SEEKDATA, tr);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, curl_transport_closed);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, tr->owner);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
}

struct transfer *transfer_new(struct curl_transport *owner)
{
    struct transfer *tr = NEW(struct transfer);
    tr->owner = owner;
    tr->easy = curl_easy_init();
    if (!tr->easy)
        abort(); /* out of memory, as in mem.c */
    tr->timer.fn = on_timeout;
    tr->question = (struct buf)BUF_INIT(QUESTION_BYTES);
    tr->head = (struct buf)BUF_INIT(HEAD_MAX_BYTES);
    set_fixed_options(tr);
    return tr;
}

void transfer_free(struct transfer *tr)
{
    curl_easy_cleanup(tr->easy);
    buf_done(&tr->question);
    buf_done(&tr->head);
    free(tr);
}

static void set_upstream(struct transfer *tr, const struct upstream *u)
{
    CURL *e = tr->easy;
    if (tr->set_up_for == u->id)
        return;
    tr->set_up_for = u->id;
    curl_easy_setopt(e, CURLOPT_CAINFO, u->ca_file ? u->ca_file : curl_version_info(CURLVERSION_NOW)->cainfo);
    curl_easy_setopt(e, CURLOPT_SSLCERT, u->client_cert);
    curl_easy_setopt(e, CURLOPT_SSLKEY, u->client_key);
    curl_easy_setopt(e, CURLOPT_PROXY, u->proxy);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)(u->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
}

/* The body: in one piece where that is short, so that it leaves together with its head. */
static void set_body(struct transfer *tr, const struct call *c)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < c->n_body; i++)
        bytes += c->body[i].n;
    buf_cut(&tr->question, 0);
    tr->piece = 0;
    tr->piece_at = 0;
    bool short_enough = bytes <= QUESTION_BYTES;
    for (unsigned i = 0; short_enough && i < c->n_body; i++)
        buf_add(&tr->question, c->body[i]);
    curl_easy_setopt(tr->easy, CURLOPT_POSTFIELDS, short_enough ? tr->question.p : NULL);
    curl_easy_setopt(tr->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)bytes);
}

static void set_header_lines(struct transfer *tr, const struct call *c)
{
    struct curl_slist *list = NULL;
    for (const char *const *line = c->header_lines; *line; line++)
        list = curl_slist_append(list, *line);
    tr->header_lines = curl_slist_append(list, "Expect:");
    if (!tr->header_lines)
        abort(); /* out of memory, as in mem.c */
    curl_easy_setopt(tr->easy, CURLOPT_HTTPHEADER, tr->header_lines);
}

static void set_timer(struct transfer *tr)
{
    const struct call_timeouts *t = &tr->call->timeouts;
    int64_t due = INT64_MAX;
    int64_t wait = tr->call->first_us ? t->idle : t->first_token;
    int64_t since = tr->call->first_us ? tr->active_ms : tr->started_ms;
    if (t->total && tr->started_ms + t->total < due)
        due = tr->started_ms + t->total;
    if (wait && since + wait < due)
        due = since + wait;
    if (tr->memory_wait_ms)
        due = loop_now_ms(curl_transport_loop(tr)) + MEMORY_RETRY_MS;
    if (due != INT64_MAX)
        timer_set(curl_transport_loop(tr), &tr->timer, due);
}

void transfer_prepare(struct transfer *tr, struct call *c)
{
    tr->call = c;
    c->charged = 0;
    c->first_us = 0;
    c->connected = false;
    c->err = (struct err){0};
    tr->has_head = tr->paused = tr->cancelled = false;
    tr->todo_start = tr->todo_end = tr->todo_pause = false;
    tr->memory_wait_ms = 0;
    tr->err = (struct err){0};
    tr->is = (struct call_head){0};
    buf_cut(&tr->head, 0);
    tr->body = (struct buf)BUF_INIT(c->answer_bytes);
    tr->started_ms = tr->active_ms = loop_now_ms(curl_transport_loop(tr));
    set_upstream(tr, c->upstream);
    curl_easy_setopt(tr->easy, CURLOPT_URL, c->url);
    curl_easy_setopt(tr->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->timeouts.connect);
    set_body(tr, c);
    set_header_lines(tr, c);
    set_timer(tr);
}

/* Ends it for a reason of ours; says what a call-back of libcurl returns then. */
static size_t give_up(struct transfer *tr)
{
    assert(tr->err.code != ERR_none || tr->cancelled);
    tr->todo_end = true;
    curl_transport_todo(tr);
    return CURL_WRITEFUNC_ERROR;
}

static size_t on_read(char *room, size_t size, size_t n, void *transfer)
{
    struct transfer *tr = transfer;
    const struct call *c = tr->call;
    size_t left = size * n, done = 0;
    while (left > 0 && tr->piece < c->n_body) {
        struct str piece = c->body[tr->piece];
        size_t some = piece.n - tr->piece_at < left ? piece.n - tr->piece_at : left;
        if (some)
            memcpy(room + done, piece.p + tr->piece_at, some);
        done += some;
        left -= some;
        tr->piece_at += some;
        if (tr->piece_at == piece.n) {
            tr->piece++;
            tr->piece_at = 0;
        }
    }
    return done;
}

/* Only ever back to the start, when a pooled connection turns out to be dead. */
static int on_seek(void *transfer, curl_off_t offset, int origin)
{
    struct transfer *tr = transfer;
    if (offset != 0 || origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    tr->piece = 0;
    tr->piece_at = 0;
    return CURL_SEEKFUNC_OK;
}

static bool is_type(struct str value, const char *type)
{
    size_t n = strlen(type);
    return value.n >= n && strncasecmp(value.p, type, n) == 0 &&
           (value.n == n || value.p[n] == ';' || value.p[n] == ' ' || value.p[n] == '\t');
}

/* Cuts tr->head, lines of "name: value\n" with names in lower case, in two and in two. */
static unsigned split_head(struct transfer *tr, struct call_header *headers)
{
    unsigned n = 0;
    struct str rest = buf_str(&tr->head), line;
    while (n < HEAD_MAX_LINES && str_next(&rest, '\n', &line)) {
        struct str name;
        if (line.n == 0 || !str_next(&line, ':', &name) || !line.p)
            continue;
        while (line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
            line = (struct str){line.p + 1, line.n - 1};
        headers[n++] = (struct call_header){name, line};
    }
    return n;
}

static void head_ended(struct transfer *tr)
{
    struct call_header headers[HEAD_MAX_LINES];
    tr->is.headers = headers;
    tr->is.n_headers = split_head(tr, headers);
    for (unsigned i = 0; i < tr->is.n_headers; i++)
        if (str_eq(headers[i].name, STR("content-type"))) {
            tr->is.is_stream = tr->is.status == 200 && is_type(headers[i].value, "text/event-stream");
            tr->is.is_json = is_type(headers[i].value, "application/json");
        }
    if (tr->is.is_stream)
        sse_init(&tr->sse, FRAME_MAX_BYTES);
    tr->has_head = true;
    tr->call->on_head(tr->call, &tr->is);
    tr->is.headers = NULL;
}

static void add_head_line(struct transfer *tr, struct str line)
{
    size_t from = tr->head.n;
    buf_add(&tr->head, line);
    if (!buf_ok(&tr->head))
        return;
    for (size_t i = from; i < tr->head.n && tr->head.p[i] != ':'; i++)
        if (tr->head.p[i] >= 'A' && tr->head.p[i] <= 'Z')
            tr->head.p[i] = (char)(tr->head.p[i] - 'A' + 'a');
    buf_add(&tr->head, STR("\n"));
}

static size_t on_header(char *bytes, size_t size, size_t n, void *transfer)
{
    struct transfer *tr = transfer;
    struct str line = {bytes, size * n};
    if (tr->cancelled)
        return give_up(tr);
    if (tr->has_head) /* a trailer */
        return line.n;
    while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    tr->call->connected = true;
    if (line.n >= 5 && memcmp(line.p, "HTTP/", 5) == 0) {
        long status = 0;
        curl_easy_getinfo(tr->easy, CURLINFO_RESPONSE_CODE, &status);
        tr->is.status = (int)status;
        buf_cut(&tr->head, 0);
    } else if (line.n) {
        add_head_line(tr, line);
    } else if (tr->is.status >= 200) {
        head_ended(tr);
    }
    if (!buf_ok(&tr->head)) {
        err_set(&tr->err, ERR_bad_answer, "headers of more than %d bytes", HEAD_MAX_BYTES);
        return give_up(tr);
    }
    return tr->cancelled ? give_up(tr) : size * n;
}

static void on_event(void *transfer, const struct sse_event *e)
{
    struct transfer *tr = transfer;
    if (tr->cancelled)
        return;
    if (!tr->call->first_us)
        tr->call->first_us = clock_now_us();
    tr->call->on_piece(tr->call, &(struct call_piece){e->name, e->data});
}

/* Takes memory for n more bytes of the body; false: there is none now. */
static bool charge(struct transfer *tr, size_t n)
{
    struct call *c = tr->call;
    int64_t need = (int64_t)(tr->body.n + n) - c->charged;
    if (need <= 0)
        return true;
    int64_t take = (need + CHARGE_STEP - 1) / CHARGE_STEP * CHARGE_STEP;
    if (!account_take(c->memory, take))
        return false;
    c->charged += take;
    return true;
}

static size_t add_to_body(struct transfer *tr, struct str bytes)
{
    if (!tr->call->first_us)
        tr->call->first_us = clock_now_us();
    if (!charge(tr, bytes.n)) {
        if (!tr->memory_wait_ms)
            tr->memory_wait_ms = loop_now_ms(curl_transport_loop(tr));
        set_timer(tr);
        return CURL_WRITEFUNC_PAUSE;
    }
    buf_add(&tr->body, bytes);
    if (buf_ok(&tr->body))
        return bytes.n;
    err_set(&tr->err, ERR_answer_too_large, "more than %zu bytes", tr->body.max);
    return give_up(tr);
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *transfer)
{
    struct transfer *tr = transfer;
    struct str some = {bytes, size * n};
    if (tr->cancelled || tr->err.code != ERR_none)
        return give_up(tr);
    if (transfer_wants_pause(tr)) /* libcurl reads on for a while before it lets us pause it */
        return CURL_WRITEFUNC_PAUSE;
    tr->active_ms = loop_now_ms(curl_transport_loop(tr));
    if (!tr->is.is_stream)
        return add_to_body(tr, some);
    bool had_event = tr->call->first_us != 0;
    if (!sse_feed(&tr->sse, some, on_event, tr, &tr->err))
        return give_up(tr);
    if (!had_event && tr->call->first_us)
        set_timer(tr);
    return tr->cancelled ? give_up(tr) : some.n;
}

bool transfer_wants_pause(const struct transfer *tr)
{
    return tr->paused || tr->memory_wait_ms;
}

/* It waited; goes on if there is memory now. */
static void retry_memory(struct transfer *tr)
{
    if (loop_now_ms(curl_transport_loop(tr)) - tr->memory_wait_ms >= MEMORY_PATIENCE_MS) {
        err_set(&tr->err, ERR_busy, "no memory for an answer of more than %zu bytes", tr->body.n);
        give_up(tr);
        return;
    }
    if (charge(tr, RECEIVE_BYTES)) {
        tr->memory_wait_ms = 0;
        tr->todo_pause = true;
        curl_transport_todo(tr);
    }
    set_timer(tr);
}

static void on_timeout(struct timer *timer)
{
    struct transfer *tr = (struct transfer *)((char *)timer - offsetof(struct transfer, timer));
    const struct call_timeouts *t = &tr->call->timeouts;
    int64_t now_ms = loop_now_ms(curl_transport_loop(tr));
    if (tr->memory_wait_ms) {
        retry_memory(tr);
        return;
    }
    if (tr->paused)
        tr->active_ms = now_ms;
    if (t->total && now_ms >= tr->started_ms + t->total)
        err_set(&tr->err, ERR_timeout, "not whole after %" PRId64 " ms", t->total);
    else if (!tr->call->first_us && t->first_token && now_ms >= tr->started_ms + t->first_token)
        err_set(&tr->err, ERR_timeout, "no first byte in %" PRId64 " ms", t->first_token);
    else if (tr->call->first_us && t->idle && now_ms >= tr->active_ms + t->idle)
        err_set(&tr->err, ERR_timeout, "silent for %" PRId64 " ms", t->idle);
    if (tr->err.code != ERR_none)
        give_up(tr);
    else
        set_timer(tr);
}

/* What libcurl's word means for who asked. */
static void explain(const struct transfer *tr, CURLcode result, struct err *err)
{
    const char *why = curl_easy_strerror(result);
    switch ((int)result) {
    case CURLE_OPERATION_TIMEDOUT:
        err_set(err, ERR_timeout, "%s", why);
        break;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
        err_set(err, ERR_upstream_cut, "%s", why);
        break;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
    case CURLE_BAD_CONTENT_ENCODING:
        err_set(err, ERR_bad_answer, "%s", why);
        break;
    default:
        err_set(err, tr->has_head ? ERR_upstream_cut : ERR_upstream_down, "%s", why);
    }
}

void transfer_finish(struct transfer *tr, CURLcode result)
{
    struct call *c = tr->call;
    if (tr->err.code != ERR_none)
        c->err = tr->err;
    else if (result != CURLE_OK && !tr->cancelled)
        explain(tr, result, &c->err);
    else if (!tr->has_head && !tr->cancelled)
        err_set(&c->err, ERR_bad_answer, "no head");
    if (c->err.code == ERR_none && !tr->cancelled && !tr->is.is_stream)
        c->on_piece(c, &(struct call_piece){.data = buf_str(&tr->body)});
    if (tr->has_head && tr->is.is_stream)
        sse_done(&tr->sse);
    buf_done(&tr->body);
    curl_slist_free_all(tr->header_lines);
    tr->header_lines = NULL;
    tr->call = NULL;
}
