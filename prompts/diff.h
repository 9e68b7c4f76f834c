/* diff.h - two texts, line by line. */
#ifndef PROMPTS_DIFF_H
#define PROMPTS_DIFF_H

#include "gateway/base/str.h"

/*
 * Appends every line of both, once: behind "  " where both have it, "- " where only a
 * has it, "+ " where only b has it.  The lines that stay are a longest common sequence.
 */
void diff_write(struct str a, struct str b, struct buf *out);

#endif
