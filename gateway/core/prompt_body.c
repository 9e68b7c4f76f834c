#include "gateway/core/prompt_body.h"

#include <pthread.h>
#include <stdio.h>

#include "gateway/base/scope.h"

struct writer {
    const struct exchange *x;
    const struct prompt *p;
    struct buf *out;
    bool *overridden; /* of each option: the caller sets it */
    bool any;         /* a member stands there already */
};

static bool is_one_of(const struct json_value *name, const char *const *names)
{
    for (; *names; names++)
        if (json_text_is(name, str_of(*names)))
            return true;
    return false;
}

/* ---- what the caller's messages may be */

static bool may_send_role(const struct prompt *p, const struct json_value *role)
{
    static const char *const free_roles[] = {"user", "assistant", "tool", "function", NULL};
    static const char *const instructing[] = {"system", "developer", NULL};
    return is_one_of(role, free_roles) || (p->callers_system && is_one_of(role, instructing));
}

struct role_check {
    const struct prompt *p;
    const char *param; /* what the caller calls its messages */
    bool is_responses;
    size_t messages, roles;
};

static bool on_role(void *arg, const struct json_hit *h, struct err *err)
{
    enum { ELEMENT, ROLE };
    struct role_check *c = arg;
    if (h->path == ELEMENT) {
        c->messages++;
        return h->value.kind == VALUE_OBJECT ||
               err_say(err, ERR_bad_request, c->param,
                       "beside a prompt every message must be an object");
    }
    c->roles++;
    if (h->value.kind == VALUE_STRING && may_send_role(c->p, &h->value))
        return true;
    return err_say(
        err, ERR_prompt_role, c->param,
        "beside a prompt callers may send messages of the roles user, assistant and tool%s",
        c->p->callers_system ? ", system and developer"
                             : "; its file would have to say callers: {system: append}");
}

static struct json_plan *role_plan;

static void make_plan(void)
{
    static const char *const paths[] = {"[]", "[].role"};
    role_plan = json_plan_new(paths, sizeof paths / sizeof paths[0]);
}

/* Responses has items without a role: calls, and what came of them. */
static bool check_roles(const struct exchange *x, const struct prompt *p, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_plan);
    struct role_check c = {.p = p, .is_responses = x->endpoint == ENDPOINT_responses};
    c.param = c.is_responses ? "input" : "messages";
    const struct json_visitor v = {on_role, &c};
    if (!json_scan(x->request.thread.raw, role_plan, x->config->server.json_depth, &v, err))
        return false;
    return c.is_responses || c.roles == c.messages ||
           err_say(err, ERR_bad_request, "messages",
                   "beside a prompt every message must have a role");
}

static bool check_messages(const struct exchange *x, const struct prompt *p, struct err *err)
{
    const struct request *r = &x->request;
    const char *name = x->endpoint == ENDPOINT_chat ? "messages" : "input";
    bool instructs = r->instructions.kind != VALUE_ABSENT && r->instructions.kind != VALUE_NULL;
    if (instructs && !p->callers_system)
        return err_say(err, ERR_prompt_role, "instructions",
                       "beside a prompt callers may send no instructions; its file would have to "
                       "say callers: {system: append}");
    if (r->thread.kind == VALUE_ARRAY)
        return check_roles(x, p, err);
    bool fits = r->thread.kind == VALUE_ABSENT || r->thread.kind == VALUE_NULL ||
                (r->thread.kind == VALUE_STRING && x->endpoint == ENDPOINT_responses);
    return fits || err_say(err, ERR_bad_request, name, "beside a prompt %s must be an array", name);
}

/* What stands between the brackets of the caller's messages; *room holds it where it has to be
 * made. */
static struct str thread_of(const struct exchange *x, struct buf *room)
{
    const struct json_value *v = &x->request.thread;
    if (v->kind == VALUE_STRING) {
        buf_add(room, STR("{\"role\":\"user\",\"content\":"));
        buf_add(room, v->raw);
        buf_add(room, STR("}"));
        return buf_str(room);
    }
    if (v->kind != VALUE_ARRAY)
        return STR("");
    struct str inner = {v->raw.p + 1, v->raw.n - 2};
    for (; inner.n && (unsigned char)inner.p[0] <= ' '; inner.n--)
        inner.p++;
    while (inner.n && (unsigned char)inner.p[inner.n - 1] <= ' ')
        inner.n--;
    return inner;
}

/* ---- members that the prompt sets */

static bool is_maximum(struct str name)
{
    return str_eq(name, STR("max_tokens")) || str_eq(name, STR("max_completion_tokens")) ||
           str_eq(name, STR("max_output_tokens"));
}

/* One thing has three names, by the age of the API. */
static struct str name_of(const struct exchange *x, struct str option)
{
    if (x->endpoint == ENDPOINT_responses && is_maximum(option))
        return STR("max_output_tokens");
    if (x->endpoint == ENDPOINT_chat && str_eq(option, STR("max_output_tokens")))
        return STR("max_completion_tokens");
    return option;
}

static void begin_member(struct writer *w, struct str name)
{
    buf_add(w->out, w->any ? STR(",\"") : STR("\""));
    buf_add(w->out, name);
    buf_add(w->out, STR("\":"));
    w->any = true;
}

