/* report - what was spent, used and waited for, from the ledger. */
#include <string.h>

#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/base/str.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"
#include "gateway/server/report_ask.h"

enum { MEMBERS_MAX = 32 };

static const struct arg_option options[] = {
    {"by", 0, "LIST", "groups: team,model,provider,key,day,prompt,tag.NAME"},
    {"from", 0, "TIME", "the first day or moment: 2026-01-31, 2026-01-31T12:00:00Z"},
    {"to", 0, "TIME", "the last day, or the first moment that no longer counts"},
    {"format", 0, "FORMAT", "table (default), csv or json"},
    OPTION_JSON,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};

/* Groups first, then the sums; the same in every row. */
static size_t list_members(const json_t *doc, const char *by, const char *members[MEMBERS_MAX],
                           struct buf *names)
{
    size_t n = 0;
    struct str rest = str_of(by), part;
    buf_add(names, rest);
    for (size_t at = 0; n < MEMBERS_MAX && str_next(&rest, ',', &part); at += part.n + 1) {
        names->p[at + part.n] = '\0';
        members[n++] = names->p + at;
    }
    const char *name;
    json_t *v;
    json_object_foreach(json_object_get(doc, "total"), name, v) if (n < MEMBERS_MAX) members[n++] =
        name;
    return n;
}

static void show_report(const json_t *doc, const char *by, bool csv)
{
    const char *members[MEMBERS_MAX];
    SCOPED(buf_done) struct buf names = BUF_INIT(4096);
    size_t n = list_members(doc, by, members, &names);
    const json_t *rows = json_object_get(doc, "rows");
    if (csv) {
        show_csv(rows, members, n);
        return;
    }
    json_t *total = json_copy(json_object_get(doc, "total"));
    if (*by)
        json_object_set_new(total, members[0], json_string("total"));
    show_table(rows, members, n, *by ? total : NULL);
    json_decref(total);
}

static json_t *ask(const struct args *a, struct err *err)
{
    static const char *const members[] = {"by", "from", "to"};
    SCOPED(scope_free) char *dir = owner_data_dir(a, err);
    if (!dir || !owner_flush(dir, err))
        return NULL;
    json_t *in = json_object();
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (args_has(a, members[i]))
            json_object_set_new(in, members[i], json_string(args_get(a, members[i])));
    json_t *doc = report_ask(dir, a->words[0], in, err);
    json_decref(in);
    return doc;
}

static int report_run(const struct args *a)
{
    const char *format = args_get(a, "format"), *by = args_get(a, "by");
    if (!format)
        format = args_has(a, "json") ? "json" : "table";
    bool json = strcmp(format, "json") == 0, csv = strcmp(format, "csv") == 0;
    if (a->n_words != 1 || (!json && !csv && strcmp(format, "table") != 0))
        return EXIT_USAGE;
    struct err err = {0};
    json_t *doc = ask(a, &err);
    if (!doc)
        return cli_fail(&err);
    if (json)
        show_json(doc);
    else
        show_report(doc, by ? by : "", csv);
    json_decref(doc);
    return EXIT_OK;
}

const struct command command_report = {
    .name = "report",
    .args = "cost|usage|latency|cache|savings|behaviour",
    .help = "sums over the ledger, in groups; whatever the groups, the total is the same",
    .options = options,
    .run = report_run,
};
