#include "gateway/llm/endpoint.h"

#include <assert.h>

static const struct endpoint_info infos[ENDPOINT_count] = {
#define ENDPOINT(name, path, streams) [ENDPOINT_##name] = {#name, path, streams},
#include "gateway/llm/endpoint_list.h"
};

const struct endpoint_info *endpoint_info(enum endpoint e)
{
    assert(e < ENDPOINT_count);
    return &infos[e];
}
