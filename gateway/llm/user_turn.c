#include "gateway/llm/user_turn.h"

#include <pthread.h>

#include "gateway/base/json.h"

enum path { AT_list, AT_item, AT_role, AT_content, AT_part, AT_text, AT_count };

static const char *const chat_paths[AT_count] = {
    "messages",           "messages[]",           "messages[].role",
    "messages[].content", "messages[].content[]", "messages[].content[].text",
};
static const char *const responses_paths[AT_count] = {
    "input",           "input[]",           "input[].role",
    "input[].content", "input[].content[]", "input[].content[].text",
};
static struct json_plan *chat_plan, *responses_plan;

static void make_plans(void)
{
    chat_plan = json_plan_new(chat_paths, AT_count);
    responses_plan = json_plan_new(responses_paths, AT_count);
}

struct finding {
    struct str body;
    struct user_turn *t;
    struct buf *text, now; /* of the item that is read */
    struct json_value role, content;
    bool has_parts;
};

static void keep(struct finding *f, const struct json_value *v, struct buf *text)
{
    f->t->there = true;
    f->t->is_parts = v->kind == VALUE_ARRAY;
    f->t->at = (size_t)(v->raw.p - f->body.p) + 1; /* behind the quote, or the bracket */
    buf_empty_out(f->text);
    buf_add(f->text, buf_str(text));
}

static void end_item(struct finding *f)
{
    if (f->content.kind == VALUE_STRING)
        json_text(&f->content, &f->now);
    bool fit = f->content.kind == VALUE_STRING || (f->content.kind == VALUE_ARRAY && f->has_parts);
    if (fit && json_text_is(&f->role, STR("user")))
        keep(f, &f->content, &f->now);
    f->role.kind = f->content.kind = VALUE_ABSENT;
    f->has_parts = false;
    buf_empty_out(&f->now);
}

static bool on_hit(void *arg, const struct json_hit *h, struct err *err)
{
    struct finding *f = arg;
    (void)err;
    switch ((enum path)h->path) {
    case AT_role:
        f->role = h->value;
        break;
    case AT_content:
        f->content = h->value;
        break;
    case AT_part:
        f->has_parts = true;
        break;
    case AT_text:
        buf_add(&f->now, f->now.n ? STR("\n") : STR(""));
        json_text(&h->value, &f->now);
        break;
    case AT_item:
        end_item(f);
        break;
    case AT_list: /* Responses: the one turn is a string */
        if (h->value.kind == VALUE_STRING) {
            json_text(&h->value, &f->now);
            keep(f, &h->value, &f->now);
        }
        break;
    case AT_count:
        break;
    }
    return true;
}

bool user_turn_find(enum endpoint e, struct str body, unsigned max_depth, struct user_turn *t,
               struct buf *text, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_plans);
    bool chat = e == ENDPOINT_chat;
    *t = (struct user_turn){.part_type = chat ? "text" : "input_text"};
    struct finding f = {.body = body, .t = t, .text = text, .now = BUF_INIT(body.n)};
    const struct json_visitor v = {on_hit, &f};
    bool ok = json_scan(body, chat ? chat_plan : responses_plan, max_depth, &v, err);
    buf_done(&f.now);
    return ok;
}

void user_turn_put(const struct user_turn *t, struct str body, struct str text, struct buf *out)
{
    struct buf quoted = BUF_INIT(SIZE_MAX);
    json_quote(&quoted, text);
    buf_add(out, (struct str){body.p, t->at});
    if (t->is_parts) {
        buf_addf(out, "{\"type\":\"%s\",\"text\":", t->part_type);
        buf_add(out, buf_str(&quoted));
        buf_add(out, STR("},"));
    } else {
        buf_add(out, (struct str){quoted.p + 1, quoted.n - 2});
    }
    buf_add(out, (struct str){body.p + t->at, body.n - t->at});
    buf_done(&quoted);
}
