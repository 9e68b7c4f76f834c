/*
 * bench_ledger - CPU that a request's rows cost, in the loop's thread and in all.
 *
 *     bench_ledger [REQUESTS] [PER_SECOND]
 *
 * Hands over a reserve, an attempt and a settle a request at the given rate and
 * prints microseconds of CPU per request.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gateway/store/ledger.h"

enum { BURST = 50 };

static double cpu_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void hand_over(struct store *s, long i)
{
    char id[40];
    int n = snprintf(id, sizeof id, "req_%012lx%016lx", i, (unsigned long)i * 0x9e3779b97f4a7c15);
    struct ledger_request r = {
        .request_id = {id, (size_t)n},
        .started_ms = 1764000000000 + i / 25,
        .team = STR("default"),
        .key_id = STR("key_3fG7hJ2kLmN8pQ"),
        .tags = STR("{\"app\":\"bench\"}"),
        .endpoint = STR("chat/completions"),
        .model_asked = STR("large"),
        .model_served = STR("gpt-4.1"),
        .provider = STR("openai"),
        .route_reason = STR("failover:1"),
        .ttft_us = LEDGER_NULL,
        .total_us = 12345,
        .overhead_us = 123,
        .cost = {{100, 0, 0, 4096, 0, 0}, 6400000, STR("bound"), STR("2026-11-01"), false},
    };
    ledger_reserve(s, &r, NULL);
    r.cost = (struct ledger_cost){
        {100, 20, 0, 50, 0, 0}, 64000, STR("reported"), STR("2026-11-01"), false};
    struct ledger_attempt a = {
        .request_id = r.request_id,
        .attempt = 1,
        .purpose = STR("chat"),
        .started_ms = r.started_ms,
        .provider = r.provider,
        .model = r.model_served,
        .status = 200,
        .finish = STR("complete"),
        .cost = r.cost,
    };
    ledger_attempt(s, &a);
    r.attempts = 1;
    r.status = 200;
    r.finish = STR("complete");
    ledger_settle(s, &r);
}

static void pause_us(double us)
{
    struct timespec t = {0, (long)(us * 1e3)};
    nanosleep(&t, NULL);
}

int main(int argc, char **argv)
{
    long n = argc > 1 ? atol(argv[1]) : 250000, rate = argc > 2 ? atol(argv[2]) : 25000;
    char dir[] = "/tmp/bench_ledger.XXXXXX";
    struct err err = {0};
    struct store *s =
        mkdtemp(dir) ? store_open(dir, &(struct store_options){.strict = false}, &err) : NULL;
    if (!s) {
        fprintf(stderr, "%s\n", err.detail);
        return 1;
    }
    double all = cpu_us(CLOCK_PROCESS_CPUTIME_ID), loop = 0, begin = cpu_us(CLOCK_MONOTONIC);
    for (long i = 0; i < n; i++) {
        if (i % BURST == 0) {
            double ahead = (double)i * 1e6 / (double)rate - (cpu_us(CLOCK_MONOTONIC) - begin);
            if (ahead > 0)
                pause_us(ahead);
        }
        double from = i % BURST == 0 ? cpu_us(CLOCK_THREAD_CPUTIME_ID) : 0;
        hand_over(s, i);
        if (i % BURST == 0)
            loop += (cpu_us(CLOCK_THREAD_CPUTIME_ID) - from) * BURST;
    }
    struct ledger_head h;
    ledger_head(s, &h);
    long queued = (long)h.queued;
    bool ok = store_flush(s, &err);
    all = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - all;
    printf("%.2f us of CPU a request, %.2f of it in the loop; %ld rows were queued at the end\n",
           all / (double)n, loop / (double)n, queued);
    store_close(s);
    printf("%s\n", dir);
    return ok ? 0 : 1;
}
