/*
 * One page without scripts and without anything from elsewhere: the sums, then the rows,
 * those that failed first.  Of long runs only ROWS_SHOWN of each kind are shown.
 */
#include <string.h>

#include "eval/output.h"
#include "eval/stats.h"
#include "eval/text.h"
#include "gateway/base/scope.h"

enum { ROWS_SHOWN = 1000, CELL_SHOWN_BYTES = 4000 };

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<title>Eval</title><style>\n"
    ":root{color-scheme:light dark;--line:#8884;--pass:#1a7f37;--fail:#c62828;--error:#9a6700}\n"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}\n"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}.quiet{opacity:.7}\n"
    ".sums{display:flex;flex-wrap:wrap;gap:2rem;margin:1.2rem 0}.sums "
    "b{display:block;font-size:1.6rem}\n"
    ".bar{display:flex;height:.6rem;border-radius:.3rem;overflow:hidden;background:var(--line)}\n"
    ".bar i{display:block}.bg-pass{background:var(--pass)}.bg-fail{background:var(--fail)}"
    ".bg-error{background:var(--error)}\n"
    "table{border-collapse:collapse;width:100%;table-layout:fixed}\n"
    "th,td{text-align:left;vertical-align:top;padding:.5rem;border-top:1px solid var(--line);"
    "overflow-wrap:anywhere}\n"
    "th{position:sticky;top:0;background:Canvas}td "
    "pre{margin:0;white-space:pre-wrap;font:13px/1.45 ui-monospace,"
    "monospace}\n"
    "@media(max-width:60rem){.rows{overflow-x:auto}.rows table{width:60rem}}\n"
    ".pass{color:var(--pass)}.fail{color:var(--fail)}.error{color:var(--error)}.none{opacity:.5}\n"
    ".n{width:3rem}.s{width:5rem}.a{width:9rem}.v{width:22%}.o{width:30%}\n"
    "@media(prefers-color-scheme:dark){:root{--pass:#4ac26b;--fail:#ff7b72;--error:#d9a441}}\n"
    "</style></head><body>\n";

static void put_escaped(FILE *f, struct str s)
{
    SCOPED(buf_done) struct buf out = BUF_INIT(8 * CELL_SHOWN_BYTES);
    size_t n = s.n < CELL_SHOWN_BYTES ? s.n : CELL_SHOWN_BYTES;
    while (n < s.n && n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++) {
        char c = s.p[i];
        const char *as = c == '<'   ? "&lt;"
                         : c == '>' ? "&gt;"
                         : c == '&' ? "&amp;"
                         : c == '"' ? "&quot;"
                                    : NULL;
        buf_add(&out, as ? str_of(as) : (struct str){&c, 1});
    }
    if (n < s.n)
        buf_add(&out, STR(" …"));
    output_buf(f, &out);
}

static void put_value(FILE *f, const json_t *v)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(16 * 1024 * 1024);
    if (v && !json_is_null(v))
        text_of(&text, v);
    put_escaped(f, buf_str(&text));
}

/* A line each. */
static void put_vars(FILE *f, const json_t *vars)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)vars, name, v)
    {
        output_text(f, "<span class=\"quiet\">");
        put_escaped(f, str_of(name));
        output_text(f, "</span> ");
        put_value(f, v);
        output_text(f, "\n");
    }
}

struct writing {
    FILE *f;
    const char *state;
    size_t shown, found;
};

static void put_row(void *arg, const json_t *row)
{
    struct writing *w = arg;
    SCOPED(buf_done) struct buf line = BUF_INIT(512);
    const json_t *r = json_object_get(row, "result"), *error = json_object_get(r, "error");
    if (strcmp(json_string_value(json_object_get(row, "state")), w->state) != 0 ||
        ++w->found > ROWS_SHOWN)
        return;
    w->shown++;
    buf_addf(&line, "<tr><td class=\"n\">%lld</td><td class=\"s %s\">%s",
             (long long)json_integer_value(json_object_get(r, "testIdx")) + 1, w->state, w->state);
    if (strcmp(w->state, "error") != 0)
        buf_addf(&line, " %.2f", json_number_value(json_object_get(r, "score")));
    buf_add(&line, STR("</td><td>"));
    output_buf(w->f, &line);
    put_value(w->f, json_object_get(json_object_get(r, "provider"), "id"));
    output_text(w->f, "<br><span class=\"quiet\">");
    put_value(w->f, json_object_get(json_object_get(r, "testCase"), "description"));
    output_text(w->f, "</span></td><td><pre>");
    put_vars(w->f, json_object_get(r, "vars"));
    output_text(w->f, "</pre></td><td><pre>");
    put_value(w->f, json_object_get(json_object_get(r, "response"), "output"));
    output_text(w->f, "</pre></td><td>");
    put_value(w->f, error ? error : json_object_get(json_object_get(r, "gradingResult"), "reason"));
    output_text(w->f, "</td></tr>\n");
}

