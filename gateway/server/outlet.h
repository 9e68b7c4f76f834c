/*
 * outlet.h - the last sink of an exchange: what it pushes becomes the answer of a visit.
 *
 * Events of a stream wait in a bounded queue until libmicrohttpd asks for them; when
 * the client does not keep up the upstream is paused.  A body waits until it is known to
 * be complete, so that a failure still gets a proper status.
 */
#ifndef GATEWAY_SERVER_OUTLET_H
#define GATEWAY_SERVER_OUTLET_H

#include <microhttpd.h>
#include <stdbool.h>

#include "gateway/base/str.h"
#include "gateway/core/sink.h"
#include "gateway/loop/loop.h"

struct visit;

struct outlet {
    struct sink sink;
    struct visit *visit;
    struct buf queue; /* events that wait */
    size_t sent;      /* of them */
    bool streaming;   /* the head has left, or is about to */
    bool ended;       /* nothing follows */
    bool broken;      /* not even an error event: the connection is aborted */
    bool ready;       /* there is something to queue as a response */
    bool paused;      /* the upstream is */
    int64_t charged;
    struct timer keepalive;
};

void outlet_init(struct outlet *o, struct visit *v);
void outlet_done(struct outlet *o);

/* An answer is on its way: with stream.early_headers a silent stream begins with comments. */
void outlet_expect(struct outlet *o);

/* Nobody reads any more, though others may wait for the answer: it is dropped from here on. */
void outlet_break(struct outlet *o);

enum MHD_Result outlet_queue(struct outlet *o); /* when it is ready */

#endif
