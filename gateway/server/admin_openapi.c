/* /admin/v1/openapi.json: the table of operations as an OpenAPI 3.1 document. */
#include <ctype.h>
#include <string.h>

#include "config.h"
#include "gateway/base/scope.h"
#include "gateway/server/admin_priv.h"

enum { PATH_BYTES = 256 };

/* "/keys/{}" becomes "/keys/{id}". */
static void write_path(const char *path, struct buf *out)
{
    const char *hole = strstr(path, "{}");
    if (!hole) {
        buf_add(out, str_of(path));
        return;
    }
    buf_add(out, (struct str){path, (size_t)(hole - path)});
    buf_add(out, STR("{id}"));
    buf_add(out, str_of(hole + 2));
}

static json_t *operation(const struct admin_op *op)
{
    json_t *o = json_pack("{s:s, s:{s:{s:s, s:{s:{s:{s:s}}}}, s:{s:s}}}", "summary", op->help, "responses", "200",
                          "description", "done", "content", "application/json", "schema", "type", "object", "default",
                          "description", "an error object: {error: {message, type, param, code}}");
    if (strstr(op->path, "{}"))
        json_object_set_new(o, "parameters",
                            json_pack("[{s:s, s:s, s:b, s:{s:s}}]", "name", "id", "in", "path", "required", 1, "schema",
                                      "type", "string"));
    if (strcmp(op->method, "POST") == 0)
        json_object_set_new(o, "requestBody",
                            json_pack("{s:{s:{s:{s:s}}}}", "content", "application/json", "schema", "type", "object"));
    return o;
}

bool admin_openapi(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err)
{
    (void)a, (void)segment, (void)in, (void)err;
    json_t *paths = json_object();
    for (const struct admin_op *op = admin_ops; op->method; op++) {
        SCOPED(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
        char method[8] = "";
        for (size_t i = 0; op->method[i] && i + 1 < sizeof method; i++)
            method[i] = (char)tolower((unsigned char)op->method[i]);
        write_path(op->path, &path);
        json_t *item = json_object_get(paths, path.p);
        if (!item) {
            item = json_object();
            json_object_set_new(paths, path.p, item);
        }
        json_object_set_new(item, method, operation(op));
    }
    *out = json_pack("{s:s, s:{s:s, s:s}, s:[{s:s}], s:o}", "openapi", "3.1.0", "info", "title", "Penstock admin API",
                     "version", PACKAGE_VERSION, "servers", "url", "/admin/v1", "paths", paths);
    return true;
}
