/* A decoded picture, I420 or NV12 (BT.709, limited range), as BGRA of the same size. Keeps no state. */
#ifndef PB_PAINT_H
#define PB_PAINT_H
#include "../media/picture.h"

#include <libyuv/convert_argb.h>

static inline void pb_paint(const struct pb_picture *p, uint8_t *bgra, uint32_t stride) {
    if (p->format == PB_NV12)
        NV12ToARGBMatrix(p->plane[0], (int)p->stride[0], p->plane[1], (int)p->stride[1], bgra, (int)stride, &kYuvH709Constants,
                         (int)p->width, (int)p->height);
    else
        I420ToARGBMatrix(p->plane[0], (int)p->stride[0], p->plane[1], (int)p->stride[1], p->plane[2], (int)p->stride[2], bgra,
                         (int)stride, &kYuvH709Constants, (int)p->width, (int)p->height);
}
#endif
