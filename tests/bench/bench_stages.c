/*
 * bench_stages - what one stage costs an exchange: pairs with it and without it, in
 * process, over an upstream that answers at once.
 *
 *     bench_stages [EXCHANGES] [STAGE|limits|cache]
 *
 * Each pair runs EXCHANGES (100,000) exchanges of both kinds in turns of TURN, and both
 * send the same bytes upstream.  Printed are user instructions an exchange, where the
 * kernel lets us count them, and the median over all turns of CPU microseconds an
 * exchange.  To add a stage: a row in `pairs`.  `limits` is what route, limit and budget cost
 * together, of two targets, for a key with limits whose team has two budgets, up to handing
 * over the reserve's row; what the ledger's writer does with that is its own thread's.
 */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/metric.h"
#include "gateway/core/cache_key.h"
#include "gateway/core/exchange.h"
#include "gateway/core/model_find.h"
#include "gateway/core/spend.h"
#include "gateway/core/stage.h"
#include "gateway/store/budgets.h"
#include "gateway/store/keyring.h"
#include "gateway/store/keys.h"
#include "prompts/prompts.h"

enum { TURN = 100, EXCHANGES = 100 * 1000, STAGES_MAX = 32 };

static const char config_text[] =
    "providers: {up: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', api_key: sk-up},\n"
    "  openai: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', api_key: sk-up}}\n"
    "models:\n  m: {targets: [{provider: up, model: m-1}]}\n  p: {targets: [{provider: up, model: m-1}]}\n"
    "  b: {targets: [{provider: openai, model: gpt-4.1}, {provider: openai, model: gpt-4.1-mini}], strategy: cheapest}\n"
    "prices: {unpriced: allow}\nledger: {durability: none}\n"
    "policies: {dir: '%s', attach: [{policy: bench, model: p}]}\n";

/* What a team would have; both directions, so that the sinks work too. */
static const char policy_file[] =
    "version: 1\nrules:\n"
    "- {id: pii.email, request: {action: pseudonymise}, response: {action: mask}}\n"
    "- {id: pii.phone, request: {action: pseudonymise}}\n"
    "- {id: pii.iban, request: {action: pseudonymise}}\n"
    "- {id: pii.card, request: {action: redact}, response: {action: redact}}\n"
    "- {id: pii.ip, request: {action: flag}}\n"
    "- {id: secret.openai, request: {action: block}, response: {action: block}}\n"
    "- {id: secret.github, request: {action: block}, response: {action: block}}\n"
    "- {id: acme.staff_no, regex: '\\bE[0-9]{2}-[0-9]{6}\\b', request: {action: hash}}\n"
    "- {id: acme.projects, words: [Project Falcon, bluebird], request: {action: flag}}\n";

static const char canned[] = "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":"
                             "1764000000,\"model\":\"m-1\",\"choices\":[{\"index\":0,"
                             "\"message\":{\"role\":\"assistant\",\"content\":\"Take the second "
                             "door on the left, then ask again.\"},"
                             "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":300,"
                             "\"completion_tokens\":12,\"total_tokens\":312}}";

/* About 1 KB rendered: instructions, two documents in a loop, a condition, a question. */
static const char prompt_file[] =
    "---\nname: bench\nmodel: {route: m, options: {temperature: 0.2, max_tokens: 600}}\n"
    "inputs:\n  question: {type: string, maxLength: 8000, trust: untrusted}\n"
    "  tier: {type: string, enum: [free, pro], default: free}\n"
    "  docs: {type: array, items: {type: object, required: [id, text]}}\n---\n"
    "system:\nYou answer questions of customers of ACME about their orders. Say only what the "
    "passages below say; where "
    "they say nothing, say so. Answer in the language of the question, in three sentences at most, "
    "and name the passage "
    "that you used by its number in brackets.{% if tier == \"pro\" %} Offer a call.{% endif %}\n"
    "{% for d in docs %}[{{ d.id }}] {{ d.text }}\n{% endfor %}user:\n{{ question }}\n";

#define DOCS                                                                                       \
    "[{\"id\": \"ship-1\", \"text\": \"Orders that are placed before two in the afternoon leave "  \
    "the warehouse on the "                                                                        \
    "same day. Delivery takes one to three working days within the country.\"}, {\"id\": "         \
    "\"return-4\", \"text\": "                                                                     \
    "\"Goods may be sent back within thirty days. The refund is made to the means of payment "     \
    "that was used.\"}]"
