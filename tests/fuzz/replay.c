/*
 * replay.c - runs a fuzz target without a fuzzer: on each of its seeds, and on each with
 * its end cut off and with single bytes changed.
 *
 *     fuzz_NAME [FILE]...      without files: all of tests/fuzz/seeds/NAME
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/scope.h"
#include "tests/fuzz/fuzz.h"

enum { MAX = 1 << 20, CHANGED_MAX = 4096 };

/* On a copy of just these bytes, so that reading past them is noticed. */
static void run(struct str text)
{
    SCOPED(scope_free) uint8_t *copy = malloc(text.n ? text.n : 1);
    memcpy(copy, text.p, text.n);
    LLVMFuzzerTestOneInput(copy, text.n);
}

static void run_changed(struct buf *text)
{
    static const char bytes[] = "\"\\{}[],:0 \n\r\x80\xC3\x01";
    for (size_t i = 0; i < text->n && text->n <= CHANGED_MAX; i++) {
        run((struct str){text->p, i});
        char was = text->p[i];
        text->p[i] = bytes[i % (sizeof bytes - 1)];
        run(buf_str(text));
        text->p[i] = was;
    }
}

static bool run_file(const char *path)
{
    SCOPED(scope_fclose) FILE *f = fopen(path, "rb");
    SCOPED(buf_done) struct buf text = BUF_INIT(MAX);
    char chunk[4096];
    if (!f) {
        perror(path);
        return false;
    }
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_add(&text, (struct str){chunk, n});
    run(buf_str(&text));
    run_changed(&text);
    return true;
}

static bool run_folder(const char *folder)
{
    DIR *d = opendir(folder);
    if (!d) {
        perror(folder);
        return false;
    }
    unsigned n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (*e->d_name != '.')
            n += run_file(path);
    }
    closedir(d);
    printf("%s: %u seeds\n", folder, n);
    return n > 0;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '_'), *top = getenv("srcdir");
    char folder[4096];
    bool ok = true;
    for (int i = 1; i < argc; i++)
        ok &= run_file(argv[i]);
    snprintf(folder, sizeof folder, "%s/tests/fuzz/seeds/%s", top ? top : ".",
             name ? name + 1 : "");
    if (argc == 1)
        ok = run_folder(folder);
    return ok ? 0 : 1;
}
