#include "gateway/core/error_body.h"

#include "gateway/base/json.h"

void error_body_write(const struct err *err, struct buf *out)
{
    const struct err_info *info = err_info(err->code);
    buf_add(out, STR("{\"error\": {\"message\": "));
    json_quote(out, str_of(err->say));
    buf_addf(out, ", \"type\": \"%s\", \"param\": ", info->type);
    if (err->param[0])
        json_quote(out, str_of(err->param));
    else
        buf_add(out, STR("null"));
    buf_addf(out, ", \"code\": \"%s\"}}", info->code);
}