#define QUESTION                                                                                   \
    "My order of Tuesday has not come. When will it be here, and can I still send it back?"

static const char body_with_prompt[] =
    "{\"model\":\"prompt:bench@production\",\"messages\":[],\"seed\":7,"
    "\"prompt_variables\":{\"tier\":\"pro\",\"question\":\"" QUESTION "\",\"docs\":" DOCS "}}";

#define PARAGRAPH                                                                                   \
    "The customer wrote twice in May about order 4711: the second parcel, with the lamp and 3 of the " \
    "12 shades, had not come. We promised to send it again within five days, and did so on a Friday. " \
    "She asks now whether the voucher of 15.50 still holds, and who decides that.\\n"

static const char body_of_2_kb[] = "{\"model\":\"p\",\"messages\":[{\"role\":\"system\",\"content\":\"" PARAGRAPH
                                   "\"},{\"role\":\"user\",\"content\":\"" PARAGRAPH PARAGRAPH PARAGRAPH PARAGRAPH
                                       PARAGRAPH PARAGRAPH "\"}],\"seed\":7}";

struct pair {
    const struct stage *stage;
    const char *body_on, *body_off; /* off NULL: what the stage makes of body_on */
    double goal_us;
};

static const struct pair pairs[] = {
    {&stage_prompt, body_with_prompt, NULL, 5.0},
    {&stage_policy, body_of_2_kb, body_of_2_kb, 10.0},
};

/* ---- an exchange without a network */

static struct buf sent; /* what the last one asked upstream */
static size_t failures;

static void answer_at_once(struct transport *t, struct call *c)
{
    (void)t;
    const struct call_head head = {.status = 200, .is_json = true};
    c->connected = true;
    c->first_us = clock_now_us();
    buf_cut(&sent, 0);
    buf_add(&sent, c->body[0]);
    c->on_head(c, &head);
    c->on_piece(c, &(struct call_piece){.data = str_of(canned)});
    c->on_end(c);
}

static void nothing_to_cancel(struct transport *t, struct call *c)
{
    (void)t, (void)c;
}

static void take(struct sink *s, struct exchange *x, const struct frame *f)
{
    (void)s, (void)x, (void)f;
}

static void take_end(struct sink *s, struct exchange *x, enum end how)
{
    (void)s, (void)x;
    failures += how != END_COMPLETE;
}

static void nobody_waits(struct exchange *x)
{
    (void)x;
}

static const struct front front = {.on_memory = nobody_waits, .on_asking = nobody_waits};
static const struct sink_class taking = {.name = "taking", .push = take, .end = take_end};
static struct sink out = {.class = &taking};
static struct transport transport = {.start = answer_at_once, .cancel = nothing_to_cancel};
static const char *const everything[] = {"*", NULL}, *const no_lines[] = {NULL};
static const struct key key = {
    .id = "key_1", .team = "red", .name = "", .models = everything, .tags = no_lines};

static void run_one(struct worker *w, struct config *c, const struct stage *const *table,
                    struct str body)
{
    struct exchange x;
    memset(&x, 0, sizeof x);
    exchange_init(&x, table, &out);
    x.worker = w;
    x.front = &front;
    x.config = c;
    x.key = &key;
    x.endpoint = ENDPOINT_chat;
    x.body = body;
    x.head.forward_lines = no_lines;
    x.started_us = x.received_us = clock_now_us();
    x.started_ms = clock_wall_ms();
    worker_request_id(w, x.started_ms, x.id);
    exchange_run(&x);
    exchange_release(&x);
}

