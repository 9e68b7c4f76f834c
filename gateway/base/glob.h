/*
 * glob.h - the patterns of allow-lists: '*' is any run of bytes, also none and also
 * with '/' in it; every other byte is itself.  Takes time linear in the text.
 */
#ifndef GATEWAY_BASE_GLOB_H
#define GATEWAY_BASE_GLOB_H

#include "gateway/base/str.h"

bool glob_match(struct str pattern, struct str text);

#endif
