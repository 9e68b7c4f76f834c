#include "gateway/llm/usage.h"

const char *cost_source_word(enum cost_source s)
{
    static const char *const words[] = {"none", "reported", "estimated", "bound", "unpriced"};
    return words[s];
}

void usage_add(struct usage *sum, const struct usage *u)
{
    sum->input += u->input;
    sum->cached += u->cached;
    sum->cache_write += u->cache_write;
    sum->audio_in += u->audio_in;
    sum->output += u->output;
    sum->reasoning += u->reasoning;
    sum->audio_out += u->audio_out;
}
