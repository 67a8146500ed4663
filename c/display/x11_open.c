/* Connects to an X server, makes the window and keeps its properties. With a window manager the window asks for what it wants;
 * without one (kiosks, Xvfb) it places itself and takes the focus. */
#include "x11.h"
#include "x11/connect.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <xcb/xcbext.h>

/* One that has the pixels which the window draws. */
static xcb_connection_t *connect_to(const char *target, xcb_screen_t **screen, char *error, size_t error_size) {
    xcb_connection_t *x = pb_x11_connect(target, screen, error, error_size);
    if (!x || pb_x11_pixels_are_bgra(x, *screen)) return x;
    pb_error(error, error_size, "X display %s has no 24-bit true colour with 32-bit pixels", pb_x11_name(target));
    xcb_disconnect(x);
    return NULL;
}

bool window_probe(const char *target, char *detail, size_t size) {
    xcb_screen_t *screen = NULL;
    xcb_connection_t *x = connect_to(target, &screen, detail, size);
    if (!x) return false;
    const xcb_query_extension_reply_t *shm = xcb_get_extension_data(x, &xcb_shm_id);
    pb_error(detail, size, "X display %s, %ux%u, %s shared memory", pb_x11_name(target), screen->width_in_pixels,
             screen->height_in_pixels, shm && shm->present ? "with" : "without");
    xcb_disconnect(x);
    return true;
}

static void intern(struct pb_display *d) {
    static const char *const names[] = {"WM_PROTOCOLS", "WM_DELETE_WINDOW", "_NET_WM_NAME", "UTF8_STRING",
                                        "_NET_WM_STATE", "_NET_WM_STATE_FULLSCREEN", "_NET_SUPPORTING_WM_CHECK"};
    enum { COUNT = sizeof names / sizeof *names };
    xcb_intern_atom_cookie_t asked[COUNT];
    xcb_atom_t *into[COUNT] = {&d->atoms.protocols, &d->atoms.delete_window, &d->atoms.name, &d->atoms.utf8,
                               &d->atoms.state, &d->atoms.fullscreen, &d->atoms.supporting};
    for (int i = 0; i < COUNT; i++) asked[i] = xcb_intern_atom(d->x, 0, (uint16_t)strlen(names[i]), names[i]);
    for (int i = 0; i < COUNT; i++) {
        xcb_intern_atom_reply_t *r = xcb_intern_atom_reply(d->x, asked[i], NULL);
        if (r) *into[i] = r->atom;
        free(r);
    }
}

static bool has_manager(struct pb_display *d) {
    xcb_get_property_cookie_t asked =
        xcb_get_property(d->x, 0, d->screen->root, d->atoms.supporting, XCB_ATOM_WINDOW, 0, 1);
    xcb_get_property_reply_t *r = xcb_get_property_reply(d->x, asked, NULL);
    bool found = r && r->type == XCB_ATOM_WINDOW && xcb_get_property_value_length(r) == 4;
    free(r);
    return found;
}

static void root_size(struct pb_display *d, uint32_t *width, uint32_t *height) {
    xcb_get_geometry_reply_t *r = xcb_get_geometry_reply(d->x, xcb_get_geometry(d->x, d->screen->root), NULL);
    *width = r ? r->width : d->screen->width_in_pixels;
    *height = r ? r->height : d->screen->height_in_pixels;
    free(r);
}

/* Without this a held key comes as releases and presses that nobody made. The extension's own library is not linked for
 * two requests: UseExtension (0) and PerClientFlags (21), flag 1. */
static void ask_for_plain_repeat(struct pb_display *d) {
    static xcb_extension_t xkb = {"XKEYBOARD", 0};
    const xcb_query_extension_reply_t *r = xcb_get_extension_data(d->x, &xkb);
    if (!r || !r->present) return;
    struct {
        uint8_t major, minor;
        uint16_t length, wanted_major, wanted_minor;
    } use = {0, 0, 0, 1, 0};
    struct {
        uint8_t major, minor;
        uint16_t length, device, padding;
        uint32_t change, value, controls_to_change, controls, control_values;
    } flags = {.device = 0x100, .change = 1, .value = 1};
    struct iovec parts[4] = {[2] = {&use, sizeof use}};
    xcb_protocol_request_t request = {.count = 1, .ext = &xkb, .opcode = 0, .isvoid = 0};
    xcb_discard_reply(d->x, xcb_send_request(d->x, 0, parts + 2, &request));
    parts[2] = (struct iovec){&flags, sizeof flags};
    request.opcode = 21;
    xcb_discard_reply(d->x, xcb_send_request(d->x, 0, parts + 2, &request));
}

