/*
 * intake.h - what the bytes of an answer become, and when to give up on it: what all
 * transports with sockets have in common.
 *
 * The transport hands in the lines of the head, its end, and the bytes of the body as
 * they are once chunks are undone; who asked gets a head and pieces.  Bytes that are
 * refused for now (INTAKE_WAITS) are handed in again after go_on().  A time that has
 * passed, and memory that does not come, end in stop(), with `err` set.
 *
 * Used by the thread of its loop alone.  Call-backs of the call may cancel it: who has
 * handed something in looks at `stopped` afterwards.
 */
#ifndef GATEWAY_NET_INTAKE_H
#define GATEWAY_NET_INTAKE_H

#include "gateway/llm/sse.h"
#include "gateway/loop/loop.h"
#include "gateway/net/call.h"

enum {
    INTAKE_HEAD_BYTES = 32 * 1024, /* of an answer's headers; what is longer is an error */
    INTAKE_HEAD_LINES = 128,
};

enum intake_word {
    INTAKE_TAKEN,
    INTAKE_WAITS,  /* none of it was taken: who asked has paused, or there is no memory */
    INTAKE_STOPPED /* the call is to end now */
};

struct intake {
    /* set once by the transport */
    struct loop *loop;
    void (*stop)(struct intake *in);  /* from a timer: the call is to end */
    void (*go_on)(struct intake *in); /* bytes are taken again */
    bool undoes_coding;               /* bytes come as their content-encoding made them; false: the transport has undone it */

    struct call *call; /* NULL between two */
    struct buf head;   /* the header lines */
    bool has_head;
    struct call_head is;
    struct str coding; /* the answer's content-encoding; "" if none; in head */
    struct sse sse;
    struct buf body;

    struct timer timer; /* the next of the call's timeouts */
    int64_t started_ms, active_ms;
    size_t foretold;        /* bytes of the body by its head, at most what may be held; 0: unknown */
    int64_t lacked_ms;      /* when memory first lacked in this call; 0: never */
    bool lacks_memory;      /* it waits for some */
    bool paused;            /* as who asked wants it */
    bool stopped;           /* cancelled, or err says why */
    struct err err;
};

void intake_init(struct intake *in, struct loop *l, void (*stop)(struct intake *in), void (*go_on)(struct intake *in));
void intake_done(struct intake *in);

void intake_begin(struct intake *in, struct call *c);

/* A status line has come: what was of a head before it (of a 1xx) is forgotten. */
void intake_status(struct intake *in, int status);
enum intake_word intake_header(struct intake *in, struct str line); /* without its end */
enum intake_word intake_head_end(struct intake *in);
enum intake_word intake_bytes(struct intake *in, struct str bytes);

void intake_cancel(struct intake *in);
void intake_pause(struct intake *in, bool paused);
bool intake_waits(const struct intake *in); /* bytes would not be taken now */

/*
 * The transport is done: `why` is its error, ERR_none if the answer is whole on the
 * wire.  Sets call->err, delivers a body; then `in` is ready for the next.  Who asked
 * still has to get its on_end().
 */
void intake_end(struct intake *in, const struct err *why);

#endif
