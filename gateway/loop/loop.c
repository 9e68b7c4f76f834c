/*
 * An event names its watch by descriptor and generation, not by pointer: a watch
 * may be cleared, and its descriptor come back as another, within one batch.
 * Timers are a binary heap whose entries know their place, so that one can be
 * moved or cleared without a search.
 */
#include "gateway/loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/fault.h"
#include "gateway/base/mem.h"

enum { BATCH = 128, LONGEST_SLEEP_MS = 60 * 1000 };

struct loop {
    unsigned index;
    int epoll_fd;
    int wake_fd;
    int64_t now_ms;
    atomic_bool stop;

    struct watch **by_fd; /* [n_fds] */
    unsigned n_fds;
    uint32_t last_generation;
    struct watch wake;

    struct timer **heap; /* from 1 */
    unsigned n_timers, heap_room;

    struct pump *pumps;

    pthread_mutex_t lock; /* guards first and last */
    struct message *first, *last;
};

static void wake_up(struct loop *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof one);
    (void)n; /* it can only be full, and then the loop wakes up too */
}

static struct loop *loop_of_wake(struct watch *w)
{
    return (struct loop *)((char *)w - offsetof(struct loop, wake));
}

static void woken(struct watch *w, uint32_t events)
{
    (void)events;
    struct loop *l = loop_of_wake(w);
    uint64_t count;
    ssize_t n = read(l->wake_fd, &count, sizeof count);
    (void)n;
}

struct loop *loop_new(unsigned index, struct err *err)
{
    struct loop *l = NEW(struct loop);
    l->index = index;
    pthread_mutex_init(&l->lock, NULL);
    l->epoll_fd = FAULT("loop.epoll") ? -1 : epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = FAULT("loop.eventfd") ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->wake.fn = woken;
    l->now_ms = clock_now_ms();
    if (l->epoll_fd < 0 || l->wake_fd < 0) {
        err_set(err, ERR_internal, "make an event loop: %s", strerror(errno));
        loop_free(l);
        return NULL;
    }
    if (!watch_set(l, &l->wake, l->wake_fd, EPOLLIN, err)) {
        loop_free(l);
        return NULL;
    }
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    free(l->by_fd);
    free(l->heap);
    free(l);
}

unsigned loop_index(const struct loop *l)
{
    return l->index;
}

int64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

void loop_post(struct loop *l, struct message *m)
{
    m->next = NULL;
    pthread_mutex_lock(&l->lock);
    bool was_empty = !l->first;
    if (was_empty)
        l->first = m;
    else
        l->last->next = m;
    l->last = m;
    pthread_mutex_unlock(&l->lock);
    if (was_empty)
        wake_up(l);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stop, true);
    wake_up(l);
}

static bool deliver_mail(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    struct message *m = l->first;
    l->first = l->last = NULL;
    pthread_mutex_unlock(&l->lock);
    bool any = m != NULL;
    while (m) {
        struct message *next = m->next; /* fn may free it */
        m->fn(m);
        m = next;
    }
    return any;
}

static void place(struct loop *l, unsigned at, struct timer *t)
{
    l->heap[at] = t;
    t->place = at;
}

static void sift_up(struct loop *l, unsigned at, struct timer *t)
{
    for (; at > 1 && l->heap[at / 2]->due_ms > t->due_ms; at /= 2)
        place(l, at, l->heap[at / 2]);
    place(l, at, t);
}

static void sift_down(struct loop *l, unsigned at, struct timer *t)
{
    for (;;) {
        unsigned child = 2 * at;
        if (child > l->n_timers)
            break;
        if (child < l->n_timers && l->heap[child + 1]->due_ms < l->heap[child]->due_ms)
            child++;
        if (l->heap[child]->due_ms >= t->due_ms)
            break;
        place(l, at, l->heap[child]);
        at = child;
    }
    place(l, at, t);
}

void timer_set(struct loop *l, struct timer *t, int64_t due_ms)
{
    int64_t before = t->due_ms;
    t->due_ms = due_ms;
    if (t->place) {
        if (due_ms < before)
            sift_up(l, t->place, t);
        else
            sift_down(l, t->place, t);
        return;
    }
    if (l->n_timers + 2 > l->heap_room) {
        l->heap_room = l->heap_room ? 2 * l->heap_room : 64;
        l->heap = mem_realloc(l->heap, l->heap_room * sizeof *l->heap);
    }
    sift_up(l, ++l->n_timers, t);
}

