/* What every C module shares: status codes, the wake-up of TypeScript, error texts, time.
 * C owns threads and hardware and decides nothing: rates, retries and rights are TypeScript's.
 * Conventions: C11; opaque structs; module_verb(struct module *, ...); one `fail:` label a function; every field of a
 * settings struct says its unit; settings and runtime state are different structs. */
#ifndef PB_SHIM_H
#define PB_SHIM_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define PB_EXPORT __attribute__((visibility("default")))
#define PB_MAX_WIDTH 8192u
#define PB_MAX_HEIGHT 8192u
#define PB_MAX_FRAME_BYTES (16u * 1024u * 1024u)

typedef void (*pb_wake_fn)(void);

/* What the caller of a backend must do next. */
enum pb_status {
    PB_OK = 0,      /* done */
    PB_AGAIN,       /* nothing there: time-out or no change */
    PB_REINIT,      /* size or mode changed: ask for the new size and go on */
    PB_UNSUPPORTED, /* this backend cannot do it here */
    PB_LOST,        /* device or connection gone: close and open again */
    PB_ERROR        /* broken input or a fault; the error text says which */
};

/* A wake-up of the event loop that is rung at most once until it is armed again. */
struct pb_waker {
    pb_wake_fn fn;
    atomic_bool rung;
};

static inline void pb_waker_ring(struct pb_waker *w) {
    /* acq_rel: what was put in a queue before ringing is visible to the one who arms and then looks. */
    if (w->fn && !atomic_exchange_explicit(&w->rung, true, memory_order_acq_rel)) w->fn();
}

static inline void pb_waker_arm(struct pb_waker *w) {
    /* An exchange, not a store: looking into the queue afterwards must not be moved before it. */
    atomic_exchange_explicit(&w->rung, false, memory_order_seq_cst);
}

static inline uint64_t pb_monotonic_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* Writes a sentence for a person; cut when it does not fit. */
__attribute__((format(printf, 3, 4))) static inline void pb_error(char *error, size_t size, const char *format, ...) {
    if (!error || !size) return;
    va_list args;
    va_start(args, format);
    vsnprintf(error, size, format, args);
    va_end(args);
}

#endif
