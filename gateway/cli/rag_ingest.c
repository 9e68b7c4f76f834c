/* rag ingest - makes a version of a collection out of files. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/out.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/rag_priv.h"
#include "gateway/cli/show.h"

static const struct arg_option options[] = {
    {"add", 0, NULL, "keep the documents that the collection has and the files do not"},
    {"label", 0, "LABEL", "the label that points to the version at once; production if not given"},
    {"no-label", 0, NULL, "make the version, and serve what was served before"},
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};

/* The owner may work elsewhere, so paths are whole; one that is not there is for it to complain of.
 */
static bool add_paths(const struct args *a, json_t *in, struct err *err)
{
    json_t *paths = json_array();
    json_object_set_new(in, "paths", paths);
    for (size_t i = 1; i < a->n_words; i++) {
        char *whole = realpath(a->words[i], NULL);
        json_t *path = json_string(whole ? whole : a->words[i]);
        free(whole);
        if (!path)
            return err_say(err, ERR_bad_request, NULL, "a path is not UTF-8");
        json_array_append_new(paths, path);
    }
    return true;
}

static long long number(const json_t *o, const char *member)
{
    return (long long)json_integer_value(json_object_get(o, member));
}

static void show_fusion(const json_t *out)
{
    const json_t *f = json_object_get(out, "fusion");
    const char *embedder = json_string_value(json_object_get(out, "embedder"));
    long long percent = number(f, "lexical_percent");
    if (number(f, "questions") == 0)
        return;
    out_print("found again of %lld questions made of the documents (mean reciprocal rank): lexical "
              ".%03lld, dense (%s) "
              ".%03lld, both .%03lld\n",
              number(f, "questions"), number(f, "lexical"), embedder, number(f, "dense"),
              number(f, "fused"));
    if (percent == 100)
        out_print("the dense leg does not help here: search is lexical\n");
    else
        out_print("search weighs them %lld to %lld\n", percent, 100 - percent);
}

static void show(const struct args *a, const json_t *out)
{
    if (args_has(a, "json")) {
        show_json(out);
        return;
    }
    bool dry = args_has(a, "dry-run");
    const char *name = a->words[0];
    if (json_is_true(json_object_get(out, "unchanged")) && !dry)
        out_print("%s: nothing has changed since version %lld\n", name, number(out, "version"));
    else
        out_print("%s: %s %lld: %lld documents (%lld kept, %lld changed, %lld new, %lld gone), "
                  "%lld passages, %lld embedded\n",
                  name, dry ? "would be the version after" : "version", number(out, "version"),
                  number(out, "documents"), number(out, "kept"), number(out, "changed"),
                  number(out, "added"), number(out, "removed"), number(out, "passages"),
                  number(out, "embedded"));
    if (number(out, "resumed"))
        out_print("%lld of them had been embedded before the last ingest ended\n",
                  number(out, "resumed"));
    if (number(out, "skipped"))
        out_print("%lld files of other formats were left alone\n", number(out, "skipped"));
    if (!dry)
        show_fusion(out);
}

static int ingest_run(const struct args *a)
{
    char path[RAG_PATH_BYTES];
    struct err err = {0};
    if (a->n_words < 1 || (args_has(a, "label") && args_has(a, "no-label")))
        return EXIT_USAGE;
    json_t *in = json_object(), *out = NULL;
    if (args_has(a, "label"))
        json_object_set_new(in, "label", json_string(args_get(a, "label")));
    if (args_has(a, "no-label"))
        json_object_set_new(in, "label", json_string(""));
    json_object_set_new(in, "add", json_boolean(args_has(a, "add")));
    bool ok = add_paths(a, in, &err) && rag_path(a->words[0], "ingest", path, &err) &&
              owner_call(a, "POST", path, in, &out, &err);
    if (ok)
        show(a, out);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

const struct command rag_ingest = {
    .name = "ingest",
    .args = "COLLECTION [DIR|FILE]...",
    .help = "make the collection what these files hold: .md .txt .html .pdf .jsonl",
    .more = "Only documents that changed are cut and embedded. The new version is served at once, "
            "whole or not at all. "
            "Documents that are no longer there are gone, unless --add is given. Without a path it "
            "reads the collection's dir.",
    .options = options,
    .run = ingest_run,
};
