/*
 * The main thread waits for signals; everything else happens on the loops.  It talks
 * to them by messages, and learns from counters that they have nothing left to do.
 */
#include "gateway/server/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "gateway/core/policy_tally.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/core/collection.h"
#include "gateway/core/notice.h"
#include "gateway/server/visit.h"
#include "gateway/server/worker.h"
#include "prompts/prompts.h"

enum { JOB_THREADS = 2, SEARCH_THREADS = 4, DRAIN_LOOK_MS = 10, ABORT_PATIENCE_MS = 2000, PATH_BYTES = 4096 };

struct server {
    struct house house;
    const struct server_options *options;
    pthread_mutex_t reload_lock;
};

/* Something each worker is to do on its own loop. */
struct errand {
    struct message message;
    struct worker_slot *worker;
    void (*run)(struct worker_slot *w, void *arg);
    void *arg;
};

static void run_errand(struct message *m)
{
    struct errand *e = (struct errand *)m;
    e->run(e->worker, e->arg);
    free(e);
}

static void tell_all(struct house *h, void (*run)(struct worker_slot *w, void *arg), void *arg)
{
    for (unsigned i = 0; i < h->n_workers; i++) {
        struct errand *e = NEW(struct errand);
        *e = (struct errand){.message.fn = run_errand, .worker = &h->workers[i], .run = run, .arg = arg};
        loop_post(h->workers[i].core.loop, &e->message);
    }
}

static void take_config(struct worker_slot *w, void *config)
{
    struct config *old = w->config;
    w->config = config; /* its reference came with the message */
    config_unref(old);
}

/* What is new in the folder of prompts; all of it, or with a problem nothing. */
static bool take_inbox(struct server *s, const struct config *c, struct buf *problem)
{
    struct err err = {0};
    if (!c->prompts.dir || inbox_push(s->house.gateway.prompts, c->prompts.dir, false, NULL, config_keep_first, problem, &err))
        return true;
    config_keep_first(problem, err.detail);
    return false;
}

static bool reload(void *server, struct err *err)
{
    struct server *s = server;
    SCOPED(buf_done) struct buf problem = BUF_INIT(1024);
    pthread_mutex_lock(&s->reload_lock);
    struct config *c = config_load(s->options->config_path, &s->options->over, config_keep_first, &problem);
    if (c && !take_inbox(s, c, &problem)) {
        config_unref(c);
        c = NULL;
    }
    if (c) {
        for (unsigned i = 0; i < s->house.n_workers; i++)
            config_ref(c);
        config_slot_put(&s->house.gateway.config, c); /* first: it is not shared yet */
        tell_all(&s->house, take_config, c);
    }
    pthread_mutex_unlock(&s->reload_lock);
    if (c) {
        LOG(reload, F("ok", true));
        return true;
    }
    LOG(reload, F("ok", false), F("problem", buf_str(&problem)));
    return err_say(err, ERR_bad_config, NULL, "the config was refused; the old one stays in force. First problem: %s",
                   problem.n ? problem.p : "unknown");
}

static void *run_worker(void *slot)
{
    struct worker_slot *w = slot;
    loop_run(w->core.loop);
    return NULL;
}

static bool open_workers(struct server *s, struct err *err)
{
    struct house *h = &s->house;
    struct config *c = config_slot_get(&h->gateway.config);
    unsigned n = c->loops, port = c->listen.port;
    char path[PATH_BYTES];
    bool ok = true;
    h->workers = mem_zalloc(n * sizeof h->workers[0]);
    snprintf(path, sizeof path, "%s/control.sock", store_dir(h->gateway.store));
    for (; ok && h->n_workers < n; h->n_workers++) {
        struct worker_slot *w = &h->workers[h->n_workers];
        ok = worker_open(w, h, h->n_workers, err);
        if (ok && h->n_workers == 0) /* before the port: who can reach that can command us too */
            ok = (w->control = listener_open_control(w, path, err)) != NULL;
        if (!s->options->is_private)
            ok = ok && (w->listener = listener_open(w, c->listen.host, &port, err));
    }
    config_unref(c);
    return ok;
}

static void start_threads(struct house *h)
{
    for (unsigned i = 0; i < h->n_workers; i++)
        if (pthread_create(&h->workers[i].thread, NULL, run_worker, &h->workers[i]) != 0)
            abort(); /* out of memory, as in mem.c */
}

static void close_listeners(struct worker_slot *w, void *unused)
{
    (void)unused;
    listener_close(w->listener);
    w->listener = NULL;
}

static void abort_visits(struct worker_slot *w, void *unused)
{
    (void)unused;
    notices_drop(&w->core);
    for (struct visit *v = w->visits, *next; v; v = next) {
        next = v->next;
        if (v->exchanging && v->x.finish == FINISH_none)
            exchange_abort(&v->x, FINISH_shutdown);
    }
}

static int64_t in_flight(const struct house *h)
{
    int64_t n = 0;
    for (unsigned i = 0; i < h->n_workers; i++)
        n += atomic_load(&h->workers[i].core.in_flight) + atomic_load(&h->workers[i].core.notices_asked);
    return n;
}

