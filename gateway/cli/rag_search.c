/* rag search - passages for a reader. */
#include <string.h>

#include "gateway/base/file.h"
#include "gateway/base/out.h"
#include "gateway/base/str.h"
#include "gateway/base/scope.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/rag_priv.h"
#include "gateway/cli/show.h"

enum { QUERIES_MAX_BYTES = 64 * 1024 * 1024, BATCH = 256 };

static const struct arg_option options[] = {
    {"team", 0, "TEAM", "who reads: a team; only what it may read is searched"},
    {"tag", 0, "TAG", "who reads: a tag of a key; may be given more than once"},
    {"k", 'k', "N", "how many passages at most, 1 to 50; the collection's k if not given"},
    {"label", 0, "LABEL", "a label or a version; production if not given"},
    {"queries", 0, "FILE",
     "many queries, one {\"id\": ..., \"query\": ...} a line; the answers have one line each"},
    OPTION_JSON,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};

static bool read_reader(const struct args *a, json_t *in, struct err *err)
{
    int64_t k = 0;
    const char *tag;
    json_t *tags = json_array();
    for (size_t i = 0; (tag = args_nth(a, "tag", i)) != NULL; i++)
        json_array_append_new(tags, json_string(tag));
    json_object_set_new(in, "tags", tags);
    if (args_has(a, "team"))
        json_object_set_new(in, "team", json_string(args_get(a, "team")));
    if (args_has(a, "label"))
        json_object_set_new(in, "label", json_string(args_get(a, "label")));
    if (args_has(a, "k") && !str_int(str_of(args_get(a, "k")), &k))
        return err_say(err, ERR_bad_request, "k", "-k is a number");
    if (args_has(a, "k"))
        json_object_set_new(in, "k", json_integer(k));
    return true;
}

static void show_hits(const struct args *a, const json_t *hits)
{
    for (size_t i = 0; i < json_array_size(hits); i++) {
        const json_t *h = json_array_get(hits, i);
        out_print("%s%zu. %s:%lld-%lld  %.3f  %s\n%s\n", i ? "\n" : "", i + 1,
                  json_string_value(json_object_get(h, "file_id")),
                  (long long)json_integer_value(json_object_get(h, "start")),
                  (long long)json_integer_value(json_object_get(h, "end")),
                  json_real_value(json_object_get(h, "score")),
                  json_string_value(json_object_get(h, "heading")),
                  json_string_value(json_object_get(h, "text")));
    }
    if (json_array_size(hits) == 0)
        out_complain("nothing that %s may read was found\n",
                     args_has(a, "team") ? args_get(a, "team") : "they");
}

static bool ask(const struct args *a, const char *path, json_t *in, struct err *err)
{
    json_t *out = NULL;
    if (!owner_call(a, "POST", path, in, &out, err))
        return false;
    if (json_is_array(out))
        for (size_t i = 0; i < json_array_size(out); i++)
            show_json(json_array_get(out, i));
    else if (args_has(a, "json"))
        show_json(out);
    else
        show_hits(a, json_object_get(out, "hits"));
    json_decref(out);
    return true;
}

/* In batches, so that neither question nor answer grows without bound. */
static bool ask_many(const struct args *a, const char *path, json_t *in, struct err *err)
{
    const char *name = args_get(a, "queries");
    SCOPED(scope_free)
    char *text = file_read(strcmp(name, "-") == 0 ? "/dev/stdin" : name, QUERIES_MAX_BYTES, err);
    struct str rest = str_of(text), line;
    bool ok = text != NULL;
    size_t number = 0;
    while (ok && rest.n) {
        json_t *batch = json_array();
        json_object_set_new(in, "queries", batch);
        while (ok && rest.n && json_array_size(batch) < BATCH && str_next(&rest, '\n', &line)) {
            json_error_t why;
            number++;
            if (str_trim(line).n == 0)
                continue;
            json_t *q = json_loadb(line.p, line.n, 0, &why);
            ok = q || err_say(err, ERR_bad_request, NULL,
                              "%.64s:%zu:%d: %.100s; a line is {\"id\": \"…\", \"query\": \"…\"}",
                              name, number, why.column, why.text);
            if (q)
                json_array_append_new(batch, q);
        }
        ok = ok && (json_array_size(batch) == 0 || ask(a, path, in, err));
    }
    return ok;
}

static int search_run(const struct args *a)
{
    char path[RAG_PATH_BYTES];
    struct err err = {0};
    bool many = args_has(a, "queries");
    if (a->n_words != (many ? 1 : 2) || (!args_has(a, "team") && !args_has(a, "tag")))
        return EXIT_USAGE;
    json_t *in = json_object();
    if (!many)
        json_object_set_new(in, "query", json_string(a->words[1]));
    bool ok = read_reader(a, in, &err) && rag_path(a->words[0], "search", path, &err) &&
              (many ? ask_many(a, path, in, &err) : ask(a, path, in, &err));
    json_decref(in);
    return ok ? EXIT_OK : cli_fail(&err);
}

const struct command rag_search = {
    .name = "search",
    .args = "COLLECTION \"QUERY\" --team TEAM",
    .help = "show the passages that a reader gets for a question",
    .options = options,
    .run = search_run,
};
