/*
 * fuzz_config.c - any bytes as a config and as a price file: read, or refused with at
 * least one complaint, each of which is a line.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/str.h"
#include "gateway/core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(void *arg, const char *line)
{
    ++*(size_t *)arg;
    if (!*line || strchr(line, '\n'))
        abort();
}

static void use(struct config *c)
{
    struct arena a;
    arena_init(&a);
    size_t warnings = 0;
    if (config_warn(c, check_line, &warnings) != warnings)
        abort();
    for (unsigned i = 0; i < c->n_models; i++) {
        struct str name = str_of(c->models[i].name);
        const struct model *m = config_model(c, name);
        if (!c->models[i].is_wildcard && m != &c->models[i])
            abort();
        for (unsigned k = 0; m && k < m->n_targets; k++)
            target_price(c, &m->targets[k], target_model(c, m, &m->targets[k], name, &a));
    }
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    if (size && memmem(data, size, "file", 4))
        return 0; /* other files are not ours to read */
    size_t complaints = 0;
    struct config *c = config_parse("fuzz", text, NULL, check_line, &complaints);
    if ((c == NULL) != (complaints > 0))
        abort();
    if (c)
        use(c);
    config_unref(c);

    struct err err = {0};
    const struct price_source source = {"fuzz", text};
    struct price_book *b = price_book_new(&source, 1, &err);
    if (!b && (err.code != ERR_bad_config || !*err.detail))
        abort();
    price_book_free(b);
    return 0;
}
