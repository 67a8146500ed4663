/* The X11 capture's parts, seen only by its own files: x11.c (events and the vtable), x11_open.c (connection and checks),
 * x11_image.c (pixels from the server), x11_pointer.c (the pointer in the picture). */
#ifndef PB_CAPTURE_X11_H
#define PB_CAPTURE_X11_H
#include "capture.h"

#include <xcb/damage.h>
#include <xcb/xcb.h>
#include <xcb/xfixes.h>

/* One copy of the whole screen that lives as long as the screen keeps its size. */
struct x11_image {
    uint8_t *pixels; /* BGRA, shared with the server when `segment` is not 0 */
    size_t bytes;
    uint32_t stride;
    uint32_t segment; /* xcb_shm_seg_t */
    bool mapped;      /* by mmap (a passed descriptor) rather than shmat */
};

struct x11_pointer {
    bool wanted;
    bool shape_changed, moved;
    uint32_t width, height, capacity; /* of the shape, in pixels; capacity of both buffers */
    int32_t hot_x, hot_y;
    int32_t x, y;           /* where it was last seen */
    uint32_t *shape;        /* premultiplied ARGB */
    uint32_t *under;        /* the screen's own pixels beneath the drawn pointer */
    bool drawn;
    int32_t left, top, right, bottom; /* drawn part, clipped to the screen */
};

struct pb_capture {
    xcb_connection_t *x;
    xcb_window_t root;
    uint8_t depth;
    uint32_t width, height; /* of the picture held now */
    uint32_t screen_width, screen_height; /* as the server last said */
    bool shm, shm_fd;
    uint8_t damage_event, fixes_event, input_opcode;
    xcb_damage_damage_t damage;
    uint32_t subtracted; /* sequence number of the last re-arming */
    struct pb_rows grabbed, dirty;
    bool stale; /* something to grab: damage, pointer or size */
    uint64_t stale_us;
    struct x11_image image;
    struct x11_pointer pointer;
};

struct pb_capture *x11_open(const struct pb_capture_settings *settings, char *error, size_t error_size);
bool x11_probe(const char *target, char *detail, size_t size);
void x11_close(struct pb_capture *c);

/* Makes room for width x height; PB_ERROR when memory or the server refuses. */
enum pb_status x11_image_open(struct pb_capture *c);
void x11_image_close(struct pb_capture *c);
/* Sends the request for the rows; x11_image_reply waits for it. Nothing but replies may be awaited in between. */
unsigned x11_image_request(struct pb_capture *c, struct pb_rows rows);
enum pb_status x11_image_reply(struct pb_capture *c, unsigned request, struct pb_rows rows);

void x11_pointer_load_shape(struct pb_capture *c);
/* Puts the screen's own pixels back. Returns the rows that changed. */
struct pb_rows x11_pointer_remove(struct pb_capture *c);
struct pb_rows x11_pointer_draw(struct pb_capture *c, int32_t x, int32_t y);

static inline struct pb_rows x11_union(struct pb_rows a, struct pb_rows b) {
    if (a.top >= a.bottom) return b;
    if (b.top >= b.bottom) return a;
    return (struct pb_rows){a.top < b.top ? a.top : b.top, a.bottom > b.bottom ? a.bottom : b.bottom};
}
#endif
