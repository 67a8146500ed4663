/* The list of capture backends, best first. */
#include "capture.h"

extern const struct pb_capture_backend pb_capture_drm, pb_capture_x11, pb_capture_fbdev, pb_capture_pattern, pb_capture_shm,
    pb_capture_camera;

const struct pb_capture_backend *const pb_capture_backends[] = {&pb_capture_drm, &pb_capture_x11, &pb_capture_fbdev, &pb_capture_pattern,
                                                              &pb_capture_shm, &pb_capture_camera, NULL};
