/* error_body.h - a failure as the caller reads it. */
#ifndef GATEWAY_CORE_ERROR_BODY_H
#define GATEWAY_CORE_ERROR_BODY_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

/* Appends OpenAI's error object, {"error": {message, type, param, code}}. */
void error_body_write(const struct err *err, struct buf *out);

#endif
