#include "gateway/cli/listing.h"

#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"

int listing_run(const struct args *a, const char *path, const char *const *columns, size_t n)
{
    if (a->n_words)
        return EXIT_USAGE;
    struct err err = {0};
    json_t *in = json_object(), *out = NULL;
    bool ok = owner_call(a, "GET", path, in, &out, &err);
    if (ok && args_has(a, "json"))
        show_json(out);
    else if (ok)
        show_table(out, columns, n, NULL);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}
