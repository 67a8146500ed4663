/* A picture in memory, owned by whoever made it. */
#ifndef PB_PICTURE_H
#define PB_PICTURE_H
#include <stdint.h>

enum pb_format { PB_BGRA, PB_I420, PB_NV12 };

struct pb_picture {
    enum pb_format format;
    uint32_t width, height; /* pixels */
    uint8_t *plane[3];      /* BGRA uses one, NV12 two, I420 three */
    uint32_t stride[3];     /* bytes from row to row */
};

/* Rows [top, bottom) that changed; top == bottom means nothing did. */
struct pb_rows {
    uint32_t top, bottom;
};
#endif
