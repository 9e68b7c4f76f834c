/* The rows of answer_list.h, compiled once for each endpoint when first asked for. */
#include "gateway/llm/answer_priv.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>

enum {
    CHAT = 1u << ENDPOINT_chat,
    COMPLETIONS = 1u << ENDPOINT_completions,
    RESPONSES = 1u << ENDPOINT_responses,
    GENERATE = CHAT | COMPLETIONS,
    OTHER = 1u << ENDPOINT_embeddings | 1u << ENDPOINT_moderations,
    ALL = GENERATE | RESPONSES | OTHER,
};

static const struct answer_member table[] = {
#define MEMBER(endpoints, path, read) {path, 0, endpoints, ANSWER_READ_##read, false},
#define COUNT(path, field)                                                                         \
    {"usage." path, offsetof(struct usage, field), ALL, ANSWER_READ_count, false},
#include "gateway/llm/answer_list.h"

#define COUNT(path, field)                                                                         \
    {"x_groq.usage." path, offsetof(struct usage, field), GENERATE, ANSWER_READ_count, true},
#include "gateway/llm/answer_list.h"

#define COUNT(path, field)                                                                         \
    {"response.usage." path, offsetof(struct usage, field), RESPONSES, ANSWER_READ_count, true},
#include "gateway/llm/answer_list.h"
};

static struct answer_plan plans[ENDPOINT_count];

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

const struct answer_plan *answer_plan(enum endpoint e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, compile);
    return &plans[e];
}
