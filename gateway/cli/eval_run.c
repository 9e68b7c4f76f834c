/*
 * eval run - asks all that a suite asks, and judges what comes back.
 *
 * The requests go through the owner of the data directory, whole pipeline and ledger, and
 * so do the results.  Where nobody owns it, this process does for as long as the run takes:
 * it serves on the control socket alone, and a thread of it is the caller.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "eval/run.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/eval.h"
#include "gateway/cli/owner.h"
#include "gateway/core/config.h"
#include "gateway/net/fetch.h"
#include "gateway/server/server.h"
#include "gateway/store/keys.h"
#include "gateway/store/store.h"
#include "prompts/prompts.h"

enum {
    PATH_BYTES = 4096,
    ID_BYTES = 64,
    GROUP_ROWS = 1000,         /* results are written in groups ... */
    GROUP_BYTES = 1024 * 1024, /* ... of so much, or ... */
    GROUP_MS = 500,            /* ... after so long */
    DRAW_MS = 100,
    BAR_CELLS = 24,
    THREADS_MAX = 64,
    FULL_RATE = 100, /* percent */
};

struct job {
    const struct args *args;
    struct suite *suite;
    const char *dir;
    char socket[PATH_BYTES];
    struct buf url; /* of --gateway; empty: the owner is asked */
    bool gone;      /* who was asked does not answer any more */
    char id[ID_BYTES];
    bool resumed, bar;
    bool *done; /* rows of an earlier try */
    size_t first, end, n_done;
    atomic_bool stop;
    json_t *group;
    size_t group_bytes;
    int64_t group_ms, drawn_ms;
    size_t states[ROW_STATES];
    int64_t cost_nusd;
    struct err err;
    bool ok;
    pthread_t thread;
    bool threaded;
};

/* ---- the owner's part */

static bool admin(struct job *j, const char *method, const char *path, const json_t *in,
                  json_t **out, struct err *err)
{
    bool answered;
    return owner_ask(j->dir, method, path, in, out, &answered, err);
}

static bool write_group(struct job *j, bool ends, struct err *err)
{
    SCOPED(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
    buf_addf(&path, "/evals/%s/rows", j->id);
    json_t *in = json_pack("{s:o, s:b}", "rows", j->group, "ends", ends), *out = NULL;
    bool ok = admin(j, "POST", path.p, in, &out, err);
    json_decref(in);
    json_decref(out);
    j->group = json_array();
    j->group_bytes = 0;
    j->group_ms = clock_now_ms();
    return ok;
}

static json_t *columns_of(const struct suite *s)
{
    json_t *all = json_array();
    for (size_t i = 0; i < s->n_providers * s->n_prompts; i++) {
        const struct suite_provider *p = &s->providers[i / s->n_prompts];
        const struct suite_prompt *q = &s->prompts[i % s->n_prompts];
        json_array_append_new(all,
                              json_pack("{s:s, s:s, s:s}", "provider", p->label ? p->label : p->id,
                                        "label", q->label, "raw", q->raw));
    }
    return all;
}

static void make_id(char id[ID_BYTES])
{
    unsigned char chance[3];
    char time[CLOCK_TEXT_BYTES];
    crypto_random(chance, sizeof chance);
    clock_text(clock_wall_ms(), time);
    time[sizeof "2026-01-31T23:59:59" - 1] = '\0';
    snprintf(id, ID_BYTES, "eval-%c%c%c-%s", 'a' + chance[0] % 26, 'a' + chance[1] % 26,
             'a' + chance[2] % 26, time);
    for (char *c = id; *c; c++)
        *c = *c == ':' ? '-' : *c;
}

static bool create(struct job *j, struct err *err)
{
    char hash[HASH_HEX_BYTES];
    hash_hex(&j->suite->hash, hash);
    make_id(j->id);
    json_t *in = json_pack("{s:s, s:s?, s:s, s:s, s:I, s:{s:O, s:o}}", "id", j->id, "description",
                           j->suite->description, "source", j->suite->file, "hash", hash, "rows",
                           (json_int_t)(j->end - j->first), "config", "suite", j->suite->config,
                           "columns", columns_of(j->suite));
    json_t *out = NULL;
    bool ok = admin(j, "POST", "/evals", in, &out, err);
    json_decref(in);
    json_decref(out);
    return ok;
}

/* ---- going on with one that was broken off */

static const json_t *find_unfinished(const json_t *list, const char *wanted, const char *hash)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *run = json_array_get(list, i);
        bool same = strcmp(json_string_value(json_object_get(run, "hash")), hash) == 0;
        if (strcmp(wanted, "latest") == 0
                ? same && json_is_null(json_object_get(run, "ended"))
                : strcmp(json_string_value(json_object_get(run, "evalId")), wanted) == 0)
            return run;
    }
    return NULL;
}

