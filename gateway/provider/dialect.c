#include "gateway/provider/dialect.h"

const struct dialect dialects[] = {
#define DIALECT(name, transport, base_url, is_local, env_key, key_header, stream_usage,            \
                max_completion, help)                                                              \
    {name, transport, base_url, is_local, env_key, key_header, stream_usage, max_completion, help},
#include "gateway/provider/dialect_list.h"
    {0},
};

const struct dialect *dialect_find(struct str name)
{
    for (const struct dialect *d = dialects; d->name; d++)
        if (str_eq(name, str_of(d->name)))
            return d;
    return NULL;
}