static void write_schema(struct writer *w)
{
    bool responses = w->x->endpoint == ENDPOINT_responses;
    if (!w->p->output_schema.n)
        return;
    begin_member(w, responses ? STR("text") : STR("response_format"));
    buf_add(
        w->out,
        responses
            ? STR("{\"format\":{\"type\":\"json_schema\",\"name\":\"answer\",\"schema\":")
            : STR("{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\",\"schema\":"));
    buf_add(w->out, w->p->output_schema);
    buf_add(w->out, w->p->output_strict ? STR(",\"strict\":true}}") : STR(",\"strict\":false}}"));
}

static void write_options(struct writer *w)
{
    for (size_t i = 0; i < w->p->n_options; i++) {
        if (w->overridden[i])
            continue;
        begin_member(w, name_of(w->x, w->p->options[i].name));
        buf_add(w->out, w->p->options[i].json);
    }
    if (w->p->tools.n) {
        begin_member(w, STR("tools"));
        buf_add(w->out, w->p->tools);
    }
    write_schema(w);
}

/* ---- the caller's members */

static bool is_left_out(const struct writer *w, const struct json_value *name)
{
    static const char *const prompt_members[] = {"prompt_id", "prompt_version", "prompt_variables",
                                                 NULL};
    if (is_one_of(name, prompt_members))
        return true;
    if (json_text_is(name, STR("prompt")))
        return w->x->endpoint == ENDPOINT_chat || w->x->endpoint == ENDPOINT_responses;
    return w->p && json_text_is(name, w->x->endpoint == ENDPOINT_responses ? STR("input")
                                                                           : STR("messages"));
}

static bool is_option(const struct json_value *name, const struct prompt_option *o)
{
    static const char *const maxima[] = {"max_tokens", "max_completion_tokens", "max_output_tokens",
                                         NULL};
    return json_text_is(name, o->name) || (is_maximum(o->name) && is_one_of(name, maxima));
}

/* Does the prompt set this member beside model.options? */
static bool is_set(const struct writer *w, const struct json_value *name)
{
    bool responses = w->x->endpoint == ENDPOINT_responses;
    return (w->p->tools.n && json_text_is(name, STR("tools"))) ||
           (w->p->output_schema.n &&
            json_text_is(name, responses ? STR("text") : STR("response_format")));
}

static bool refuse(const struct json_value *name, struct err *err)
{
    char shown[64];
    SCOPED(buf_done) struct buf text = BUF_INIT(name->raw.n);
    json_text(name, &text);
    snprintf(shown, sizeof shown, "%s", text.p);
    return err_say(err, ERR_prompt_override, shown,
                   "the prompt sets '%s', and callers may not override it", shown);
}

/* *ours: the member is the prompt's, so the caller's goes nowhere. */
static bool check_member(struct writer *w, const struct json_value *name,
                         const struct json_value *v, bool *ours, struct err *err)
{
    bool sent = v->kind != VALUE_NULL;
    *ours = false;
    if (!w->p)
        return true;
    if (is_set(w, name)) {
        *ours = true;
        return !sent || refuse(name, err);
    }
    for (size_t i = 0; i < w->p->n_options; i++) {
        if (!is_option(name, &w->p->options[i]))
            continue;
        w->overridden[i] = sent && w->p->options[i].may_override;
        *ours = !w->overridden[i];
        return !sent || w->overridden[i] || refuse(name, err);
    }
    return true;
}

/* Appends the caller's members to *kept, with commas between. */
static bool keep_members(struct writer *w, struct buf *kept, struct err *err)
{
    struct str object = w->x->request.top.raw;
    struct json_value name, v;
    for (size_t at = 0; json_next_member(object, &at, &name, &v);) {
        bool ours;
        if (is_left_out(w, &name))
            continue;
        if (!check_member(w, &name, &v, &ours, err))
            return false;
        if (ours)
            continue;
        buf_add(kept, kept->n ? STR(",") : STR(""));
        buf_add(kept, (struct str){object.p + name.from, at - name.from});
    }
    return true;
}

static bool write_messages(struct writer *w, struct author_ranges *author, struct arena *a,
                           struct err *err)
{
    SCOPED(buf_done) struct buf room = BUF_INIT(w->out->max);
    struct binding *bindings;
    if (!check_messages(w->x, w->p, err) ||
        !prompt_bind(w->p, w->x->prompt.variables, &bindings, a, err))
        return false;
    begin_member(w, w->x->endpoint == ENDPOINT_responses ? STR("input") : STR("messages"));
    author_ranges_add(author, 0, w->out->n, a);
    if (!prompt_render(w->p, bindings, thread_of(w->x, &room), w->out->max, w->out, author, a, err))
        return false;
    size_t from = w->out->n;
    write_options(w);
    author_ranges_add(author, from, w->out->n, a);
    return true;
}

bool prompt_body_write(const struct exchange *x, const struct prompt *p, struct buf *out,
                       struct author_ranges *author, struct arena *a, struct err *err)
{
    SCOPED(buf_done) struct buf kept = BUF_INIT(x->body.n + 1);
    struct writer w = {.x = x, .p = p, .out = out};
    w.overridden = arena_alloc(a, (p ? p->n_options : 0) + 1);
    if (!keep_members(&w, &kept, err))
        return false;
    buf_add(out, STR("{"));
    if (p && !write_messages(&w, author, a, err))
        return false;
    if (kept.n)
        buf_add(out, w.any ? STR(",") : STR(""));
    buf_add(out, buf_str(&kept));
    buf_add(out, STR("}"));
    return buf_ok(out) || err_say(err, ERR_too_large, NULL,
                                  "the request with its prompt exceeds the size limit of a body");
}
