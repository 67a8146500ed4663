/* The X11 side of draw.h. The window is no business of a window manager's (override-redirect), because those place, decorate
 * and focus; click-through is an empty input region, which the server itself keeps. */
#include "draw.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <xcb/shape.h>

enum { TRIES = 100 };

static xcb_visualid_t find_visual(const xcb_screen_t *screen) {
    for (xcb_depth_iterator_t depth = xcb_screen_allowed_depths_iterator(screen); depth.rem; xcb_depth_next(&depth)) {
        if (depth.data->depth != 32) continue;
        for (xcb_visualtype_iterator_t v = xcb_depth_visuals_iterator(depth.data); v.rem; xcb_visualtype_next(&v))
            if (v.data->_class == XCB_VISUAL_CLASS_TRUE_COLOR && v.data->red_mask == 0xFF0000 && v.data->blue_mask == 0xFF)
                return v.data->visual_id;
    }
    return 0;
}

static bool has_input_shape(xcb_connection_t *connection) {
    const xcb_query_extension_reply_t *there = xcb_get_extension_data(connection, &xcb_shape_id);
    if (!there || !there->present) return false;
    xcb_shape_query_version_reply_t *version =
        xcb_shape_query_version_reply(connection, xcb_shape_query_version(connection), NULL);
    bool enough = version && (version->major_version > 1 || version->minor_version >= 1);
    free(version);
    return enough;
}

const char *screen_open(struct screen *s) {
    int number;
    s->connection = xcb_connect(NULL, &number);
    if (xcb_connection_has_error(s->connection)) return "no X display can be opened; is DISPLAY set?";
    const xcb_setup_t *setup = xcb_get_setup(s->connection);
    const uint16_t one = 1;
    if (setup->image_byte_order != (*(const uint8_t *)&one ? XCB_IMAGE_ORDER_LSB_FIRST : XCB_IMAGE_ORDER_MSB_FIRST))
        return "the X server is of a machine with another byte order";
    xcb_screen_iterator_t screens = xcb_setup_roots_iterator(setup);
    while (number-- > 0) xcb_screen_next(&screens);
    s->root = screens.data->root;
    s->visual = find_visual(screens.data);
    if (!s->visual) return "this X display has no windows with an alpha channel";
    if (!has_input_shape(s->connection)) return "this X display cannot let clicks through (no SHAPE 1.1)";
    s->colours = xcb_generate_id(s->connection);
    xcb_create_colormap(s->connection, XCB_COLORMAP_ALLOC_NONE, s->colours, s->root, s->visual);
    /* What other windows do, to see when one may have come to lie above. */
    const uint32_t mask = XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY;
    xcb_change_window_attributes(s->connection, s->root, XCB_CW_EVENT_MASK, &mask);
    const xcb_query_extension_reply_t *shm = xcb_get_extension_data(s->connection, &xcb_shm_id);
    s->completion = shm && shm->present ? (uint8_t)(shm->first_event + XCB_SHM_COMPLETION) : 0;
    return NULL;
}

bool screen_lost(const struct screen *s) {
    for (xcb_generic_event_t *event; (event = xcb_poll_for_event(s->connection));) free(event);
    return xcb_connection_has_error(s->connection) != 0;
}

static xcb_atom_t atom(xcb_connection_t *connection, const char *name) {
    xcb_intern_atom_reply_t *reply =
        xcb_intern_atom_reply(connection, xcb_intern_atom(connection, 0, (uint16_t)strlen(name), name), NULL);
    xcb_atom_t found = reply ? reply->atom : XCB_ATOM_NONE;
    free(reply);
    return found;
}

static void set_property(const struct overlay *o, const char *name, xcb_atom_t type, uint32_t value) {
    xcb_connection_t *c = o->screen->connection;
    xcb_change_property(c, XCB_PROP_MODE_REPLACE, o->window, atom(c, name), type, 32, 1, &value);
}

/* Memory that the server reads directly; it goes with the last of both, however they end. */
static bool share(struct overlay *o, size_t bytes) {
    xcb_connection_t *c = o->screen->connection;
    if (!o->screen->completion) return false;
    int id = shmget(IPC_PRIVATE, bytes, IPC_CREAT | 0600);
    if (id < 0) return false;
    void *memory = shmat(id, NULL, 0);
    if (memory == (void *)-1) memory = NULL;
    xcb_shm_seg_t segment = xcb_generate_id(c);
    xcb_generic_error_t *error = memory ? xcb_request_check(c, xcb_shm_attach_checked(c, segment, (uint32_t)id, 1)) : NULL;
    shmctl(id, IPC_RMID, NULL);
    if (memory && !error) {
        o->segment = segment;
        o->pixels = memory;
    } else if (memory) {
        shmdt(memory); /* the server is on another machine */
    }
    free(error);
    return o->segment != 0;
}

