/* Real codecs in software behind the stand-ins: openh264 for H.264, x265 and libde265 for HEVC (tests only, never shipped).
 * What is encoded and decoded here is real; only the hardware is not. */
#ifndef DOUBLE_CODER_H
#define DOUBLE_CODER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coder_settings {
    bool hevc, cabac;
    uint32_t width, height, fps, bitrate_bps;
    uint32_t interval;               /* pictures from keyframe to keyframe, 0 for only on demand */
    uint32_t finest, coarsest;       /* quantisers */
    uint32_t slices;
    bool colours, full_range;        /* whether the stream describes its colours */
    uint8_t primaries, transfer, matrix;
};

struct coder_planes {
    const uint8_t *plane[3]; /* I420 */
    uint32_t stride[3], width, height;
};

struct coder;
struct coder *coder_open(const struct coder_settings *settings);
bool coder_set_rate(struct coder *coder, uint32_t bitrate_bps, uint32_t fps);
/* `data` is the coder's until the next call. Parameter sets stand before each keyframe. */
bool coder_encode(struct coder *coder, const struct coder_planes *picture, bool keyframe, const uint8_t **data, size_t *size,
                  bool *was_keyframe);
void coder_close(struct coder *coder);

struct picturer;
struct picturer *picturer_open(bool hevc);
/* One access unit with its parameter sets. False when it is damaged or no picture comes out; planes are valid until the next. */
bool picturer_decode(struct picturer *picturer, const uint8_t *data, size_t size, struct coder_planes *out);
void picturer_close(struct picturer *picturer);

static inline void coder_from_nv12(const uint8_t *luma, const uint8_t *chroma, size_t pitch, uint32_t width, uint32_t height,
                                   uint8_t *i420) {
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) i420[(size_t)y * width + x] = luma[y * pitch + x];
    uint8_t *u = i420 + (size_t)width * height, *v = u + (size_t)width * height / 4;
    for (uint32_t y = 0; y < height / 2; y++)
        for (uint32_t x = 0; x < width / 2; x++) {
            *u++ = chroma[y * pitch + 2 * x];
            *v++ = chroma[y * pitch + 2 * x + 1];
        }
}
#endif
