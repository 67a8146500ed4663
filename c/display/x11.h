/* The X11 window's parts, seen only by its own files: x11.c (events and the vtable), x11_open.c (connection, window and its
 * properties), x11_buffer.c (pixels to the server), x11_input.c (keys and pointer). */
#ifndef PB_DISPLAY_X11_H
#define PB_DISPLAY_X11_H
#include "../input/evdev_read.h"
#include "../input/x11_keymap.h"
#include "display.h"
#include "layout.h"

#include <xcb/shm.h>
#include <xcb/xcb.h>

enum { WINDOW_BUFFERS = 2, WINDOW_PUTS = 8, WINDOW_EVENTS = 32 };

struct window_buffer {
    uint8_t *pixels;
    size_t bytes;
    xcb_shm_seg_t segment; /* 0: ordinary memory */
    unsigned busy;         /* puts that the server has not finished */
    struct pb_picture picture;
};

/* A put on its way; the server finishes them in order. */
struct window_put {
    uint32_t sequence; /* of the request, low 32 bits */
    int buffer;        /* -1: of a buffer that is gone */
    bool redraw, plain;
    xcb_get_input_focus_cookie_t sync; /* plain: its answer says that the put is done */
};

struct window_atoms {
    xcb_atom_t protocols, delete_window, name, utf8, state, fullscreen, supporting;
};

struct pb_display {
    xcb_connection_t *x;
    xcb_screen_t *screen;
    xcb_window_t window;
    xcb_gcontext_t gc;
    xcb_cursor_t no_cursor;
    uint8_t depth, shm_event, xkb_event;
    bool shm, managed, fullscreen, unflushed, mapped;
    uint32_t width, height; /* of the window */
    int16_t normal_x, normal_y;
    uint32_t normal_width, normal_height; /* before fullscreen, without a window manager */
    struct window_atoms atoms;
    struct pb_layout layout;
    struct window_buffer buffers[WINDOW_BUFFERS];
    int last_put, last_shown; /* buffers, or -1 */
    struct window_put puts[WINDOW_PUTS];
    unsigned puts_first, puts_count;
    uint8_t *scaled; /* I420, for pictures that do not fit the window */
    size_t scaled_bytes;

    struct pb_x11_keymap keymap;
    bool locks_told;
    uint16_t locks; /* modifier bits of caps and num lock, as last told */
    uint8_t down[32]; /* X keycodes, so that auto-repeat is told from presses */
    bool grabbed;
    int16_t last_x, last_y; /* of the pointer */
    bool warping;
    uint32_t warp_sequence;
    struct pb_pads *pads; /* NULL: not wanted, or not to be had */
    int poll_fd;          /* with pads: of the connection and of them; else -1 */

    struct pb_window_event events[WINDOW_EVENTS];
    unsigned events_first, events_count;
};

bool window_probe(const char *target, char *detail, size_t size);
struct pb_display *window_open(const struct pb_display_settings *settings, char *error, size_t error_size);
void window_close(struct pb_display *d);
enum pb_status window_set_fullscreen(struct pb_display *d, bool on);
void window_focus(struct pb_display *d);

/* Puts a finished picture; PB_AGAIN while both buffers are in use. */
enum pb_status window_show(struct pb_display *d, const struct pb_picture *picture);
void window_redraw(struct pb_display *d);
/* The put whose request has this sequence number is done. */
void window_put_done(struct pb_display *d, uint32_t sequence);
void window_poll_plain(struct pb_display *d);
void window_buffers_free(struct pb_display *d);
void window_layout(struct pb_display *d, uint32_t picture_width, uint32_t picture_height);

/* Turns an X event into window events when it is input. */
void window_input(struct pb_display *d, const xcb_generic_event_t *event);
enum pb_status window_grab(struct pb_display *d, bool on);
void window_forget_keys(struct pb_display *d);
void window_emit(struct pb_display *d, struct pb_window_event event);
#endif