static void mark_done(struct job *j, const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        size_t row = (size_t)json_integer_value(json_array_get(rows, i));
        if (row < j->end && !j->done[row]) {
            j->done[row] = true;
            j->n_done += row >= j->first;
        }
    }
}

static bool resume(struct job *j, const char *wanted, struct err *err)
{
    char hash[HASH_HEX_BYTES];
    SCOPED(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
    json_t *list = NULL, *rows = NULL, *in = json_object();
    hash_hex(&j->suite->hash, hash);
    bool ok = admin(j, "GET", "/evals", in, &list, err);
    const json_t *run = find_unfinished(list, wanted, hash);
    if (ok && !run)
        ok = err_say(err, ERR_not_found, NULL, "there is no unfinished run '%.64s' of this suite",
                     wanted);
    else if (ok && strcmp(json_string_value(json_object_get(run, "hash")), hash) != 0)
        ok = err_say(err, ERR_conflict, NULL,
                     "the suite is not what it was when '%.64s' began; start it anew", wanted);
    if (ok) {
        snprintf(j->id, ID_BYTES, "%s", json_string_value(json_object_get(run, "evalId")));
        buf_addf(&path, "/evals/%s/done", j->id);
        ok = admin(j, "GET", path.p, in, &rows, err);
    }
    if (ok)
        mark_done(j, rows);
    json_decref(in);
    json_decref(list);
    json_decref(rows);
    return ok;
}

/* ---- the rows */

static void draw(struct job *j, bool last)
{
    char bar[BAR_CELLS + 1];
    size_t n = j->end - j->first, cells = n ? j->n_done * BAR_CELLS / n : BAR_CELLS;
    int64_t now_ms = clock_now_ms();
    if (!j->bar || (!last && now_ms - j->drawn_ms < DRAW_MS))
        return;
    j->drawn_ms = now_ms;
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', cells < BAR_CELLS ? cells : BAR_CELLS);
    bar[BAR_CELLS] = '\0';
    out_complain("\r[%s] %zu/%zu  pass %zu  fail %zu  error %zu  $%.6f%s", bar, j->n_done, n,
                 j->states[ROW_PASSED], j->states[ROW_FAILED], j->states[ROW_ERROR],
                 (double)j->cost_nusd / 1e9, last ? "\n" : "");
}

static bool take(void *job, size_t row, struct row_result *result)
{
    struct job *j = job;
    SCOPED(scope_free) char *text = json_dumps(result->doc, JSON_COMPACT);
    json_object_set_new(result->doc, "id", json_integer((json_int_t)row));
    json_array_append_new(j->group,
                          json_pack("{s:I, s:s, s:f, s:I, s:I, s:o}", "row", (json_int_t)row,
                                    "state", row_state_words[result->state], "score", result->score,
                                    "latency_ms", (json_int_t)result->latency_ms, "cost_nusd",
                                    (json_int_t)result->cost_nusd, "result", result->doc));
    j->group_bytes += text ? strlen(text) : 0;
    j->n_done++;
    j->states[result->state]++;
    j->cost_nusd += result->cost_nusd;
    draw(j, false);
    bool full = json_array_size(j->group) >= GROUP_ROWS || j->group_bytes >= GROUP_BYTES ||
                clock_now_ms() - j->group_ms >= GROUP_MS;
    return !full || write_group(j, false, &j->err);
}

static unsigned threads_of(const struct job *j)
{
    int64_t n = j->suite->concurrency;
    if (args_has(j->args, "max-concurrency") &&
        !str_int(str_of(args_get(j->args, "max-concurrency")), &n))
        n = j->suite->concurrency;
    return (unsigned)(n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n);
}

static bool ask_rows(struct job *j)
{
    unsigned n = threads_of(j);
    const char *url = j->url.n ? j->url.p : NULL, *key = getenv("PENSTOCK_API_KEY");
    SCOPED(buf_done) struct buf tags = BUF_INIT(256);
    SCOPED(buf_done) struct buf bearer = BUF_INIT(4096);
    buf_addf(&tags, "x-penstock-tags: eval=%s", j->id);
    buf_addf(&bearer, "Authorization: Bearer %s", key ? key : "");
    struct eval_line *lines = mem_zalloc(n * sizeof *lines);
    struct client *clients = mem_zalloc(n * sizeof *clients);
    for (unsigned i = 0; i < n; i++) {
        struct eval_line *l = &lines[i];
        *l = (struct eval_line){.socket = url ? NULL : j->socket,
                                .url = url,
                                .line = fetch_line_new(),
                                .stop = &j->stop};
        size_t k = 0;
        l->header_lines[k++] = "Content-Type: application/json";
        l->header_lines[k++] = tags.p;
        if (url && key)
            l->header_lines[k++] = bearer.p;
        if (j->suite->no_cache || args_has(j->args, "no-cache"))
            l->header_lines[k++] = "x-penstock-cache: bypass";
        clients[i] = (struct client){eval_line_ask, l};
    }
    struct run run = {.suite = j->suite,
                      .clients = clients,
                      .n_clients = n,
                      .done = j->done,
                      .first = j->first,
                      .end = j->end,
                      .take = take,
                      .arg = j,
                      .stop = &j->stop};
    bool ok = run_rows(&run);
    for (unsigned i = 0; i < n; i++) {
        j->gone |= lines[i].gone;
        fetch_line_free(lines[i].line);
    }
    free(lines);
    free(clients);
    return ok;
}

/* What runs once there is somebody to ask. */
static void work(struct job *j)
{
    const char *wanted = args_get(j->args, "resume");
    j->group = json_array();
    j->group_ms = clock_now_ms();
    j->ok = wanted ? resume(j, wanted, &j->err) : create(j, &j->err);
    if (!j->ok)
        return;
    bool whole = ask_rows(j);
    struct err late = {0};
    j->ok = write_group(j, whole, &late) && whole;
    draw(j, true);
    if (!j->ok && j->err.code == ERR_none)
        err_say(&j->err, ERR_shutdown, NULL, "%s; go on with the run: --resume %s",
                j->gone ? "the gateway does not answer" : "the run was broken off", j->id);
}

/* ---- where nobody owns the directory */

static void *work_and_stop(void *job)
{
    work(job);
    kill(getpid(), SIGTERM);
    return NULL;
}

static void start_work(const char *address, void *job)
{
    struct job *j = job;
    (void)address;
    j->threaded = pthread_create(&j->thread, NULL, work_and_stop, j) == 0;
    if (!j->threaded)
        abort(); /* out of memory, as in mem.c */
}

static bool serve_and_work(struct job *j, struct config *c, struct err *err)
{
    struct store_options so = {.strict = c->durability == DURABILITY_strict,
                               .no_ledger = c->durability == DURABILITY_none};
    struct server_options o = {.config_path = config_path(j->args),
                               .over = {.data_dir = args_get(j->args, "data-dir")},
                               .is_private = true};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC); /* a command tells its user itself */
    log_open(nowhere);
    struct store *s = store_open(c->data_dir, &so, err);
    bool made, ok = s && keys_first(s, &made, err);
    struct prompts *p = ok ? prompts_open(s, err) : NULL;
    ok = p &&
         (!c->prompts.dir || inbox_push(p, c->prompts.dir, false, NULL, cli_complain, NULL, err)) &&
         server_run(s, p, config_ref(c), &o, start_work, j, err);
    if (j->threaded) {
        atomic_store(&j->stop, true);
        pthread_join(j->thread, NULL);
    }
    prompts_close(p);
    store_close(s);
    log_close();
    close(nowhere);
    return ok;
}

