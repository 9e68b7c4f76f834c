#include "gateway/llm/capability.h"

#include <string.h>

static const struct {
    const char *name, *why;
} table[] = {
#define CAPABILITY(name, help) {#name, help},
#include "gateway/llm/capability_list.h"
};

unsigned capability_bit(const char *name)
{
    for (unsigned k = 0; k < CAPABILITY_count; k++)
        if (strcmp(name, table[k].name) == 0)
            return 1u << k;
    return 0;
}

const char *capability_why(unsigned missing)
{
    for (unsigned k = 0; k < CAPABILITY_count; k++)
        if (missing & 1u << k)
            return table[k].why;
    return "";
}
