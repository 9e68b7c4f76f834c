/* golden.h - reads the files below tests/golden. */
#ifndef TESTS_UNIT_GOLDEN_H
#define TESTS_UNIT_GOLDEN_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"
#include "tests/unit/test.h"

static inline void golden_path(char path[4096], const char *folder, const char *name)
{
    const char *top = getenv("srcdir");
    snprintf(path, 4096, "%s/tests/golden/%s/%s", top ? top : ".", folder, name);
}

/* Appends exactly the bytes of the file. */
static inline void golden_read(const char *folder, const char *name, struct buf *out)
{
    char path[4096], chunk[4096];
    golden_path(path, folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s", path);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_add(out, (struct str){chunk, n});
    fclose(f);
}

/* The array of FOLDER/index.json. */
static inline json_t *golden_index(const char *folder)
{
    char path[4096];
    json_error_t e;
    golden_path(path, folder, "index.json");
    json_t *index = json_load_file(path, 0, &e);
    if (!index)
        fail_msg("%s: %s", path, e.text);
    return index;
}

static inline const char *golden_member(const json_t *entry, const char *name)
{
    const char *s = json_string_value(json_object_get(entry, name));
    return s ? s : "";
}

static inline enum endpoint golden_endpoint(const json_t *entry)
{
    for (enum endpoint e = 0; e < ENDPOINT_count; e++)
        if (str_eq(str_of(endpoint_info(e)->name), str_of(golden_member(entry, "endpoint"))))
            return e;
    fail_msg("%s", golden_member(entry, "endpoint"));
    return ENDPOINT_count;
}

#endif
