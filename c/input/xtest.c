/* Injects keys, buttons, wheel and pointer motion into an X server by its XTEST extension. Motion is gathered until the group
 * ends, so that the pointer makes one step and not two. Nothing waits for the server: when its socket is full, events are
 * refused; when it is gone, every call says so. */
#include "input.h"
#include "x11/connect.h"
#include "x11_keymap.h"

#include <linux/input-event-codes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcbext.h>
#include <xcb/xtest.h>

enum { ABSOLUTE_MAX = 65535, WHEEL_STEPS_MAX = 32, UNSENT_MAX = 128, CLOSE_WAIT_US = 200000 };
enum { WHEEL_UP = 4, WHEEL_DOWN = 5, WHEEL_LEFT = 6, WHEEL_RIGHT = 7 };

struct pb_injector {
    xcb_connection_t *x;
    xcb_window_t root;
    uint32_t width, height; /* of the root */
    struct pb_x11_keymap keymap;
    bool absolute, relative; /* gathered motion */
    int32_t x_abs, y_abs;    /* 0..65535, the last known */
    int32_t dx, dy;
    unsigned unsent; /* requests since the last flush */
};

static bool writable(struct pb_injector *i) {
    struct pollfd fd = {xcb_get_file_descriptor(i->x), POLLOUT, 0};
    return poll(&fd, 1, 0) == 1;
}

/* A connection that is closed with something unread makes the server throw away what it has not read itself, and so the last
 * releases. Hence one answer is awaited, for a bounded time. */
static void close_xtest(struct pb_injector *i) {
    if (!i) return;
    if (i->x && !xcb_connection_has_error(i->x) && writable(i)) {
        xcb_get_input_focus_cookie_t asked = xcb_get_input_focus(i->x);
        struct pollfd fd = {xcb_get_file_descriptor(i->x), POLLIN, 0};
        void *reply = NULL;
        xcb_generic_error_t *error = NULL;
        xcb_flush(i->x);
        for (uint64_t end = pb_monotonic_us() + CLOSE_WAIT_US; pb_monotonic_us() < end;) {
            for (xcb_generic_event_t *e; (e = xcb_poll_for_event(i->x));) free(e);
            if (xcb_connection_has_error(i->x) || xcb_poll_for_reply(i->x, asked.sequence, &reply, &error)) break;
            if (poll(&fd, 1, CLOSE_WAIT_US / 1000) < 0) break;
        }
        free(reply);
        free(error);
    }
    if (i->x) xcb_disconnect(i->x);
    free(i);
}

static struct pb_injector *open_xtest(const char *target, char *error, size_t error_size) {
    struct pb_injector *i = calloc(1, sizeof *i);
    if (!i) {
        pb_error(error, error_size, "no memory left");
        return NULL;
    }
    xcb_screen_t *screen = NULL;
    i->x = pb_x11_connect(target, &screen, error, error_size);
    if (!i->x) goto fail;
    const xcb_query_extension_reply_t *found = xcb_get_extension_data(i->x, &xcb_test_id);
    if (!found || !found->present) {
        pb_error(error, error_size, "X display %s has no XTEST extension, so nothing can be injected there",
                 pb_x11_name(target));
        goto fail;
    }
    i->root = screen->root;
    free(xcb_test_get_version_reply(i->x, xcb_test_get_version(i->x, 2, 2), NULL));
    xcb_get_geometry_reply_t *geometry = xcb_get_geometry_reply(i->x, xcb_get_geometry(i->x, i->root), NULL);
    i->width = geometry ? geometry->width : screen->width_in_pixels;
    i->height = geometry ? geometry->height : screen->height_in_pixels;
    free(geometry);
    uint32_t structure = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
    xcb_change_window_attributes(i->x, i->root, XCB_CW_EVENT_MASK, &structure);
    if (pb_x11_keymap_load(&i->keymap, i->x)) return i;
    pb_error(error, error_size, "X display %s went away while it was being opened", pb_x11_name(target));
fail:
    close_xtest(i);
    return NULL;
}

static bool probe(const char *target, char *detail, size_t size) {
    struct pb_injector *i = open_xtest(target, detail, size);
    if (!i) return false;
    pb_error(detail, size, "XTEST on a screen of %ux%u", i->width, i->height);
    close_xtest(i);
    return true;
}

static void describe(struct pb_injector *i, char *detail, size_t size) {
    pb_error(detail, size, "XTEST on a screen of %ux%u, keys by %s", i->width, i->height, i->keymap.evdev ? "number" : "symbol");
}

