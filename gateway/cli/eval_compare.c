/* eval compare - is one run better than another, worse, or can nobody tell? */
#include <string.h>
#include <unistd.h>

#include "eval/compare.h"
#include "gateway/base/mem.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/eval.h"
#include "gateway/cli/show.h"

#define DEFAULT_MARGIN 0.02

struct filling {
    struct compare_set *set;
    int64_t column;
};

static void add_row(void *arg, const json_t *row)
{
    struct filling *f = arg;
    compare_set_add(f->set, json_object_get(row, "result"), f->column);
}

static bool add_file(struct filling *f, const char *path, struct err *err)
{
    json_error_t why;
    json_t *doc = json_load_file(path, 0, &why);
    const json_t *results = json_object_get(json_object_get(doc, "results"), "results");
    bool ok = json_is_array(results);
    for (size_t i = 0; i < json_array_size(results); i++)
        compare_set_add(f->set, json_array_get(results, i), f->column);
    json_decref(doc);
    return ok || err_say(err, ERR_bad_request, NULL, "'%.160s' is no JSON output of a run", path);
}

/* "ID", "FILE.json", each perhaps with "#COLUMN" from 0. */
static struct compare_set *read_set(const struct args *a, const char *word, struct err *err)
{
    struct filling f = {compare_set_new(), -1};
    char *name = mem_zalloc(strlen(word) + 1);
    memcpy(name, word, strlen(word));
    char *hash = strrchr(name, '#');
    struct eval_reader r = {0};
    bool ok = true;
    if (hash && str_int(str_of(hash + 1), &f.column))
        *hash = '\0';
    if (access(name, R_OK) == 0)
        ok = add_file(&f, name, err);
    else
        ok = eval_reader_open(&r, a, name, err) && output_each(&r.source, add_row, &f, err);
    eval_reader_close(&r);
    free(name);
    if (ok)
        return f.set;
    compare_set_free(f.set);
    return NULL;
}

static void print(const struct comparison *c, double margin, size_t left)
{
    out_print("%s\n\n", compare_words[c->verdict]);
    out_print("A          %.4f\nB          %.4f\n", c->a, c->b);
    out_print("B - A      %+.4f  (95 %%: %+.4f to %+.4f)\n", c->difference, c->interval.low,
              c->interval.high);
    out_print("p          %.6f  %s\n", c->p, c->method);
    out_print("pairs      %zu rows of %zu tests; %lld better in A only, %lld in B only\n", c->rows,
              c->clusters, (long long)c->only_a, (long long)c->only_b);
    out_print("margin     %.4f\n", margin);
    if (left)
        out_print("left out   %zu rows without their like, or errors\n", left);
    if (c->verdict == VERDICT_inconclusive && c->rows_needed)
        out_print("\nThese rows cannot tell. About %lld would, if what is seen here is the truth; "
                  "these find a "
                  "difference of %.1f points.\n",
                  (long long)c->rows_needed, 100 * c->mde);
    else if (c->verdict == VERDICT_inconclusive)
        out_print("\nThese rows cannot tell; what is seen lies at the margin, where no number of "
                  "rows would.\n");
}

static bool read_margin(const struct args *a, double *margin, struct err *err)
{
    *margin = DEFAULT_MARGIN;
    if (!args_has(a, "margin"))
        return true;
    json_t *v = json_loads(args_get(a, "margin"), JSON_DECODE_ANY, NULL);
    *margin = json_number_value(v);
    bool ok = json_is_number(v) && *margin >= 0 && *margin < 1;
    json_decref(v);
    return ok || err_say(err, ERR_bad_request, NULL,
                         "--margin is a number from 0 to 1: 0.02 are two points");
}

static int compare_run(const struct args *a)
{
    static const int status[VERDICT_count] = {EXIT_OK, EXIT_OK, EXIT_FAILED, EXIT_INCONCLUSIVE};
    struct err err = {0};
    struct comparison c;
    size_t left;
    double margin;
    if (a->n_words != 2)
        return EXIT_USAGE;
    bool ok = read_margin(a, &margin, &err);
    struct compare_set *x = ok ? read_set(a, a->words[0], &err) : NULL;
    struct compare_set *y = x ? read_set(a, a->words[1], &err) : NULL;
    ok = y && (compare_sets(x, y, args_has(a, "scores"), margin, &c, &left) ||
               err_say(&err, ERR_bad_request, NULL,
                       "no row of one has the variables of a row of the other"));
    compare_set_free(x);
    compare_set_free(y);
    if (!ok)
        return cli_fail(&err);
    json_t *doc = compare_object(&c, margin, left);
    if (args_has(a, "json"))
        show_json(doc);
    else
        print(&c, margin, left);
    json_decref(doc);
    return status[c.verdict];
}

static const struct arg_option options[] = {
    {"margin", 0, "NUMBER", "what is lost at most by a version that is no worse; 0.02"},
    {"scores", 0, NULL, "compare scores, not passes"},
    OPTION_JSON,
    OPTION_GATEWAY,
    OPTION_DATA_DIR,
    {0},
};

const struct command eval_compare = {
    .name = "compare",
    .args = "A B",
    .help = "is B better than A, no worse, worse (exit 1), or can these rows not tell (exit 3)?",
    .more = "A and B are runs or their JSON files, each perhaps with '#COLUMN', from 0. Rows pair "
            "by their variables.",
    .options = options,
    .run = compare_run,
};