bool overlay_open(struct overlay *o, const struct screen *s, uint32_t width, uint32_t height, int x, int y) {
    xcb_connection_t *c = s->connection;
    *o = (struct overlay){.screen = s, .width = width, .height = height};
    size_t bytes = (size_t)width * height * 4;
    if (!share(o, bytes) && !(o->pixels = malloc(bytes))) return false;
    o->window = xcb_generate_id(c);
    o->gc = xcb_generate_id(c);
    /* A border colour of its own is needed wherever the depth is not the parent's. In the order of the bits. */
    const uint32_t values[] = {0, 0, 1, XCB_EVENT_MASK_EXPOSURE, s->colours};
    xcb_create_window(c, 32, o->window, s->root, (int16_t)x, (int16_t)y, (uint16_t)width, (uint16_t)height, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, s->visual,
                      XCB_CW_BACK_PIXEL | XCB_CW_BORDER_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK | XCB_CW_COLORMAP,
                      values);
    xcb_create_gc(c, o->gc, o->window, 0, NULL);
    xcb_shape_rectangles(c, XCB_SHAPE_SO_SET, XCB_SHAPE_SK_INPUT, XCB_CLIP_ORDERING_UNSORTED, o->window, 0, 0, 0, NULL);
    /* For compositors: above others, and never to be shown around them. */
    set_property(o, "_NET_WM_STATE", XCB_ATOM_ATOM, atom(c, "_NET_WM_STATE_ABOVE"));
    set_property(o, "_NET_WM_BYPASS_COMPOSITOR", XCB_ATOM_CARDINAL, 2);
    return true;
}

void overlay_events(struct overlay *o) {
    xcb_connection_t *c = o->screen->connection;
    for (xcb_generic_event_t *event; (event = xcb_poll_for_event(c)); free(event)) {
        uint8_t type = event->response_type & 0x7F;
        if (o->screen->completion && type == o->screen->completion) o->busy = false;
        if (type == XCB_EXPOSE) o->seq = 0;
        if (type == XCB_MAP_NOTIFY) o->moved |= ((xcb_map_notify_event_t *)event)->window != o->window;
        if (type == XCB_CONFIGURE_NOTIFY) o->moved |= ((xcb_configure_notify_event_t *)event)->window != o->window;
    }
    if (xcb_connection_has_error(c)) exit(0);
}

uint32_t premultiplied(const uint8_t rgba[4]) {
    uint32_t a = rgba[3], word = a;
    for (int i = 0; i < 3; i++) {
        uint32_t t = rgba[i] * a + 128; /* (t + t / 256) / 256 is t / 255, rounded */
        word = word << 8 | (t + (t >> 8)) >> 8;
    }
    return word;
}

/* Through the connection, in as many parts as requests may be long. */
static void put_in_parts(const struct overlay *o) {
    xcb_connection_t *c = o->screen->connection;
    uint32_t row = o->width * 4, rows = (xcb_get_maximum_request_length(c) * 4 - 64) / row;
    for (uint32_t y = 0; rows && y < o->height; y += rows) {
        uint32_t count = o->height - y < rows ? o->height - y : rows;
        xcb_put_image(c, XCB_IMAGE_FORMAT_Z_PIXMAP, o->window, o->gc, (uint16_t)o->width, (uint16_t)count, 0, (int16_t)y, 0, 32,
                      count * row, (const uint8_t *)(o->pixels + (size_t)y * o->width));
    }
}

void overlay_draw(struct overlay *o, struct pb_frames *frames) {
    xcb_connection_t *c = o->screen->connection;
    struct pb_frames_state state;
    bool whole = false;
    for (int i = 0; i < TRIES && !whole; i++) {
        if (pb_frames_state(frames, TRIES, &state) != PB_FRAMES_OK || state.seq == o->seq) return;
        const uint8_t *from = pb_frames_picture(frames, &state);
        for (size_t k = 0, count = (size_t)o->width * o->height; k < count; k++) o->pixels[k] = premultiplied(from + 4 * k);
        whole = pb_frames_whole(frames, state.seq);
    }
    if (!whole) return;
    o->seq = state.seq;
    if (!o->shown) {
        const uint32_t above = XCB_STACK_MODE_ABOVE;
        xcb_map_window(c, o->window);
        xcb_configure_window(c, o->window, XCB_CONFIG_WINDOW_STACK_MODE, &above);
    }
    o->shown = true;
    o->busy = o->segment != 0;
    if (!o->segment) put_in_parts(o);
    else
        xcb_shm_put_image(c, o->window, o->gc, (uint16_t)o->width, (uint16_t)o->height, 0, 0, (uint16_t)o->width,
                          (uint16_t)o->height, 0, 0, 32, XCB_IMAGE_FORMAT_Z_PIXMAP, 1, o->segment, 0);
}

void overlay_raise(struct overlay *o) {
    xcb_connection_t *c = o->screen->connection;
    xcb_query_tree_reply_t *tree = xcb_query_tree_reply(c, xcb_query_tree(c, o->screen->root), NULL);
    bool is_top = tree && tree->children_len && xcb_query_tree_children(tree)[tree->children_len - 1] == o->window;
    const uint32_t above = XCB_STACK_MODE_ABOVE;
    if (!is_top) xcb_configure_window(c, o->window, XCB_CONFIG_WINDOW_STACK_MODE, &above);
    free(tree);
    o->moved = false;
}

void overlay_close(struct overlay *o) {
    xcb_connection_t *c = o->screen->connection;
    xcb_destroy_window(c, o->window);
    xcb_free_gc(c, o->gc);
    if (o->segment) {
        xcb_shm_detach(c, o->segment);
        shmdt(o->pixels);
    } else {
        free(o->pixels);
    }
    xcb_flush(c);
}
