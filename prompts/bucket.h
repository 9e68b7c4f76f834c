/*
 * bucket.h - which arm of a rollout a unit belongs to: always the same one, and on a
 * larger share the canary's units stay the canary's.
 *
 * A unit's place is the first eight bytes, most significant first, of SHA-256 over
 * salt, ":" and unit; the canary gets the places below its share.  The salt holds the
 * prompt's name and the rollout's id, so that rollouts are drawn independently.
 */
#ifndef PROMPTS_BUCKET_H
#define PROMPTS_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/str.h"

enum { SHARE_ALL = 10000 }; /* a share is in hundredths of a percent */

uint64_t bucket_of(struct str salt, struct str unit);
bool bucket_is_canary(uint64_t bucket, unsigned share);

#endif
