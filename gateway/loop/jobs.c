#include "gateway/loop/jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/mem.h"

struct jobs {
    pthread_mutex_t lock; /* guards all that follows but threads */
    pthread_cond_t changed;
    struct job *first, *last;
    bool closing;
    unsigned n;
    pthread_t threads[];
};

static struct job *job_of(struct message *m)
{
    return (struct job *)((char *)m - offsetof(struct job, message));
}

static void answer(struct message *m)
{
    struct job *job = job_of(m);
    job->done(job);
}

static void *work(void *arg)
{
    struct jobs *j = arg;
    pthread_mutex_lock(&j->lock);
    for (;;) {
        while (!j->first && !j->closing)
            pthread_cond_wait(&j->changed, &j->lock);
        struct job *job = j->first;
        if (!job)
            break;
        j->first = job->next;
        pthread_mutex_unlock(&j->lock);
        job->work(job);
        job->message.fn = answer;
        loop_post(job->loop, &job->message);
        pthread_mutex_lock(&j->lock);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

struct jobs *jobs_new(unsigned threads)
{
    struct jobs *j = mem_zalloc(sizeof *j + threads * sizeof j->threads[0]);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->changed, NULL);
    sigset_t all, before; /* signals are for the main thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; j->n < threads; j->n++)
        if (pthread_create(&j->threads[j->n], NULL, work, j) != 0)
            abort(); /* out of memory, as in mem.c */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return j;
}

void jobs_free(struct jobs *j)
{
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    j->closing = true;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    for (unsigned i = 0; i < j->n; i++)
        pthread_join(j->threads[i], NULL);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

void jobs_add(struct jobs *j, struct job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&j->lock);
    if (j->first)
        j->last->next = job;
    else
        j->first = job;
    j->last = job;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
}
