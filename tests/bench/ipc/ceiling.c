/*
 * The least that two processes can do over shared memory: one ring each way, cached positions, one release store a message, no
 * checks, no counters, no wake-ups. What anything else is a ratio to. Needs nothing but libc.
 */
#include <stdatomic.h>

#include "harness.h"

enum { ring_bytes = 1 << 21, ring_mask = ring_bytes - 1, line = 64 };

typedef struct ring {
    _Alignas(line) _Atomic uint64_t written;
    _Alignas(line) _Atomic uint64_t read;
    _Alignas(line) unsigned char data[ring_bytes];
} ring;

static ring *rings;
static ring *in, *out;
static uint64_t written, seen_read, consumed, seen_written;

static int prepare(void) {
    rings = mmap(NULL, 2 * sizeof(ring), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return rings == MAP_FAILED;
}
static int open_side(int side) {
    out = &rings[side];
    in = &rings[1 - side];
    return 0;
}
/* Records are padded to a whole line and never wrap, because sizes here are one and the same. */
static uint64_t step_of(uint32_t size) {
    uint64_t step = line;
    while (step < size + sizeof size) step *= 2;
    return step;
}
static int send_one(const void *data, uint32_t size) {
    uint64_t step = step_of(size);
    while (written + step - seen_read > ring_bytes) {
        seen_read = atomic_load_explicit(&out->read, memory_order_acquire);
        if (written + step - seen_read > ring_bytes) harness_pause();
    }
    unsigned char *at = out->data + (written & ring_mask);
    memcpy(at, &size, sizeof size);
    memcpy(at + sizeof size, data, size);
    written += step;
    atomic_store_explicit(&out->written, written, memory_order_release);
    return 0;
}
static int receive_one(void *data, uint32_t room) {
    uint32_t size;
    while (consumed == seen_written) {
        seen_written = atomic_load_explicit(&in->written, memory_order_acquire);
        if (consumed == seen_written) harness_pause();
    }
    const unsigned char *at = in->data + (consumed & ring_mask);
    memcpy(&size, at, sizeof size);
    if (size > room) return -1;
    memcpy(data, at + sizeof size, size);
    consumed += step_of(size);
    atomic_store_explicit(&in->read, consumed, memory_order_release);
    return (int)size;
}

int main(int argc, char **argv) {
    const transport t = {"plain C ring", prepare, open_side, send_one, receive_one, NULL, NULL};
    return harness_main(&t, argc, argv);
}