static bool put_rows(struct writing *w, const struct output_source *s, const char *title,
                     struct err *err)
{
    SCOPED(buf_done) struct buf line = BUF_INIT(512);
    buf_addf(&line,
             "<h2 class=\"%s\">%s</h2><div class=\"rows\"><table><thead><tr><th "
             "class=\"n\">test</th><th class=\"s\">verdict</th><th class=\"a\">asked</th>"
             "<th class=\"v\">variables</th><th "
             "class=\"o\">output</th><th>why</th></tr></thead><tbody>\n",
             w->state, title);
    output_buf(w->f, &line);
    bool ok = output_each(s, put_row, w, err);
    output_text(w->f, "</tbody></table></div>\n");
    if (w->found > w->shown) {
        buf_addf(&line, "<p class=\"quiet\">%zu more are in the JSON.</p>\n", w->found - w->shown);
        output_buf(w->f, &line);
    }
    return ok;
}

static int64_t count(const json_t *run, const char *name)
{
    return json_integer_value(json_object_get(run, name));
}

static void put_sums(FILE *f, const json_t *run)
{
    SCOPED(buf_done) struct buf out = BUF_INIT(4096);
    int64_t pass = count(run, "passed"), fail = count(run, "failed"), errors = count(run, "errors");
    int64_t n = pass + fail;
    struct interval i = stats_wilson(pass, n);
    buf_addf(&out,
             "<div class=\"sums\"><div><b>%.1f %%</b>passed <span class=\"quiet\">(95 %%: %.1f to "
             "%.1f)</span></div>",
             n ? 100.0 * (double)pass / (double)n : 0, 100 * i.low, 100 * i.high);
    buf_addf(&out,
             "<div><b class=\"%s\">%lld</b>pass</div><div><b class=\"%s\">%lld</b>fail</div>"
             "<div><b class=\"%s\">%lld</b>error</div><div><b>$%s</b>cost</div></div>\n<div "
             "class=\"bar\">",
             pass ? "pass" : "none", (long long)pass, fail ? "fail" : "none", (long long)fail,
             errors ? "error" : "none", (long long)errors,
             json_string_value(json_object_get(run, "cost_usd")));
    const int64_t parts[] = {pass, fail, errors};
    static const char *const names[] = {"pass", "fail", "error"};
    for (size_t k = 0; k < 3; k++)
        buf_addf(&out, "<i class=\"bg-%s\" style=\"width:%.2f%%\"></i>", names[k],
                 n + errors ? 100.0 * (double)parts[k] / (double)(n + errors) : 0);
    buf_addf(&out,
             "</div>\n<p class=\"quiet\">With %lld rows a difference of less than about %.0f "
             "points between two "
             "versions cannot be told from chance.</p>\n",
             (long long)n, 100 * stats_mde(n, 0.2));
    output_buf(f, &out);
}

static bool write_html(FILE *f, const struct output_source *s, struct err *err)
{
    static const char *const titles[] = {"Errors: no verdict", "Failed", "Passed"};
    static const char *const states[] = {"error", "fail", "pass"}, *const names[] = {"errors",
                                                                                     "failed",
                                                                                     "passed"};
    bool ok = true;
    output_text(f, head);
    output_text(f, "<h1>");
    const json_t *description = json_object_get(s->run, "description");
    put_value(f, json_is_string(description) ? description : json_object_get(s->run, "source"));
    output_text(f, "</h1><p class=\"quiet\">");
    put_value(f, json_object_get(s->run, "evalId"));
    output_text(f, " · ");
    put_value(f, json_object_get(s->run, "created"));
    output_text(f, "</p>\n");
    put_sums(f, s->run);
    for (size_t i = 0; ok && i < 3; i++)
        if (count(s->run, names[i]))
            ok = put_rows(&(struct writing){.f = f, .state = states[i]}, s, titles[i], err);
    output_text(f, "</body></html>\n");
    return ok;
}

const struct output_format output_html = {
    .suffix = ".html", .help = "one page for people", .write = write_html};
