/*
 * store_priv.h - what the files of the store share: the queue to the writer thread,
 * and what that thread alone touches.
 */
#ifndef GATEWAY_STORE_STORE_PRIV_H
#define GATEWAY_STORE_STORE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/store/book_priv.h"
#include "gateway/store/row_priv.h"
#include "gateway/store/store.h"

enum {
    QUEUE_MAX_BYTES = 64 * 1024 * 1024, /* above it new requests are refused */
    GROUP_MS = 25,                      /* a row waits at most this long for company ... */
    GROUP_ROWS = 8192,                  /* ... or until there are so many */
    RETRY_MS = 250,                     /* after a commit that failed */
    COMPLAIN_MS = 10 * 1000,            /* at most one log line in so long about the same */
    CLOSE_TRIES = 20,                   /* commits tried before rows are given up at the end */
};

struct task { /* lives on the stack of who waits for it; one that has done() is freed by the writer */
    struct task *next;
    bool (*fn)(struct sqlite3 *db, void *arg, struct err *err); /* NULL: a flush */
    void *arg;
    void (*done)(void *arg, bool ok);
    struct err err;
    bool ok, finished;
};

struct store {
    char *dir;
    struct store_options options;
    struct hash master;
    int lock_fd, head_fd;

    pthread_mutex_t lock; /* guards what follows, up to `thread` */
    pthread_cond_t wake;  /* the writer sleeps on it */
    pthread_cond_t done;  /* who handed a task over sleeps on it */
    struct row *rows, **rows_end;
    int64_t n_rows, n_bytes; /* handed over and not committed */
    struct task *tasks, **tasks_end;
    bool urgent, stopping, failing;
    struct link head; /* committed */
    int64_t written;  /* rows of this process */

    pthread_t thread;
    bool running;

    /* the writer's own, the opener's before it runs */
    sqlite3 *db;
    struct book book;
    struct row *pending; /* a commit of them failed, or is going on */
    int64_t complained_ms;

    pthread_mutex_t keys_lock; /* guards what follows */
    struct keyring *keys;      /* the current one, counted */
    _Atomic uintptr_t newest_keys; /* its address, only to be compared */
    struct purse **purses;     /* counted; changed by the writer only */
    size_t n_purses;
};

void writer_init(struct store *s);
bool writer_start(struct store *s, struct err *err);
bool writer_stop(struct store *s); /* commits what is queued; did it? */
void writer_note(struct store *s, const struct note *n); /* from any thread; never blocks */

/* Writes the rows' entries, coalesced, within the caller's transaction. */
bool batch_append(struct book *b, struct row *rows, int64_t wall_ms, struct err *err);

/* Books the bound of every request of an earlier run that never settled. */
bool orphans_book(struct store *s, struct err *err);

/* Compares ledger.head with the ledger; a tail that is gone is noted in the ledger. */
bool head_check(struct store *s, struct err *err);

bool keyring_load(struct store *s, struct err *err); /* from the database, by its owner */

#endif
