/*
 * rewrite.h - what sinks that rewrite the text of answers share: channels, held text, envelopes.
 *
 * A sink brings what it does with text (struct text_work); this feeds it each string of
 * an answer by its kind, the pieces of a stream channel by channel, and puts what comes
 * back in their places.  Bytes around what changes stay as they are.  Text that is held
 * when its channel ends leaves as an event of its own before the event that ends it.
 *
 * The state belongs to one exchange.
 */
#ifndef GATEWAY_CORE_REWRITE_H
#define GATEWAY_CORE_REWRITE_H

#include "gateway/core/exchange.h"
#include "gateway/core/patch.h"
#include "gateway/llm/answer_leaf.h"

struct text_work {
    size_t state_bytes; /* of a channel */
    bool may_block;     /* x->policy.t.blocked_by is its word that the answer ends here */
    void (*begin)(struct exchange *x, void *state, const struct answer_leaf *leaf);
    void (*feed)(void *state, struct str text, struct buf *out);
    void (*end)(void *state,
                struct buf *out); /* nothing follows; it may be fed again all the same */
    bool (*holds)(const void *state);
    void (*done)(void *state);
    /*
     * A string that stands for itself: between the quotes of a JSON string, or, of a document,
     * decoded.  True: *out is what stands there instead, written the same way.
     */
    bool (*whole)(struct exchange *x, const struct answer_leaf *leaf, struct str text,
                  struct buf *out);
};

struct rewrite_channel;

struct rewrite { /* the state of a sink */
    const struct text_work *work;
    struct rewrite_channel *channels; /* newest first */
    struct answer_leaves leaves;
    struct patch patch;
    struct buf data, text, fresh;
    struct buf response;            /* of Responses: what was last said about it */
    uint64_t begun[2], finished[2]; /* choices, of what was handed on */
    int64_t sequence, shift; /* of Responses' events: the last number, and by how much they move */
    bool over;               /* the answer has ended by rule; what comes is dropped */
};

/* Each is a sink's push or end; `work` is the same each time. */
void rewrite_push(struct sink *s, struct exchange *x, const struct frame *f,
                  const struct text_work *work);
void rewrite_end(struct sink *s, struct exchange *x, enum end how, const struct text_work *work);

#endif
