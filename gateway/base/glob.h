/* glob.h - names that stand for many: '*' is any run of bytes, all else itself. */
#ifndef GATEWAY_BASE_GLOB_H
#define GATEWAY_BASE_GLOB_H

#include <stdbool.h>

#include "gateway/base/str.h"

bool glob_match(struct str pattern, struct str text);

#endif
