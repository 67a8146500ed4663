/* Which rows of a framebuffer changed. The kernel does not tell, so rows are hashed and compared with what they held when
 * they were last grabbed: every row when a picture is taken, a few in turn while the screen is still. A hash is taken from
 * bytes in steps that can each be undone, so a change within one word of a lane is never missed, and of others one in 2^64. */
#include "drm.h"

#include <stdlib.h>
#include <string.h>

typedef uint32_t lanes __attribute__((vector_size(16)));
enum { BUSY_FLIPS = 4, BLIND_FLIPS = 8, SLOW_FACTOR = 4, PROBE_BYTES = 65536 };

static inline lanes load(const uint8_t *at) {
    lanes l;
    memcpy(&l, at, sizeof l);
    return l;
}

static inline lanes mix(lanes h, lanes word) {
    h += word;
    h += h << 10;
    return h ^ (h >> 6);
}

static uint64_t hash(const uint8_t *from, uint32_t bytes) {
    lanes a = {1, 2, 3, 4}, b = {5, 6, 7, 8}, c = {9, 10, 11, 12}, d = {13, 14, 15, 16};
    uint32_t i = 0;
    for (; bytes - i >= 64; i += 64) {
        a = mix(a, load(from + i));
        b = mix(b, load(from + i + 16));
        c = mix(c, load(from + i + 32));
        d = mix(d, load(from + i + 48));
    }
    uint8_t rest[64] = {0};
    memcpy(rest, from + i, bytes - i);
    lanes folded[4] = {mix(a, load(rest)), mix(b, load(rest + 16)), mix(c, load(rest + 32)), mix(d, load(rest + 48))};
    uint64_t out = bytes;
    for (int k = 0; k < 4; k++)
        for (int n = 0; n < 4; n++) {
            out = (out ^ folded[k][n]) * 0x9e3779b97f4a7c15u;
            out ^= out >> 29;
        }
    return out ? out : 1;
}

static uint64_t row_hash(const struct drm_plane *p, uint32_t row) { return hash(p->pixels + (size_t)row * p->stride, p->bytes); }

bool drm_rows_resize(struct drm_rows *rows, uint32_t count) {
    free(rows->hash);
    rows->hash = calloc(count, sizeof *rows->hash);
    rows->count = rows->hash ? count : 0;
    return rows->hash != NULL;
}

void drm_rows_forget(struct drm_rows *rows) { memset(rows->hash, 0, rows->count * sizeof *rows->hash); }

bool drm_rows_differ(struct drm_rows *rows, const struct drm_plane *plane, uint32_t step) {
    rows->phase++;
    for (uint32_t row = rows->phase % step; row < rows->count && row < plane->height; row += step)
        if (rows->hash[row] != row_hash(plane, row)) return true;
    return false;
}

struct pb_rows drm_rows_update(struct drm_rows *rows, const struct drm_plane *plane) {
    struct pb_rows changed = {0, 0};
    for (uint32_t row = 0; row < rows->count && row < plane->height; row++) {
        uint64_t now = row_hash(plane, row);
        if (now == rows->hash[row]) continue;
        rows->hash[row] = now;
        if (changed.top == changed.bottom) changed.top = row;
        changed.bottom = row + 1;
    }
    return changed;
}

void drm_rows_settle(struct drm_rows *rows, const struct drm_plane *plane, struct pb_rows touched) {
    for (uint32_t row = touched.top; row < touched.bottom && row < rows->count; row++)
        if (rows->hash[row] && rows->hash[row] != row_hash(plane, row)) rows->hash[row] = 0;
}

static uint64_t reading_ns(const uint8_t *from, uint32_t bytes, volatile uint64_t *sink) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    *sink ^= hash(from, bytes);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000u + (uint64_t)b.tv_nsec - (uint64_t)a.tv_nsec;
}

/* Compared with usual memory rather than held to a figure, which would differ between machines. Best of three, since a
 * thread may lose its processor in between, and the first pass faults pages in. */
bool drm_memory_is_slow(const uint8_t *memory, size_t bytes) {
    uint32_t probe = bytes < PROBE_BYTES ? (uint32_t)bytes : PROBE_BYTES;
    uint8_t *usual = calloc(1, PROBE_BYTES);
    if (!usual || probe < 4096) {
        free(usual);
        return false;
    }
    volatile uint64_t sink = 0;
    uint64_t there = UINT64_MAX, here = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t t = reading_ns(memory, probe, &sink), h = reading_ns(usual, probe, &sink);
        if (t < there) there = t;
        if (h < here) here = h;
    }
    free(usual);
    return there > SLOW_FACTOR * here;
}
