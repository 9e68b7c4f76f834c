#include "eval/extract.h"

#include "gateway/base/conf.h"
#include "gateway/base/scope.h"
#include "prompts/schema.h"

enum { OBJECT_MAX_BYTES = 100 * 1000 }; /* promptfoo's */

static void ignore(void *arg, const char *line)
{
    (void)arg, (void)line;
}

json_t *extract_yaml(struct str text)
{
    struct conf *c = conf_new("");
    struct conf_node *root = conf_parse(c, text);
    SCOPED(buf_done) struct buf json = BUF_INIT(16 * CONF_TEXT_BYTES);
    json_t *v = NULL;
    if (root) {
        conf_json(root, &json);
        v = json_loadb(json.p, json.n, JSON_DECODE_ANY, NULL);
    }
    conf_report(c, ignore, NULL);
    conf_free(c);
    return v;
}

static json_t *object_of(struct str text)
{
    json_t *v = json_loadb(text.p, text.n, 0, NULL);
    if (!v)
        v = extract_yaml(text);
    if (json_is_object(v))
        return v;
    json_decref(v);
    return NULL;
}

static json_t *object_at(struct str text, size_t from, size_t *end)
{
    size_t depth = 0, to = text.n - from < OBJECT_MAX_BYTES ? text.n : from + OBJECT_MAX_BYTES;
    for (size_t i = from; i < to; i++) {
        depth += text.p[i] == '{';
        depth -= text.p[i] == '}';
        if (depth == 0) {
            *end = i + 1;
            return object_of((struct str){text.p + from, i + 1 - from});
        }
    }
    SCOPED(buf_done) struct buf closed = BUF_INIT(2 * OBJECT_MAX_BYTES);
    buf_add(&closed, (struct str){text.p + from, to - from});
    for (; depth > 0; depth--)
        buf_add(&closed, STR("}"));
    *end = to;
    return buf_ok(&closed) ? object_of(buf_str(&closed)) : NULL;
}

json_t *extract_object(struct str text, size_t *at)
{
    for (size_t i = *at; i < text.n; i++) {
        size_t end;
        json_t *v = text.p[i] == '{' ? object_at(text, i, &end) : NULL;
        if (v) {
            *at = end;
            return v;
        }
    }
    *at = text.n;
    return NULL;
}
