/* What converter.c takes from raw.c and mjpeg.c; seen by them only. */
#ifndef PB_CAMERA_RAW_H
#define PB_CAMERA_RAW_H
#include "camera.h"

/* The frame's numbers are checked already (camera_raw_bytes). */
void raw_to_bgra(const struct camera_frame *frame, uint8_t *bgra, uint32_t stride);

struct mjpeg;
struct mjpeg *mjpeg_open(void);
bool mjpeg_to_bgra(struct mjpeg *decoder, const struct camera_frame *frame, uint8_t *bgra, uint32_t stride, char *error,
                   size_t error_size);
void mjpeg_close(struct mjpeg *decoder);
#endif
