/*
 * fuzz_prompt.c - any bytes as the file of a prompt, and behind a line "=====" the
 * variables of a request: the file is refused with a line that has a place, or rendered
 * within its bounds to an array of JSON in which the values have begun no message.
 */
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "prompts/prompt.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_BYTES = 1 << 20, DEPTH = 64 };

static const char cut[] = "\n=====\n";

static void check_line(void *arg, const char *line)
{
    ++*(size_t *)arg;
    check(strncmp(line, "fuzz:", 5) == 0 && !strchr(line, '\n'));
}

static bool count_role(void *arg, const struct json_hit *h, struct err *err)
{
    (void)h, (void)err;
    ++*(size_t *)arg;
    return true;
}

static bool scan(struct str json, size_t *roles)
{
    static const char *const paths[] = {"[].role"};
    static struct json_plan *plan;
    if (!plan)
        plan = json_plan_new(paths, 1);
    struct err err = {0};
    *roles = 0;
    return json_scan(json, plan, DEPTH, &(struct json_visitor){count_role, roles}, &err);
}

static void check_ranges(const struct author_ranges *r, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < r->n; i++) {
        check(r->v[i].start >= at && r->v[i].start < r->v[i].end && r->v[i].end <= n);
        at = r->v[i].end;
    }
}

static void render(const struct prompt *p, struct str variables)
{
    SCOPED(arena_done) struct arena a;
    SCOPED(buf_done) struct buf out = BUF_INIT(8 * MAX_BYTES);
    struct author_ranges author = {0};
    struct binding *bindings;
    struct err err = {0};
    size_t roles;
    arena_init(&a);
    if (variables.n && !scan(variables, &roles))
        return;
    if (!prompt_bind(p, variables, &bindings, &a, &err) ||
        !prompt_render(p, bindings, STR(""), MAX_BYTES, &out, &author, &a, &err)) {
        check(err.code != ERR_none && *err.say);
        return;
    }
    check(out.n <= 8 * MAX_BYTES && scan(buf_str(&out), &roles));
    check_ranges(&author, out.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, variables = {0};
    const char *at = size ? memmem(data, size, cut, sizeof cut - 1) : NULL;
    if (at) {
        size_t n = (size_t)(at - text.p) + 1;
        variables = (struct str){at + sizeof cut - 1, size - n - (sizeof cut - 2)};
        text.n = n;
    }
    size_t complaints = 0;
    struct prompt *p = prompt_parse("fuzz", text, check_line, &complaints);
    check((p == NULL) == (complaints > 0));
    if (p)
        render(p, variables);
    prompt_free(p);
    return 0;
}
