/* Pixel formats of framebuffers and how each becomes BGRA: plain loops over a row that the compiler vectorises. Formats are
 * named as in drm_fourcc.h, whose words are little-endian. Also checks what a driver says of a buffer's layout. */
#include "drm.h"

#include <string.h>

#define ROW __attribute__((optimize("O3"))) static void
#define EACH_WORD(type, expression) \
    for (size_t i = 0; i < pixels; i++) { \
        type p; \
        memcpy(&p, from + i * sizeof p, sizeof p); \
        uint32_t out = 0xff000000u | (expression); \
        memcpy(to + i * 4, &out, 4); \
    }

ROW copy(const uint8_t *restrict from, uint8_t *restrict to, uint32_t pixels) { memcpy(to, from, (size_t)pixels * 4); }

ROW from_xb24(const uint8_t *restrict from, uint8_t *restrict to, uint32_t pixels) {
    EACH_WORD(uint32_t, (p & 0xff00) | (p >> 16 & 0xff) | (p & 0xff) << 16)
}

ROW from_rx24(const uint8_t *restrict from, uint8_t *restrict to, uint32_t pixels) { EACH_WORD(uint32_t, p >> 8) }

ROW from_bx24(const uint8_t *restrict from, uint8_t *restrict to, uint32_t pixels) {
    EACH_WORD(uint32_t, p >> 24 | (p >> 8 & 0xff00) | (p << 8 & 0xff0000))
}

/* The lower bits repeat the upper ones, so that black stays 0 and white becomes 255. */
ROW from_rg16(const uint8_t *restrict from, uint8_t *restrict to, uint32_t pixels) {
    EACH_WORD(uint16_t, ((uint32_t)p << 8 & 0xf80000) | ((uint32_t)p << 3 & 0x70000) | ((uint32_t)p << 5 & 0xfc00) |
                            ((uint32_t)p >> 1 & 0x300) | ((uint32_t)p << 3 & 0xf8) | ((uint32_t)p >> 2 & 0x7))
}

ROW from_xr30(const uint8_t *restrict from, uint8_t *restrict to, uint32_t pixels) {
    EACH_WORD(uint32_t, (p >> 6 & 0xff0000) | (p >> 4 & 0xff00) | (p >> 2 & 0xff))
}

ROW from_xb30(const uint8_t *restrict from, uint8_t *restrict to, uint32_t pixels) {
    EACH_WORD(uint32_t, (p >> 22 & 0xff) | (p >> 4 & 0xff00) | (p << 14 & 0xff0000))
}

ROW from_rg24(const uint8_t *restrict from, uint8_t *restrict to, uint32_t pixels) {
    for (size_t i = 0; i < pixels; i++) {
        to[4 * i] = from[3 * i];
        to[4 * i + 1] = from[3 * i + 1];
        to[4 * i + 2] = from[3 * i + 2];
        to[4 * i + 3] = 255;
    }
}

ROW from_bg24(const uint8_t *restrict from, uint8_t *restrict to, uint32_t pixels) {
    for (size_t i = 0; i < pixels; i++) {
        to[4 * i] = from[3 * i + 2];
        to[4 * i + 1] = from[3 * i + 1];
        to[4 * i + 2] = from[3 * i];
        to[4 * i + 3] = 255;
    }
}

static const struct drm_format formats[] = {
    {DRM_FORMAT_XRGB8888, 4, copy, true},          {DRM_FORMAT_ARGB8888, 4, copy, true},
    {DRM_FORMAT_XBGR8888, 4, from_xb24, false},    {DRM_FORMAT_ABGR8888, 4, from_xb24, false},
    {DRM_FORMAT_RGBX8888, 4, from_rx24, false},    {DRM_FORMAT_RGBA8888, 4, from_rx24, false},
    {DRM_FORMAT_BGRX8888, 4, from_bx24, false},    {DRM_FORMAT_BGRA8888, 4, from_bx24, false},
    {DRM_FORMAT_RGB565, 2, from_rg16, false},      {DRM_FORMAT_RGB888, 3, from_rg24, false},
    {DRM_FORMAT_BGR888, 3, from_bg24, false},      {DRM_FORMAT_XRGB2101010, 4, from_xr30, false},
    {DRM_FORMAT_ARGB2101010, 4, from_xr30, false}, {DRM_FORMAT_XBGR2101010, 4, from_xb30, false},
    {DRM_FORMAT_ABGR2101010, 4, from_xb30, false},
};

const struct drm_format *drm_format_find(uint32_t fourcc) {
    for (unsigned i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (formats[i].fourcc == fourcc) return &formats[i];
    return NULL;
}

void drm_format_name(uint32_t fourcc, char name[5]) {
    for (int i = 0; i < 4; i++) {
        char letter = (char)(fourcc >> (8 * i));
        name[i] = letter > ' ' && letter <= '~' ? letter : '?';
    }
    name[4] = 0;
}

void drm_modifier_name(uint64_t modifier, char *name, size_t size) {
    static const char *const vendors[] = {"generic", "Intel",   "AMD",      "NVIDIA", "Samsung",   "Qualcomm",
                                          "Vivante", "Broadcom", "ARM",      "Allwinner", "Amlogic"};
    static const char *const intel[] = {"", " X-tiled", " Y-tiled", " Yf-tiled", " Y-tiled compressed", " Yf-tiled compressed"};
    uint64_t vendor = modifier >> 56, rest = modifier & 0xffffffffffffffu;
    snprintf(name, size, "0x%016llx (%s%s)", (unsigned long long)modifier,
             vendor < sizeof vendors / sizeof vendors[0] ? vendors[vendor] : "unknown vendor",
             vendor == 1 && rest < sizeof intel / sizeof intel[0] ? intel[rest] : "");
}

uint64_t drm_layout_bytes(uint32_t width, uint32_t height, uint32_t pixel_bytes, uint32_t pitch, uint32_t offset) {
    uint64_t row = (uint64_t)width * pixel_bytes;
    if (!width || !height || width > 16384 || height > 16384 || pitch < row) return 0;
    return (uint64_t)offset + (uint64_t)pitch * (height - 1) + row;
}
