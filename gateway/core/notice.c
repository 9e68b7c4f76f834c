/*
 * A notice for one webhook is one call of a transport, on the loop where it came up; the
 * question is made once, signed anew for each try, and nobody reads the answer but its status.
 */
#include "gateway/core/notice.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/budgets.h"

enum {
    REST_MS = 1000, /* before the second try; then four times as long each */
    CONNECT_MS = 2000,
    ANSWER_MS = 5000,
    BODY_BYTES = 64 * 1024,
    LINE_BYTES = 256,
    ID_BYTES = sizeof "msg_0123456789abcdef",
};

struct notice {
    struct call call;   /* first: the transport's call-backs find the notice by it */
    struct timer timer; /* until the next try */
    struct worker *worker;
    struct notice *next, **link;
    struct hmac *key;
    char *url, *body;
    char id[ID_BYTES], stamp[LINE_BYTES], signature[LINE_BYTES], id_line[LINE_BYTES];
    const char *header_lines[6];
    unsigned tries;
    int status;
    bool asked, dropped;
};

static const char *const words[] = {"budget", "canary", "breaker", "ledger"};

const char *notice_word(enum notice_kind k)
{
    return words[k];
}

static char *copy(struct str s)
{
    char *p = mem_zalloc(s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

static void notice_free(struct notice *n)
{
    *n->link = n->next;
    if (n->next)
        n->next->link = n->link;
    n->worker->n_notices--;
    timer_clear(n->worker->loop, &n->timer);
    hmac_free(n->key);
    free(n->url);
    free(n->body);
    free(n);
}

static void sign(struct notice *n)
{
    char stamp[INT_TEXT_BYTES + 1];
    snprintf(stamp, sizeof stamp, "%lld", (long long)clock_wall_ms() / 1000);
    const struct str parts[] = {str_of(n->id), STR("."), str_of(stamp), STR("."), str_of(n->body)};
    struct hash mac = hmac_of(n->key, parts, sizeof parts / sizeof parts[0]);
    SCOPED(buf_done) struct buf text = BUF_INIT(LINE_BYTES);
    crypto_base64((struct str){(const char *)mac.bytes, HASH_BYTES}, &text);
    snprintf(n->id_line, LINE_BYTES, "webhook-id: %s", n->id);
    snprintf(n->stamp, LINE_BYTES, "webhook-timestamp: %s", stamp);
    snprintf(n->signature, LINE_BYTES, "webhook-signature: v1,%s", text.p);
}

static void head_came(struct call *c, const struct call_head *head)
{
    ((struct notice *)c)->status = head->status;
}

static void piece_came(struct call *c, const struct call_piece *p)
{
    (void)c, (void)p;
}

static void start(struct notice *n);

static void rested(struct timer *timer)
{
    start((struct notice *)((char *)timer - offsetof(struct notice, timer)));
}

static void call_ended(struct call *c)
{
    struct notice *n = (struct notice *)c;
    n->asked = false;
    atomic_fetch_sub(&n->worker->notices_asked, 1);
    account_give(c->memory, c->charged);
    bool heard = n->status >= 200 && n->status < 300;
    bool again = !heard && !n->dropped && n->tries < NOTICE_TRIES;
    if (!heard)
        LOG(warning, F("what", "webhook"), F("id", (const char *)n->id), F("status", n->status),
            F("tries", n->tries), F("again", again), F("detail", c->err.detail));
    if (!again) {
        notice_free(n);
        return;
    }
    int64_t rest_ms = (int64_t)REST_MS << 2 * (n->tries - 1);
    n->timer.fn = rested;
    timer_set(n->worker->loop, &n->timer, loop_now_ms(n->worker->loop) + rest_ms);
}

/* Even: those of providers are odd. */
static const struct upstream any_upstream = {.id = 2};

static void start(struct notice *n)
{
    struct transport *t = n->worker->transports[TRANSPORT_http];
    sign(n);
    n->tries++;
    n->status = 0;
    n->asked = true;
    atomic_fetch_add(&n->worker->notices_asked, 1);
    n->call = (struct call){
        .upstream = &any_upstream,
        .url = n->url,
        .header_lines = n->header_lines,
        .body = {str_of(n->body)},
        .n_body = 1,
        .timeouts = {.connect = CONNECT_MS,
                     .first_token = ANSWER_MS,
                     .idle = ANSWER_MS,
                     .total = 2 * ANSWER_MS},
        .answer_bytes = BODY_BYTES,
        .memory = &n->worker->gateway->memory,
        .on_head = head_came,
        .on_piece = piece_came,
        .on_end = call_ended,
        .owner = n,
    };
    t->start(t, &n->call);
}

static struct hmac *key_of(const struct worker *w, const struct webhook *h)
{
    struct str secret = h->secret.s;
    SCOPED(buf_done) struct buf bytes = BUF_INIT(LINE_BYTES);
    if (secret.n == 0) {
        struct hash derived = store_derive(w->gateway->store, "webhook");
        struct hmac *key = hmac_new(&derived);
        crypto_wipe(&derived, sizeof derived);
        return key;
    }
    if (str_starts(secret, STR("whsec_")) &&
        crypto_unbase64((struct str){secret.p + 6, secret.n - 6}, &bytes))
        secret = buf_str(&bytes);
    return hmac_new_of(secret);
}

static void queue(struct worker *w, const struct webhook *h, struct str body)
{
    if (w->n_notices >= NOTICES_MAX) {
        LOG(warning, F("what", "webhook"), F("detail", "too many notices wait; one is dropped"));
        return;
    }
    struct notice *n = NEW(struct notice);
    n->worker = w;
    n->key = key_of(w, h);
    n->url = copy(str_of(h->url));
    n->body = copy(body);
    snprintf(n->id, sizeof n->id, "msg_%016llx", (unsigned long long)worker_dice(w));
    const char *const lines[] = {"content-type: application/json", "user-agent: penstock",
                                 n->id_line, n->stamp, n->signature};
    memcpy(n->header_lines, lines, sizeof lines);
    n->next = w->notices;
    n->link = &w->notices;
    if (n->next)
        n->next->link = &n->next;
    w->notices = n;
    w->n_notices++;
    start(n);
}

void notice_send(struct worker *w, const struct config *c, enum notice_kind k, const char *type,
                 struct str data)
{
    SCOPED(buf_done) struct buf body = BUF_INIT(BODY_BYTES);
    char time[CLOCK_TEXT_BYTES];
    clock_text(clock_wall_ms(), time);
    buf_addf(&body, "{\"type\": \"%s\", \"timestamp\": \"%s\", \"data\": ", type, time);
    buf_add(&body, data);
    buf_add(&body, STR("}"));
    for (unsigned i = 0; i < c->n_webhooks; i++)
        if (c->webhooks[i].on & 1U << k)
            queue(w, &c->webhooks[i], buf_str(&body));
}

void notices_drop(struct worker *w)
{
    struct transport *t = w->transports[TRANSPORT_http];
    for (struct notice *n = w->notices, *next; n; n = next) {
        next = n->next;
        n->dropped = true;
        if (n->asked)
            t->cancel(t, &n->call);
        else
            notice_free(n);
    }
}

void notice_of_budget(void *exchange, const struct purse_state *s, enum measure m, int percent)
{
    const struct exchange *x = exchange;
    const char *measure = m == MEASURE_usd ? "usd" : "tokens";
    metric_add(x->worker->metrics,
               percent ? METRIC_budget_thresholds_total : METRIC_budgets_closed_total, 1);
    LOG(budget, F("team", str_of(s->team)), F("key", str_of(s->key_id)),
        F("per", period_name(s->per)), F("measure", measure), F("percent", percent),
        F("closed", s->closed), F("spent", s->spent.of[m]), F("limit", s->limit.of[m]));
    if (!x->config->n_webhooks)
        return;
    json_t *data = budget_object(s);
    json_object_set_new(data, "measure", json_string(measure));
    json_object_set_new(data, "percent", percent ? json_integer(percent) : json_null());
    SCOPED(scope_free) char *text = json_dumps(data, JSON_PRESERVE_ORDER);
    json_decref(data);
    notice_send(x->worker, x->config, NOTICE_budget, percent ? "budget.threshold" : "budget.closed",
                str_of(text));
}
