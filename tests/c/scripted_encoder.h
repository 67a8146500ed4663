/* An encoder that a test breaks by hand: openh264 behind a front that fails, refuses, or lies when told. Its input is NV12,
 * unlike openh264's, so that who goes on after it needs another picture. Included once, by the grabber's tests. */
#ifndef PB_SCRIPTED_ENCODER_H
#define PB_SCRIPTED_ENCODER_H
#include "encode/encode.h"

#include <stdlib.h>
#include <string.h>

extern const struct pb_encoder_backend pb_encoder_openh264;

static struct {
    atomic_int answers;  /* enum pb_status of the next frames */
    atomic_bool refuses; /* open fails */
    atomic_bool lies;    /* nothing is ever called a keyframe */
    atomic_bool cannot_import;
    atomic_int opened, imported, keyframes_asked;
} device;

struct front {
    struct pb_encoder *real;
    uint8_t *planar; /* the I420 of what came */
};

static bool front_probe(char *detail, size_t size) {
    pb_error(detail, size, "a device of a test");
    return true;
}

static struct pb_encoder *front_open(const struct pb_encoder_settings *s, char *error, size_t size) {
    if (device.refuses) {
        pb_error(error, size, "/dev/test: open: busy;\nend the other program");
        return NULL;
    }
    device.opened++;
    struct front *f = calloc(1, sizeof *f);
    f->real = pb_encoder_openh264.open(s, error, size);
    f->planar = calloc(1, (size_t)s->width * s->height * 2);
    return (struct pb_encoder *)(void *)f;
}

static enum pb_status front_reconfigure(struct pb_encoder *e, const struct pb_encoder_settings *s) {
    return pb_encoder_openh264.reconfigure(((struct front *)(void *)e)->real, s);
}

static enum pb_status front_encode(struct pb_encoder *e, const struct pb_picture *p, uint64_t capture_us, bool keyframe,
                                   struct pb_access_unit *out) {
    struct front *f = (struct front *)(void *)e;
    uint32_t width = p->width & ~1u, height = p->height & ~1u;
    if (p->dmabuf && device.cannot_import) return PB_UNSUPPORTED;
    if (device.answers) return (enum pb_status)(int)device.answers;
    if (keyframe) device.keyframes_asked++;
    if (p->dmabuf) {
        device.imported++;
        memset(f->planar, 128, (size_t)width * height * 3 / 2);
    } else {
        for (uint32_t y = 0; y < height; y++) memcpy(f->planar + (size_t)y * width, p->plane[0] + (size_t)y * p->stride[0], width);
        uint8_t *u = f->planar + (size_t)width * height, *v = u + (size_t)width * height / 4;
        for (uint32_t y = 0; y < height / 2; y++)
            for (uint32_t x = 0; x < width / 2; x++) {
                *u++ = p->plane[1][(size_t)y * p->stride[1] + 2 * x];
                *v++ = p->plane[1][(size_t)y * p->stride[1] + 2 * x + 1];
            }
    }
    size_t luma = (size_t)width * height;
    struct pb_picture planar = {
        PB_I420, width, height, {f->planar, f->planar + luma, f->planar + luma * 5 / 4}, {width, width / 2, width / 2}, NULL};
    enum pb_status status = pb_encoder_openh264.encode(f->real, &planar, capture_us, keyframe, out);
    if (device.lies) out->keyframe = false;
    return status;
}

static void front_failure(const struct pb_encoder *e, char *out, size_t size) {
    (void)e;
    pb_error(out, size, "/dev/test: encode: no such device");
}

static void front_close(struct pb_encoder *e) {
    struct front *f = (struct front *)(void *)e;
    pb_encoder_openh264.close(f->real);
    free(f->planar);
    free(f);
}

static const struct pb_encoder_backend front = {.name = "device",
                                                .input = PB_NV12,
                                                .codecs = 1u << PB_H264,
                                                .imports = true,
                                                .probe = front_probe,
                                                .open = front_open,
                                                .reconfigure = front_reconfigure,
                                                .encode = front_encode,
                                                .failure = front_failure,
                                                .close = front_close};
#endif
