#include "eval/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/scope.h"

static const struct output_format *const formats[] = {
#define OUTPUT(id) &output_##id,
#include "eval/output_list.h"
};

enum { PATH_BYTES = 4096 };

const struct output_format *output_find(struct str path)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (str_ends(path, str_of(formats[i]->suffix)))
            return formats[i];
    return NULL;
}

void output_text(FILE *f, const char *text)
{
    fwrite(text, 1, strlen(text), f);
}

void output_buf(FILE *f, struct buf *b)
{
    fwrite(b->p, 1, b->n, f);
    buf_cut(b, 0);
}

bool output_each(const struct output_source *s, void (*each)(void *arg, const json_t *row),
                 void *arg, struct err *err)
{
    int64_t after = -1;
    for (;;) {
        json_t *page = s->page(s->arg, after, err);
        size_t n = json_array_size(page);
        for (size_t i = 0; i < n; i++) {
            const json_t *row = json_array_get(page, i);
            after = json_integer_value(json_object_get(row, "row"));
            each(arg, row);
        }
        bool ok = page != NULL;
        json_decref(page);
        if (!ok || n == 0)
            return ok;
    }
}

bool output_write(const char *path, const struct output_source *s, struct err *err)
{
    SCOPED(buf_done) struct buf beside = BUF_INIT(PATH_BYTES);
    const struct output_format *format = output_find(str_of(path));
    buf_addf(&beside, "%s.part", path);
    FILE *f = format && buf_ok(&beside) ? fopen(beside.p, "we") : NULL;
    if (!f)
        return err_say(err, ERR_internal, NULL, "'%.160s' cannot be written: %s", path,
                       strerror(errno));
    bool ok = format->write(f, s, err);
    bool whole = !ferror(f);
    whole = fclose(f) == 0 && whole;
    if (ok && whole && rename(beside.p, path) == 0)
        return true;
    if (ok)
        err_say(err, ERR_internal, NULL, "'%.160s' cannot be written: %s", path, strerror(errno));
    unlink(beside.p);
    return false;
}
