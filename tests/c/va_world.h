/* The world of the VA-API tests: the stand-in driver (tests/doubles/va_standin.h) on a private X server, its report, moving
 * pictures, and how alike two of them are. */
#ifndef PB_VA_WORLD_H
#define PB_VA_WORLD_H
#include "check.h"
#include "decode/decode.h"
#include "encode/encode.h"
#include "xvfb.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern const struct pb_encoder_backend pb_encoder_vaapi, pb_encoder_openh264;
extern const struct pb_decoder_backend pb_decoder_vaapi, pb_decoder_openh264;

/* x265, which the stand-in uses, forgets memory of its own when it closes. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:x265::\n"; }

static struct xvfb server;
static char report_path[64];

/* Also when a check fails. */
static inline void world_end(void) {
    unlink(report_path);
    xvfb_stop(&server);
}

static inline void world_begin(void) {
    char folder[512];
    CHECK(getcwd(folder, sizeof folder - 32));
    strcat(folder, "/build/doubles");
    server = xvfb_start("64x64x24", NULL, NULL);
    CHECK(!atexit(world_end));
    snprintf(report_path, sizeof report_path, "/tmp/va-standin-%d", (int)getpid());
    setenv("PATCHBAY_VA_DEVICE", server.display, 1);
    setenv("DISPLAY", server.display, 1);
    setenv("LIBVA_DRIVERS_PATH", folder, 1);
    setenv("LIBVA_DRIVER_NAME", "standin", 1);
    setenv("VA_STANDIN_REPORT", report_path, 1);
}

static inline void behave(const char *words) { setenv("VA_STANDIN", words, 1); }

/* What the driver wrote since the last look; every rule was kept and nothing was left behind. */
static inline void expect_clean(void) {
    char text[8192] = "";
    FILE *f = fopen(report_path, "r");
    CHECK(f);
    size_t size = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[size] = 0;
    unlink(report_path);
    if (strstr(text, "violation") != NULL && strstr(text, "violation:")) fprintf(stderr, "%s", text);
    CHECK(!strstr(text, "violation:"));
    if (strstr(text, "leak:")) fprintf(stderr, "%s", text);
    CHECK(!strstr(text, "leak:"));
    CHECK(strstr(text, "end:"));
}

static inline unsigned open_descriptors(void) {
    DIR *d = opendir("/proc/self/fd");
    unsigned count = 0;
    while (readdir(d)) count++;
    closedir(d);
    return count;
}

struct nv12 {
    uint32_t width, height;
    uint8_t *data;
    struct pb_picture picture;
};

static inline struct nv12 nv12_make(uint32_t width, uint32_t height) {
    struct nv12 p = {width, height, malloc((size_t)width * height * 3 / 2), {0}};
    CHECK(p.data);
    p.picture = (struct pb_picture){.format = PB_NV12, .width = width, .height = height,
                                    .plane = {p.data, p.data + (size_t)width * height}, .stride = {width, width}};
    return p;
}

/* Gradients that move, with an edge: something to predict and something to keep. */
static inline void nv12_paint(struct nv12 *p, uint32_t time) {
    for (uint32_t y = 0; y < p->height; y++)
        for (uint32_t x = 0; x < p->width; x++)
            p->data[(size_t)y * p->width + x] = (uint8_t)(16 + (((x + time * 2) ^ (y + time)) & 64 ? 120 : 40) + (x * 40 / p->width) + (y * 30 / p->height));
    uint8_t *c = p->data + (size_t)p->width * p->height;
    for (uint32_t y = 0; y < p->height / 2; y++)
        for (uint32_t x = 0; x < p->width / 2; x++) {
            c[(size_t)y * p->width + x * 2] = (uint8_t)(100 + x * 50 / p->width + time);
            c[(size_t)y * p->width + x * 2 + 1] = (uint8_t)(140 - y * 50 / p->height);
        }
}

static inline uint8_t chroma_at(const struct pb_picture *p, uint32_t x, uint32_t y, unsigned which) {
    return p->format == PB_NV12 ? p->plane[1][(size_t)y * p->stride[1] + x * 2 + which] : p->plane[1 + which][(size_t)y * p->stride[1 + which] + x];
}

/* In decibels over all three planes; 99 for equal ones. */
static inline double psnr(const struct pb_picture *a, const struct pb_picture *b) {
    double error = 0;
    CHECK(a->width == b->width && a->height == b->height);
    for (uint32_t y = 0; y < a->height; y++)
        for (uint32_t x = 0; x < a->width; x++) {
            double d = (double)a->plane[0][(size_t)y * a->stride[0] + x] - b->plane[0][(size_t)y * b->stride[0] + x];
            error += d * d;
        }
    for (uint32_t y = 0; y < a->height / 2; y++)
        for (uint32_t x = 0; x < a->width / 2; x++)
            for (unsigned i = 0; i < 2; i++) {
                double d = (double)chroma_at(a, x, y, i) - chroma_at(b, x, y, i);
                error += d * d;
            }
    return error == 0 ? 99 : 10 * log10(255.0 * 255.0 * a->width * a->height * 1.5 / error);
}

static inline bool has_nal(const struct pb_access_unit *u, unsigned type, bool hevc) {
    for (uint32_t i = 2; i + 1 < u->size; i++)
        if (u->data[i] == 1 && !u->data[i - 1] && !u->data[i - 2] && (hevc ? u->data[i + 1] >> 1 & 63u : u->data[i + 1] & 31u) == type) return true;
    return false;
}

static inline unsigned count_nals(const struct pb_access_unit *u, unsigned type) {
    unsigned count = 0;
    for (uint32_t i = 2; i + 1 < u->size; i++) count += u->data[i] == 1 && !u->data[i - 1] && !u->data[i - 2] && (u->data[i + 1] & 31u) == type;
    return count;
}

static inline struct pb_encoder *open_vaapi(const struct pb_encoder_settings *s) {
    char error[512] = "";
    struct pb_encoder *e = pb_encoder_vaapi.open(s, error, sizeof error);
    if (!e) fprintf(stderr, "%s\n", error);
    CHECK(e);
    return e;
}

static inline void need(enum pb_status got, const struct pb_encoder *e) {
    char text[512] = "";
    if (got != PB_OK) pb_encoder_vaapi.failure(e, text, sizeof text), fprintf(stderr, "status %d: %s\n", got, text);
    CHECK(got == PB_OK);
}
#endif
