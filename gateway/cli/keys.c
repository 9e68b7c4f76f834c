/* keys - who may call. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/file.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/base/str.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/listing.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"

enum { SECRET_FILE_BYTES = 4096, PATH_BYTES = 256 };

#define OPTION_SECRET_FROM                                                                         \
    {                                                                                              \
        "secret-from", 0, "FILE|-", "import a secret of 8 characters or more, - from stdin"        \
    }

static const struct arg_option create_options[] = {
    {"team", 0, "TEAM", "the team it belongs to"},
    {"models", 0, "LIST",
     "models and prompts it may use, a,b,prompt:x; * for all; without it none"},
    {"name", 0, "NAME", "what people call it"},
    {"tag", 0, "TAG", "a tag of the key; may be given more than once"},
    {"metadata", 0, "NAME=VALUE", "kept with the key; may be given more than once"},
    {"limits", 0, "JSON", "its own, as {\"requests\": {\"per_minute\": 60, \"burst\": 5}, \"concurrent\": 2}"},
    {"expires", 0, "TIME", "2026-01-31, 2026-01-31T12:00:00Z, or 30d or 12h from now"},
    OPTION_SECRET_FROM,
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};
static const struct arg_option rotate_options[] = {
    OPTION_SECRET_FROM, OPTION_JSON, OPTION_DRY_RUN, OPTION_CONFIG, OPTION_DATA_DIR, {0}};
static const struct arg_option revoke_options[] = {
    OPTION_JSON, OPTION_DRY_RUN, OPTION_CONFIG, OPTION_DATA_DIR, {0}};
static const struct arg_option list_options[] = {OPTION_JSON, OPTION_CONFIG, OPTION_DATA_DIR, {0}};

/* The file without the line end that an editor puts there. */
static bool add_secret(const struct args *a, json_t *in, struct err *err)
{
    const char *file = args_get(a, "secret-from");
    if (!file)
        return true;
    SCOPED(scope_free)
    char *text = file_read(strcmp(file, "-") == 0 ? "/dev/stdin" : file, SECRET_FILE_BYTES, err);
    if (!text)
        return false;
    text[strcspn(text, "\r\n")] = '\0';
    if (!*text)
        return err_say(err, ERR_bad_request, NULL, "there is no secret in %.128s", file);
    return json_object_set_new(in, "secret", json_string(text)) == 0 ||
           err_say(err, ERR_bad_request, NULL, "a secret consists of printable ASCII characters");
}

static json_t *split_models(const char *text)
{
    json_t *list = json_array();
    struct str rest = str_of(text), part;
    while (str_next(&rest, ',', &part))
        if (part.n)
            json_array_append_new(list, json_stringn(part.p, part.n));
    return list;
}

static bool add_metadata(const struct args *a, json_t *in, struct err *err)
{
    json_t *metadata = json_object();
    json_object_set_new(in, "metadata", metadata);
    const char *pair;
    for (size_t i = 0; (pair = args_nth(a, "metadata", i)); i++) {
        const char *equals = strchr(pair, '=');
        if (!equals)
            return err_say(err, ERR_bad_request, NULL, "--metadata is NAME=VALUE");
        json_object_setn_new(metadata, pair, (size_t)(equals - pair), json_string(equals + 1));
    }
    return true;
}

static bool read_create(const struct args *a, json_t *in, struct err *err)
{
    static const char *const plain[] = {"team", "name", "expires"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (args_has(a, plain[i]))
            json_object_set_new(in, plain[i], json_string(args_get(a, plain[i])));
    json_object_set_new(in, "models", split_models(args_get(a, "models")));
    json_t *tags = json_array();
    const char *tag;
    for (size_t i = 0; (tag = args_nth(a, "tag", i)); i++)
        json_array_append_new(tags, json_string(tag));
    json_object_set_new(in, "tags", tags);
    return args_add_json(a, "limits", in, err) && add_metadata(a, in, err) && add_secret(a, in, err);
}

static void show_made(const struct args *a, const json_t *key)
{
    const char *secret = json_string_value(json_object_get(key, "key"));
    if (args_has(a, "json")) {
        show_json(key);
        return;
    }
    if (!secret) {
        out_complain("nothing was changed\n");
        return;
    }
    out_print("id    %s\n", json_string_value(json_object_get(key, "id")));
    out_print("team  %s\n", json_string_value(json_object_get(key, "team")));
    out_print("key   %s\n", secret);
    out_complain("The key is shown this once; only a hash of it is kept.\n");
}

static int create_run(const struct args *a)
{
    if (a->n_words || !args_has(a, "team"))
        return EXIT_USAGE;
    struct err err = {0};
    json_t *in = json_object(), *out = NULL;
    bool ok = read_create(a, in, &err) && owner_call(a, "POST", "/keys", in, &out, &err);
    if (ok)
        show_made(a, out);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

/* An id goes into a path as it is. */
static bool key_path(const char *id, const char *verb, char path[PATH_BYTES])
{
    size_t n = strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-");
    return n > 0 && !id[n] && n < PATH_BYTES / 2 &&
           snprintf(path, PATH_BYTES, "/keys/%s/%s", id, verb) > 0;
}

static int change(const struct args *a, const char *verb,
                  void (*show)(const struct args *a, const json_t *key))
{
    char path[PATH_BYTES];
    if (a->n_words != 1)
        return EXIT_USAGE;
    struct err err = {0};
    json_t *in = json_object(), *out = NULL;
    bool ok = key_path(a->words[0], verb, path) ||
              err_say(&err, ERR_not_found, "id", "there is no key '%.64s'", a->words[0]);
    ok = ok && add_secret(a, in, &err) && owner_call(a, "POST", path, in, &out, &err);
    if (ok)
        show(a, out);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int rotate_run(const struct args *a)
{
    return change(a, "rotate", show_made);
}

static void show_revoked(const struct args *a, const json_t *key)
{
    if (args_has(a, "json"))
        show_json(key);
}

static int revoke_run(const struct args *a)
{
    return change(a, "revoke", show_revoked);
}

static int list_run(const struct args *a)
{
    static const char *const columns[] = {"id",   "team",       "name",       "models",
                                          "tags", "created_ms", "expires_ms", "revoked_ms"};
    return listing_run(a, "/keys", columns, sizeof columns / sizeof columns[0]);
}

static const struct command create = {
    .name = "create",
    .args = "--team TEAM",
    .help = "make a key; it is shown once",
    .options = create_options,
    .run = create_run,
};

static const struct command list = {
    .name = "list",
    .args = "",
    .help = "list the keys, without their secrets",
    .options = list_options,
    .run = list_run,
};

static const struct command revoke = {
    .name = "revoke",
    .args = "ID",
    .help = "end a key, at once and for ever",
    .options = revoke_options,
    .run = revoke_run,
};

static const struct command rotate = {
    .name = "rotate",
    .args = "ID",
    .help = "give a key another secret; the old one ends at once",
    .options = rotate_options,
    .run = rotate_run,
};

const struct command command_keys = {
    .name = "keys",
    .args = "...",
    .help = "make, list, rotate and revoke keys",
    .subs = (const struct command *const[]){&create, &list, &revoke, &rotate, NULL},
};
