/* Frames of a camera to BGRA: compressed ones by mjpeg.c, raw ones by raw.c. */
#include "raw.h"

#include <stdlib.h>

struct camera_converter {
    struct mjpeg *jpeg; /* made when the first compressed frame comes */
};

bool camera_is_jpeg(uint32_t fourcc) {
    return fourcc == CAMERA_FOURCC('M', 'J', 'P', 'G') || fourcc == CAMERA_FOURCC('J', 'P', 'E', 'G');
}

struct camera_converter *camera_converter_open(void) { return calloc(1, sizeof(struct camera_converter)); }

bool camera_to_bgra(struct camera_converter *c, const struct camera_frame *frame, uint8_t *bgra, uint32_t stride, char *error,
                    size_t error_size) {
    const struct camera_format *f = &frame->format;
    if (camera_is_jpeg(f->fourcc)) {
        if (!c->jpeg) c->jpeg = mjpeg_open();
        if (c->jpeg) return mjpeg_to_bgra(c->jpeg, frame, bgra, stride, error, error_size);
        pb_error(error, error_size, "no memory left");
        return false;
    }
    uint64_t needed = camera_raw_bytes(f->fourcc, f->width, f->height, f->stride);
    if (!needed || frame->size < needed || f->stride < camera_raw_stride(f->fourcc, f->width)) {
        pb_error(error, error_size, "a frame of %u bytes is too short for %ux%u pixels", frame->size, f->width, f->height);
        return false;
    }
    raw_to_bgra(frame, bgra, stride);
    return true;
}

void camera_converter_close(struct camera_converter *c) {
    if (!c) return;
    mjpeg_close(c->jpeg);
    free(c);
}
