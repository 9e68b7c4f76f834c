/*
 * call.h - one question to an upstream, and the ways to ask it.
 *
 * A transport (libcurl, simulated, in tests a fake) starts a call, says once what
 * the head of the answer is, delivers the answer in pieces, and ends the call
 * exactly once, cancelled or not: on_end() is the last thing it does with it.  All of
 * these may come before start() or cancel() returns.  All of it happens on the loop
 * of who asked.  The call belongs to who asked and stays where it is until on_end().
 */
#ifndef GATEWAY_NET_CALL_H
#define GATEWAY_NET_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/account.h"
#include "gateway/base/err.h"
#include "gateway/base/str.h"

struct call;

struct transport {
    void (*start)(struct transport *t, struct call *c);
    void (*cancel)(struct transport *t, struct call *c); /* brings the end about; never waits */
    /* While paused few more bytes come, and idle time does not count. */
    void (*pause)(struct transport *t, struct call *c, bool paused);
};

/* Where a call goes, and how; from the config, outlives the call. */
struct upstream {
    uint64_t id;                          /* differs between any two, also of different snapshots */
    const char *ca_file;                  /* NULL: the system's */
    const char *client_cert, *client_key; /* NULL: none */
    const char *proxy;                    /* NULL: from the environment */
    bool http2;
};

struct call_header { /* of the question: whole lines; of the answer: cut in two */
    struct str name, value;
};

struct call_timeouts { /* milliseconds; 0: none */
    int64_t connect, first_token, idle, total;
};

struct call_head {
    int status;
    bool is_stream;                     /* text/event-stream: pieces are events, else one body */
    bool is_json;                       /* a content type of JSON */
    const struct call_header *headers;  /* of the answer, names in lower case; borrowed */
    unsigned n_headers;
};

enum { CALL_BODY_PIECES = 4 };

/* One event of a stream, or the whole body. */
struct call_piece {
    struct str name; /* the event's */
    struct str data;
};

struct call {
    /* set by who asks; what is pointed to stays until on_end */
    const struct upstream *upstream;
    const char *url;
    const char *const *header_lines; /* "name: value", NULL-terminated */
    struct str body[CALL_BODY_PIECES];
    unsigned n_body;
    struct call_timeouts timeouts;
    size_t answer_bytes;     /* a longer body is an error */
    struct account *memory;  /* charged for a body while it is collected; given back by who asked, `charged` says how much */
    void (*on_head)(struct call *c, const struct call_head *h);
    void (*on_piece)(struct call *c, const struct call_piece *p);
    void (*on_end)(struct call *c);
    void *owner; /* for the call-backs */

    /* set by the transport before on_end */
    int64_t charged;
    bool connected;       /* the upstream may have seen the question */
    int64_t first_us;     /* monotonic time of the first event or of the body's first byte; 0: none came */
    struct err err;       /* why the answer is not whole on the wire; ERR_none: it is */

    void *transport_state; /* the transport's own */
};

#endif
