/* How fast the colour conversion is beside a memcpy of the same picture into other memory, in the same run and in turns, on made
 * content. Prints one JSON line a picture size and content; times are milliseconds.
 * gcc -O2 -std=c11 -D_GNU_SOURCE -Ic tests/bench/stages.c c/convert/ c/meter/content.c c/meter/demo.c c/meter/canvas.c -lm -o stages */
#include "convert/convert.h"
#include "meter/content.h"

#include <stdlib.h>
#include <string.h>

enum { FRAMES = 300, FPS = 60 };

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

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void measure(uint32_t width, uint32_t height, const char *mode) {
    static struct series copy = {.name = "memcpy"}, nv12 = {.name = "BGRA to NV12"}, i420 = {.name = "BGRA to I420"};
    static struct series portable = {.name = "BGRA to I420, portable"}, bgra = {.name = "I420 to BGRA"};
    size_t bytes = (size_t)width * height * 4, luma = (size_t)width * height;
    uint32_t *pixels = malloc(bytes), *other = malloc(bytes);
    uint8_t *planar = malloc(luma * 3 / 2), *paired = malloc(luma * 3 / 2);
    struct pb_content *content = pb_content_open(mode, width, height);
    if (!pixels || !other || !planar || !paired || !content) exit(1);
    struct pb_picture source = {PB_BGRA, width, height, {(uint8_t *)pixels}, {width * 4}, NULL};
    struct pb_picture back = {PB_BGRA, width, height, {(uint8_t *)other}, {width * 4}, NULL};
    struct pb_picture yuv = {PB_I420, width, height, {planar, planar + luma, planar + luma * 5 / 4}, {width, width / 2, width / 2}, NULL};
    struct pb_picture two = {PB_NV12, width, height, {paired, paired + luma}, {width, width}, NULL};
    const struct pb_rows all = {0, height};
    for (uint32_t n = 0; n < FRAMES; n++) {
        pb_content_compose(content, pixels, n, (double)n / FPS);
        double start = now_ms();
        memcpy(other, pixels, bytes);
        copy.ms[n] = now_ms() - start, start = now_ms();
        pb_convert_to_nv12(&source, &two, all);
        nv12.ms[n] = now_ms() - start, start = now_ms();
        for (uint32_t y = 0; y < height; y += 2) {
            struct pb_row_pair rows = {source.plane[0] + (size_t)y * width * 4, source.plane[0] + (size_t)(y + 1) * width * 4,
                                       yuv.plane[0] + (size_t)y * width, yuv.plane[0] + (size_t)(y + 1) * width,
                                       yuv.plane[1] + (size_t)(y / 2) * width / 2, yuv.plane[2] + (size_t)(y / 2) * width / 2, width, 1};
            pb_convert_rows_portable(&rows, 0);
        }
        portable.ms[n] = now_ms() - start, start = now_ms();
        pb_convert_to_i420(&source, &yuv, all);
        i420.ms[n] = now_ms() - start, start = now_ms();
        pb_convert_to_bgra(&yuv, &back, all);
        bgra.ms[n] = now_ms() - start;
    }
    printf("{\"width\": %u, \"height\": %u, \"content\": \"%s\"", width, height, mode);
    struct series *every[] = {&copy, &nv12, &i420, &portable, &bgra};
    for (size_t i = 0; i < sizeof every / sizeof every[0]; i++) report(every[i]);
    printf("}\n");
    pb_content_close(content);
    free(pixels), free(other), free(planar), free(paired);
}

int main(void) {
    static const char *const modes[] = {"scroll", "video"};
    for (int i = 0; i < 2; i++) {
        measure(1280, 720, modes[i]);
        measure(1920, 1080, modes[i]);
    }
    return 0;
}