static void set_properties(struct pb_display *d, const struct pb_display_settings *s) {
    static const char class[] = "patchbay\0Patchbay";
    uint32_t hints[9] = {1, 1}; /* InputHint, and yes: the window wants the keyboard */
    size_t length = strlen(s->title);
    xcb_change_property(d->x, XCB_PROP_MODE_REPLACE, d->window, d->atoms.name, d->atoms.utf8, 8, (uint32_t)length, s->title);
    xcb_change_property(d->x, XCB_PROP_MODE_REPLACE, d->window, XCB_ATOM_WM_NAME, d->atoms.utf8, 8, (uint32_t)length, s->title);
    xcb_change_property(d->x, XCB_PROP_MODE_REPLACE, d->window, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 8, sizeof class, class);
    xcb_change_property(d->x, XCB_PROP_MODE_REPLACE, d->window, XCB_ATOM_WM_HINTS, XCB_ATOM_WM_HINTS, 32, 9, hints);
    xcb_change_property(d->x, XCB_PROP_MODE_REPLACE, d->window, d->atoms.protocols, XCB_ATOM_ATOM, 32, 1, &d->atoms.delete_window);
    if (s->fullscreen)
        xcb_change_property(d->x, XCB_PROP_MODE_REPLACE, d->window, d->atoms.state, XCB_ATOM_ATOM, 32, 1, &d->atoms.fullscreen);
}

static bool make_window(struct pb_display *d, const struct pb_display_settings *s) {
    d->width = d->normal_width = s->width;
    d->height = d->normal_height = s->height;
    d->fullscreen = s->fullscreen;
    if (s->fullscreen && !d->managed) root_size(d, &d->width, &d->height);
    d->depth = d->screen->root_depth;
    d->window = xcb_generate_id(d->x);
    uint32_t events = XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_STRUCTURE_NOTIFY | XCB_EVENT_MASK_KEY_PRESS |
                      XCB_EVENT_MASK_KEY_RELEASE | XCB_EVENT_MASK_BUTTON_PRESS | XCB_EVENT_MASK_BUTTON_RELEASE |
                      XCB_EVENT_MASK_POINTER_MOTION | XCB_EVENT_MASK_FOCUS_CHANGE;
    uint32_t values[] = {d->screen->black_pixel, events};
    xcb_generic_error_t *refused = xcb_request_check(
        d->x, xcb_create_window_checked(d->x, d->depth, d->window, d->screen->root, 0, 0, (uint16_t)d->width,
                                        (uint16_t)d->height, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, d->screen->root_visual,
                                        XCB_CW_BACK_PIXEL | XCB_CW_EVENT_MASK, values));
    free(refused);
    if (refused || xcb_connection_has_error(d->x)) return false;
    d->gc = xcb_generate_id(d->x);
    uint32_t none = 0;
    xcb_create_gc(d->x, d->gc, d->window, XCB_GC_GRAPHICS_EXPOSURES, &none);
    set_properties(d, s);
    /* The root's new size matters to a window that covers it on its own. */
    uint32_t structure = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
    if (!d->managed) xcb_change_window_attributes(d->x, d->screen->root, XCB_CW_EVENT_MASK, &structure);
    xcb_map_window(d->x, d->window);
    return true;
}

