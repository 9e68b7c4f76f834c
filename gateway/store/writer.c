/*
 * The writer thread.  It sleeps until a row or a task is handed over, gives rows
 * a moment to gather, and commits them together.  Rows whose commit failed are
 * kept and tried again, before those that came later.
 */
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/fault.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/store/store_priv.h"

void writer_init(struct store *s)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_cond_init(&s->done, NULL);
    pthread_condattr_destroy(&monotonic);
    s->rows_end = &s->rows;
    s->tasks_end = &s->tasks;
}

static void push(struct store *s, struct row *r)
{
    pthread_mutex_lock(&s->lock);
    bool first = !s->rows;
    *s->rows_end = r;
    s->rows_end = &r->next;
    s->n_rows++;
    s->n_bytes += (int64_t)r->bytes;
    if (r->durable.done)
        s->urgent = true;
    if (first || r->durable.done || s->n_rows == GROUP_ROWS)
        pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void ledger_reserve(struct store *s, const struct ledger_request *r, const struct ledger_durable *d)
{
    if (s->options.no_ledger) {
        if (d)
            d->done(d->arg, true);
        return;
    }
    struct row *row = row_new(ROW_reserve, &request_columns, r);
    if (d)
        row->durable = *d;
    push(s, row);
}

void ledger_attempt(struct store *s, const struct ledger_attempt *a)
{
    if (!s->options.no_ledger)
        push(s, row_new(ROW_attempt, &attempt_columns, a));
}

void ledger_settle(struct store *s, const struct ledger_request *r)
{
    if (!s->options.no_ledger)
        push(s, row_new(ROW_settle, &request_columns, r));
}

void writer_note(struct store *s, const struct note *n)
{
    push(s, row_note(n));
}

bool ledger_ready(struct store *s, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    bool full = s->n_bytes > QUEUE_MAX_BYTES, refuse = full || (s->failing && s->options.strict);
    pthread_mutex_unlock(&s->lock);
    return !refuse ||
           err_set(err, ERR_store,
                   full ? "the queue of the ledger is full" : "the ledger cannot be written");
}

void ledger_head(struct store *s, struct ledger_head *h)
{
    pthread_mutex_lock(&s->lock);
    *h = (struct ledger_head){.seq = s->head.seq, .queued = s->n_rows, .written = s->written};
    hash_hex(&s->head.mac, h->mac);
    pthread_mutex_unlock(&s->lock);
}

static void wait_until(struct store *s, int64_t deadline_ms)
{
    struct timespec t = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};
    pthread_cond_timedwait(&s->wake, &s->lock, &t);
}

/* Returns, with the lock held, when there is something that should be done now. */
static void gather(struct store *s)
{
    while (!s->rows && !s->tasks && !s->stopping && !s->pending)
        pthread_cond_wait(&s->wake, &s->lock);
    int64_t deadline_ms = clock_now_ms() + (s->pending ? RETRY_MS : GROUP_MS);
    while (!s->tasks && !s->stopping && clock_now_ms() < deadline_ms &&
           (s->pending || (!s->urgent && s->n_rows < GROUP_ROWS)))
        wait_until(s, deadline_ms);
}

static void append_rows(struct row **to, struct row *rows)
{
    while (*to)
        to = &(*to)->next;
    *to = rows;
}

static bool write_notes(struct store *s, struct err *err)
{
    for (const struct row *r = s->pending; r; r = r->next)
        if (r->kind == ROW_note && !r->note.write(s->db, r->note.data, err))
            return false;
    return true;
}

static bool commit(struct store *s, struct err *err)
{
    struct link before = s->book.last;
    if (!sql_exec(s->db, "BEGIN IMMEDIATE", err))
        return false;
    if (batch_append(&s->book, s->pending, clock_wall_ms(), err) && write_notes(s, err)) {
        if (!FAULT("ledger.commit") && sql_exec(s->db, "COMMIT", err))
            return true;
        err_set(err, ERR_store, "a commit failed");
    }
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->book.last = before;
    return false;
}

static void tell_durable(struct row *rows, bool ok)
{
    for (struct row *r = rows; r; r = r->next) {
        if (r->durable.done)
            r->durable.done(r->durable.arg, ok);
        r->durable = (struct ledger_durable){0};
    }
}

static void complain(struct store *s, const struct err *err)
{
    int64_t now_ms = clock_now_ms();
    if (s->failing && now_ms < s->complained_ms + COMPLAIN_MS)
        return;
    s->complained_ms = now_ms;
    LOG(store, F("error", (const char *)err->detail), F("rows_kept", s->n_rows));
}

static void publish(struct store *s, bool ok, int64_t rows, int64_t bytes)
{
    pthread_mutex_lock(&s->lock);
    s->failing = !ok;
    s->n_rows -= rows;
    s->n_bytes -= bytes;
    s->written += rows;
    s->head = s->book.last;
    pthread_mutex_unlock(&s->lock);
}

static void free_rows(struct row *rows, int64_t *n, int64_t *bytes)
{
    while (rows) {
        struct row *r = rows;
        rows = r->next;
        *n += 1;
        *bytes += (int64_t)r->bytes;
        free(r);
    }
}

