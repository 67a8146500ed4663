/* A window on an X server by xcb, pictures through shared memory. Everything the server says goes through event(), completed
 * pictures included, so the player never waits for the server. Errors of the server and its death are answers, not exits. */
#include "x11.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

void window_emit(struct pb_display *d, struct pb_window_event event) {
    /* One X event makes at most a handful, and the next is read only when these are taken. */
    if (d->events_count < WINDOW_EVENTS) d->events[(d->events_first + d->events_count++) % WINDOW_EVENTS] = event;
}

static void configured(struct pb_display *d, const xcb_configure_notify_event_t *e) {
    if (e->window == d->screen->root) {
        if (d->fullscreen && !d->managed) window_set_fullscreen(d, true);
        return;
    }
    if (e->window != d->window || (e->width == d->width && e->height == d->height)) return;
    d->width = e->width;
    d->height = e->height;
    if (d->layout.picture_width) window_layout(d, d->layout.picture_width, d->layout.picture_height);
    window_emit(d, (struct pb_window_event){.kind = PB_WINDOW_RESIZED, .width = d->width, .height = d->height});
}

static void client_message(struct pb_display *d, const xcb_client_message_event_t *e) {
    if (e->type == d->atoms.protocols && e->format == 32 && e->data.data32[0] == d->atoms.delete_window)
        window_emit(d, (struct pb_window_event){.kind = PB_WINDOW_CLOSED});
}

static void focus_out(struct pb_display *d, const xcb_focus_out_event_t *e) {
    /* A pointer passing by or a child's focus is not ours to lose; a keyboard grab is, because releases go elsewhere. */
    if (e->detail == XCB_NOTIFY_DETAIL_POINTER || e->detail == XCB_NOTIFY_DETAIL_INFERIOR) return;
    window_forget_keys(d);
    if (d->pads) pb_pads_focus(d->pads, false);
    window_emit(d, (struct pb_window_event){.kind = PB_WINDOW_FOCUS_LOST});
}

static void focus_in(struct pb_display *d, const xcb_focus_in_event_t *e) {
    if (d->pads && e->detail != XCB_NOTIFY_DETAIL_POINTER) pb_pads_focus(d->pads, true);
}

/* True when there was something. */
static bool drain_pads(struct pb_display *d) {
    static const uint8_t kinds[] = {[PB_PAD_INPUT] = PB_WINDOW_INPUT, [PB_PAD_PLUGGED] = PB_WINDOW_PLUGGED, [PB_PAD_UNPLUGGED] = PB_WINDOW_UNPLUGGED};
    struct pb_pad_event e;
    if (!d->pads || !pb_pads_next(d->pads, &e)) return false;
    window_emit(d, (struct pb_window_event){.kind = kinds[e.kind], .device = e.device, .type = e.type, .code = e.code, .value = e.value});
    return true;
}

static void handle(struct pb_display *d, const xcb_generic_event_t *event) {
    uint8_t type = event->response_type & 0x7f;
    if (d->shm_event && type == d->shm_event + XCB_SHM_COMPLETION) {
        window_put_done(d, event->full_sequence);
        return;
    }
    switch (type) {
    case 0: /* an error; a put that failed is as done as it will get */
        for (unsigned i = 0; i < d->puts_count; i++) {
            if (d->puts[(d->puts_first + i) % WINDOW_PUTS].sequence != event->full_sequence) continue;
            window_put_done(d, event->full_sequence);
            break;
        }
        break;
    case XCB_EXPOSE:
        if (!((const xcb_expose_event_t *)event)->count) window_redraw(d);
        break;
    case XCB_MAP_NOTIFY:
        if (((const xcb_map_notify_event_t *)event)->window != d->window) break;
        d->mapped = true;
        window_focus(d);
        break;
    case XCB_CONFIGURE_NOTIFY: configured(d, (const xcb_configure_notify_event_t *)event); break;
    case XCB_DESTROY_NOTIFY:
        if (((const xcb_destroy_notify_event_t *)event)->window == d->window)
            window_emit(d, (struct pb_window_event){.kind = PB_WINDOW_CLOSED});
        break;
    case XCB_CLIENT_MESSAGE: client_message(d, (const xcb_client_message_event_t *)event); break;
    case XCB_FOCUS_OUT: focus_out(d, (const xcb_focus_out_event_t *)event); break;
    case XCB_FOCUS_IN: focus_in(d, (const xcb_focus_in_event_t *)event); break;
    case XCB_MAPPING_NOTIFY: pb_x11_keymap_load(&d->keymap, d->x); break;
    default: window_input(d, event); break;
    }
}

/* AGAIN is only said when nothing waits to be sent and the connection was read after that, so that the caller may sleep. */
static enum pb_status event(struct pb_display *d, struct pb_window_event *out) {
    while (!d->events_count) {
        if (d->unflushed) xcb_flush(d->x);
        d->unflushed = false;
        xcb_generic_event_t *e = xcb_poll_for_event(d->x);
        if (!e && xcb_connection_has_error(d->x)) return PB_LOST;
        if (!e) {
            window_poll_plain(d);
            if (!d->events_count && !drain_pads(d)) return PB_AGAIN;
            break;
        }
        handle(d, e);
        free(e);
    }
    *out = d->events[d->events_first];
    d->events_first = (d->events_first + 1) % WINDOW_EVENTS;
    d->events_count--;
    return PB_OK;
}

static void describe(struct pb_display *d, char *detail, size_t size) {
    pb_error(detail, size, "%ux%u window, %s, %s", d->width, d->height, d->shm ? "shared memory" : "through the connection",
             d->managed ? "with a window manager" : "no window manager");
    size_t used = strlen(detail);
    const char *complaint = d->pads ? pb_pads_complaint(d->pads) : "";
    if (*complaint) pb_error(detail + used, size - used, "; %s", complaint);
}

static int descriptor(struct pb_display *d) { return d->pads ? d->poll_fd : xcb_get_file_descriptor(d->x); }

static const char *device_name(struct pb_display *d, uint32_t device) { return d->pads ? pb_pads_name(d->pads, device) : ""; }

static void rumble(struct pb_display *d, uint32_t device, uint32_t strong, uint32_t weak, uint32_t duration_ms) {
    if (d->pads) pb_pads_rumble(d->pads, device, strong, weak, duration_ms);
}

static const struct pb_picture *shown(struct pb_display *d) {
    return d->last_shown < 0 ? NULL : &d->buffers[d->last_shown].picture;
}

const struct pb_display_backend pb_display_x11 = {
    .name = "x11",
    .probe = window_probe,
    .open = window_open,
    .describe = describe,
    .descriptor = descriptor,
    .show = window_show,
    .event = event,
    .grab_pointer = window_grab,
    .set_fullscreen = window_set_fullscreen,
    .shown = shown,
    .close = window_close,
    .takes_nv12 = true,
    .device_name = device_name,
    .rumble = rumble,
};
