/* How long each stage of the host and the client takes, on made content: conversion, encoding, decoding, conversion back,
 * beside a memcpy of the frame. Prints one JSON line a picture size and content; times are milliseconds.
 * gcc -O2 -std=c11 -D_GNU_SOURCE -Ic tests/bench/stages.c c/convert/convert.c c/convert/convert_avx2.c c/encode/encode.c c/encode/openh264.c
 *     c/meter/content.c c/meter/demo.c c/meter/canvas.c -lopenh264 -lm -o stages */
#include "convert/convert.h"
#include "encode/encode.h"
#include "meter/content.h"

#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

enum { FRAMES = 300, FPS = 60, BITRATE_BPS = 10000000 };

struct series {
    const char *name;
    double ms[FRAMES];
};

static int order(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void report(struct series *s) {
    qsort(s->ms, FRAMES, sizeof s->ms[0], order);
    printf(", \"%s\": {\"p50\": %.3f, \"p99\": %.3f}", s->name, s->ms[FRAMES / 2], s->ms[FRAMES * 99 / 100]);
}

static double since(uint64_t start) { return (double)(pb_monotonic_us() - start) / 1000; }

static struct pb_picture planar(uint32_t width, uint32_t height) {
    return (struct pb_picture){PB_I420, width, height,
                               {malloc((size_t)width * height), malloc((size_t)width * height / 4), malloc((size_t)width * height / 4)},
                               {width, width / 2, width / 2}, NULL};
}

static void measure(uint32_t width, uint32_t height, const char *mode) {
    static struct series copy = {.name = "memcpy"}, i420 = {.name = "toI420"}, nv12 = {.name = "toNv12"};
    static struct series portable = {.name = "toI420Portable"}, encoded = {.name = "encode"}, decoded = {.name = "decode"};
    static struct series bgra = {.name = "toBgra"};
    size_t bytes = (size_t)width * height * 4;
    uint32_t *pixels = malloc(bytes), *other = malloc(bytes);
    struct pb_content *content = pb_content_open(mode, width, height);
    struct pb_picture source = {PB_BGRA, width, height, {(uint8_t *)pixels}, {width * 4}}, yuv = planar(width, height);
    struct pb_picture back = {PB_BGRA, width, height, {(uint8_t *)other}, {width * 4}};
    struct pb_picture two = {PB_NV12, width, height, {malloc((size_t)width * height), malloc((size_t)width * height / 2)}, {width, width}};
    const struct pb_encoder_settings settings = {width, height, FPS, BITRATE_BPS, FPS, 50};
    char error[256] = "";
    struct pb_encoder *encoder = pb_encoder_backends[0]->open(&settings, error, sizeof error);
    ISVCDecoder *decoder;
    SDecodingParam parameters = {.sVideoProperty = {.eVideoBsType = VIDEO_BITSTREAM_AVC}};
    if (!content || !encoder || WelsCreateDecoder(&decoder) || (*decoder)->Initialize(decoder, &parameters)) {
        fprintf(stderr, "cannot start: %s\n", error);
        exit(1);
    }
    struct pb_rows all = {0, height};
    uint64_t total = 0;
    for (uint32_t n = 0; n < FRAMES; n++) {
        pb_content_compose(content, pixels, n, (double)n / FPS);
        uint64_t start = pb_monotonic_us();
        memcpy(other, pixels, bytes);
        copy.ms[n] = since(start), start = pb_monotonic_us();
        pb_convert_to_nv12(&source, &two, all);
        nv12.ms[n] = since(start), start = pb_monotonic_us();
        for (uint32_t y = 0; y < height; y += 2) {
            struct pb_row_pair rows = {source.plane[0] + (size_t)y * width * 4, source.plane[0] + (size_t)(y + 1) * width * 4,
                                       yuv.plane[0] + (size_t)y * width, yuv.plane[0] + (size_t)(y + 1) * width,
                                       yuv.plane[1] + (size_t)(y / 2) * width / 2, yuv.plane[2] + (size_t)(y / 2) * width / 2, width, 1};
            pb_convert_rows_portable(&rows, 0);
        }
        portable.ms[n] = since(start), start = pb_monotonic_us();
        pb_convert_to_i420(&source, &yuv, all);
        i420.ms[n] = since(start), start = pb_monotonic_us();
        struct pb_access_unit unit;
        pb_encoder_backends[0]->encode(encoder, &yuv, start, false, &unit);
        encoded.ms[n] = since(start), start = pb_monotonic_us();
        uint8_t *planes[3] = {0};
        SBufferInfo info;
        memset(&info, 0, sizeof info);
        (*decoder)->DecodeFrameNoDelay(decoder, unit.data, (int)unit.size, planes, &info);
        decoded.ms[n] = since(start), start = pb_monotonic_us();
        pb_convert_to_bgra(&yuv, &back, all);
        bgra.ms[n] = since(start);
        total += unit.size;
    }
    printf("{\"width\": %u, \"height\": %u, \"content\": \"%s\", \"mbitPerSecond\": %.2f", width, height, mode,
           (double)total * 8 * FPS / FRAMES / 1e6);
    struct series *every[] = {&copy, &i420, &nv12, &portable, &encoded, &decoded, &bgra};
    for (size_t i = 0; i < sizeof every / sizeof every[0]; i++) report(every[i]);
    printf("}\n");
    pb_encoder_backends[0]->close(encoder);
    (*decoder)->Uninitialize(decoder);
    WelsDestroyDecoder(decoder);
    pb_content_close(content);
    free(pixels), free(other), free(two.plane[0]), free(two.plane[1]);
    for (int i = 0; i < 3; i++) free(yuv.plane[i]);
}

int main(void) {
    static const char *const modes[] = {"scroll", "video"};
    for (int i = 0; i < 2; i++) {
        measure(1280, 720, modes[i]);
        measure(1920, 1080, modes[i]);
    }
    return 0;
}