/* The root's new size, or another keyboard mapping. Without this the socket would also fill up with unread events. */
static void follow_server(struct pb_injector *i) {
    bool mapping = false;
    for (xcb_generic_event_t *e; (e = xcb_poll_for_event(i->x)); free(e)) {
        uint8_t type = e->response_type & 0x7f;
        mapping |= type == XCB_MAPPING_NOTIFY;
        const xcb_configure_notify_event_t *c = (const xcb_configure_notify_event_t *)e;
        if (type == XCB_CONFIGURE_NOTIFY && c->window == i->root) {
            i->width = c->width;
            i->height = c->height;
        }
    }
    if (mapping) pb_x11_keymap_load(&i->keymap, i->x);
}

static void flush(struct pb_injector *i) {
    if (!i->unsent || !writable(i)) return;
    xcb_flush(i->x);
    i->unsent = 0;
}

static void fake(struct pb_injector *i, uint8_t type, uint8_t detail, int32_t x, int32_t y) {
    xcb_test_fake_input(i->x, type, detail, XCB_CURRENT_TIME, i->root, (int16_t)x, (int16_t)y, 0);
    i->unsent++;
}

static int32_t clamp(int32_t value, int32_t low, int32_t high) { return value < low ? low : value > high ? high : value; }

static int32_t across(int32_t position, uint32_t length) {
    return (int32_t)(((int64_t)clamp(position, 0, ABSOLUTE_MAX) * (length - 1) + ABSOLUTE_MAX / 2) / ABSOLUTE_MAX);
}

static void move(struct pb_injector *i) {
    if (i->absolute) fake(i, XCB_MOTION_NOTIFY, 0, across(i->x_abs, i->width), across(i->y_abs, i->height));
    if (i->relative) fake(i, XCB_MOTION_NOTIFY, 1, i->dx, i->dy);
    i->absolute = i->relative = false;
    i->dx = i->dy = 0;
}

static enum pb_status press(struct pb_injector *i, uint16_t code, int32_t value) {
    uint8_t button = pb_x11_button_of_evdev(code), keycode = code < PB_EVDEV_CODES ? i->keymap.keycode_of[code] : 0;
    if (!button && !keycode) return PB_UNSUPPORTED;
    move(i);
    /* The server repeats held keys by itself. */
    if (value < 0 || value > 1) return PB_OK;
    if (button) fake(i, value ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE, button, 0, 0);
    else fake(i, value ? XCB_KEY_PRESS : XCB_KEY_RELEASE, keycode, 0, 0);
    return PB_OK;
}

static void turn(struct pb_injector *i, int32_t steps, uint8_t forward, uint8_t backward) {
    move(i);
    steps = clamp(steps, -WHEEL_STEPS_MAX, WHEEL_STEPS_MAX);
    for (int32_t n = steps < 0 ? -steps : steps; n > 0; n--) {
        fake(i, XCB_BUTTON_PRESS, steps > 0 ? forward : backward, 0, 0);
        fake(i, XCB_BUTTON_RELEASE, steps > 0 ? forward : backward, 0, 0);
    }
}

static enum pb_status relative(struct pb_injector *i, uint16_t code, int32_t value) {
    if (code == REL_WHEEL) turn(i, value, WHEEL_UP, WHEEL_DOWN);
    else if (code == REL_HWHEEL) turn(i, value, WHEEL_RIGHT, WHEEL_LEFT);
    else if (code == REL_X || code == REL_Y) {
        int32_t *sum = code == REL_X ? &i->dx : &i->dy;
        *sum = clamp(*sum + clamp(value, INT16_MIN, INT16_MAX), INT16_MIN, INT16_MAX);
        i->relative = true;
    } else
        return PB_UNSUPPORTED;
    return PB_OK;
}

static enum pb_status absolute(struct pb_injector *i, uint16_t code, int32_t value) {
    if (code != ABS_X && code != ABS_Y) return PB_UNSUPPORTED;
    *(code == ABS_X ? &i->x_abs : &i->y_abs) = value;
    i->absolute = true;
    return PB_OK;
}

static enum pb_status send_event(struct pb_injector *i, uint16_t type, uint16_t code, int32_t value) {
    if (xcb_connection_has_error(i->x)) return PB_LOST;
    if (i->unsent >= UNSENT_MAX) {
        flush(i);
        if (i->unsent) return PB_AGAIN;
    }
    switch (type) {
    case EV_SYN:
        move(i);
        flush(i);
        follow_server(i);
        return xcb_connection_has_error(i->x) ? PB_LOST : PB_OK;
    case EV_KEY: return press(i, code, value);
    case EV_REL: return relative(i, code, value);
    case EV_ABS: return absolute(i, code, value);
    default: return PB_UNSUPPORTED;
    }
}

const struct pb_input_backend pb_input_xtest = {
    .name = "xtest",
    .probe = probe,
    .open = open_xtest,
    .describe = describe,
    .send = send_event,
    .flush = flush,
    .close = close_xtest,
};
