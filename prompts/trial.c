#include "prompts/trial.h"

#include <math.h>

#define ALPHA 0.05

const struct guard_info guards[GUARD_count] = {
#define GUARD(name, shown, kind, decides, help) {#name, #shown, GUARD_##kind, decides, help},
#include "prompts/guard_list.h"
};

const char *const arm_words[ARM_count] = {"control", "canary"};

void trial_done(struct trial *t)
{
    unit_set_done(&t->seen);
    *t = (struct trial){0};
}

void trial_begin_stage(struct trial *t, unsigned stage)
{
    t->stage = stage;
    t->seq = 0;
    unit_set_done(&t->seen);
    for (unsigned g = 0; g < GUARD_count; g++)
        eprocess_drop_block(&t->harm[g]);
    for (unsigned a = 0; a < ARM_count; a++)
        t->arms[a].left = 0;
}

double trial_log_threshold(void)
{
    unsigned n = 0;
    for (unsigned g = 0; g < GUARD_count; g++)
        n += guards[g].decides;
    return log(n / ALPHA);
}

static void look(struct trial *t)
{
    for (unsigned g = 0; g < GUARD_count && !t->harmful; g++) {
        t->harmful = guards[g].decides && eprocess_log(&t->harm[g]) >= trial_log_threshold();
        t->guilty = (enum guard)g;
    }
}

bool trial_add(struct trial *t, uint64_t unit, enum arm arm, const struct outcome *o)
{
    if (t->harmful || !unit_set_add(&t->seen, unit))
        return false;
    struct trial_arm *a = &t->arms[arm];
    t->seq++;
    a->units++;
    a->left = 0;
    for (unsigned g = 0; g < GUARD_count; g++) {
        if (!o->known[g])
            continue;
        if (guards[g].kind == GUARD_RATE)
            rate_add(&a->rates[g], o->value[g]);
        else
            mean_add(&a->means[g], o->value[g]);
        if (guards[g].decides)
            eprocess_add(&t->harm[g], arm == ARM_canary, o->value[g]);
    }
    look(t);
    return true;
}

bool trial_left(struct trial *t, uint64_t unit, enum arm arm)
{
    return !t->harmful && !unit_set_has(&t->seen, unit) && ++t->arms[arm].left == TRIAL_LEFT_MAX;
}
