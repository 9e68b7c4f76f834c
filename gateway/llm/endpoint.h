/* endpoint.h - the operations of OpenAI's API that ask a model.  Static tables. */
#ifndef GATEWAY_LLM_ENDPOINT_H
#define GATEWAY_LLM_ENDPOINT_H

#include <stdbool.h>

enum endpoint {
#define ENDPOINT(name, path, streams) ENDPOINT_##name,
#include "gateway/llm/endpoint_list.h"
    ENDPOINT_count
};

struct endpoint_info {
    const char *name;
    const char *path;
    bool streams;
};
const struct endpoint_info *endpoint_info(enum endpoint e); /* never NULL */

#endif
