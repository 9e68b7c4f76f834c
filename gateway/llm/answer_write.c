#include "gateway/base/scope.h"
#include "gateway/llm/answer.h"

void answer_write(const struct answer *a, struct str data, const struct answer_change *change,
                  struct buf *out)
{
    SCOPED(buf_done) struct buf model = BUF_INIT(SIZE_MAX);
    struct json_edit edits[2];
    size_t n = 0;
    if (a->model.kind != VALUE_ABSENT) {
        json_quote(&model, change->model);
        edits[n++] = json_replace(data, &a->model, buf_str(&model));
    }
    if (change->hide_usage && a->usage.kind != VALUE_ABSENT)
        edits[n++] = json_remove(data, &a->usage);
    if (n == 2 && edits[0].from > edits[1].from) {
        struct json_edit first = edits[1];
        edits[1] = edits[0];
        edits[0] = first;
    }
    json_splice(out, data, edits, n);
}
