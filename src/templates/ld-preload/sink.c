/* The frame buffer of sink.h. The sizes of a frame buffer are fixed, so a window of another size gets a new one of the same
 * name; readers see the end of the old one and open the name again. A name that somebody else writes to is tried again once a
 * second: the first program that draws has it until it ends. */
#include "sink.h"

#include "shmem/frames.h"

#include <stdlib.h>
#include <string.h>

enum { AGAIN_US = 1000000, LATELY_US = 500000 };

static struct pb_frames frames = {.segment = {.handle = -1}};
static uint64_t retry_us; /* when a refused name is tried again */
static uint64_t asked_us; /* when a reader was last seen to sleep */

static bool always(void) {
    static int is = -1;
    const char *value = is < 0 ? getenv("PATCHBAY_FRAMES_ALWAYS") : NULL;
    if (is < 0) is = value && *value && strcmp(value, "0");
    return is;
}

enum sink_demand sink_demand(uint64_t now_us) {
    if (!frames.header) return now_us >= retry_us ? SINK_UNREAD : SINK_CLOSED;
    /* Relaxed: the flag stands for itself. */
    if (atomic_load_explicit(&frames.header->sleepers, memory_order_relaxed)) asked_us = now_us;
    return now_us < asked_us + LATELY_US || always() ? SINK_READ : SINK_UNREAD;
}

static bool open_for(uint32_t width, uint32_t height, uint64_t now_us) {
    if (frames.header && frames.width == width && frames.height == height) return true;
    if (frames.header) pb_frames_close(&frames);
    const char *name = getenv("PATCHBAY_FRAMES");
    char error[256];
    if (pb_frames_create(&frames, name && *name ? name : "gl", width, height, error, sizeof error)) return true;
    retry_us = now_us + AGAIN_US;
    return false;
}

/* The screen shows no alpha, and programs leave anything there. */
static void copy_opaque(uint8_t *to, const uint8_t *from, size_t bytes) {
    static const uint8_t alpha[4] = {0, 0, 0, 255};
    uint32_t mask, pixel;
    memcpy(&mask, alpha, sizeof mask);
    for (size_t i = 0; i < bytes; i += 4) {
        memcpy(&pixel, from + i, 4);
        pixel |= mask;
        memcpy(to + i, &pixel, 4);
    }
}

void sink_write(const uint8_t *rows, uint32_t width, uint32_t height, uint64_t drawn_us) {
    uint8_t *picture = open_for(width, height, drawn_us) ? pb_frames_begin(&frames) : NULL;
    if (!picture) return;
    size_t row = (size_t)width * 4;
    for (uint32_t y = 0; y < height; y++) copy_opaque(picture + (height - 1 - y) * row, rows + y * row, row);
    pb_frames_end(&frames, drawn_us / 1000, 0, true);
}

void sink_close(void) {
    if (frames.header) pb_frames_close(&frames);
}

void sink_abandon(void) {
    pb_os_bell_close(&frames.bell);
    pb_os_close(&frames.segment);
    frames = (struct pb_frames){.segment = {.handle = -1}};
    retry_us = asked_us = 0;
}
