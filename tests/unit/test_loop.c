#include "gateway/loop/loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/loop/jobs.h"
#include "tests/unit/test.h"

static struct loop *loop;

static int start(void **state)
{
    (void)state;
    struct err err = {0};
    loop = loop_new(0, &err);
    return loop ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static char fired[64];
static unsigned n_fired;

static void note_timer(struct timer *t)
{
    (void)t;
    fired[n_fired++] = 't';
    if (n_fired == 2)
        loop_stop(loop);
}

static int64_t late_by_ms;

static void note_lateness(struct timer *t)
{
    late_by_ms = clock_now_ms() - t->due_ms;
    loop_stop(loop);
}

static void a_timer_never_fires_early(void **state)
{
    (void)state;
    for (int64_t ms = 1; ms < 8; ms++) {
        stop(NULL);
        start(NULL);
        struct timer t = {.fn = note_lateness};
        timer_set(loop, &t, clock_now_ms() + ms);
        loop_run(loop);
        assert_true(late_by_ms >= 0);
    }
}

static void a_cleared_timer_does_not_fire(void **state)
{
    (void)state;
    struct timer t[5];
    n_fired = 0;
    for (int i = 0; i < 5; i++) {
        t[i] = (struct timer){.fn = note_timer};
        timer_set(loop, &t[i], clock_now_ms() + 5 - i);
    }
    timer_clear(loop, &t[0]);
    timer_clear(loop, &t[2]);
    timer_clear(loop, &t[4]);
    timer_clear(loop, &t[4]);
    loop_run(loop);
    assert_int_equal(n_fired, 2);
}

/* The heap against a sorted walk: whatever is set, moved and cleared, they fire in order. */
static int64_t last_due_ms;
static unsigned order_left;

static void note_order(struct timer *t)
{
    assert_true(t->due_ms >= last_due_ms);
    last_due_ms = t->due_ms;
    if (--order_left == 0)
        loop_stop(loop);
}

static void timers_fire_in_order_whatever_was_moved(void **state)
{
    (void)state;
    enum { N = 500 };
    static struct timer t[N];
    unsigned seed = 7;
    int64_t past_ms = clock_now_ms() - 100000;
    last_due_ms = 0;
    order_left = 0;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < N; i++) {
            seed = seed * 1664525u + 1013904223u;
            t[i].fn = note_order;
            if (seed >> 30 == 0)
                timer_clear(loop, &t[i]);
            else
                timer_set(loop, &t[i], past_ms + (seed >> 8) % 1000);
        }
    for (int i = 0; i < N; i++)
        order_left += t[i].place != 0;
    loop_run(loop);
    assert_int_equal(order_left, 0);
}

struct letter {
    struct message message;
    char c;
};

static char read_letters[16];
static unsigned n_letters;

static void read_letter(struct message *m)
{
    read_letters[n_letters++] = ((struct letter *)m)->c;
    if (n_letters == 3)
        loop_stop(loop);
}

static void *post_three(void *letters)
{
    struct letter *l = letters;
    for (int i = 0; i < 3; i++)
        loop_post(loop, &l[i].message);
    return NULL;
}

static void messages_of_another_thread_come_in_order(void **state)
{
    (void)state;
    struct letter letters[] = {{{.fn = read_letter}, 'a'}, {{.fn = read_letter}, 'b'}, {{.fn = read_letter}, 'c'}};
    pthread_t thread;
    n_letters = 0;
    assert_int_equal(pthread_create(&thread, NULL, post_three, letters), 0);
    loop_run(loop);
    pthread_join(thread, NULL);
    assert_memory_equal(read_letters, "abc", 3);
}

/* Two descriptors become ready in one batch; the first closes the second, whose number comes back at once. */
static struct watch first, second, third;
static unsigned wrongly_told;

static void must_not_hear(struct watch *w, uint32_t events)
{
    (void)w, (void)events;
    wrongly_told++;
}

static void replace_second(struct watch *w, uint32_t events)
{
    (void)events;
    struct err err = {0};
    struct watch *other = w == &first ? &second : &first;
    int fd = other->fd, fresh[2];
    watch_clear(loop, other, true);
    close(fd);
    assert_int_equal(pipe(fresh), 0);
    int same = dup2(fresh[0], fd);
    third.fn = must_not_hear;
    assert_true(watch_set(loop, &third, same, EPOLLIN, &err));
    loop_stop(loop);
}

static void an_event_does_not_reach_the_next_owner_of_its_descriptor(void **state)
{
    (void)state;
    struct err err = {0};
    int a[2], b[2];
    wrongly_told = 0;
    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(write(b[1], "x", 1), 1);
    first = second = third = (struct watch){.fn = replace_second};
    assert_true(watch_set(loop, &first, a[0], EPOLLIN, &err));
    assert_true(watch_set(loop, &second, b[0], EPOLLIN, &err));
    loop_run(loop);
    assert_int_equal(wrongly_told, 0);
}

/* What one pump does is seen by the others before the loop sleeps. */
static unsigned moves_left, moved;

static bool give(struct pump *p)
{
    (void)p;
    if (moves_left == 0)
        return false;
    moves_left--;
    moved++;
    return true;
}

static bool take(struct pump *p)
{
    (void)p;
    if (moved == 3)
        loop_stop(loop);
    return false;
}

static int64_t never(struct pump *p, int64_t now_ms)
{
    (void)p, (void)now_ms;
    return INT64_MAX;
}

static void pumps_run_until_nothing_moves(void **state)
{
    (void)state;
    struct pump taker = {.run = take, .due_ms = never}, giver = {.run = give, .due_ms = never};
    moves_left = 3;
    moved = 0;
    loop_add_pump(loop, &giver);
    loop_add_pump(loop, &taker); /* runs first: only another turn can show it the last move */
    loop_run(loop);
    assert_int_equal(moved, 3);
}

struct sum_job {
    struct job job;
    pthread_t worked_on, done_on;
};

static void work(struct job *job)
{
    ((struct sum_job *)job)->worked_on = pthread_self();
}

static void done(struct job *job)
{
    ((struct sum_job *)job)->done_on = pthread_self();
    loop_stop(loop);
}

static void a_job_is_worked_elsewhere_and_answered_here(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_new(2);
    struct sum_job j = {.job = {.work = work, .done = done, .loop = loop}};
    jobs_add(jobs, &j.job);
    loop_run(loop);
    jobs_free(jobs);
    assert_false(pthread_equal(j.worked_on, pthread_self()));
    assert_true(pthread_equal(j.done_on, pthread_self()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_timer_never_fires_early, start, stop),
        cmocka_unit_test_setup_teardown(a_cleared_timer_does_not_fire, start, stop),
        cmocka_unit_test_setup_teardown(timers_fire_in_order_whatever_was_moved, start, stop),
        cmocka_unit_test_setup_teardown(messages_of_another_thread_come_in_order, start, stop),
        cmocka_unit_test_setup_teardown(an_event_does_not_reach_the_next_owner_of_its_descriptor, start, stop),
        cmocka_unit_test_setup_teardown(pumps_run_until_nothing_moves, start, stop),
        cmocka_unit_test_setup_teardown(a_job_is_worked_elsewhere_and_answered_here, start, stop),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
