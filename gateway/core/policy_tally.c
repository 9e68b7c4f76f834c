#include "gateway/core/policy_tally.h"

#include <pthread.h>
#include <string.h>

#include "gateway/base/mem.h"

struct pair {
    char rule[RULE_LABEL_BYTES];
    enum action action;
    int64_t count;
};

struct policy_tally {
    pthread_mutex_t lock;
    struct pair pairs[POLICY_TALLY_MAX];
    unsigned n;
};

struct policy_tally *policy_tally_new(void)
{
    struct policy_tally *t = NEW(struct policy_tally);
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void policy_tally_free(struct policy_tally *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static void add(struct policy_tally *t, const struct hit *h)
{
    unsigned i = 0;
    while (i < t->n &&
           (t->pairs[i].action != h->action || strcmp(t->pairs[i].rule, h->rule->id) != 0))
        i++;
    if (i == POLICY_TALLY_MAX)
        return;
    if (i == t->n) {
        t->n++;
        t->pairs[i].action = h->action;
        memcpy(t->pairs[i].rule, h->rule->id, strlen(h->rule->id) + 1);
    }
    t->pairs[i].count += h->count;
}

void policy_tally_add(struct policy_tally *t, const struct treatment *of)
{
    if (!t || !of->hits)
        return;
    pthread_mutex_lock(&t->lock);
    for (const struct hit *h = of->hits; h; h = h->next)
        add(t, h);
    pthread_mutex_unlock(&t->lock);
}

void policy_tally_show(struct policy_tally *t, struct buf *out)
{
    buf_add(out, STR("# HELP penstock_policy_hits_total what rules of policies found, by what was "
                     "done to it\n"
                     "# TYPE penstock_policy_hits_total counter\n"));
    pthread_mutex_lock(&t->lock);
    for (unsigned i = 0; i < t->n; i++) {
        buf_addf(out, "penstock_policy_hits_total{rule=\"%s\",action=\"%s\"} ", t->pairs[i].rule,
                 action_word(t->pairs[i].action));
        buf_add_int(out, t->pairs[i].count);
        buf_add(out, STR("\n"));
    }
    pthread_mutex_unlock(&t->lock);
}
