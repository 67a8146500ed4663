/* Pictures to the X server: converted straight into one of two buffers that the server shares, while it may still be reading
 * the other. Without shared memory (a display on another machine) the pixels travel through the connection. */
#include "paint.h"
#include "x11.h"

#include <libyuv/scale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <xcb/xcbext.h>

enum { PUT_HEADER_BYTES = 32 };

static void free_buffer(struct pb_display *d, int index) {
    struct window_buffer *b = &d->buffers[index];
    if (b->segment) {
        xcb_shm_detach(d->x, b->segment);
        shmdt(b->pixels);
    } else {
        free(b->pixels);
    }
    memset(b, 0, sizeof *b);
    for (unsigned i = 0; i < d->puts_count; i++) {
        struct window_put *put = &d->puts[(d->puts_first + i) % WINDOW_PUTS];
        if (put->buffer == index) put->buffer = -1;
    }
    if (d->last_put == index) d->last_put = -1;
    if (d->last_shown == index) d->last_shown = -1;
}

void window_buffers_free(struct pb_display *d) {
    for (int i = 0; i < WINDOW_BUFFERS; i++)
        if (d->buffers[i].pixels) free_buffer(d, i);
}

/* The segment is marked for removal as soon as both sides have it, so that none is left behind by a crash. */
static bool share(struct pb_display *d, struct window_buffer *b, size_t bytes) {
    int id = shmget(IPC_PRIVATE, bytes, IPC_CREAT | 0600);
    if (id < 0) return false;
    void *memory = shmat(id, NULL, 0);
    xcb_generic_error_t *refused = NULL;
    if (memory != (void *)-1) {
        b->segment = xcb_generate_id(d->x);
        refused = xcb_request_check(d->x, xcb_shm_attach_checked(d->x, b->segment, (uint32_t)id, 1));
    }
    shmctl(id, IPC_RMID, NULL);
    if (memory == (void *)-1) return false;
    if (refused || xcb_connection_has_error(d->x)) {
        free(refused);
        shmdt(memory);
        b->segment = 0;
        return false;
    }
    b->pixels = memory;
    b->bytes = bytes;
    return true;
}

static bool reserve(struct pb_display *d, int index, size_t bytes) {
    struct window_buffer *b = &d->buffers[index];
    if (b->pixels && b->bytes >= bytes) return true;
    if (b->pixels) free_buffer(d, index);
    if (d->shm && share(d, b, bytes)) return true;
    d->shm = false;
    b->pixels = malloc(bytes);
    b->bytes = bytes;
    return b->pixels != NULL;
}

/* What the picture leaves of the window is black. */
void window_layout(struct pb_display *d, uint32_t picture_width, uint32_t picture_height) {
    struct pb_layout *l = &d->layout;
    if (l->window_width == d->width && l->window_height == d->height && l->picture_width == picture_width &&
        l->picture_height == picture_height)
        return;
    *l = pb_layout_fit(d->width, d->height, picture_width, picture_height);
    if (l->width == d->width && l->height == d->height) return;
    xcb_clear_area(d->x, 0, d->window, 0, 0, 0, 0);
    d->unflushed = true;
}

/* Brings a picture to the size it has in the window. */
static bool scale(struct pb_display *d, struct pb_picture *p) {
    uint32_t width = d->layout.width, height = d->layout.height, half = (width + 1) / 2, rows = (height + 1) / 2;
    size_t bytes = (size_t)width * height + 2 * (size_t)half * rows;
    if (bytes > d->scaled_bytes) {
        uint8_t *scaled = realloc(d->scaled, bytes);
        if (!scaled) return false;
        d->scaled = scaled;
        d->scaled_bytes = bytes;
    }
    uint8_t *u = d->scaled + (size_t)width * height, *v = u + (size_t)half * rows;
    /* Box averages when shrinking, or thin lines would vanish. */
    if (p->format == PB_NV12) {
        NV12Scale(p->plane[0], (int)p->stride[0], p->plane[1], (int)p->stride[1], (int)p->width, (int)p->height, d->scaled,
                  (int)width, u, (int)half * 2, (int)width, (int)height, kFilterBox);
        *p = (struct pb_picture){PB_NV12, width, height, {d->scaled, u, NULL}, {width, half * 2, 0}, NULL};
        return true;
    }
    I420Scale(p->plane[0], (int)p->stride[0], p->plane[1], (int)p->stride[1], p->plane[2], (int)p->stride[2], (int)p->width,
              (int)p->height, d->scaled, (int)width, u, (int)half, v, (int)half, (int)width, (int)height, kFilterBox);
    *p = (struct pb_picture){PB_I420, width, height, {d->scaled, u, v}, {width, half, half}, NULL};
    return true;
}

