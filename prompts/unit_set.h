/* unit_set.h - the units that have had their outcome; a set of numbers.  Zeroed is empty. */
#ifndef PROMPTS_UNIT_SET_H
#define PROMPTS_UNIT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit_set {
    uint64_t *slots; /* 0: free */
    size_t n, n_slots;
    bool has_zero;
};

bool unit_set_has(const struct unit_set *s, uint64_t unit);
bool unit_set_add(struct unit_set *s, uint64_t unit); /* false: it was there */
void unit_set_done(struct unit_set *s);               /* empty again */

#endif
