#include "gateway/cli/owner.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/base/str.h"
#include "gateway/cli/cli.h"
#include "gateway/core/config.h"
#include "gateway/net/fetch.h"
#include "gateway/server/admin.h"
#include "prompts/prompts.h"
#include "prompts/rollouts.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 * 1024, ANSWER_MS = 2 * 3600 * 1000 /* an ingest takes its time */, PATH_BYTES = 4096 };

const char *config_path(const struct args *a)
{
    const char *path = args_get(a, "config");
    return path ? path : getenv("PENSTOCK_CONFIG");
}

char *owner_data_dir(const struct args *a, struct err *err)
{
    struct config_override over = {.data_dir = args_get(a, "data-dir")};
    SCOPED(buf_done) struct buf copy = BUF_INIT(PATH_BYTES);
    if (over.data_dir) {
        buf_add(&copy, str_of(over.data_dir));
    } else {
        struct config *c = config_load(config_path(a), &over, cli_complain, NULL);
        if (!c) {
            err_say(err, ERR_bad_config, NULL, "the config cannot be used");
            return NULL;
        }
        buf_add(&copy, str_of(c->data_dir));
        config_unref(c);
    }
    if (buf_ok(&copy) && copy.n)
        return buf_take(&copy);
    err_say(err, ERR_bad_request, NULL, "that is no data directory");
    return NULL;
}

static bool read_answer(int status, struct str text, json_t **out, struct err *err)
{
    json_t *doc = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
    if (doc && status < 300) {
        *out = doc;
        return true;
    }
    const json_t *why = json_object_get(json_object_get(doc, "error"), "message");
    if (why)
        err_say(err, ERR_internal, NULL, "%s", json_string_value(why));
    else
        err_say(err, ERR_internal, NULL, "the server answered with status %d", status);
    json_decref(doc);
    return false;
}

/* What a GET is to know goes into its query; names and labels need no escapes. */
static void add_query(struct buf *url, const json_t *in)
{
    const char *name;
    json_t *v;
    char separator = strchr(url->p, '?') ? '&' : '?';
    json_object_foreach((json_t *)in, name, v) {
        if (json_is_string(v))
            buf_addf(url, "%c%s=%s", separator, name, json_string_value(v));
        separator = json_is_string(v) ? '&' : separator;
    }
}

bool owner_ask(const char *dir, const char *method, const char *path, const json_t *in,
                       json_t **out, bool *answered, struct err *err)
{
    SCOPED(buf_done) struct buf socket = BUF_INIT(PATH_BYTES);
    SCOPED(buf_done) struct buf url = BUF_INIT(PATH_BYTES);
    SCOPED(buf_done) struct buf answer = BUF_INIT(ANSWER_MAX_BYTES);
    buf_addf(&socket, "%s/control.sock", dir);
    buf_addf(&url, "http://localhost/admin/v1%s", path);
    if (strcmp(method, "GET") == 0)
        add_query(&url, in);
    *answered = false;
    if (access(socket.p, F_OK) != 0)
        return err_set(err, ERR_upstream_down, "there is no %s", socket.p);
    SCOPED(scope_free) char *body = strcmp(method, "GET") == 0 ? NULL : json_dumps(in, 0);
    struct fetch f = {
        .unix_socket = socket.p,
        .url = url.p,
        .method = method,
        .body = str_of(body),
        .header_lines = (const char *[]){"Content-Type: application/json", NULL},
        .timeout_ms = ANSWER_MS,
    };
    int status;
    if (!fetch_run(&f, &status, &answer, err))
        return false;
    *answered = true;
    return read_answer(status, buf_str(&answer), out, err);
}

/* Only for people: a line that is written over. */
static void owner_progress(void *arg, const char *what, size_t done, size_t total)
{
    (void)arg;
    enum { WIDTH = 30 };
    char bar[WIDTH + 1];
    size_t full = total ? done * WIDTH / total : WIDTH;
    if (!isatty(STDERR_FILENO))
        return;
    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = '\0';
    out_complain("\r%-10s [%s] %zu/%zu\033[K%s", what, bar, done, total, done >= total ? "\r\033[K" : "");
}

static bool do_here(const struct args *args, const char *dir, const char *method, const char *path,
                    json_t *in, json_t **out, struct err *err)
{
    struct store_options o = {.strict = true, .dry_run = args_has(args, "dry-run")};
    struct admin a = {
        .store = store_open(dir, &o, err),
        .quiet = true,
        .config_path = config_path(args),
        .progress = owner_progress,
        .complain = cli_complain,
    };
    if (!a.store) {
        if (err->code == ERR_locked)
            err_wrap(err, "nobody answers on %s/control.sock, but", dir);
        return false;
    }
    a.prompts = prompts_open(a.store, err);
    a.rollouts = a.prompts ? rollouts_open(a.store, clock_wall_ms(), err) : NULL;
    bool ok = a.rollouts && rollouts_settle(a.rollouts, a.prompts, err) &&
              admin_run(&a, method, str_of(path), in, out, err);
    rollouts_free(a.rollouts);
    prompts_close(a.prompts);
    store_close(a.store);
    return ok;
}

static bool call(const struct args *a, const char *dir, const char *method, const char *path,
                 json_t *in, json_t **out, struct err *err)
{
    struct err unreached = {0};
    bool answered;
    if (owner_ask(dir, method, path, in, out, &answered, &unreached))
        return true;
    if (!answered)
        return do_here(a, dir, method, path, in, out, err);
    *err = unreached;
    return false;
}

bool owner_call(const struct args *a, const char *method, const char *path, json_t *in,
                json_t **out, struct err *err)
{
    SCOPED(scope_free) char *dir = owner_data_dir(a, err);
    if (!dir)
        return false;
    if (args_has(a, "dry-run"))
        json_object_set_new(in, "dry_run", json_true());
    *out = NULL;
    return call(a, dir, method, path, in, out, err);
}

bool owner_flush(const char *data_dir, struct err *err)
{
    json_t *in = json_object(), *out = NULL;
    struct err unreached = {0};
    bool answered, ok = owner_ask(data_dir, "POST", "/flush", in, &out, &answered, &unreached);
    json_decref(in);
    json_decref(out);
    if (ok)
        return true;
    if (answered) {
        *err = unreached;
        return false;
    }
    return !store_is_owned(data_dir) ||
           err_set(err, ERR_locked, "a process owns %s, but nobody answers on its control.sock",
                   data_dir);
}

bool args_add_json(const struct args *a, const char *name, json_t *in, struct err *err)
{
    const char *text = args_get(a, name);
    json_error_t why;
    if (!text)
        return true;
    json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    return (doc && json_object_set_new(in, name, doc) == 0) ||
           err_say(err, ERR_bad_request, name, "--%s is no JSON: %.100s", name, why.text);
}