/* ---- the command */

static const char **models_of(const struct config *c)
{
    const char **names = mem_zalloc((c->n_models + 1) * sizeof *names);
    for (unsigned i = 0; i < c->n_models; i++)
        names[i] = c->models[i].name;
    return names;
}

/* "3:10" and "5": the rows of tests 3 to 9, of the first five. */
static bool filter(struct job *j, struct err *err)
{
    const struct suite *s = j->suite;
    size_t width = s->n_providers * s->n_prompts;
    const char *first_n = args_get(j->args, "filter-first-n"),
               *range = args_get(j->args, "filter-range");
    int64_t from = 0, to = (int64_t)(s->n_tests * s->repeat);
    struct str rest = str_of(range), part;
    bool ok = !first_n || str_int(str_of(first_n), &to);
    if (ok && range)
        ok = str_next(&rest, ':', &part) && str_int(part, &from) && str_int(rest, &to);
    if (!ok || from < 0 || to < from)
        return err_say(err, ERR_bad_request, NULL,
                       "--filter-first-n N, --filter-range FROM:TO, counted from 0");
    j->first = (size_t)from * width;
    j->end = (size_t)to * width < suite_rows(s) ? (size_t)to * width : suite_rows(s);
    return true;
}

static bool check_outputs(const struct args *a, struct err *err)
{
    const char *path;
    for (size_t i = 0; (path = args_nth(a, "output", i)); i++)
        if (!output_find(str_of(path)))
            return err_say(err, ERR_bad_request, NULL,
                           "'%.100s': a file ends in .json, .xml, .html or .csv", path);
    return true;
}

static bool write_outputs(struct job *j, struct err *err)
{
    struct eval_reader r;
    const char *path;
    bool ok = eval_reader_open(&r, j->args, j->id, err);
    for (size_t i = 0; ok && (path = args_nth(j->args, "output", i)); i++)
        ok = output_write(path, &r.source, err);
    if (ok && !args_has(j->args, "output"))
        ok = eval_print(&r.source, err);
    eval_reader_close(&r);
    return ok;
}

