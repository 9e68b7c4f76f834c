/*
 * transport.h - the transports of one loop.
 *
 * Each loop has one of each; they are used by its thread alone, and freed when no
 * call is in the air.
 */
#ifndef GATEWAY_NET_TRANSPORT_H
#define GATEWAY_NET_TRANSPORT_H

#include "gateway/loop/jobs.h"
#include "gateway/loop/loop.h"
#include "gateway/net/call.h"

struct transport *curl_transport_new(struct loop *l, struct err *err); /* HTTP, with TLS, proxies, HTTP/2 */
void curl_transport_free(struct transport *t);

struct transport *h1_transport_new(struct loop *l, struct jobs *jobs); /* http:// without a proxy */
void h1_transport_free(struct transport *t); /* once the jobs are */

struct transport *sim_transport_new(struct loop *l); /* no network: see sim.c */
void sim_transport_free(struct transport *t);

#endif
