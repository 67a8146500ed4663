/* The displays this build knows, best first. SDL2 would be ahead of plain X11 only where it draws with a GPU: without one it
 * takes ten times as long for a picture as shared memory does. So it serves where there is no X server (Wayland, KMS).
 * Headless comes last of what "auto" takes, when no screen is found at all; shm is taken only when named. */
#include "display.h"

extern const struct pb_display_backend pb_display_x11, pb_display_sdl2, pb_display_shm;

const struct pb_display_backend *const pb_display_backends[] = {&pb_display_x11, &pb_display_sdl2, &pb_display_headless,
                                                              &pb_display_shm, NULL};
