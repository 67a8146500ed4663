/* sources: c/capture/drm_format.c c/capture/drm_rows.c */
/* The DRM capture's arithmetic: every pixel format by its words as drm_fourcc.h defines them, layouts that overrun, names of
 * modifiers, and which rows are found changed. */
#include "check.h"

#include "capture/drm.h"

#include <string.h>

/* The bytes of one pixel in memory, and the BGR that it stands for. */
static void pixel(uint32_t fourcc, uint64_t word, uint32_t bgr) {
    const struct drm_format *f = drm_format_find(fourcc);
    CHECK(f);
    enum { COUNT = 37 }; /* more than any vector, and no multiple of one */
    uint8_t *from = malloc(COUNT * f->bytes + 1), *to = malloc(COUNT * 4);
    for (int shift = 0; shift < 2; shift++) { /* rows may begin at any byte */
        for (int i = 0; i < COUNT; i++) memcpy(from + shift + i * (int)f->bytes, &word, f->bytes);
        f->to_bgra(from + shift, to, COUNT);
        for (int i = 0; i < COUNT; i++) CHECK((uint32_t)(to[4 * i] | to[4 * i + 1] << 8 | to[4 * i + 2] << 16) == bgr);
        if (!f->is_bgra)
            for (int i = 0; i < COUNT; i++) CHECK(to[4 * i + 3] == 255);
    }
    free(from);
    free(to);
}

static void formats(void) {
    pixel(DRM_FORMAT_XRGB8888, 0x55123456, 0x123456);
    pixel(DRM_FORMAT_ARGB8888, 0x00123456, 0x123456);
    pixel(DRM_FORMAT_XBGR8888, 0x55123456, 0x563412);
    pixel(DRM_FORMAT_ABGR8888, 0x00123456, 0x563412);
    pixel(DRM_FORMAT_RGBX8888, 0x12345655, 0x123456);
    pixel(DRM_FORMAT_RGBA8888, 0x12345600, 0x123456);
    pixel(DRM_FORMAT_BGRX8888, 0x12345655, 0x563412);
    pixel(DRM_FORMAT_BGRA8888, 0x12345600, 0x563412);
    pixel(DRM_FORMAT_RGB888, 0x123456, 0x123456);
    pixel(DRM_FORMAT_BGR888, 0x123456, 0x563412);
    for (uint32_t v = 0; v < 1024; v++) { /* ten bits lose their two lowest */
        uint32_t g = 1023 - v, b = v * 7 & 1023;
        uint32_t bgr = v >> 2 << 16 | g >> 2 << 8 | b >> 2;
        pixel(DRM_FORMAT_XRGB2101010, 0x40000000 | v << 20 | g << 10 | b, bgr);
        pixel(DRM_FORMAT_ARGB2101010, v << 20 | g << 10 | b, bgr);
        pixel(DRM_FORMAT_XBGR2101010, 0xc0000000 | b << 20 | g << 10 | v, bgr);
        pixel(DRM_FORMAT_ABGR2101010, b << 20 | g << 10 | v, bgr);
    }
    for (uint32_t word = 0; word < 65536; word += 7) { /* five and six bits spread over the whole range */
        uint32_t r = word >> 11, g = word >> 5 & 63, b = word & 31;
        pixel(DRM_FORMAT_RGB565, word, (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2));
    }
    CHECK(!drm_format_find(0) && !drm_format_find(DRM_FORMAT_NV12) && !drm_format_find(DRM_FORMAT_C8));
}

static void layouts(void) {
    CHECK(drm_layout_bytes(1, 1, 4, 4, 0) == 4);
    CHECK(drm_layout_bytes(2, 3, 4, 16, 100) == 100 + 2 * 16 + 8);
    CHECK(drm_layout_bytes(16384, 16384, 4, 65536, 0) == 16384ull * 65536);
    CHECK(drm_layout_bytes(16384, 16384, 4, UINT32_MAX, UINT32_MAX) == UINT32_MAX + 16383ull * UINT32_MAX + 65536);
    CHECK(!drm_layout_bytes(0, 1, 4, 4, 0) && !drm_layout_bytes(1, 0, 4, 4, 0) && !drm_layout_bytes(16385, 1, 4, 1 << 20, 0));
    CHECK(!drm_layout_bytes(1, 16385, 4, 4, 0) && !drm_layout_bytes(2, 1, 4, 7, 0) && !drm_layout_bytes(UINT32_MAX, 1, 4, 4, 0));
}

