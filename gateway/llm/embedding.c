#include "gateway/llm/embedding.h"

#include <jansson.h>
#include <math.h>

#include "gateway/base/json.h"
#include "gateway/base/mem.h"

enum { DIMENSION_MAX = 65536 };

void embedding_ask(struct str model, const struct str *texts, size_t n, struct buf *out)
{
    buf_add(out, STR("{\"model\":"));
    json_quote(out, model);
    buf_add(out, STR(",\"encoding_format\":\"float\",\"input\":["));
    for (size_t i = 0; i < n; i++) {
        buf_add(out, i ? STR(",") : STR(""));
        json_quote(out, texts[i]);
    }
    buf_add(out, STR("]}"));
}

static bool read_row(const json_t *vector, float *row, unsigned dimension)
{
    double sum = 0;
    for (unsigned i = 0; i < dimension; i++) {
        const json_t *v = json_array_get(vector, i);
        double x = json_number_value(v);
        if (!json_is_number(v) || !isfinite(x))
            return false;
        row[i] = (float)x;
        sum += x * x;
    }
    for (unsigned i = 0; sum > 0 && i < dimension; i++)
        row[i] = (float)(row[i] / sqrt(sum));
    return true;
}

static bool read_rows(const json_t *data, size_t n, float *rows, unsigned dimension)
{
    bool *seen = mem_zalloc(n * sizeof *seen), ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        const json_t *one = json_array_get(data, i), *vector = json_object_get(one, "embedding");
        const json_t *index = json_object_get(one, "index");
        size_t at = index ? (size_t)json_integer_value(index) : i;
        ok = at < n && !seen[at] && json_array_size(vector) == dimension &&
             read_row(vector, rows + at * dimension, dimension);
        if (ok)
            seen[at] = true;
    }
    free(seen);
    return ok;
}

bool embedding_read(struct str body, size_t n, struct buf *rows, unsigned *dimension,
                    struct err *err)
{
    json_t *root = json_loadb(body.p ? body.p : "", body.n, 0, NULL);
    const json_t *data = json_object_get(root, "data");
    size_t d = json_array_size(json_object_get(json_array_get(data, 0), "embedding"));
    bool ok = json_array_size(data) == n && d > 0 && d <= DIMENSION_MAX;
    if (ok) {
        float *all = mem_zalloc(n * d * sizeof *all);
        ok = read_rows(data, n, all, (unsigned)d);
        if (ok)
            buf_add(rows, (struct str){(const char *)all, n * d * sizeof *all});
        free(all);
        *dimension = (unsigned)d;
    }
    json_decref(root);
    return ok || err_set(err, ERR_bad_answer,
                         "the embeddings are not %zu vectors of numbers of one size", n);
}
