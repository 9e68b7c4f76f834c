/*
 * Writes a request as the upstream gets it.  New members stand first in the object,
 * or where our own member stood, which has to go anyway: so no comma is ever left over.
 */
#include "gateway/base/scope.h"
#include "gateway/llm/request.h"

enum { EDITS_MAX = 8 };

/* What is spliced in: the texts are made first, then they stay where they are. */
struct draft {
    const struct request *r;
    const struct request_change *change;
    struct str body;
    struct buf model;                  /* quoted */
    struct buf number;                 /* the maximum of output tokens */
    struct buf members;                /* new ones, with commas between */
    struct buf usage, top;             /* rooms of json_insert() */
    struct json_edit edits[EDITS_MAX]; /* as they stand in the body */
    size_t n;
};

/* An insertion goes before what changes the member at the same place. */
static bool stands_after(const struct json_edit *a, const struct json_edit *b)
{
    return a->from > b->from || (a->from == b->from && a->to > b->to);
}

static void add_edit(struct draft *d, struct json_edit e)
{
    size_t i = d->n++;
    for (; i > 0 && stands_after(&d->edits[i - 1], &e); i--)
        d->edits[i] = d->edits[i - 1];
    d->edits[i] = e;
}

static void add_member(struct draft *d, struct str name, struct str value)
{
    buf_addf(&d->members, "%s\"" STR_FMT "\":", d->members.n ? "," : "", STR_ARG(name));
    buf_add(&d->members, value);
}

static void write_model(struct draft *d)
{
    json_quote(&d->model, d->change->model);
    if (d->r->model.kind == VALUE_ABSENT)
        add_member(d, STR("model"), buf_str(&d->model));
    else
        add_edit(d, json_replace(d->body, &d->r->model, buf_str(&d->model)));
}

static void write_usage(struct draft *d)
{
    const struct request *r = d->r;
    bool has_option = r->endpoint == ENDPOINT_chat || r->endpoint == ENDPOINT_completions;
    if (!d->change->ask_usage || !has_option || !r->stream || r->wants_usage)
        return;
    if (r->stream_options.kind == VALUE_ABSENT)
        add_member(d, STR("stream_options"), STR("{\"include_usage\":true}"));
    else if (r->stream_options.kind == VALUE_NULL)
        add_edit(d, json_replace(d->body, &r->stream_options, STR("{\"include_usage\":true}")));
    else if (r->include_usage.kind == VALUE_ABSENT)
        add_edit(
            d, json_insert(d->body, &r->stream_options, STR("\"include_usage\":true"), &d->usage));
    else
        add_edit(d, json_replace(d->body, &r->include_usage, STR("true")));
}

static struct str max_output_name(const struct draft *d)
{
    switch (d->r->endpoint) {
    case ENDPOINT_chat:
        return d->change->rename_max_completion ? STR("max_tokens") : STR("max_completion_tokens");
    case ENDPOINT_completions:
        return STR("max_tokens");
    case ENDPOINT_responses:
        return STR("max_output_tokens");
    case ENDPOINT_embeddings:
    case ENDPOINT_moderations:
    case ENDPOINT_count:
        break;
    }
    return STR("");
}

static void write_max_output(struct draft *d)
{
    const struct json_value *max = &d->r->max_output, *too = &d->r->max_output_too;
    struct str value = max->raw, name = max_output_name(d);
    if (d->change->max_output_tokens > 0 && max->kind != VALUE_NUMBER && name.n > 0) {
        buf_addf(&d->number, "%lld", (long long)d->change->max_output_tokens);
        value = buf_str(&d->number);
        if (max->kind == VALUE_ABSENT)
            add_member(d, name, value);
        else
            add_edit(d, json_replace(d->body, max, value));
    }
    if (!d->change->rename_max_completion || !d->r->names_max_completion)
        return;
    /* where both names stand a second max_tokens would be one too many */
    if (too->kind == VALUE_ABSENT)
        add_edit(d, json_rename(d->body, max, STR("\"max_tokens\"")));
    else
        add_edit(d, json_replace(d->body, too, value));
}

static void write_members(struct draft *d)
{
    const struct json_value *penstock = &d->r->penstock;
    if (penstock->kind == VALUE_ABSENT) {
        if (d->members.n > 0)
            add_edit(d, json_insert(d->body, &d->r->top, buf_str(&d->members), &d->top));
        return;
    }
    struct json_edit e = json_remove(d->body, penstock);
    if (d->members.n > 0) {
        e = json_replace(d->body, penstock, buf_str(&d->members));
        e.from = penstock->from;
    }
    add_edit(d, e);
}

void request_write(const struct request *r, struct str body, const struct request_change *change,
                   struct buf *out)
{
    struct draft d = {
        .r = r,
        .change = change,
        .body = body,
        .model = BUF_INIT(SIZE_MAX),
        .number = BUF_INIT(SIZE_MAX),
        .members = BUF_INIT(SIZE_MAX),
        .usage = BUF_INIT(SIZE_MAX),
        .top = BUF_INIT(SIZE_MAX),
    };
    write_model(&d);
    write_usage(&d);
    write_max_output(&d);
    write_members(&d);
    json_splice(out, body, d.edits, d.n);
    buf_done(&d.model);
    buf_done(&d.number);
    buf_done(&d.members);
    buf_done(&d.usage);
    buf_done(&d.top);
}
