/*
 * rotation.h - whose turn it is among the keys of one provider.
 *
 * Keys take turns; one that the upstream has turned down rests for a while.  When all of
 * them rest, the one whose rest ends first has its turn: the upstream is the judge.
 *
 * Shared by all loops and counted, handed on from one config to the next where the
 * provider has not changed.  Thread-safe without a lock.  Monotonic milliseconds, passed in.
 */
#ifndef GATEWAY_ROUTER_ROTATION_H
#define GATEWAY_ROUTER_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

struct rotation;

struct rotation *rotation_new(unsigned n); /* keys; 1 or more */
struct rotation *rotation_ref(struct rotation *r);
void rotation_unref(struct rotation *r); /* NULL is fine */

unsigned rotation_take(struct rotation *r, int64_t now_ms); /* 0 to n-1 */
void rotation_rest(struct rotation *r, unsigned key, int64_t until_ms);

/* How long it still rests; 0: it does not. */
int64_t rotation_rests_ms(const struct rotation *r, unsigned key, int64_t now_ms);

/* Is there a key that does not rest? */
bool rotation_has_one(const struct rotation *r, int64_t now_ms);

#endif
