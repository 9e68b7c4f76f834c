#include "eval/run.h"

#include <pthread.h>

#include "gateway/base/mem.h"

struct state {
    const struct run *run;
    pthread_mutex_t lock; /* of take() */
    atomic_size_t next;
};

struct runner {
    struct state *state;
    const struct client *client;
    pthread_t thread;
};

static void finish_row(struct state *s, size_t row, struct row_result *result)
{
    const struct run *r = s->run;
    pthread_mutex_lock(&s->lock);
    if (atomic_load(r->stop))
        json_decref(result->doc);
    else if (!r->take(r->arg, row, result))
        atomic_store(r->stop, true);
    pthread_mutex_unlock(&s->lock);
}

static void *run_some(void *runner)
{
    const struct runner *w = runner;
    const struct run *r = w->state->run;
    size_t row;
    while (!atomic_load(r->stop) && (row = atomic_fetch_add(&w->state->next, 1)) < r->end) {
        struct row_result result;
        if (r->done && r->done[row])
            continue;
        row_run(r->suite, w->client, row, &result);
        finish_row(w->state, row, &result);
    }
    return NULL;
}

bool run_rows(const struct run *r)
{
    struct state s = {.run = r};
    struct runner *all = mem_zalloc(r->n_clients * sizeof *all);
    pthread_mutex_init(&s.lock, NULL);
    atomic_init(&s.next, r->first);
    for (unsigned i = 0; i < r->n_clients; i++) {
        all[i] = (struct runner){.state = &s, .client = &r->clients[i]};
        if (pthread_create(&all[i].thread, NULL, run_some, &all[i]) != 0)
            abort(); /* out of memory, as in mem.c */
    }
    for (unsigned i = 0; i < r->n_clients; i++)
        pthread_join(all[i].thread, NULL);
    pthread_mutex_destroy(&s.lock);
    free(all);
    return !atomic_load(r->stop);
}