/* Until nothing is in flight, or the time is over, or another signal comes (then false). */
static bool wait_until_idle(const struct house *h, const sigset_t *signals, int64_t patience_ms)
{
    int64_t end_ms = clock_now_ms() + patience_ms;
    struct timespec look = {.tv_nsec = DRAIN_LOOK_MS * 1000000L};
    while (in_flight(h) > 0 && clock_now_ms() < end_ms) {
        int signal = sigtimedwait(signals, NULL, &look);
        if (signal == SIGTERM || signal == SIGINT)
            return false;
    }
    return true;
}

static void drain(struct server *s, const sigset_t *signals)
{
    struct house *h = &s->house;
    struct config *c = config_slot_get(&h->gateway.config);
    LOG(stop, F("what", "draining"), F("in_flight", in_flight(h)));
    atomic_store(&h->gateway.draining, true);
    tell_all(h, close_listeners, NULL);
    wait_until_idle(h, signals, c->server.drain_timeout_ms);
    config_unref(c);
    tell_all(h, abort_visits, NULL);
    wait_until_idle(h, signals, ABORT_PATIENCE_MS);
}

static void stop_threads(struct house *h)
{
    for (unsigned i = 0; i < h->n_workers; i++)
        loop_stop(h->workers[i].core.loop);
    for (unsigned i = 0; i < h->n_workers; i++)
        pthread_join(h->workers[i].thread, NULL);
}

static void serve(struct server *s, const sigset_t *signals)
{
    for (;;) {
        int signal;
        sigwait(signals, &signal);
        if (signal != SIGHUP)
            break;
        struct err err = {0};
        reload(s, &err); /* it has logged what is to be said */
    }
    drain(s, signals);
}

/* A library's thread has it: it shall not have it again, and who waits for it gets it. */
static void hand_on(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    (void)info;
    sigaddset(&((ucontext_t *)context)->uc_sigmask, signal);
    kill(getpid(), signal);
    errno = saved;
}

/*
 * Threads that libraries began before main() do not block them, and by default a signal
 * that one of those gets ends the process at once.
 */
static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    struct sigaction action = {.sa_sigaction = hand_on, .sa_mask = *signals, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* No core, not even through a pipe; as many descriptors as we may have. */
static void set_up_process(void)
{
    struct rlimit files;
    prctl(PR_SET_DUMPABLE, 0);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* What cannot be used stands on the shelf as such, and is logged: the rest of the gateway serves. */
static void load_shelf(struct house *h, struct store *store)
{
    struct err err = {0};
    struct shelf *shelf = collection_shelf(store, NULL, &err);
    if (shelf)
        shelf_slot_put(&h->gateway.shelf, shelf);
    else
        LOG(warning, F("what", "indexes"), F("detail", err.detail));
}

static void open_house(struct server *s, struct store *store, struct prompts *prompts, struct config *c)
{
    struct house *h = &s->house;
    pthread_mutex_init(&s->reload_lock, NULL);
    gate_init(&h->gate);
    h->reload = reload;
    h->reload_arg = s;
    h->gateway.store = store;
    h->gateway.prompts = prompts;
    h->gateway.jobs = jobs_new(JOB_THREADS);
    h->gateway.searches = jobs_new(c->loops < SEARCH_THREADS ? c->loops : SEARCH_THREADS);
    shelf_slot_init(&h->gateway.shelf);
    load_shelf(h, store);
    struct cache_sizes sizes = {c->cache.memory_bytes, c->cache.disk_bytes};
    h->gateway.cache = cache_new(store_dir(store), &sizes, h->gateway.jobs);
    h->gateway.metrics = metrics_new(c->loops);
    h->gateway.policy_tally = policy_tally_new();
    h->gateway.memory.max_bytes = c->server.memory_in_flight;
    config_slot_init(&h->gateway.config);
    config_slot_put(&h->gateway.config, c);
}

static void close_house(struct server *s)
{
    struct house *h = &s->house;
    jobs_free(h->gateway.jobs);
    jobs_free(h->gateway.searches);
    for (unsigned i = 0; i < h->n_workers; i++)
        worker_close(&h->workers[i]);
    free(h->workers);
    cache_free(h->gateway.cache);
    metrics_free(h->gateway.metrics);
    policy_tally_free(h->gateway.policy_tally);
    rollouts_free(h->gateway.rollouts);
    config_slot_done(&h->gateway.config);
    shelf_slot_done(&h->gateway.shelf);
    pthread_mutex_destroy(&s->reload_lock);
}

bool server_run(struct store *store, struct prompts *prompts, struct config *c, const struct server_options *o,
                void (*ready)(const char *address, void *arg), void *arg, struct err *err)
{
    struct server s = {.options = o};
    sigset_t signals;
    char address[PATH_BYTES];
    set_up_process();
    block_signals(&signals);
    open_house(&s, store, prompts, c);
    s.house.gateway.rollouts = rollouts_open(store, clock_wall_ms(), err);
    bool ok = s.house.gateway.rollouts && rollouts_settle(s.house.gateway.rollouts, prompts, err) &&
              open_workers(&s, err);
    if (ok) {
        bool is_v6 = strchr(c->listen.host, ':') != NULL;
        snprintf(address, sizeof address, is_v6 ? "[%s]:%u" : "%s:%u", c->listen.host, o->is_private ? 0 : listener_port(s.house.workers[0].listener));
        start_threads(&s.house);
        LOG(start, F("address", address), F("loops", c->loops), F("pid", getpid()));
        ready(address, arg);
        serve(&s, &signals);
        stop_threads(&s.house);
    }
    close_house(&s);
    LOG(stop, F("what", "stopped"));
    return ok;
}
