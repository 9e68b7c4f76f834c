/* The rows of member_list.h, compiled once for each endpoint when first asked for. */
#include "gateway/llm/member_priv.h"

#include <assert.h>
#include <pthread.h>

enum {
    CHAT = 1u << ENDPOINT_chat,
    COMPLETIONS = 1u << ENDPOINT_completions,
    EMBEDDINGS = 1u << ENDPOINT_embeddings,
    RESPONSES = 1u << ENDPOINT_responses,
    MODERATIONS = 1u << ENDPOINT_moderations,
    ALL = CHAT | COMPLETIONS | EMBEDDINGS | RESPONSES | MODERATIONS,
};

static const struct member table[] = {
#define MEMBER(endpoints, path, kind, counts, read)                                                \
    {path, endpoints, LEAF_##kind, COUNTS_##counts, READ_##read},
#include "gateway/llm/member_list.h"
};

static struct member_plan plans[ENDPOINT_count];

static void compile(void)
{
    for (unsigned e = 0; e < ENDPOINT_count; e++) {
        const char *paths[JSON_MAX_PATHS];
        size_t n = 0;
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
            if (!(table[i].endpoints & 1u << e))
                continue;
            assert(n < JSON_MAX_PATHS);
            plans[e].members[n] = &table[i];
            paths[n++] = table[i].path;
        }
        plans[e].json = json_plan_new(paths, n);
    }
}

const struct member_plan *member_plan(enum endpoint e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, compile);
    return &plans[e];
}
