/* What the load client measures with: the clock, a histogram of delivery times, and processor time and memory of processes. */
#ifndef PB_BENCH_GAUGES_H
#define PB_BENCH_GAUGES_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HISTOGRAM = 4096 };

static uint64_t histogram[HISTOGRAM]; /* of delivery times: 64 steps for each doubling from 1 us */

static inline uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static inline uint32_t step_of(uint64_t us) {
    if (us < 64) return (uint32_t)us;
    const uint32_t top = 63 - (uint32_t)__builtin_clzll(us);
    const uint32_t step = (top - 5) * 64 + (uint32_t)(us >> (top - 6) & 63);
    return step < HISTOGRAM ? step : HISTOGRAM - 1;
}

static inline double step_us(uint32_t step) {
    if (step < 64) return step;
    const uint32_t top = step / 64 + 5;
    return (double)((uint64_t)(64 + step % 64) << (top - 6));
}

static inline double percentile(double part) {
    uint64_t all = 0, seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM; i++) all += histogram[i];
    for (uint32_t i = 0; i < HISTOGRAM; i++) {
        seen += histogram[i];
        if (all && (double)seen >= part * (double)all) return step_us(i);
    }
    return 0;
}

/* Seconds of processor time; the server's is -1 when there is no such process. */
struct used {
    double client, server;
};

static inline struct used used_up_to_now(uint32_t watched) {
    struct timespec t = {0};
    struct used used = {0};
    clockid_t clock;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    used.client = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    if (!watched) return used;
    if (clock_getcpuclockid((pid_t)watched, &clock) != 0 || clock_gettime(clock, &t) != 0) used.server = -1;
    else used.server = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    return used;
}

static inline uint32_t highest_memory_kib(uint32_t watched) {
    char name[64], line[256];
    uint32_t kib = 0;
    snprintf(name, sizeof name, "/proc/%u/status", watched);
    FILE *status = watched ? fopen(name, "re") : NULL;
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0) kib = (uint32_t)atoi(line + 6);
    if (status) fclose(status);
    return kib;
}
#endif
