/* rag - collections of documents and the versions of their indexes. */
#include "gateway/base/out.h"
#include "gateway/base/str.h"
#include "gateway/cli/listing.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/rag_priv.h"
#include "gateway/cli/show.h"

#include <stdio.h>
#include <string.h>

static const struct arg_option list_options[] = {OPTION_JSON, OPTION_CONFIG, OPTION_DATA_DIR, {0}};
static const struct arg_option label_options[] = {
    OPTION_JSON, OPTION_DRY_RUN, OPTION_CONFIG, OPTION_DATA_DIR, {0}};
static const struct arg_option rollback_options[] = {
    {"label", 0, "LABEL", "the label that goes back; production if not given"},
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};

bool rag_path(const char *collection, const char *verb, char path[RAG_PATH_BYTES], struct err *err)
{
    size_t n =
        strspn(collection, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-");
    bool ok = n > 0 && n <= 64 && !collection[n];
    if (!ok)
        return err_say(err, ERR_not_found, "collection", "there is no collection '%.64s'",
                       collection);
    snprintf(path, RAG_PATH_BYTES, "/rag/%s/%s", collection, verb);
    return true;
}

static int list_run(const struct args *a)
{
    static const char *const columns[] = {"collection", "version", "documents",
                                          "passages",   "labels",  "created_ms"};
    return listing_run(a, "/rag", columns, sizeof columns / sizeof columns[0]);
}

/* Exit 1 if one of them cannot be served. */
static int health_run(const struct args *a)
{
    static const char *const columns[] = {"collection", "version",         "labels", "ok",
                                          "embedder",   "lexical_percent", "problem"};
    struct err err = {0};
    if (a->n_words)
        return EXIT_USAGE;
    json_t *in = json_object(), *out = NULL;
    bool ok = owner_call(a, "GET", "/rag/health", in, &out, &err), well = true;
    for (size_t i = 0; ok && i < json_array_size(out); i++)
        well &= json_is_true(json_object_get(json_array_get(out, i), "ok"));
    if (ok && args_has(a, "json"))
        show_json(out);
    else if (ok)
        show_table(out, columns, sizeof columns / sizeof columns[0], NULL);
    json_decref(in);
    json_decref(out);
    if (!ok)
        return cli_fail(&err);
    return well ? EXIT_OK : EXIT_FAILED;
}

static int change(const struct args *a, const char *verb, json_t *in)
{
    char path[RAG_PATH_BYTES];
    struct err err = {0};
    json_t *out = NULL;
    bool ok =
        rag_path(a->words[0], verb, path, &err) && owner_call(a, "POST", path, in, &out, &err);
    if (ok && args_has(a, "json"))
        show_json(out);
    else if (ok)
        out_print("%s of %s %s version %lld\n", json_string_value(json_object_get(out, "label")),
                  a->words[0], args_has(a, "dry-run") ? "would be" : "is now",
                  (long long)json_integer_value(json_object_get(out, "version")));
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int label_run(const struct args *a)
{
    int64_t version;
    if (a->n_words != 3 || !str_int(str_of(a->words[2]), &version))
        return EXIT_USAGE;
    return change(a, "label",
                  json_pack("{s:s, s:I}", "label", a->words[1], "version", (json_int_t)version));
}

static int rollback_run(const struct args *a)
{
    if (a->n_words != 1)
        return EXIT_USAGE;
    json_t *in = json_object();
    if (args_has(a, "label"))
        json_object_set_new(in, "label", json_string(args_get(a, "label")));
    return change(a, "rollback", in);
}

static const struct command list = {
    .name = "list",
    .args = "",
    .help = "list the versions of all collections and their labels",
    .options = list_options,
    .run = list_run,
};

static const struct command health = {
    .name = "health",
    .args = "",
    .help = "check the files of every version; exit 1 if one is damaged",
    .options = list_options,
    .run = health_run,
};

static const struct command label = {
    .name = "label",
    .args = "COLLECTION LABEL VERSION",
    .help = "point a label to a version; `production` is what is served",
    .options = label_options,
    .run = label_run,
};

static const struct command rollback = {
    .name = "rollback",
    .args = "COLLECTION",
    .help = "point a label to the version it had before",
    .options = rollback_options,
    .run = rollback_run,
};

const struct command command_rag = {
    .name = "rag",
    .args = "...",
    .help = "ingest documents, search them, and move between versions of their index",
    .subs = (const struct command *const[]){&rag_ingest, &list, &rag_search, &label, &rollback,
                                            &health, NULL},
};