/* ---- measuring */

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int open_counter(void)
{
    struct perf_event_attr a = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof a,
        .config = PERF_COUNT_HW_INSTRUCTIONS,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    return (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static int64_t counted(int counter)
{
    int64_t n = 0;
    return counter >= 0 && read(counter, &n, sizeof n) == sizeof n ? n : 0;
}

struct side {
    const struct stage *stages[STAGES_MAX];
    struct str body;
    double *turns_us;
    int64_t instructions;
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_size);
    return v[n / 2];
}

/* All that follow the body's arrival, less one. */
static void choose_stages(struct side *s, const struct stage *less)
{
    size_t n = 0;
    for (size_t i = 0; stages[i]; i++)
        if (stages[i] != less && stages[i] != &stage_record && stages[i] != &stage_auth &&
            stages[i] != &stage_receive)
            s->stages[n++] = stages[i];
    s->stages[n] = NULL;
}

static void run_turn(struct side *s, struct worker *w, struct config *c, int counter, size_t turn)
{
    int64_t before = counted(counter);
    double began = cpu_us();
    for (unsigned i = 0; i < TURN; i++)
        run_one(w, c, s->stages, s->body);
    s->turns_us[turn] = (cpu_us() - began) / TURN;
    s->instructions += counted(counter) - before;
}

static void print_side(const char *stage, const char *which, struct side *s, size_t turns,
                       bool counts)
{
    printf("%-10s %-4s %10.2f", stage, which, median(s->turns_us, turns));
    if (counts)
        printf(" %12.0f", (double)s->instructions / (double)(turns * TURN));
    printf("\n");
}

static bool run_pair(const struct pair *p, struct worker *w, struct config *c, size_t turns)
{
    struct side on = {.body = str_of(p->body_on)}, off = {.body = str_of(p->body_off)};
    int counter = open_counter();
    struct buf made = BUF_INIT(1 << 20);
    choose_stages(&on, NULL);
    choose_stages(&off, p->stage);
    on.turns_us = calloc(turns, sizeof(double));
    off.turns_us = calloc(turns, sizeof(double));
    run_one(w, c, on.stages, on.body);
    if (!p->body_off) { /* the model's name is the target's: the caller's would not be known */
        buf_add(&made, buf_str(&sent));
        char *model = memmem(made.p, made.n, "\"m-1\"", 5);
        if (model)
            memcpy(model, "\"m\"  ", 5);
        off.body = buf_str(&made);
    }
    for (size_t i = 0; i < turns; i++) {
        run_turn(i % 2 ? &on : &off, w, c, counter, i);
        run_turn(i % 2 ? &off : &on, w, c, counter, i);
    }
    print_side(p->stage->name, "off", &off, turns, counter >= 0);
    print_side(p->stage->name, "on", &on, turns, counter >= 0);
    double cost_us = median(on.turns_us, turns) - median(off.turns_us, turns);
    printf("%-10s cost %10.2f  of at most %.1f us\n", p->stage->name, cost_us, p->goal_us);
    free(on.turns_us);
    free(off.turns_us);
    buf_done(&made);
    if (counter >= 0)
        close(counter);
    return cost_us <= p->goal_us;
}

/* ---- what stage cache does before it knows: the key of a 2 KB body, and a look for it */

static bool find(struct exchange *x)
{
    struct kept *kept;
    struct flight *flight = NULL;
    x->cache.key = cache_key(x);
    enum cache_word word =
        cache_look(x->worker->gateway->cache, &x->cache.key, clock_wall_ms(), false, NULL, &kept, &flight);
    kept_unref(kept);
    return word == CACHE_HIT;
}

static bool run_look_ups(struct worker *w, struct config *c, size_t turns)
{
    const double goal_us = 4.0;
    struct err err = {0};
    struct exchange x = {.worker = w, .config = c, .key = &key, .endpoint = ENDPOINT_chat, .body = str_of(body_of_2_kb)};
    struct kept *kept = kept_new(sizeof canned);
    double *turns_us = calloc(turns, sizeof *turns_us);
    x.asked = STR("p");
    bool ok = request_scan(ENDPOINT_chat, x.body, 128, &x.request, &err) && model_find(&x, &err);
    kept->expires_ms = INT64_MAX;
    buf_add(&kept->data, str_of(canned));
    x.cache.key = cache_key(&x);
    cache_put(w->gateway->cache, &x.cache.key, kept, w->loop);
    for (size_t i = 0; ok && i < turns; i++) {
        double began = cpu_us();
        for (unsigned k = 0; k < TURN; k++)
            ok &= find(&x);
        turns_us[i] = (cpu_us() - began) / TURN;
    }
    double cost_us = median(turns_us, turns);
    printf("%-10s look-up %7.2f  of at most %.1f us\n", "cache", cost_us, goal_us);
    kept_unref(kept);
    free(turns_us);
    return ok && cost_us <= goal_us;
}

/* ---- what the stages route, limit and budget do together, undone and settled too */

static const int64_t MUCH = 1000 * 1000 * 1000;

static struct keyring *ring;
static struct key limited; /* of a team with budgets and limits; lives as long as `ring` */

static enum step settle_begin(struct exchange *x, struct err *err)
{
    (void)x, (void)err;
    return STEP_NEXT;
}

static const struct stage settling = {.name = "settle", .run = settle_begin, .undo = spend_settle};

static enum step stop_here(struct exchange *x, struct err *err)
{
    (void)x, (void)err;
    return STEP_ANSWER;
}

static const struct stage stopping = {.name = "stop", .run = stop_here};

/* The body is scanned once; what is timed is the way through the stages and back. */
static double run_money(struct worker *w, struct config *c, const struct request *r, const struct stage *const *table)
{
    struct exchange x;
    memset(&x, 0, sizeof x);
    exchange_init(&x, table, &out);
    x.worker = w;
    x.front = &front;
    x.config = c;
    x.key = &limited;
    x.endpoint = ENDPOINT_chat;
    x.body = str_of(body_of_2_kb);
    x.request = *r;
    x.asked = STR("b");
    x.head.forward_lines = no_lines;
    x.started_us = x.received_us = clock_now_us();
    x.started_ms = clock_wall_ms();
    worker_request_id(w, x.started_ms, x.id);
    double began = cpu_us();
    exchange_run(&x);
    failures += x.finish != FINISH_complete;
    exchange_release(&x);
    return cpu_us() - began;
}

/* The writer would fall behind what nothing but this asks of it. */
static double run_money_turn(struct worker *w, struct config *c, const struct request *r,
                             const struct stage *const *table)
{
    struct err err = {0};
    double us = 0;
    for (unsigned k = 0; k < TURN; k++)
        us += run_money(w, c, r, table);
    failures += !store_flush(w->gateway->store, &err);
    return us / TURN;
}

static bool set_limits(struct store *s, struct err *err)
{
    const struct amount much = {{MUCH * MUCH, MUCH * MUCH}};
    const struct budget_spec day = {{.team = "red", .key_id = ""}, PERIOD_day, much},
                             month = {{.team = "red", .key_id = ""}, PERIOD_month, much};
    const struct key_spec spec = {.team = "red", .name = ""};
    char id[KEY_ID_BYTES];
    struct buf secret = BUF_INIT(KEY_SECRET_MAX);
    bool ok = team_create(s, "red", false, err) && key_create(s, &spec, false, id, &secret, err) &&
              budget_set(s, &day, false, err) && budget_set(s, &month, false, err);
    if (ok) {
        ring = keyring_current(s);
        limited = *keyring_find(ring, buf_str(&secret), 1);
        ok = limited.n_purses == 2;
        limited.models = everything;
        limited.limits = (struct limits){{MUCH, MUCH}, {MUCH, MUCH}, 1000};
    }
    buf_done(&secret);
    return ok;
}

static void is_leased(struct hold_wait *wait, bool ok)
{
    (void)wait;
    failures += !ok;
}

static void no_notice(void *arg, const struct purse_state *s, enum measure m, int percent)
{
    (void)arg, (void)s, (void)m, (void)percent;
}

/* So that no exchange waits for a disk: what is leased at a time is a hundredth of a limit. */
static void lease_first(struct store *s)
{
    static struct hold_wait wait = {.fn = is_leased};
    struct hold h;
    struct hold_refusal why;
    struct err err = {0};
    hold_begin(&h, limited.purses, limited.n_purses, clock_wall_ms());
    while (hold_grow(&h, &(struct amount){{MUCH, MUCH}}, &wait, &why) == HOLD_WAIT)
        failures += !store_flush(s, &err);
    hold_settle(&h, &(struct amount){{0, 0}}, false, no_notice, NULL);
}

/* With a ledger of its own, for budgets need one. */
static bool run_limits(struct worker *w, struct config *c, const char *dir, size_t turns, struct err *err)
{
    static const struct stage *const on[] = {&settling, &stage_limit, &stage_route, &stage_budget, &stopping, NULL},
                                    *const off[] = {&settling, &stopping, NULL};
    const double goal_us = 5.0;
    char place[96];
    struct request r;
    struct gateway g = *w->gateway, *before = w->gateway;
    double *on_us = calloc(turns, sizeof *on_us), *off_us = calloc(turns, sizeof *off_us);
    snprintf(place, sizeof place, "%s/limits", dir);
    struct store *s = g.store = store_open(place, &(struct store_options){.strict = false}, err);
    w->gateway = &g;
    bool ok = s && set_limits(s, err) && request_scan(ENDPOINT_chat, str_of(body_of_2_kb), 128, &r, err);
    if (ok)
        lease_first(s);
    for (size_t i = 0; ok && i < turns; i++) {
        on_us[i] = run_money_turn(w, c, &r, on);
        off_us[i] = run_money_turn(w, c, &r, off);
    }
    double cost_us = median(on_us, turns) - median(off_us, turns);
    printf("%-10s cost %10.2f  of at most %.1f us  route, limit and budget together\n", "limits", cost_us, goal_us);
    keyring_unref(ring);
    store_close(s);
    w->gateway = before;
    free(on_us);
    free(off_us);
    return ok && cost_us <= goal_us;
}

static void complain(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

/* The config's only policy is a file of this folder. */
static struct config *make_config(const char *dir)
{
    struct buf text = BUF_INIT(sizeof config_text + 256);
    char path[64];
    snprintf(path, sizeof path, "%s/bench.yaml", dir);
    FILE *f = fopen(path, "w");
    bool written = f && fwrite(policy_file, sizeof policy_file - 1, 1, f) == 1;
    if (f)
        fclose(f);
    buf_addf(&text, config_text, dir);
    struct config *c = written ? config_parse("bench", buf_str(&text), NULL, complain, NULL) : NULL;
    buf_done(&text);
    return c;
}

static bool push_prompt(struct prompts *p, struct err *err)
{
    struct pushed one;
    struct label_move m = {STR("bench"), STR("production"), 1, LABEL_EXPECT_ANY, STR("label")};
    return prompts_push(p, "bench", str_of(prompt_file), false, &one, err) &&
           prompts_label(p, &m, false, err);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/bench_stages.XXXXXX", command[64];
    size_t turns = (argc > 1 ? strtoul(argv[1], NULL, 10) : EXCHANGES) / TURN;
    struct err err = {0};
    if (!mkdtemp(dir))
        return 1;
    sent = (struct buf)BUF_INIT(1 << 20);
    struct config *c = make_config(dir);
    struct store *s = store_open(dir, &(struct store_options){.no_ledger = true}, &err);
    struct prompts *p = s ? prompts_open(s, &err) : NULL;
    struct metrics *metrics = metrics_new(1);
    const struct cache_sizes sizes = {1 << 20, 0};
    struct cache *cache = cache_new(NULL, &sizes, NULL);
    struct gateway g = {.store = s, .prompts = p, .cache = cache, .metrics = metrics, .memory.max_bytes = 1 << 30};
    struct worker w = {
        .gateway = &g, .loop = loop_new(0, &err), .metrics = metrics_shard(metrics, 0)};
    bool ok = c && p && w.loop && push_prompt(p, &err), met = true;
    for (unsigned i = 0; i < TRANSPORT_count; i++)
        w.transports[i] = &transport;
    if (ok)
        printf("%-10s %-4s %10s %12s\n", "stage", "", "us CPU", "instructions");
    for (size_t i = 0; ok && i < sizeof pairs / sizeof pairs[0]; i++)
        if (argc < 3 || strcmp(argv[2], pairs[i].stage->name) == 0)
            met &= run_pair(&pairs[i], &w, c, turns ? turns : 1);
    if (ok && (argc < 3 || strcmp(argv[2], "limits") == 0))
        met &= run_limits(&w, c, dir, turns ? turns : 1, &err);
    if (ok && (argc < 3 || strcmp(argv[2], "cache") == 0))
        met &= run_look_ups(&w, c, turns ? turns : 1);
    if (!ok || failures)
        fprintf(stderr, "%zu exchanges failed: %s %s\n", failures, err.say, err.detail);
    cache_free(cache);
    loop_free(w.loop);
    metrics_free(metrics);
    prompts_close(p);
    store_close(s);
    config_unref(c);
    buf_done(&sent);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 && ok && !failures && met ? 0 : 1;
}
