/* Real H.264 for tests: flat grey pictures, optionally with the meter's timecode, encoded by openh264. */
#ifndef PB_TEST_ENCODED_H
#define PB_TEST_ENCODED_H
#include "check.h"
#include "meter/timecode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

struct encoded {
    ISVCEncoder *codec;
    uint32_t width, height, size, capacity;
    uint8_t *luma, *bytes;
};

static inline void encoded_open(struct encoded *e, uint32_t width, uint32_t height) {
    SEncParamBase p;
    memset(&p, 0, sizeof p);
    p.iUsageType = CAMERA_VIDEO_REAL_TIME;
    p.iPicWidth = (int)width;
    p.iPicHeight = (int)height;
    p.iTargetBitrate = 20000000;
    p.iRCMode = RC_OFF_MODE;
    p.fMaxFrameRate = 60;
    *e = (struct encoded){.width = width, .height = height, .capacity = 1 << 20};
    e->luma = malloc((size_t)width * height * 3 / 2);
    e->bytes = malloc(e->capacity);
    CHECK(e->luma && e->bytes && !WelsCreateSVCEncoder(&e->codec));
    int silent = WELS_LOG_QUIET;
    (*e->codec)->SetOption(e->codec, ENCODER_OPTION_TRACE_LEVEL, &silent);
    CHECK(!(*e->codec)->Initialize(e->codec, &p));
}

/* Leaves the access unit in bytes and size. `painted_us` 0 paints no timecode. */
static inline void encoded_frame(struct encoded *e, uint8_t luma, uint64_t painted_us, bool keyframe) {
    size_t pixels = (size_t)e->width * e->height;
    memset(e->luma, luma, pixels);
    memset(e->luma + pixels, 128, pixels / 2);
    if (painted_us) {
        uint8_t *bgra = calloc(pixels, 4);
        pb_timecode_paint(bgra, e->width * 4, painted_us, 1);
        for (uint32_t y = 0; y < 64; y++)
            for (uint32_t x = 0; x < 28 * 32; x++) e->luma[(size_t)y * e->width + x] = bgra[((size_t)y * e->width + x) * 4] ? 235 : 16;
        free(bgra);
    }
    if (keyframe) (*e->codec)->ForceIntraFrame(e->codec, true);
    SSourcePicture picture = {.iColorFormat = videoFormatI420, .iPicWidth = (int)e->width, .iPicHeight = (int)e->height,
                              .iStride = {(int)e->width, (int)e->width / 2, (int)e->width / 2},
                              .pData = {e->luma, e->luma + pixels, e->luma + pixels * 5 / 4}};
    SFrameBSInfo info;
    memset(&info, 0, sizeof info);
    CHECK(!(*e->codec)->EncodeFrame(e->codec, &picture, &info));
    e->size = 0;
    for (int l = 0; l < info.iLayerNum; l++) {
        const uint8_t *from = info.sLayerInfo[l].pBsBuf;
        for (int n = 0; n < info.sLayerInfo[l].iNalCount; n++) {
            uint32_t bytes = (uint32_t)info.sLayerInfo[l].pNalLengthInByte[n];
            CHECK(e->size + bytes <= e->capacity);
            memcpy(e->bytes + e->size, from, bytes);
            e->size += bytes;
            from += bytes;
        }
    }
    CHECK(e->size);
}

static inline void encoded_close(struct encoded *e) {
    (*e->codec)->Uninitialize(e->codec);
    WelsDestroySVCEncoder(e->codec);
    free(e->luma);
    free(e->bytes);
}
#endif
