/* Connects to an X server for capturing and checks all that the capture needs, each with its own sentence when missing. */
#include "x11.h"
#include "x11/connect.h"

#include <stdlib.h>
#include <string.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xinput.h>

static bool has(xcb_connection_t *x, xcb_extension_t *extension, uint8_t *first_event, uint8_t *opcode) {
    const xcb_query_extension_reply_t *r = xcb_get_extension_data(x, extension);
    if (!r || !r->present) return false;
    if (first_event) *first_event = r->first_event;
    if (opcode) *opcode = r->major_opcode;
    return true;
}

/* Every extension wants its version asked for before use. */
static bool extensions(struct pb_capture *c, char *error, size_t error_size) {
    xcb_connection_t *x = c->x;
    if (!has(x, &xcb_damage_id, &c->damage_event, NULL) || !has(x, &xcb_xfixes_id, &c->fixes_event, NULL)) {
        pb_error(error, error_size, "the X server lacks the DAMAGE or XFIXES extension");
        return false;
    }
    free(xcb_xfixes_query_version_reply(x, xcb_xfixes_query_version(x, 5, 0), NULL));
    free(xcb_damage_query_version_reply(x, xcb_damage_query_version(x, 1, 1), NULL));
    if (has(x, &xcb_shm_id, NULL, NULL)) {
        xcb_shm_query_version_reply_t *r = xcb_shm_query_version_reply(x, xcb_shm_query_version(x), NULL);
        c->shm = r != NULL;
        c->shm_fd = r && (r->major_version > 1 || (r->major_version == 1 && r->minor_version >= 2));
        free(r);
    }
    return true;
}

/* Raw motion tells that the pointer moved even when no window asks for it. */
static void watch_motion(struct pb_capture *c) {
    if (!has(c->x, &xcb_input_id, NULL, &c->input_opcode)) return;
    xcb_input_xi_query_version_reply_t *r =
        xcb_input_xi_query_version_reply(c->x, xcb_input_xi_query_version(c->x, 2, 2), NULL);
    bool usable = r && r->major_version >= 2;
    free(r);
    if (!usable) {
        c->input_opcode = 0;
        return;
    }
    struct {
        xcb_input_event_mask_t head;
        uint32_t mask;
    } select = {{XCB_INPUT_DEVICE_ALL_MASTER, 1}, XCB_INPUT_XI_EVENT_MASK_RAW_MOTION};
    xcb_input_xi_select_events(c->x, c->root, 1, &select.head);
}

struct pb_capture *x11_open(const struct pb_capture_settings *s, char *error, size_t error_size) {
    struct pb_capture *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    xcb_screen_t *screen = NULL;
    c->x = pb_x11_connect(s->target, &screen, error, error_size);
    if (!c->x) goto fail;
    if (!pb_x11_pixels_are_bgra(c->x, screen)) {
        pb_error(error, error_size, "the X screen has %u bits a pixel in an order other than BGRA; 24 or 32 bits are needed",
                 screen->root_depth);
        goto fail;
    }
    c->root = screen->root;
    c->depth = screen->root_depth;
    if (!extensions(c, error, error_size)) goto fail;
    xcb_get_geometry_reply_t *g = xcb_get_geometry_reply(c->x, xcb_get_geometry(c->x, c->root), NULL);
    c->width = c->screen_width = g ? g->width : screen->width_in_pixels;
    c->height = c->screen_height = g ? g->height : screen->height_in_pixels;
    free(g);
    if (c->width > PB_MAX_WIDTH || c->height > PB_MAX_HEIGHT) {
        pb_error(error, error_size, "the X screen has %ux%u pixels, more than %ux%u", c->width, c->height, PB_MAX_WIDTH,
                 PB_MAX_HEIGHT);
        goto fail;
    }
    uint32_t mask = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
    xcb_change_window_attributes(c->x, c->root, XCB_CW_EVENT_MASK, &mask);
    c->damage = xcb_generate_id(c->x);
    xcb_damage_create(c->x, c->damage, c->root, XCB_DAMAGE_REPORT_LEVEL_BOUNDING_BOX);
    c->pointer.wanted = s->cursor;
    c->pointer.shape_changed = c->pointer.moved = s->cursor;
    if (s->cursor) {
        xcb_xfixes_select_cursor_input(c->x, c->root, XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
        watch_motion(c);
    }
    if (x11_image_open(c)) {
        pb_error(error, error_size, "no memory for a picture of %ux%u", c->width, c->height);
        goto fail;
    }
    xcb_flush(c->x);
    /* The first picture is always new. */
    c->stale = true;
    c->stale_us = pb_monotonic_us();
    c->dirty = (struct pb_rows){0, c->height};
    return c;
fail:
    x11_close(c);
    return NULL;
}

void x11_close(struct pb_capture *c) {
    if (!c) return;
    if (c->image.pixels) x11_image_close(c);
    if (c->x) xcb_disconnect(c->x);
    free(c->pointer.shape);
    free(c->pointer.under);
    free(c);
}

/* Adds `, NAME WxH+X+Y` for each monitor that RandR 1.5 names. */
static void list_monitors(xcb_connection_t *x, xcb_window_t root, char *detail, size_t size) {
    if (!has(x, &xcb_randr_id, NULL, NULL)) return;
    free(xcb_randr_query_version_reply(x, xcb_randr_query_version(x, 1, 5), NULL));
    xcb_randr_get_monitors_reply_t *monitors = xcb_randr_get_monitors_reply(x, xcb_randr_get_monitors(x, root, 1), NULL);
    if (!monitors) return;
    for (xcb_randr_monitor_info_iterator_t m = xcb_randr_get_monitors_monitors_iterator(monitors); m.rem;
         xcb_randr_monitor_info_next(&m)) {
        xcb_get_atom_name_reply_t *name = xcb_get_atom_name_reply(x, xcb_get_atom_name(x, m.data->name), NULL);
        size_t at = strlen(detail);
        pb_error(detail + at, size - at, ", %.*s %ux%u+%d+%d", name ? xcb_get_atom_name_name_length(name) : 0,
                 name ? xcb_get_atom_name_name(name) : "", m.data->width, m.data->height, m.data->x, m.data->y);
        free(name);
    }
    free(monitors);
}

bool x11_probe(const char *target, char *detail, size_t size) {
    const struct pb_capture_settings settings = {.target = target, .cursor = true};
    struct pb_capture *c = x11_open(&settings, detail, size);
    if (!c) return false;
    pb_error(detail, size, "display %s, %ux%u%s%s", pb_x11_name(target), c->width, c->height,
             c->image.segment ? "" : ", slow: the server shares no memory with this process",
             c->input_opcode ? "" : ", without XInput 2 a lone pointer movement shows with the next change");
    list_monitors(c->x, c->root, detail, size);
    x11_close(c);
    return true;
}