void timer_clear(struct loop *l, struct timer *t)
{
    unsigned at = t->place;
    if (!at)
        return;
    t->place = 0;
    struct timer *moved = l->heap[l->n_timers--];
    if (moved == t)
        return;
    if (at > 1 && l->heap[at / 2]->due_ms > moved->due_ms)
        sift_up(l, at, moved);
    else
        sift_down(l, at, moved);
}

static bool fire_timers(struct loop *l)
{
    bool any = false;
    while (l->n_timers && l->heap[1]->due_ms <= l->now_ms) {
        struct timer *t = l->heap[1];
        timer_clear(l, t);
        t->fn(t);
        any = true;
    }
    return any;
}

static void make_room_for_fd(struct loop *l, unsigned fd)
{
    if (fd < l->n_fds)
        return;
    unsigned n = l->n_fds ? l->n_fds : 64;
    while (n <= fd)
        n *= 2;
    l->by_fd = mem_realloc(l->by_fd, n * sizeof *l->by_fd);
    memset(l->by_fd + l->n_fds, 0, (n - l->n_fds) * sizeof *l->by_fd);
    l->n_fds = n;
}

bool watch_set(struct loop *l, struct watch *w, int fd, uint32_t events, struct err *err)
{
    if (w->on && w->fd == fd && w->events == events)
        return true;
    assert(!w->on || w->fd == fd);
    make_room_for_fd(l, (unsigned)fd);
    uint32_t generation = w->on ? w->generation : ++l->last_generation;
    struct epoll_event e = {.events = events, .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd};
    int op = w->on ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (FAULT("loop.watch") || epoll_ctl(l->epoll_fd, op, fd, &e) != 0)
        return err_set(err, ERR_internal, "watch descriptor %d: %s", fd, strerror(errno));
    w->fd = fd;
    w->events = events;
    w->generation = generation;
    w->on = true;
    l->by_fd[fd] = w;
    return true;
}

void watch_clear(struct loop *l, struct watch *w, bool fd_is_open)
{
    if (!w->on)
        return;
    w->on = false;
    l->by_fd[w->fd] = NULL;
    if (fd_is_open)
        epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
}

void loop_add_pump(struct loop *l, struct pump *p)
{
    p->next = l->pumps;
    l->pumps = p;
}

void loop_remove_pump(struct loop *l, struct pump *p)
{
    for (struct pump **link = &l->pumps; *link; link = &(*link)->next)
        if (*link == p) {
            *link = p->next;
            return;
        }
}

/* How long nothing is due; rounded up by construction, since all times are whole milliseconds. */
static int sleep_ms(struct loop *l)
{
    int64_t due = l->n_timers ? l->heap[1]->due_ms : INT64_MAX;
    for (struct pump *p = l->pumps; p; p = p->next) {
        int64_t d = p->due_ms(p, l->now_ms);
        due = d < due ? d : due;
    }
    if (due <= l->now_ms)
        return 0;
    return due - l->now_ms > LONGEST_SLEEP_MS ? LONGEST_SLEEP_MS : (int)(due - l->now_ms);
}

static void dispatch(struct loop *l, const struct epoll_event *e)
{
    uint32_t fd = (uint32_t)e->data.u64, generation = (uint32_t)(e->data.u64 >> 32);
    struct watch *w = fd < l->n_fds ? l->by_fd[fd] : NULL;
    if (w && w->generation == generation)
        w->fn(w, e->events);
}

/* Until nothing moves: what one of them does may be what another waits for. */
static void settle(struct loop *l)
{
    bool moved;
    do {
        moved = deliver_mail(l);
        moved |= fire_timers(l);
        for (struct pump *p = l->pumps, *next; p; p = next) {
            next = p->next;
            moved |= p->run(p);
        }
    } while (moved);
}

void loop_run(struct loop *l)
{
    struct epoll_event events[BATCH];
    settle(l);
    while (!atomic_load_explicit(&l->stop, memory_order_relaxed)) {
        int n = epoll_wait(l->epoll_fd, events, BATCH, sleep_ms(l));
        l->now_ms = clock_now_ms();
        for (int i = 0; i < n; i++)
            dispatch(l, &events[i]);
        settle(l);
    }
    atomic_store(&l->stop, false); /* so that it can be run again */
}
