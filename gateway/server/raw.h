/* raw.h - an answer written straight to a socket, where libmicrohttpd cannot give one. */
#ifndef GATEWAY_SERVER_RAW_H
#define GATEWAY_SERVER_RAW_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

/* A whole answer with this JSON body, after which the connection ends.  Never waits: who does not read it misses it. */
void raw_answer(int fd, int status, struct str body);

void raw_error(int fd, enum err_code code); /* the same with the row's own sentence */

#endif