/* An empty picture as the pointer's shape, for relative mode. */
static void make_no_cursor(struct pb_display *d) {
    xcb_pixmap_t empty = xcb_generate_id(d->x);
    xcb_gcontext_t gc = xcb_generate_id(d->x);
    uint32_t zero = 0;
    xcb_rectangle_t all = {0, 0, 1, 1};
    d->no_cursor = xcb_generate_id(d->x);
    xcb_create_pixmap(d->x, 1, empty, d->window, 1, 1);
    xcb_create_gc(d->x, gc, empty, XCB_GC_FOREGROUND, &zero);
    xcb_poly_fill_rectangle(d->x, empty, gc, 1, &all);
    xcb_create_cursor(d->x, d->no_cursor, empty, empty, 0, 0, 0, 0, 0, 0, 0, 0);
    xcb_free_gc(d->x, gc);
    xcb_free_pixmap(d->x, empty);
}

/* Without them the window is as good as before. */
static void open_pads(struct pb_display *d) {
    d->pads = pb_pads_open();
    d->poll_fd = d->pads ? epoll_create1(EPOLL_CLOEXEC) : -1;
    struct epoll_event e = {.events = EPOLLIN};
    if (d->poll_fd >= 0 && epoll_ctl(d->poll_fd, EPOLL_CTL_ADD, xcb_get_file_descriptor(d->x), &e) >= 0 &&
        epoll_ctl(d->poll_fd, EPOLL_CTL_ADD, pb_pads_descriptor(d->pads), &e) >= 0)
        return;
    pb_pads_close(d->pads);
    d->pads = NULL;
}

struct pb_display *window_open(const struct pb_display_settings *settings, char *error, size_t error_size) {
    struct pb_display *d = calloc(1, sizeof *d);
    if (!d) {
        pb_error(error, error_size, "no memory for a window");
        return NULL;
    }
    d->last_put = d->last_shown = d->poll_fd = -1;
    d->x = connect_to(settings->target, &d->screen, error, error_size);
    if (!d->x) goto fail;
    const xcb_query_extension_reply_t *shm = xcb_get_extension_data(d->x, &xcb_shm_id);
    d->shm = shm && shm->present;
    d->shm_event = shm ? shm->first_event : 0;
    intern(d);
    d->managed = has_manager(d);
    if (!make_window(d, settings)) {
        pb_error(error, error_size, "the X server refuses a window of %ux%u", settings->width, settings->height);
        goto fail;
    }
    make_no_cursor(d);
    ask_for_plain_repeat(d);
    if (!pb_x11_keymap_load(&d->keymap, d->x)) {
        pb_error(error, error_size, "the X server went away");
        goto fail;
    }
    d->unflushed = true;
    if (settings->devices) open_pads(d);
    return d;
fail:
    window_close(d);
    return NULL;
}

void window_close(struct pb_display *d) {
    if (!d) return;
    pb_pads_close(d->pads);
    if (d->poll_fd >= 0) close(d->poll_fd);
    if (d->x) {
        window_buffers_free(d);
        xcb_disconnect(d->x);
    }
    free(d->scaled);
    free(d);
}

void window_focus(struct pb_display *d) {
    if (d->managed) return;
    xcb_set_input_focus(d->x, XCB_INPUT_FOCUS_PARENT, d->window, XCB_CURRENT_TIME);
    d->unflushed = true;
}

static void place(struct pb_display *d, int32_t x, int32_t y, uint32_t width, uint32_t height) {
    uint32_t values[] = {(uint32_t)x, (uint32_t)y, width, height, XCB_STACK_MODE_ABOVE};
    xcb_configure_window(d->x, d->window,
                         XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y | XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT |
                             XCB_CONFIG_WINDOW_STACK_MODE,
                         values);
}

enum pb_status window_set_fullscreen(struct pb_display *d, bool on) {
    d->fullscreen = on;
    d->unflushed = true;
    if (d->managed) {
        xcb_client_message_event_t m = {.response_type = XCB_CLIENT_MESSAGE, .format = 32, .window = d->window, .type = d->atoms.state};
        m.data.data32[0] = on;
        m.data.data32[1] = d->atoms.fullscreen;
        m.data.data32[3] = 1; /* from an application */
        xcb_send_event(d->x, 0, d->screen->root,
                       XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY | XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT, (const char *)&m);
        return PB_OK;
    }
    uint32_t width, height;
    root_size(d, &width, &height);
    if (on) place(d, 0, 0, width, height);
    else place(d, 0, 0, d->normal_width, d->normal_height);
    window_focus(d);
    return PB_OK;
}
