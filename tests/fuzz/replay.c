/*
 * replay.c - runs a fuzz target without a fuzzer: on each of its seeds, and on each with
 * its end cut off and with single bytes changed.
 *
 *     fuzz_NAME [FILE]...      without files: all of tests/fuzz/seeds/NAME
 *
 * With FUZZ_CASES=N in the environment instead N times with a few places of a seed
 * changed, doubled, dropped or taken from elsewhere in it; always the same N.
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

static uint64_t dice(void)
{
    static uint64_t x = 0x9E3779B97F4A7C15;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    return x * 0x2545F4914F6CDD1DULL;
}

/* One change at a place by chance. */
static void mutate(struct buf *text)
{
    SCOPED(buf_done) struct buf old = BUF_INIT(MAX);
    buf_add(&old, buf_str(text));
    size_t at = dice() % (old.n + 1), from = dice() % (old.n + 1), n = dice() % 16;
    char byte = (char)dice();
    n = n < old.n - from ? n : old.n - from;
    buf_cut(text, at);
    switch (dice() % 4) {
    case 0: /* a byte changes */
        buf_add(text, (struct str){&byte, 1});
        at += at < old.n;
        break;
    case 1: /* some are dropped */
        at += n < old.n - at ? n : old.n - at;
        break;
    case 2: /* some stand here too */
        buf_add(text, (struct str){old.p + from, n});
        break;
    default: /* some stand here instead */
        buf_add(text, (struct str){old.p + from, n});
        at += n < old.n - at ? n : old.n - at;
        break;
    }
    buf_add(text, (struct str){old.p + at, old.n - at});
}

static void run_many(const struct buf *text, unsigned cases)
{
    for (unsigned i = 0; i < cases; i++) {
        SCOPED(buf_done) struct buf changed = BUF_INIT(MAX);
        buf_add(&changed, buf_str(text));
        for (uint64_t left = 1 + dice() % 4; left > 0; left--)
            mutate(&changed);
        run(buf_str(&changed));
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
    const char *cases = getenv("FUZZ_CASES");
    run(buf_str(&text));
    if (cases)
        run_many(&text, (unsigned)strtoul(cases, NULL, 10));
    else
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
