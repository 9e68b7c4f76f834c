/*
 * unpack.h - undoes the Content-Encoding of a body: gzip, deflate, zstd, br, and
 * lists of them, as "gzip, identity".  Pure.
 */
#ifndef GATEWAY_BASE_UNPACK_H
#define GATEWAY_BASE_UNPACK_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

/*
 * Appends the decoded body to *out; `encoding` is the header's value, "" for none.
 * False, and nothing appended: ERR_bad_encoding, a coding we do not know, or more
 * than two; ERR_too_large, more than max bytes come out of any of them;
 * ERR_bad_request, the body is not what its encoding says, or is not whole.
 */
bool unpack(struct str encoding, struct str body, size_t max, struct buf *out, struct err *err);

#endif
