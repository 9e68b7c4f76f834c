/*
 * curl_priv.h - the two halves of the curl transport: the multi handle in its loop
 * (curl.c) and one transfer (curl_transfer.c).
 */
#ifndef GATEWAY_NET_CURL_PRIV_H
#define GATEWAY_NET_CURL_PRIV_H

#include <curl/curl.h>

#include "gateway/loop/loop.h"
#include "gateway/net/call.h"
#include "gateway/net/intake.h"

struct curl_transport;

/* One call in the air, or an easy handle that waits for the next. */
struct transfer {
    struct intake in;
    struct curl_transport *owner;
    CURL *easy;
    uint64_t set_up_for; /* the upstream whose options the handle has; 0: none yet */
    struct curl_slist *header_lines;
    struct buf question; /* the body in one piece, where it is short */
    unsigned piece;      /* else the piece that is being sent, */
    size_t piece_at;     /* and how far */
    bool on_wire;        /* it is in the multi handle */

    /* over HTTP/2, where nothing is paused */
    bool ahead;            /* of a caller who is to catch up */
    size_t ahead_bytes;    /* since then */
    struct timer patience; /* with that caller */

    /* what curl.c is to do with it, once libcurl is off the stack */
    bool todo_start, todo_end, todo_pause;
    bool in_todo;
    struct transfer *next; /* in the list of idle ones, or of those with something to do */
};

/* curl.c: has the todos of tr looked at. */
void curl_transport_todo(struct transfer *tr);
struct loop *curl_transport_loop(const struct transfer *tr);
int curl_transport_closed(void *transport, curl_socket_t fd); /* CURLOPT_CLOSESOCKETFUNCTION */

/* curl_transfer.c */
bool transfer_is_http2(const struct transfer *tr); /* as the upstream agreed to */
void transfer_pause(struct transfer *tr, bool paused);
struct transfer *transfer_new(struct curl_transport *owner);
void transfer_free(struct transfer *tr);
void transfer_prepare(struct transfer *tr, struct call *c); /* sets the easy handle up */
void transfer_finish(struct transfer *tr, CURLcode result); /* tr is idle then; on_end() is still to come */

#endif
