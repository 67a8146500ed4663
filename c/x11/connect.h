/* Opening an X display, for whoever captures, shows or injects there. */
#ifndef PB_X11_CONNECT_H
#define PB_X11_CONNECT_H
#include "shim.h"

#include <xcb/xcb.h>

/* The display that `target` names, or DISPLAY when it names none. "" when there is neither. */
const char *pb_x11_name(const char *target);
/* NULL when it cannot be opened; `error` says why. `screen` is the one that the name means. */
xcb_connection_t *pb_x11_connect(const char *target, xcb_screen_t **screen, char *error, size_t error_size);
/* Whether the root's pixels are 32 bits in the order blue, green, red, and 8 more. */
bool pb_x11_pixels_are_bgra(xcb_connection_t *x, const xcb_screen_t *screen);

#endif
