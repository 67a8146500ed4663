/*
 * Two processes on two cores and a way for messages between them: what every program of this folder measures alike. A program
 * fills in a `transport` and calls `harness_main`, which forks, pins, and prints one JSON line. Everything that arrives is checked
 * for its number; what is missing is counted, and what comes in disorder ends the run. It never measures a transport's opening.
 */
#pragma once
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct transport {
    const char *name;
    /* Before the fork; may be NULL. Returns 0, or says on standard error what is wrong. */
    int (*prepare)(void);
    /* After the fork: side 0 asks and sends, side 1 answers and receives. Returns 0 or as above. */
    int (*open)(int side);
    /* Hands over one message; waits while there is no room. Returns 0. */
    int (*send)(const void *data, uint32_t size);
    /* Waits for one message; returns its size. */
    int (*receive)(void *data, uint32_t room);
    /* What send has kept back goes out now; may be NULL. */
    void (*flush)(void);
    /* Removes what prepare made; may be NULL. */
    void (*remove)(void);
} transport;

enum { harness_largest = 65536, harness_buckets = 1 << 16, harness_bucket_ns = 10 };

/* What the two sides tell each other beside the transport. */
typedef struct harness_board {
    _Atomic uint32_t ready;
    _Atomic uint64_t received, missing, first_ns, last_ns;
} harness_board;

static inline uint64_t harness_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void harness_pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static inline void harness_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static const uint64_t harness_end = UINT64_MAX;

static int harness_answer(const transport *t, harness_board *board, int oneway) {
    static unsigned char buffer[harness_largest];
    uint64_t expected = 0, received = 0, missing = 0, number;
    if (t->open(1) != 0) return 1;
    board->ready = 1;
    for (;;) {
        int size = t->receive(buffer, sizeof buffer);
        if (size < (int)sizeof number) return fprintf(stderr, "%s: received %d bytes\n", t->name, size), 1;
        memcpy(&number, buffer, sizeof number);
        if (number == harness_end) break;
        if (number < expected) return fprintf(stderr, "%s: messages came in disorder\n", t->name), 1;
        missing += number - expected;
        expected = number + 1;
        if (received++ == 0) board->first_ns = harness_ns();
        if (!oneway) {
            if (t->send(buffer, (uint32_t)size) != 0) return 1;
            if (t->flush) t->flush();
        }
    }
    board->last_ns = harness_ns();
    board->missing = missing;
    board->received = received;
    return 0;
}

static uint64_t harness_percentile(const uint64_t *histogram, uint64_t total, double share) {
    uint64_t seen = 0;
    for (uint32_t at = 0; at < harness_buckets; at++)
        if ((seen += histogram[at]) > (uint64_t)((double)total * share)) return (uint64_t)at * harness_bucket_ns;
    return (uint64_t)harness_buckets * harness_bucket_ns;
}

static int harness_round_trips(const transport *t, uint32_t size, double seconds) {
    static unsigned char buffer[harness_largest];
    static uint64_t histogram[harness_buckets];
    uint64_t total = 0, number = 0, until = 0;
    memset(buffer, 7, sizeof buffer);
    for (uint64_t warm = 2000;; number++) {
        uint64_t begun = harness_ns();
        if (number == warm) until = begun + (uint64_t)(seconds * 1e9);
        if (until && begun >= until) break;
        memcpy(buffer, &number, sizeof number);
        if (t->send(buffer, size) != 0) return 1;
        if (t->flush) t->flush();
        uint64_t back;
        if (t->receive(buffer, sizeof buffer) != (int)size) return fprintf(stderr, "%s: wrong size back\n", t->name), 1;
        memcpy(&back, buffer, sizeof back);
        if (back != number) return fprintf(stderr, "%s: another message came back\n", t->name), 1;
        if (!until) continue;
        uint64_t bucket = (harness_ns() - begun) / harness_bucket_ns;
        histogram[bucket < harness_buckets ? bucket : harness_buckets - 1]++;
        total++;
    }
    memcpy(buffer, &harness_end, sizeof harness_end);
    t->send(buffer, size);
    if (t->flush) t->flush();
    printf("{\"name\":\"%s\",\"size\":%u,\"roundTrips\":%llu,\"p50Ns\":%llu,\"p99Ns\":%llu}\n", t->name, size,
           (unsigned long long)total, (unsigned long long)harness_percentile(histogram, total, 0.5),
           (unsigned long long)harness_percentile(histogram, total, 0.99));
    return 0;
}

static int harness_one_way(const transport *t, uint32_t size, double seconds) {
    static unsigned char buffer[harness_largest];
    memset(buffer, 7, sizeof buffer);
    uint64_t until = harness_ns() + (uint64_t)(seconds * 1e9);
    for (uint64_t number = 0;; number++) {
        if ((number & 255) == 0 && harness_ns() >= until) break;
        memcpy(buffer, &number, sizeof number);
        if (t->send(buffer, size) != 0) return 1;
    }
    memcpy(buffer, &harness_end, sizeof harness_end);
    int status = t->send(buffer, size);
    if (t->flush) t->flush();
    return status;
}

/* PROGRAM rtt|oneway SIZE SECONDS */
static int harness_main(const transport *t, int argc, char **argv) {
    uint32_t size = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;
    double seconds = argc > 3 ? atof(argv[3]) : 0;
    int oneway = argc > 1 && strcmp(argv[1], "oneway") == 0;
    if (size < 8 || size > harness_largest || seconds <= 0)
        return fprintf(stderr, "usage: %s rtt|oneway SIZE(8-65536) SECONDS\n", argv[0]), 64;
    harness_board *board =
        (harness_board *)mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED || (t->prepare && t->prepare() != 0)) return 1;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        harness_pin(1);
        _exit(harness_answer(t, board, oneway));
    }
    harness_pin(0);
    int status = t->open(0), child_status = 0;
    while (status == 0 && !board->ready && waitpid(child, &child_status, WNOHANG) == 0) usleep(1000);
    if (status == 0) status = oneway ? harness_one_way(t, size, seconds) : harness_round_trips(t, size, seconds);
    if (status != 0) kill(child, SIGKILL);
    waitpid(child, &child_status, 0);
    if (t->remove) t->remove();
    if (status == 0 && oneway)
        printf("{\"name\":\"%s\",\"size\":%u,\"messages\":%llu,\"missing\":%llu,\"perSecond\":%.0f}\n", t->name, size,
               (unsigned long long)board->received, (unsigned long long)board->missing,
               (double)board->received * 1e9 / (double)(board->last_ns - board->first_ns));
    return status != 0 || child_status != 0;
}
