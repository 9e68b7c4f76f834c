/* The shape of promptfoo's own JSON (results.version 3), so that what reads that reads ours. */
#include "eval/output.h"
#include "gateway/base/scope.h"

struct writing {
    FILE *f;
    bool any;
};

static void put(FILE *f, const json_t *v)
{
    json_dumpf(v, f, JSON_COMPACT | JSON_ENCODE_ANY);
}

static void put_row(void *arg, const json_t *row)
{
    struct writing *w = arg;
    output_text(w->f, w->any ? ",\n" : "\n");
    w->any = true;
    put(w->f, json_object_get(row, "result"));
}

static bool write_json(FILE *f, const struct output_source *s, struct err *err)
{
    const json_t *run = s->run, *config = json_object_get(run, "config");
    struct writing w = {f, false};
    output_text(f, "{\"evalId\":");
    put(f, json_object_get(run, "evalId"));
    output_text(f, ",\"results\":{\"version\":3,\"timestamp\":");
    put(f, json_object_get(run, "created"));
    output_text(f, ",\"prompts\":");
    put(f, json_object_get(config, "columns"));
    output_text(f, ",\"results\":[");
    bool ok = output_each(s, put_row, &w, err);
    json_t *stats =
        json_pack("{s:O, s:O, s:O, s:O}", "successes", json_object_get(run, "passed"), "failures",
                  json_object_get(run, "failed"), "errors", json_object_get(run, "errors"),
                  "costUsd", json_object_get(run, "cost_usd"));
    output_text(f, "\n],\"stats\":");
    put(f, stats);
    json_decref(stats);
    output_text(f, "},\"config\":");
    put(f, json_object_get(config, "suite"));
    output_text(f, ",\"shareableUrl\":null,\"metadata\":{\"source\":");
    put(f, json_object_get(run, "source"));
    output_text(f, "}}\n");
    return ok;
}

const struct output_format output_json = {
    .suffix = ".json", .help = "promptfoo's JSON", .write = write_json};
