/*
 * feedback.h - what somebody said of an answer: a thumb, a score, a comment, a better answer.
 */
#ifndef GATEWAY_STORE_FEEDBACK_H
#define GATEWAY_STORE_FEEDBACK_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/store/store.h"

struct feedback {
    struct str request_id, key_id;
    bool has_thumbs, up;
    bool has_score;
    double score;               /* 0 to 1 */
    struct str comment, answer; /* "" if none */
};

/*
 * False: ERR_not_found, the key's team has no such request (which somebody else's is, it
 * does not learn); ERR_store.  The ledger's operator may speak of every request.
 */
bool feedback_add(struct store *s, const struct feedback *f, struct err *err);

/* Whether that would do, without doing it. */
bool feedback_check(struct store *s, const struct feedback *f, struct err *err);

#endif
