#include "gateway/server/upstreams.h"

#include <inttypes.h>

#include "gateway/base/clock.h"

static bool was_before(const struct config *c, unsigned leaf)
{
    for (unsigned i = 0; i < leaf; i++)
        if (c->leaves[i].target->health == c->leaves[leaf].target->health)
            return true;
    return false;
}

void upstreams_each(const struct config *c,
                    void (*each)(void *arg, const struct target *t, const struct health_view *v), void *arg)
{
    for (unsigned i = 0; i < c->n_leaves; i++) {
        const struct target *t = c->leaves[i].target;
        struct health_view v;
        if (was_before(c, i))
            continue;
        health_look(t->health, clock_now_us(), &v);
        each(arg, t, &v);
    }
}

/* A value of a label, in quotes. */
static void add_label_text(struct buf *out, const char *text)
{
    buf_add(out, STR("\""));
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add(out, STR("\\"));
        buf_add(out, *text == '\n' ? STR("\\n") : (struct str){text, 1});
    }
    buf_add(out, STR("\""));
}

struct family { /* one metric of all upstreams */
    struct buf *out;
    const char *name;
    int64_t (*value)(const struct health_view *v);
};

static int64_t is_open(const struct health_view *v)
{
    return v->open;
}

static int64_t trips(const struct health_view *v)
{
    return (int64_t)v->trips;
}

static int64_t in_flight(const struct health_view *v)
{
    return v->in_flight;
}

static int64_t error_ppm(const struct health_view *v)
{
    return v->error_ppm;
}

static int64_t first_token_us(const struct health_view *v)
{
    return v->first_us[1] ? v->first_us[1] : v->first_us[0];
}

static void add_line(void *arg, const struct target *t, const struct health_view *v)
{
    const struct family *f = arg;
    buf_addf(f->out, "penstock_upstream_%s{provider=", f->name);
    add_label_text(f->out, t->provider->name);
    buf_add(f->out, STR(",model="));
    add_label_text(f->out, t->model);
    buf_addf(f->out, "} %" PRId64 "\n", f->value(v));
}

void upstreams_metrics(const struct config *c, struct buf *out)
{
    static const struct {
        const char *name, *type, *help;
        int64_t (*value)(const struct health_view *v);
    } families[] = {
        {"open", "gauge",
         "1 while it is left alone because it kept failing, or is being tried again", is_open},
        {"trips_total", "counter", "how often that began", trips},
        {"in_flight", "gauge", "requests it is answering", in_flight},
        {"errors_ppm", "gauge", "attempts that failed lately, per million", error_ppm},
        {"first_token_microseconds", "gauge", "average time to the first token; 0: not known",
         first_token_us},
    };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        buf_addf(out, "# HELP penstock_upstream_%s %s\n# TYPE penstock_upstream_%s %s\n",
                 families[i].name, families[i].help, families[i].name, families[i].type);
        upstreams_each(c, add_line, &(struct family){out, families[i].name, families[i].value});
    }
}