static bool has_synced(const struct row *rows)
{
    for (; rows; rows = rows->next)
        if (rows->kind == ROW_note && rows->note.synced)
            return true;
    return false;
}

/* True: nothing is pending any more. */
static bool commit_rows(struct store *s, struct err *err)
{
    if (!s->pending)
        return true;
    bool synced = !s->options.strict && has_synced(s->pending);
    if (synced)
        sqlite3_exec(s->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    bool ok = commit(s, err);
    if (synced)
        sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    if (!ok)
        complain(s, err);
    else if (!head_write(s->head_fd, &s->book.last))
        LOG(store, F("error", "ledger.head cannot be written"));
    tell_durable(s->pending, ok);
    if (ok && s->options.strict) /* nobody waits for it: a head that is behind says nothing wrong */
        fdatasync(s->head_fd);
    int64_t n = 0, bytes = 0;
    if (ok) {
        free_rows(s->pending, &n, &bytes);
        s->pending = NULL;
    }
    publish(s, ok, n, bytes);
    return ok;
}

/* What a task changed is on disk when it ends, also where rows are committed lazily. */
static bool do_task(struct store *s, struct task *t)
{
    struct link before = s->book.last;
    if (!sql_exec(s->db, "PRAGMA synchronous = FULL", &t->err) ||
        !sql_exec(s->db, "BEGIN IMMEDIATE", &t->err))
        return false;
    bool ok = t->fn(s->db, t->arg, &t->err) && sql_exec(s->db, "COMMIT", &t->err);
    if (!ok) {
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        s->book.last = before;
    }
    if (!s->options.strict)
        sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    if (s->book.last.seq != before.seq) {
        if (head_write(s->head_fd, &s->book.last) && s->options.strict)
            fdatasync(s->head_fd);
        publish(s, true, 0, 0);
    }
    return ok;
}

static void tell_task(struct store *s, struct task *t)
{
    if (!t->ok)
        complain(s, &t->err);
    t->done(t->arg, t->ok);
    free(t);
}

static void do_tasks(struct store *s, struct task *tasks, bool committed, const struct err *why)
{
    while (tasks) {
        struct task *t = tasks;
        tasks = t->next;
        if (t->fn)
            t->ok = do_task(s, t);
        else if (!(t->ok = committed))
            t->err = *why;
        if (t->done) {
            tell_task(s, t);
            continue;
        }
        pthread_mutex_lock(&s->lock);
        t->finished = true;
        pthread_cond_broadcast(&s->done);
        pthread_mutex_unlock(&s->lock);
    }
}

static void *writer_run(void *arg)
{
    struct store *s = arg;
    unsigned tries = 0;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        gather(s);
        if (s->stopping && !s->rows && !s->tasks && (!s->pending || ++tries > CLOSE_TRIES))
            break;
        append_rows(&s->pending, s->rows);
        struct task *tasks = s->tasks;
        s->rows = NULL;
        s->rows_end = &s->rows;
        s->tasks = NULL;
        s->tasks_end = &s->tasks;
        s->urgent = false;
        bool again = s->stopping && tries > 0;
        if (again)
            wait_until(s, clock_now_ms() + RETRY_MS);
        pthread_mutex_unlock(&s->lock);
        struct err err = {0};
        bool ok = commit_rows(s, &err);
        do_tasks(s, tasks, ok, &err);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

bool writer_start(struct store *s, struct err *err)
{
    s->head = s->book.last;
    if (pthread_create(&s->thread, NULL, writer_run, s) != 0)
        return err_set(err, ERR_store, "no thread for the ledger's writer");
    s->running = true;
    return true;
}

bool writer_stop(struct store *s)
{
    if (!s->running)
        return false;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    int64_t lost = 0, bytes = 0;
    free_rows(s->pending, &lost, &bytes);
    if (lost)
        LOG(store, F("error", "the disk took no more; rows are lost"), F("rows", lost));
    return lost == 0;
}

static void queue_task(struct store *s, struct task *t)
{
    *s->tasks_end = t;
    s->tasks_end = &t->next;
    pthread_cond_signal(&s->wake);
}

static bool hand_over(struct store *s, struct task *t, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    queue_task(s, t);
    while (!t->finished)
        pthread_cond_wait(&s->done, &s->lock);
    pthread_mutex_unlock(&s->lock);
    if (!t->ok)
        *err = t->err;
    return t->ok;
}

bool store_do(struct store *s, bool (*fn)(struct sqlite3 *db, void *arg, struct err *err),
              void *arg, struct err *err)
{
    struct task t = {.fn = fn, .arg = arg};
    return hand_over(s, &t, err);
}

void store_post(struct store *s, bool (*fn)(struct sqlite3 *db, void *arg, struct err *err), void *arg,
                void (*done)(void *arg, bool ok))
{
    struct task *t = NEW(struct task);
    *t = (struct task){.fn = fn, .arg = arg, .done = done};
    pthread_mutex_lock(&s->lock);
    queue_task(s, t);
    pthread_mutex_unlock(&s->lock);
}

bool store_flush(struct store *s, struct err *err)
{
    struct task t = {0};
    return hand_over(s, &t, err);
}
