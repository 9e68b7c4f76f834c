/*
 * seeker.h - finds what a plan looks for in a text, one finding after the other.
 *
 *     struct seeker s;
 *     seeker_init(&s, plan);
 *     while (seeker_next(&s, text, &f) == SCAN_YES)
 *         use f; it has gone past it
 *
 * The text may be the beginning of one that is still coming.  Then SCAN_MORE says that
 * what follows decides, and that nothing before s.clean can change any more; once more
 * has come, the call is repeated with the longer text.  Where the text was cut changes
 * nothing about the findings: the leftmost counts; of two at one place an own rule
 * before a built-in one, then the earlier.  What lies before a finding's end is not
 * looked at again, but seen by look-behinds and cues.
 *
 * Each rule keeps its own next answer, so that no byte is looked at twice for one.
 * Belongs to one channel of one exchange.
 */
#ifndef POLICY_SEEKER_H
#define POLICY_SEEKER_H

#include "policy/policy.h"

enum { SEEKER_OWN_INLINE = 4 };

struct seeker_state { /* of the built-in pass, or of one own rule */
    enum { SEEK_GO, SEEK_FOUND, SEEK_MORE, SEEK_NOTHING } answer;
    size_t at;       /* where to go on */
    size_t from, to; /* of what was found; from also of what may become a finding */
    const struct rule *rule;
    bool given_up; /* the search cost too much: counts as found, and blocks */
};

struct seeker {
    const struct plan *plan;
    size_t floor; /* the end of the last finding */
    size_t clean; /* nothing that is still to be found begins before here */
    struct seeker_state builtin;
    struct seeker_state *own; /* one for each of plan->own */
    struct seeker_state inline_own[SEEKER_OWN_INLINE];
};

struct finding {
    const struct rule *rule;
    size_t from, to;
    bool given_up;
};

void seeker_init(struct seeker *s, const struct plan *plan);
void seeker_done(struct seeker *s);

/* text.text[0..] is the whole, or what is left of it after seeker_drop(). */
enum scan_answer seeker_next(struct seeker *s, const struct pattern_text *text, struct finding *f);

/* The first n bytes of the text are gone; DETECTOR_BEFORE_BYTES before s->clean and s->floor must
 * stay. */
void seeker_drop(struct seeker *s, size_t n);

#endif
