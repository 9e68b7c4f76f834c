/*
 * replay.c - main() of a fuzz target where no fuzzer is linked: gives it its seeds,
 * tests/fuzz/seeds/NAME for a program fuzz_NAME, and each of them cut short.
 *
 * To fuzz: clang -fsanitize=fuzzer,address with fuzz_NAME.c, without this file.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEED_BYTES = 1024 * 1024, CUTS = 64 };

/* A copy of its own size, so that a sanitizer sees a read past the end. */
static void give(const char *text, size_t n)
{
    char *copy = mem_zalloc(n);
    memcpy(copy, text, n);
    LLVMFuzzerTestOneInput((const uint8_t *)copy, n);
    free(copy);
}

static void replay(const char *folder, const struct dirent *entry)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    FILE *f = fopen(path, "r");
    if (!f)
        exit(1);
    static char text[SEED_BYTES];
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    for (size_t i = 0; i < CUTS; i++)
        give(text, n * i / CUTS);
    give(text, n);
}

int main(int argc, char **argv)
{
    const char *srcdir = getenv("srcdir"), *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/tests/fuzz/seeds/%s", srcdir ? srcdir : ".",
             name && strncmp(name, "/fuzz_", 6) == 0 ? name + 6 : "none");
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort), seeds = 0;
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            replay(folder, entries[i]);
            seeds++;
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    printf("%s: %d seeds\n", folder, seeds);
    return seeds > 0 ? 0 : 1;
}
