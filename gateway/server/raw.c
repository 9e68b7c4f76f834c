#include "gateway/server/raw.h"

#include <microhttpd.h>
#include <sys/socket.h>

#include "gateway/base/scope.h"
#include "gateway/core/error_body.h"

enum { HEAD_BYTES = 512, BODY_BYTES = 4096 };

void raw_answer(int fd, int status, struct str body)
{
    SCOPED(buf_done) struct buf answer = BUF_INIT(HEAD_BYTES + body.n);
    buf_addf(&answer,
             "HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n%sconnection: close\r\n\r\n",
             status, MHD_get_reason_phrase_for((unsigned)status), body.n,
             status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE ? "retry-after: 1\r\n" : "");
    buf_add(&answer, body);
    ssize_t n = send(fd, answer.p, answer.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)n; /* he does not read it: so be it */
}

void raw_error(int fd, enum err_code code)
{
    SCOPED(buf_done) struct buf body = BUF_INIT(BODY_BYTES);
    struct err err = {0};
    err_set(&err, code, " ");
    error_body_write(&err, &body);
    raw_answer(fd, err_info(code)->status, buf_str(&body));
}
