/* A picture in memory, owned by whoever made it. */
#ifndef PB_PICTURE_H
#define PB_PICTURE_H
#include <stdint.h>

enum pb_format { PB_BGRA, PB_I420, PB_NV12 };

/* The codecs, numbered as in bits 4-7 of a chunk's flags (src/wire/root-layouts.ts). */
enum pb_codec { PB_H264, PB_HEVC };

/* A picture in a device's memory, for a device that can read it there. Owned by whoever made it. */
struct pb_dmabuf {
    uint32_t fourcc; /* DRM_FORMAT_* */
    uint64_t modifier;
    uint32_t width, height, planes;
    int fd[4];
    uint32_t offset[4], stride[4]; /* bytes */
};

struct pb_picture {
    enum pb_format format;
    uint32_t width, height; /* pixels */
    uint8_t *plane[3];      /* BGRA uses one, NV12 two, I420 three; NULL when only `dmabuf` has the pixels */
    uint32_t stride[3];     /* bytes from row to row */
    const struct pb_dmabuf *dmabuf; /* the same pixels in device memory, or NULL */
};

/* Rows [top, bottom) that changed; top == bottom means nothing did. */
struct pb_rows {
    uint32_t top, bottom;
};
#endif
