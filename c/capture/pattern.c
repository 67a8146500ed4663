/* A moving test picture for machines without a screen: colour bars, a sweeping box and the meter's timecode (c/meter).
 * It is always new, so the grabber's pacing alone sets its rate. The target "still" gives one picture and then silence. */
#include "../meter/timecode.h"
#include "capture.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { BOX = 96, STEP = 8, DEFAULT_WIDTH = 1280, DEFAULT_HEIGHT = 720, CODE_WIDTH = 28 * 32, CODE_HEIGHT = 2 * 32 };

struct pb_capture {
    uint32_t width, height;
    bool still;
    uint32_t frame;
    uint32_t *pixels;
    uint32_t *row; /* one row of the background */
};

static bool probe(const char *target, char *detail, size_t size) {
    (void)target;
    pb_error(detail, size, "a moving test picture, %dx%d unless asked otherwise", DEFAULT_WIDTH, DEFAULT_HEIGHT);
    return true;
}

static void close_pattern(struct pb_capture *c) {
    if (!c) return;
    free(c->pixels);
    free(c->row);
    free(c);
}

static struct pb_capture *open_pattern(const struct pb_capture_settings *s, char *error, size_t error_size) {
    static const uint32_t bars[8] = {0xffc0c0c0, 0xffc0c000, 0xff00c0c0, 0xff00c000, 0xffc000c0, 0xffc00000, 0xff0000c0, 0xff202020};
    uint32_t width = s->width ? s->width : DEFAULT_WIDTH, height = s->height ? s->height : DEFAULT_HEIGHT;
    if (width > PB_MAX_WIDTH || height > PB_MAX_HEIGHT) {
        pb_error(error, error_size, "the test picture has at most %ux%u pixels, not %ux%u", PB_MAX_WIDTH, PB_MAX_HEIGHT, width,
                 height);
        return NULL;
    }
    struct pb_capture *c = calloc(1, sizeof *c);
    if (!c) goto fail;
    c->width = width;
    c->height = height;
    c->still = s->target && !strcmp(s->target, "still");
    c->pixels = malloc((size_t)width * height * 4);
    c->row = malloc((size_t)width * 4);
    if (!c->pixels || !c->row) goto fail;
    for (uint32_t x = 0; x < width; x++) c->row[x] = bars[x * 8 / width];
    for (uint32_t y = 0; y < height; y++) memcpy(c->pixels + (size_t)y * width, c->row, (size_t)width * 4);
    return c;
fail:
    pb_error(error, error_size, "no memory for a test picture of %ux%u", width, height);
    close_pattern(c);
    return NULL;
}

static void size_of(const struct pb_capture *c, uint32_t *width, uint32_t *height) {
    *width = c->width;
    *height = c->height;
}

static enum pb_status wait_pattern(struct pb_capture *c, int wake_fd, int timeout_ms, uint64_t *damage_us) {
    if (!c->still || !c->frame) {
        *damage_us = pb_monotonic_us();
        return PB_OK;
    }
    struct pollfd woken = {wake_fd, POLLIN, 0};
    return poll(&woken, 1, timeout_ms) < 0 && errno != EINTR ? PB_ERROR : PB_AGAIN;
}

/* The box runs in the lower half, away from the timecode; in small pictures it is clipped. */
static struct pb_rows box(struct pb_capture *c, uint32_t frame, bool paint) {
    uint32_t top = c->height / 2, bottom = top + BOX < c->height ? top + BOX : c->height;
    uint32_t left = frame * STEP % c->width, right = left + BOX < c->width ? left + BOX : c->width;
    for (uint32_t y = top; y < bottom; y++)
        for (uint32_t x = left; x < right; x++)
            c->pixels[(size_t)y * c->width + x] = paint ? 0xff000000 | (x - left) << 17 | (y - top) << 9 | 0x40 : c->row[x];
    return (struct pb_rows){top, bottom};
}

static enum pb_status grab(struct pb_capture *c, bool everything, struct pb_picture *picture, struct pb_rows *rows) {
    *rows = (struct pb_rows){0, 0};
    if (!c->still || !c->frame) {
        if (c->frame) box(c, c->frame - 1, false);
        *rows = box(c, c->frame, true);
        if (c->width >= CODE_WIDTH && c->height >= CODE_HEIGHT) {
            pb_timecode_paint((uint8_t *)c->pixels, c->width * 4, pb_monotonic_us(), (uint16_t)c->frame);
            rows->top = 0;
        }
        if (!c->frame) everything = true;
        c->frame++;
    }
    if (everything) *rows = (struct pb_rows){0, c->height};
    *picture = (struct pb_picture){
        .format = PB_BGRA, .width = c->width, .height = c->height, .plane = {(uint8_t *)c->pixels}, .stride = {c->width * 4}};
    return PB_OK;
}

const struct pb_capture_backend pb_capture_pattern = {
    .name = "pattern",
    .probe = probe,
    .open = open_pattern,
    .size = size_of,
    .wait = wait_pattern,
    .grab = grab,
    .close = close_pattern,
};
