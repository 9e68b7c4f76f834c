#include "prompts/unit_set.h"

#include "gateway/base/mem.h"

enum { FIRST_SLOTS = 64 };

/* Units are hashes, so any of their bits will do. */
static size_t slot_of(const struct unit_set *s, uint64_t unit)
{
    size_t at = (size_t)unit & (s->n_slots - 1);
    while (s->slots[at] && s->slots[at] != unit)
        at = (at + 1) & (s->n_slots - 1);
    return at;
}

bool unit_set_has(const struct unit_set *s, uint64_t unit)
{
    if (unit == 0)
        return s->has_zero;
    return s->n_slots && s->slots[slot_of(s, unit)] == unit;
}

static void grow(struct unit_set *s)
{
    struct unit_set bigger = {
        .n = s->n, .n_slots = s->n_slots ? 2 * s->n_slots : FIRST_SLOTS, .has_zero = s->has_zero};
    bigger.slots = mem_zalloc(bigger.n_slots * sizeof *bigger.slots);
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i])
            bigger.slots[slot_of(&bigger, s->slots[i])] = s->slots[i];
    free(s->slots);
    *s = bigger;
}

bool unit_set_add(struct unit_set *s, uint64_t unit)
{
    if (unit_set_has(s, unit))
        return false;
    s->n++;
    if (unit == 0) {
        s->has_zero = true;
        return true;
    }
    if (2 * s->n >= s->n_slots)
        grow(s);
    s->slots[slot_of(s, unit)] = unit;
    return true;
}

void unit_set_done(struct unit_set *s)
{
    free(s->slots);
    *s = (struct unit_set){0};
}
