/* bench_json - CPU time of one scan of a chat request of about 1 KB; `make bench-json`. */
#include <stdio.h>
#include <time.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"

enum { ROUNDS = 7, SCANS = 200000 };

static const char *const paths[] = {
    "model",
    "stream",
    "stream_options",
    "stream_options.include_usage",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "user",
    "penstock",
    "messages[]",
    "messages[].role",
    "messages[].content",
};

static bool hit(void *arg, const struct json_hit *h, struct err *err)
{
    (void)err;
    *(size_t *)arg += h->value.raw.n;
    return true;
}

/* Five messages, ASCII or with two bytes to a letter here and there. */
static void make_body(struct buf *b, const char *text)
{
    buf_add(b, STR("{\"model\":\"gpt-4.1\",\"messages\":["));
    for (int i = 0; i < 5; i++)
        buf_addf(b, "%s{\"role\":\"user\",\"content\":\"%s %s %s\"}", i ? "," : "", text, text,
                 text);
    buf_add(b, STR("],\"temperature\":0.7,\"max_tokens\":256,\"stream\":true,"
                   "\"stream_options\":{\"include_usage\":true},\"user\":\"u-1234\","
                   "\"response_format\":{\"type\":\"text\"}}"));
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure(const char *what, const struct json_plan *plan, struct str body)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t sum = 0;
        const struct json_visitor v = {hit, &sum};
        struct err err = {0};
        double start = now_ns();
        for (int i = 0; i < SCANS; i++)
            if (!json_scan(body, plan, 128, &v, &err))
                printf("refused: %s\n", err.say);
        double each = (now_ns() - start) / SCANS;
        if (round == 0 || each < best)
            best = each;
    }
    printf("%-12s %5zu bytes  %7.1f ns a scan  %5.2f GB/s\n", what, body.n, best,
           (double)body.n / best);
}

int main(void)
{
    struct json_plan *plan = json_plan_new(paths, sizeof paths / sizeof paths[0]);
    SCOPED(buf_done) struct buf ascii = BUF_INIT(4096), mixed = BUF_INIT(4096);
    make_body(&ascii, "The quick brown fox jumps over the lazy dog, and");
    make_body(
        &mixed,
        "D\xC3\xA9j\xC3\xA0 vu \xE2\x80\x94 na\xC3\xAFve caf\xC3\xA9, \xE6\x97\xA5\xE6\x9C\xAC");
    measure("ascii", plan, buf_str(&ascii));
    measure("mixed", plan, buf_str(&mixed));
    json_plan_free(plan);
    return 0;
}