static void names(void) {
    char name[5], modifier[64];
    drm_format_name(DRM_FORMAT_XRGB8888, name);
    CHECK(!strcmp(name, "XR24"));
    drm_format_name(0x0a5b1b01, name);
    CHECK(!strcmp(name, "??[?"));
    drm_modifier_name(I915_FORMAT_MOD_Y_TILED, modifier, sizeof modifier);
    CHECK(!strcmp(modifier, "0x0100000000000002 (Intel Y-tiled)"));
    drm_modifier_name(UINT64_MAX, modifier, sizeof modifier);
    CHECK(!strcmp(modifier, "0xffffffffffffffff (unknown vendor)"));
}

static void targets_of_rows(void) {
    enum { ROWS = 50, BYTES = 333, STRIDE = 400 };
    uint8_t *pixels = calloc(ROWS, STRIDE);
    struct drm_plane plane = {pixels, STRIDE, BYTES, ROWS};
    struct drm_rows rows = {0};
    CHECK(drm_rows_resize(&rows, ROWS));
    struct pb_rows changed = drm_rows_update(&rows, &plane);
    CHECK(changed.top == 0 && changed.bottom == ROWS);
    changed = drm_rows_update(&rows, &plane);
    CHECK(changed.top == changed.bottom && !drm_rows_differ(&rows, &plane, 1));
    uint32_t seed = 1;
    for (int i = 0; i < 20000; i++) { /* any one byte, by any amount */
        seed = seed * 1664525 + 1013904223;
        uint32_t row = (seed >> 8) % ROWS, at = (seed >> 16) % BYTES;
        pixels[row * STRIDE + at] ^= (uint8_t)(1 + seed % 255);
        changed = drm_rows_update(&rows, &plane);
        CHECK(changed.top == row && changed.bottom == row + 1);
    }
    pixels[3 * STRIDE + BYTES] = 1; /* behind the row */
    CHECK(!drm_rows_differ(&rows, &plane, 1));
    pixels[17 * STRIDE] ^= 1;
    int found = 0;
    for (int i = 0; i < 4; i++) found += drm_rows_differ(&rows, &plane, 4);
    CHECK(found == 1); /* each row's turn comes once in four looks */
    changed = drm_rows_update(&rows, &plane);
    CHECK(changed.top == 17 && changed.bottom == 18);
    pixels[17 * STRIDE] ^= 1;
    drm_rows_settle(&rows, &plane, changed);
    changed = drm_rows_update(&rows, &plane);
    CHECK(changed.top == 17 && changed.bottom == 18);
    free(rows.hash);
    free(pixels);
}

/* What changes a screen often: blocks that move, swap, or are inverted. None may hash as before. */
static void no_easy_collisions(void) {
    enum { ROWS = 4, BYTES = 1024 };
    uint32_t *pixels = calloc(ROWS, BYTES);
    struct drm_plane plane = {(uint8_t *)pixels, BYTES, BYTES, ROWS};
    struct drm_rows rows = {0};
    CHECK(drm_rows_resize(&rows, ROWS));
    uint32_t columns = BYTES / 4;
    for (uint32_t from = 0; from + 16 < columns; from++)
        for (uint32_t distance = 1; distance <= 16; distance++) {
            memset(pixels, 0x40, BYTES);
            pixels[from] = 0xffffff;
            drm_rows_update(&rows, &plane);
            pixels[from] = 0x40404040;
            pixels[from + distance] = 0xffffff;
            CHECK(drm_rows_differ(&rows, &plane, 1));
        }
    free(rows.hash);
    free(pixels);
}

int main(void) {
    formats();
    layouts();
    names();
    targets_of_rows();
    no_easy_collisions();
    return 0;
}