static bool is_below(const struct job *j)
{
    int64_t rate = FULL_RATE;
    const char *text = getenv("PROMPTFOO_PASS_RATE_THRESHOLD");
    if (text && !str_int(str_of(text), &rate))
        rate = FULL_RATE;
    size_t n = j->states[ROW_PASSED] + j->states[ROW_FAILED] + j->states[ROW_ERROR];
    return n && (double)j->states[ROW_PASSED] * FULL_RATE < (double)rate * (double)n;
}

/* Of all its rows, also those of an earlier try. */
static bool count_all(struct job *j, struct err *err)
{
    struct eval_reader r;
    bool ok = eval_reader_open(&r, j->args, j->id, err);
    if (ok) {
        j->states[ROW_PASSED] = (size_t)json_integer_value(json_object_get(r.source.run, "passed"));
        j->states[ROW_FAILED] = (size_t)json_integer_value(json_object_get(r.source.run, "failed"));
        j->states[ROW_ERROR] = (size_t)json_integer_value(json_object_get(r.source.run, "errors"));
    }
    eval_reader_close(&r);
    return ok;
}

static bool run_job(struct job *j, struct config *c, struct err *err)
{
    if (!filter(j, err))
        return false;
    if (args_has(j->args, "dry-run")) {
        out_print("%zu rows: %zu tests, %zu prompts, %zu providers\n", j->end - j->first,
                  j->suite->n_tests, j->suite->n_prompts, j->suite->n_providers);
        return true;
    }
    j->done = mem_zalloc(j->end + 1);
    j->dir = c->data_dir;
    snprintf(j->socket, sizeof j->socket, "%s/control.sock", c->data_dir);
    if (store_is_owned(j->dir))
        work(j);
    else if (!serve_and_work(j, c, err))
        return false;
    if (j->ok && count_all(j, err) && write_outputs(j, err))
        return true;
    if (j->err.code != ERR_none)
        *err = j->err;
    return false;
}

static int eval_run_command(const struct args *a)
{
    struct err err = {0};
    struct job j = {.args = a,
                    .url = BUF_INIT(PATH_BYTES),
                    .bar = isatty(STDERR_FILENO) && !args_has(a, "no-progress-bar")};
    struct config_override over = {.data_dir = args_get(a, "data-dir")};
    const char *path = args_get(a, "suite");
    const char *url = args_get(a, "gateway");
    if (a->n_words > 0)
        return EXIT_USAGE;
    if (url && !eval_line_url(url, &j.url, &err))
        return cli_fail(&err);
    struct config *c = config_load(config_path(a), &over, cli_complain, NULL);
    if (!c)
        return EXIT_FAILED;
    const char **models = models_of(c);
    struct suite_ask ask = {.path = path ? path : "promptfooconfig.yaml",
                            .grader = args_get(a, "grader"),
                            .models = url ? NULL : models,
                            .complain = cli_complain,
                            .warn = cli_warn};
    bool ok = check_outputs(a, &err) && (j.suite = suite_load(&ask, &err)) && run_job(&j, c, &err);
    bool below = ok && is_below(&j);
    suite_free(j.suite);
    json_decref(j.group);
    buf_done(&j.url);
    free(j.done);
    free(models);
    config_unref(c);
    return !ok ? cli_fail(&err) : below ? EXIT_BELOW : EXIT_OK;
}

static const struct arg_option options[] = {
    {"suite", 'c', "FILE", "the suite; promptfooconfig.yaml"},
    {"output", 'o', "FILE",
     "where to: .json, .xml (JUnit), .html or .csv; may be given several times"},
    {"max-concurrency", 'j', "N", "rows at a time, instead of the suite's"},
    {"grader", 0, "NAME", "the model that judges where the suite names none"},
    {"filter-first-n", 'n', "N", "the first tests only"},
    {"filter-range", 0, "FROM:TO", "tests FROM to TO - 1, from 0"},
    {"resume", 0, "ID", "go on with a run that was broken off: its id, or latest"},
    {"no-cache", 0, NULL, "take no answer from the gateway's cache"},
    {"no-progress-bar", 0, NULL, "draw none"},
    {"gateway", 0, "URL", "ask another gateway, with the key in PENSTOCK_API_KEY"},
    OPTION_DRY_RUN,
    OPTION_GATEWAY,
    OPTION_DATA_DIR,
    {0},
};

const struct command eval_run = {
    .name = "run",
    .args = "",
    .help = "run a suite; exit 100 if fewer rows pass than are to (PROMPTFOO_PASS_RATE_THRESHOLD, "
            "100 percent)",
    .more = "Reads promptfoo's YAML; what is not supported is said with its place, before anything "
            "is asked. Needs "
            "no running server.",
    .options = options,
    .run = eval_run_command,
};
