/* The one place that opens an X display and says why it cannot (connect.h). */
#include "x11/connect.h"

#include <stdlib.h>

const char *pb_x11_name(const char *target) {
    if (target && *target) return target;
    const char *display = getenv("DISPLAY");
    return display ? display : "";
}

static const char *reason(int code) {
    switch (code) {
    case XCB_CONN_CLOSED_PARSE_ERR: return "the name is not a display (like :0)";
    case XCB_CONN_CLOSED_INVALID_SCREEN: return "it has no such screen";
    case XCB_CONN_CLOSED_EXT_NOTSUPPORTED: return "an extension is missing";
    default: return "no server answers there, or it refuses this user (see xauth and XAUTHORITY)";
    }
}

xcb_connection_t *pb_x11_connect(const char *target, xcb_screen_t **screen, char *error, size_t error_size) {
    const char *name = pb_x11_name(target);
    if (!*name) {
        pb_error(error, error_size, "no X display is named: set DISPLAY or --display");
        return NULL;
    }
    int number = 0;
    xcb_connection_t *x = xcb_connect(name, &number);
    int broken = xcb_connection_has_error(x);
    if (!broken) {
        xcb_screen_iterator_t it = xcb_setup_roots_iterator(xcb_get_setup(x));
        for (; it.rem && number > 0; number--) xcb_screen_next(&it);
        *screen = it.rem ? it.data : NULL;
        if (*screen) return x;
        broken = XCB_CONN_CLOSED_INVALID_SCREEN;
    }
    pb_error(error, error_size, "X display %s cannot be opened: %s", name, reason(broken));
    xcb_disconnect(x);
    return NULL;
}

bool pb_x11_pixels_are_bgra(xcb_connection_t *x, const xcb_screen_t *screen) {
    const xcb_setup_t *setup = xcb_get_setup(x);
    if (setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST) return false;
    if (screen->root_depth != 24 && screen->root_depth != 32) return false;
    for (xcb_format_iterator_t f = xcb_setup_pixmap_formats_iterator(setup); f.rem; xcb_format_next(&f))
        if (f.data->depth == screen->root_depth && f.data->bits_per_pixel != 32) return false;
    for (xcb_depth_iterator_t d = xcb_screen_allowed_depths_iterator(screen); d.rem; xcb_depth_next(&d))
        for (xcb_visualtype_iterator_t v = xcb_depth_visuals_iterator(d.data); v.rem; xcb_visualtype_next(&v))
            if (v.data->visual_id == screen->root_visual)
                return v.data->red_mask == 0xff0000 && v.data->green_mask == 0xff00 && v.data->blue_mask == 0xff;
    return false;
}
