/* Opens the stand-ins for NVIDIA's libraries (tests/doubles), so that the shim finds them under the libraries' own names, and
 * makes and compares pictures. */
#ifndef PB_TEST_NV_STANDIN_H
#define PB_TEST_NV_STANDIN_H
#include "check.h"
#include "media/picture.h"

#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void (*standin_begin)(const char *script);
static unsigned (*standin_end)(char *out, size_t size);

static inline void *standin_symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) fprintf(stderr, "%s\n", dlerror());
    CHECK(found);
    return found;
}

/* A library that is loaded already answers to its name, wherever it came from. */
static inline void *standin_load(const char *file) {
    char path[200];
    snprintf(path, sizeof path, "build/doubles/%s", file);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fprintf(stderr, "%s; build the stand-ins: bun .ci/doubles.ts\n", dlerror());
    CHECK(library);
    void *begin, *end;
    begin = standin_symbol(library, "nv_begin"), end = standin_symbol(library, "nv_end");
    memcpy(&standin_begin, &begin, sizeof begin);
    memcpy(&standin_end, &end, sizeof end);
    return library;
}

/* No complaints: nothing was called wrongly and nothing is left behind. */
static inline void standin_is_content(const char *about) {
    char told[4096];
    if (standin_end(told, sizeof told)) fprintf(stderr, "%s:\n%s", about, told);
    CHECK(!standin_end(told, sizeof told));
}

struct nv12 {
    struct pb_picture picture;
    uint8_t *memory;
};

static inline struct nv12 nv12_new(uint32_t width, uint32_t height) {
    uint32_t stride = (width + 63) & ~63u;
    struct nv12 p = {.memory = malloc((size_t)stride * height * 3 / 2)};
    CHECK(p.memory);
    p.picture = (struct pb_picture){.format = PB_NV12,
                                    .width = width,
                                    .height = height,
                                    .plane = {p.memory, p.memory + (size_t)stride * height},
                                    .stride = {stride, stride}};
    return p;
}

/* A soft picture that moves, so that P pictures have something to say. */
static inline void nv12_paint(struct nv12 *p, unsigned moment) {
    const struct pb_picture *q = &p->picture;
    for (uint32_t y = 0; y < q->height; y++)
        for (uint32_t x = 0; x < q->width; x++)
            q->plane[0][(size_t)y * q->stride[0] + x] = (uint8_t)(120 + 80 * sin((x + moment * 3) / 17.0) * cos((y + moment) / 23.0));
    for (uint32_t y = 0; y < q->height / 2; y++)
        for (uint32_t x = 0; x < q->width; x++)
            q->plane[1][(size_t)y * q->stride[1] + x] = (uint8_t)(x & 1 ? 100 + y % 64 : 90 + (x / 2 + moment) % 64);
}

static inline double psnr(double error, double count) { return error > 0 ? 10 * log10(255.0 * 255.0 * count / error) : 99; }

/* Luma and chroma of two pictures, I420 or NV12, in decibels: the worse of the two. */
static inline uint8_t chroma_at(const struct pb_picture *p, unsigned which, uint32_t x, uint32_t y) {
    return p->format == PB_NV12 ? p->plane[1][(size_t)y * p->stride[1] + 2 * x + which] : p->plane[1 + which][(size_t)y * p->stride[1 + which] + x];
}

static inline double likeness(const struct pb_picture *a, const struct pb_picture *b) {
    CHECK(a->width == b->width && a->height == b->height);
    double luma = 0, chroma = 0;
    for (uint32_t y = 0; y < a->height; y++)
        for (uint32_t x = 0; x < a->width; x++) {
            double d = (double)a->plane[0][(size_t)y * a->stride[0] + x] - b->plane[0][(size_t)y * b->stride[0] + x];
            luma += d * d;
        }
    for (unsigned which = 0; which < 2; which++)
        for (uint32_t y = 0; y < a->height / 2; y++)
            for (uint32_t x = 0; x < a->width / 2; x++) {
                double d = (double)chroma_at(a, which, x, y) - chroma_at(b, which, x, y);
                chroma += d * d;
            }
    double pixels = (double)a->width * a->height;
    return fmin(psnr(luma, pixels), psnr(chroma, pixels / 2));
}
#endif
