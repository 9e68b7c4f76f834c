#include "gateway/core/config_priv.h"

void config_slot_init(struct config_slot *s)
{
    pthread_mutex_init(&s->lock, NULL);
    s->current = NULL;
}

void config_slot_done(struct config_slot *s)
{
    config_unref(s->current);
    s->current = NULL;
    pthread_mutex_destroy(&s->lock);
}

struct config *config_slot_get(struct config_slot *s)
{
    pthread_mutex_lock(&s->lock);
    struct config *c = s->current ? config_ref(s->current) : NULL;
    pthread_mutex_unlock(&s->lock);
    return c;
}

void config_slot_put(struct config_slot *s, struct config *c)
{
    pthread_mutex_lock(&s->lock);
    struct config *old = s->current;
    config_adopt_health(c, old);
    c->generation = old ? old->generation + 1 : 1;
    s->current = c;
    pthread_mutex_unlock(&s->lock);
    config_unref(old);
}
