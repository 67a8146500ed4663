/* The X11 root window: XDamage says when and where it changed, so that an unchanged screen wakes nobody. The damage is
 * reported as a bounding box, which needs no request to read it: one event per growth, and one request re-arms it.
 * It is re-armed before the pixels are asked for, so a change in between is reported again and nothing is lost. */
#include "x11.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

static void changed(struct pb_capture *c, uint64_t at_us) {
    if (!c->stale) c->stale_us = at_us;
    c->stale = true;
}

/* The server stamps damage in milliseconds; on the same machine with the same clock, which tells how long an event
 * lay unread. Anything implausible is another clock: then it is now. */
static uint64_t damage_time(uint32_t server_ms, uint64_t now_us) {
    uint32_t age_ms = (uint32_t)(now_us / 1000) - server_ms;
    return age_ms >= 2 && age_ms < 1000 ? now_us - (age_ms * 1000u - 1000u) : now_us;
}

static void on_damage(struct pb_capture *c, const xcb_damage_notify_event_t *e, uint32_t sequence, uint64_t now_us) {
    int32_t top = e->area.y < 0 ? 0 : e->area.y, bottom = e->area.y + (int32_t)e->area.height;
    if (bottom > (int32_t)c->screen_height) bottom = (int32_t)c->screen_height;
    if (top >= bottom) return;
    struct pb_rows rows = {(uint32_t)top, (uint32_t)bottom};
    /* Drawn before the last re-arming, and so before the last grab, which had these rows in it. */
    bool seen = (int32_t)(sequence - c->subtracted) < 0 && rows.top >= c->grabbed.top && rows.bottom <= c->grabbed.bottom;
    if (seen) return;
    c->dirty = x11_union(c->dirty, rows);
    changed(c, damage_time(e->timestamp, now_us));
}

static void on_event(struct pb_capture *c, const xcb_generic_event_t *event, uint64_t now_us) {
    uint8_t type = event->response_type & 0x7f;
    if (type == c->damage_event + XCB_DAMAGE_NOTIFY)
        on_damage(c, (const xcb_damage_notify_event_t *)(const void *)event, event->full_sequence, now_us);
    else if (type == XCB_CONFIGURE_NOTIFY) {
        const xcb_configure_notify_event_t *e = (const void *)event;
        if (e->window != c->root) return;
        c->screen_width = e->width;
        c->screen_height = e->height;
        changed(c, now_us);
    } else if (!c->pointer.wanted)
        return;
    else if (type == c->fixes_event + XCB_XFIXES_CURSOR_NOTIFY) {
        c->pointer.shape_changed = c->pointer.moved = true;
        changed(c, now_us);
    } else if (type == XCB_GE_GENERIC && ((const xcb_ge_generic_event_t *)(const void *)event)->extension == c->input_opcode) {
        c->pointer.moved = true;
        changed(c, now_us);
    }
}

/* Takes all that is there, so that one grab answers all of it. */
static enum pb_status drain(struct pb_capture *c) {
    xcb_generic_event_t *event;
    uint64_t now_us = pb_monotonic_us();
    while ((event = xcb_poll_for_event(c->x))) {
        on_event(c, event, now_us);
        free(event);
    }
    return xcb_connection_has_error(c->x) ? PB_LOST : PB_OK;
}

static enum pb_status wait_x11(struct pb_capture *c, int wake_fd, int timeout_ms, uint64_t *damage_us) {
    for (;;) {
        if (drain(c)) return PB_LOST;
        if (c->stale) {
            *damage_us = c->stale_us;
            return PB_OK;
        }
        struct pollfd fds[2] = {{xcb_get_file_descriptor(c->x), POLLIN, 0}, {wake_fd, POLLIN, 0}};
        int ready = poll(fds, 2, timeout_ms);
        if (ready < 0 && errno != EINTR) return PB_ERROR;
        if (ready == 0 || fds[1].revents) return PB_AGAIN;
    }
}

static enum pb_status resize(struct pb_capture *c) {
    x11_image_close(c);
    c->pointer.drawn = false;
    c->width = c->screen_width;
    c->height = c->screen_height;
    enum pb_status status = x11_image_open(c);
    return status ? status : PB_REINIT;
}

/* A refused request mostly means that the screen shrank while it was on its way. */
static enum pb_status refused(struct pb_capture *c) {
    xcb_get_geometry_reply_t *g = xcb_get_geometry_reply(c->x, xcb_get_geometry(c->x, c->root), NULL);
    if (!g) return PB_LOST;
    c->screen_width = g->width;
    c->screen_height = g->height;
    free(g);
    changed(c, pb_monotonic_us());
    return c->screen_width == c->width && c->screen_height == c->height ? PB_ERROR : resize(c);
}

static enum pb_status grab(struct pb_capture *c, bool everything, struct pb_picture *picture, struct pb_rows *rows) {
    if (drain(c)) return PB_LOST;
    if (c->screen_width != c->width || c->screen_height != c->height) return resize(c);
    struct pb_rows all = {0, c->height}, wanted = everything ? all : c->dirty;
    bool pixels = wanted.top < wanted.bottom;
    if (c->pointer.shape_changed) x11_pointer_load_shape(c);
    struct pb_rows touched = x11_pointer_remove(c);
    xcb_query_pointer_cookie_t pointer = {0};
    unsigned image = 0;
    if (pixels) c->subtracted = xcb_damage_subtract(c->x, c->damage, XCB_NONE, XCB_NONE).sequence;
    if (c->pointer.wanted) pointer = xcb_query_pointer(c->x, c->root);
    if (pixels) image = x11_image_request(c, wanted);
    c->dirty = c->grabbed = (struct pb_rows){0, 0};
    c->stale = false;
    int32_t x = c->pointer.x, y = c->pointer.y;
    if (c->pointer.wanted) {
        xcb_query_pointer_reply_t *r = xcb_query_pointer_reply(c->x, pointer, NULL);
        if (r) {
            x = r->root_x;
            y = r->root_y;
        }
        free(r);
    }
    if (pixels) {
        enum pb_status status = x11_image_reply(c, image, wanted);
        if (status == PB_ERROR) return refused(c);
        if (status) return status;
        c->grabbed = wanted;
    }
    if (c->pointer.wanted) touched = x11_union(touched, x11_pointer_draw(c, x, y));
    *picture = (struct pb_picture){
        .format = PB_BGRA,
        .width = c->width,
        .height = c->height,
        .plane = {c->image.pixels},
        .stride = {c->image.stride},
    };
    *rows = everything ? all : x11_union(wanted, touched);
    return PB_OK;
}

static void size_of(const struct pb_capture *c, uint32_t *width, uint32_t *height) {
    *width = c->width;
    *height = c->height;
}

static int descriptor(const struct pb_capture *c) { return xcb_get_file_descriptor(c->x); }

const struct pb_capture_backend pb_capture_x11 = {
    .name = "x11",
    .probe = x11_probe,
    .open = x11_open,
    .size = size_of,
    .wait = wait_x11,
    .grab = grab,
    .descriptor = descriptor,
    .close = x11_close,
};