static void put_plain(struct pb_display *d, const struct window_buffer *b) {
    uint32_t stride = b->picture.stride[0], height = b->picture.height;
    uint64_t most = (uint64_t)xcb_get_maximum_request_length(d->x) * 4 - PUT_HEADER_BYTES;
    uint32_t rows = most / stride > height ? height : (uint32_t)(most / stride);
    if (!rows) return;
    for (uint32_t y = 0; y < height; y += rows) {
        uint32_t some = height - y < rows ? height - y : rows;
        xcb_put_image(d->x, XCB_IMAGE_FORMAT_Z_PIXMAP, d->window, d->gc, (uint16_t)b->picture.width, (uint16_t)some,
                      (int16_t)d->layout.x, (int16_t)(d->layout.y + y), 0, d->depth, some * stride,
                      b->pixels + (size_t)y * stride);
    }
}

static void put(struct pb_display *d, int index, bool redraw) {
    struct window_buffer *b = &d->buffers[index];
    struct window_put *p = &d->puts[(d->puts_first + d->puts_count++) % WINDOW_PUTS];
    *p = (struct window_put){.buffer = index, .redraw = redraw, .plain = !b->segment};
    uint16_t width = (uint16_t)b->picture.width, height = (uint16_t)b->picture.height;
    if (b->segment) {
        p->sequence = xcb_shm_put_image(d->x, d->window, d->gc, width, height, 0, 0, width, height, (int16_t)d->layout.x,
                                        (int16_t)d->layout.y, d->depth, XCB_IMAGE_FORMAT_Z_PIXMAP, 1, b->segment, 0)
                          .sequence;
    } else {
        put_plain(d, b);
        p->sync = xcb_get_input_focus(d->x);
        p->sequence = p->sync.sequence;
    }
    b->busy++;
    d->last_put = index;
    xcb_flush(d->x);
}

enum pb_status window_show(struct pb_display *d, const struct pb_picture *picture) {
    if (xcb_connection_has_error(d->x)) return PB_LOST;
    int index = 0;
    while (index < WINDOW_BUFFERS && d->buffers[index].busy) index++;
    /* The redraw of an exposed part may need a place as well. */
    if (index == WINDOW_BUFFERS || d->puts_count >= WINDOW_PUTS - 1) return PB_AGAIN;
    window_layout(d, picture->width, picture->height);
    struct pb_picture p = *picture;
    uint32_t width = d->layout.width, height = d->layout.height;
    if (!reserve(d, index, (size_t)width * height * 4)) return PB_ERROR;
    if ((p.width != width || p.height != height) && !scale(d, &p)) return PB_ERROR;
    struct window_buffer *b = &d->buffers[index];
    b->picture = (struct pb_picture){PB_BGRA, width, height, {b->pixels, NULL, NULL}, {width * 4, 0, 0}, NULL};
    pb_paint(&p, b->pixels, width * 4);
    put(d, index, false);
    return PB_OK;
}

void window_redraw(struct pb_display *d) {
    if (d->last_put < 0 || d->puts_count >= WINDOW_PUTS) return;
    const struct pb_picture *p = &d->buffers[d->last_put].picture;
    /* After a change of size the player brings the picture again. */
    if (d->layout.window_width != d->width || d->layout.window_height != d->height || p->width != d->layout.width ||
        p->height != d->layout.height)
        return;
    put(d, d->last_put, true);
}

static void finish(struct pb_display *d) {
    struct window_put *p = &d->puts[d->puts_first];
    d->puts_first = (d->puts_first + 1) % WINDOW_PUTS;
    d->puts_count--;
    if (p->buffer >= 0) {
        d->buffers[p->buffer].busy--;
        d->last_shown = p->buffer;
    }
    if (!p->redraw) window_emit(d, (struct pb_window_event){.kind = PB_WINDOW_SHOWN});
}

void window_put_done(struct pb_display *d, uint32_t sequence) {
    while (d->puts_count && (int32_t)(sequence - d->puts[d->puts_first].sequence) >= 0) finish(d);
}

void window_poll_plain(struct pb_display *d) {
    while (d->puts_count && d->puts[d->puts_first].plain) {
        void *reply = NULL;
        xcb_generic_error_t *error = NULL;
        if (!xcb_poll_for_reply(d->x, d->puts[d->puts_first].sync.sequence, &reply, &error)) return;
        free(reply);
        free(error);
        finish(d);
    }
}
