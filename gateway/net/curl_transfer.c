/*
 * One transfer: how libcurl is told what is asked, and its call-backs, which hand what
 * comes to the intake.  Of libcurl's own timeouts only that of connecting is used.
 */
#include <stddef.h>
#include <string.h>

#include "config.h"
#include "gateway/base/mem.h"
#include "gateway/net/curl_priv.h"

enum {
    RECEIVE_BYTES = 4 * 1024,     /* libcurl's buffer of an answer */
    QUESTION_BYTES = 64 * 1024,   /* a body up to this is sent from one piece, with its head */
    PATIENCE_MS = 250,            /* how long the caller of a stream over HTTP/2 may lag behind, */
    AHEAD_BYTES = 1024 * 1024,    /* and by how much */
};

static size_t on_header(char *line, size_t size, size_t n, void *transfer);
static size_t on_bytes(char *bytes, size_t size, size_t n, void *transfer);
static size_t on_read(char *room, size_t size, size_t n, void *transfer);
static int on_seek(void *transfer, curl_off_t offset, int origin);
static void stop(struct intake *in);
static void patience_ended(struct timer *timer);
static void go_on(struct intake *in);

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
    intake_init(&tr->in, curl_transport_loop(tr), stop, go_on);
    tr->patience.fn = patience_ended;
    tr->question = (struct buf)BUF_INIT(QUESTION_BYTES);
    set_fixed_options(tr);
    return tr;
}

void transfer_free(struct transfer *tr)
{
    curl_easy_cleanup(tr->easy);
    buf_done(&tr->question);
    intake_done(&tr->in);
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

void transfer_prepare(struct transfer *tr, struct call *c)
{
    intake_begin(&tr->in, c);
    tr->todo_start = tr->todo_end = tr->todo_pause = tr->ahead = false;
    set_upstream(tr, c->upstream);
    curl_easy_setopt(tr->easy, CURLOPT_URL, c->url);
    curl_easy_setopt(tr->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->timeouts.connect);
    set_body(tr, c);
    set_header_lines(tr, c);
}

/* Has it ended; says what a call-back of libcurl returns then. */
static size_t give_up(struct transfer *tr)
{
    tr->todo_end = true;
    curl_transport_todo(tr);
    return CURL_WRITEFUNC_ERROR;
}

static size_t on_read(char *room, size_t size, size_t n, void *transfer)
{
    struct transfer *tr = transfer;
    const struct call *c = tr->in.call;
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

static size_t on_header(char *bytes, size_t size, size_t n, void *transfer)
{
    struct transfer *tr = transfer;
    struct str line = {bytes, size * n};
    enum intake_word word = INTAKE_TAKEN;
    if (tr->in.stopped)
        return give_up(tr);
    if (tr->in.has_head) /* a trailer */
        return line.n;
    while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (line.n >= 5 && memcmp(line.p, "HTTP/", 5) == 0) {
        long status = 0;
        curl_easy_getinfo(tr->easy, CURLINFO_RESPONSE_CODE, &status);
        intake_status(&tr->in, (int)status);
    } else if (line.n) {
        word = intake_header(&tr->in, line);
    } else if (tr->in.is.status >= 200) {
        word = intake_head_end(&tr->in);
    }
    return word == INTAKE_STOPPED ? give_up(tr) : size * n;
}

/* As the upstream agreed to, whatever was asked for. */
static bool is_http2(const struct transfer *tr)
{
    long version = 0;
    curl_easy_getinfo(tr->easy, CURLINFO_HTTP_VERSION, &version);
    return version == CURL_HTTP_VERSION_2_0;
}

static size_t too_slow(struct transfer *tr)
{
    err_set(&tr->in.err, ERR_client_too_slow, "%zu bytes behind, or for %d ms", tr->ahead_bytes, PATIENCE_MS);
    intake_cancel(&tr->in);
    return give_up(tr);
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *transfer)
{
    struct transfer *tr = transfer;
    if (tr->ahead && (tr->ahead_bytes += size * n) > AHEAD_BYTES)
        return too_slow(tr);
    switch (intake_bytes(&tr->in, (struct str){bytes, size * n})) {
    case INTAKE_TAKEN:
        return size * n;
    case INTAKE_WAITS: /* libcurl reads on for a while before it lets us pause it */
        if (!is_http2(tr))
            return CURL_WRITEFUNC_PAUSE;
        err_set(&tr->in.err, ERR_busy, "no memory for an answer of more than %zu bytes", tr->in.body.n);
        intake_cancel(&tr->in);
        break;
    case INTAKE_STOPPED:
        break;
    }
    return give_up(tr);
}

static void stop(struct intake *in)
{
    give_up((struct transfer *)((char *)in - offsetof(struct transfer, in)));
}

static void go_on(struct intake *in)
{
    struct transfer *tr = (struct transfer *)((char *)in - offsetof(struct transfer, in));
    tr->todo_pause = true;
    curl_transport_todo(tr);
}

static void patience_ended(struct timer *timer)
{
    struct transfer *tr = (struct transfer *)((char *)timer - offsetof(struct transfer, patience));
    too_slow(tr);
}

/*
 * The streams of an HTTP/2 connection share its socket: what comes for one that is
 * paused is read all the same and kept by libcurl, up to its window of 32 MiB, and
 * 7.88 may forget to hand it out again.  So nothing is paused there: a burst is
 * passed on, and a caller who has not caught up soon after is given up.
 */
void transfer_pause(struct transfer *tr, bool paused)
{
    struct loop *l = curl_transport_loop(tr);
    if (is_http2(tr)) {
        tr->ahead_bytes = 0;
        tr->ahead = paused;
        if (paused)
            timer_set(l, &tr->patience, loop_now_ms(l) + PATIENCE_MS);
        else
            timer_clear(l, &tr->patience);
        return;
    }
    intake_pause(&tr->in, paused);
    if (paused) {
        tr->todo_pause = true;
        curl_transport_todo(tr);
    }
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
        err_set(err, tr->in.has_head ? ERR_upstream_cut : ERR_upstream_down, "%s", why);
    }
}

void transfer_finish(struct transfer *tr, CURLcode result)
{
    struct err why = {0};
    if (result != CURLE_OK)
        explain(tr, result, &why);
    intake_end(&tr->in, &why);
    timer_clear(curl_transport_loop(tr), &tr->patience);
    curl_slist_free_all(tr->header_lines);
    tr->header_lines = NULL;
}
