/* rollouts_priv.h - what rollouts.c and rollout_show.c share. */
#ifndef PROMPTS_ROLLOUTS_PRIV_H
#define PROMPTS_ROLLOUTS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/store/rollouts.h"
#include "prompts/rollouts.h"

/* What a draw looks at; changes as a whole. */
struct face {
    uint8_t state;
    bool undone; /* a promotion that was taken back */
    uint16_t share;
    uint32_t stage;
};

struct rollout {
    struct rollout *next; /* older */
    int64_t id;
    char *name, *control, *canary, *salt;
    _Atomic struct face face;
    /* the lock's */
    int64_t ended_ms; /* wall clock; 0: it has not */
    struct trial trial;
    bool changing; /* a command's decision is on its way to the disk: nothing is fed */
};

struct rollouts {
    struct store *store;
    _Atomic(struct rollout *) newest; /* nothing is removed before the end */
    pthread_mutex_t lock;
};

#endif
