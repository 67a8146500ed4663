/* The parts of the DRM/KMS capture, seen only by its own files: drm.c (the vtable), drm_grab.c (what is on screen now, brought
 * into a picture), drm_device.c (cards, connectors, CRTCs), drm_buffer.c (framebuffers in this process' memory),
 * drm_format.c (pixel formats), drm_rows.c (which rows changed), drm_cursor.c (the cursor plane), drm_pace.c (when to look).
 * They speak to the kernel by its own headers and through one table of functions, drm_io, so that a test can answer as a
 * driver that lies. */
#ifndef PB_CAPTURE_DRM_H
#define PB_CAPTURE_DRM_H
#include "capture.h"

#include <libdrm/drm.h>
#include <libdrm/drm_fourcc.h>
#include <libdrm/drm_mode.h>
#include <sys/types.h>

enum { DRM_CARDS = 64, DRM_LISTED = 64, DRM_BUFFERS = 6, DRM_CURSOR_SIDE = 512, DRM_NAME_SIZE = 32 };

/* The calls of the kernel that this capture makes; each as its namesake, errno included. */
struct drm_io {
    int (*open)(const char *path);
    int (*close)(int fd);
    int (*control)(int fd, unsigned long request, void *argument); /* ioctl */
    void *(*map)(int fd, uint64_t offset, size_t bytes);           /* read only; NULL when refused */
    void (*unmap)(void *memory, size_t bytes);
    int64_t (*bytes)(int fd);       /* of a dma-buf; negative when it does not say */
    uint64_t (*identity)(int fd);   /* equal for two descriptors of one dma-buf; 0 when it does not say */
    ssize_t (*read)(int fd, void *to, size_t bytes);
};
extern const struct drm_io *drm_io;
/* Again while interrupted. 0, or errno. */
int drm_control(int fd, unsigned long request, void *argument);
/* What an errno of a call upon the card means for the capture. */
enum pb_status drm_status_of(int error);

/* "", "card1", "/dev/dri/card1", each with ":CONNECTOR" if wanted. */
struct drm_target {
    int card; /* -1: the first that shows something */
    char connector[DRM_NAME_SIZE];
};
bool drm_parse_target(const char *text, struct drm_target *target, char *error, size_t size);

struct drm_output {
    uint32_t connector, crtc, pipe; /* pipe: the CRTC's place in the card's list */
    char name[DRM_NAME_SIZE];            /* as in "HDMI-A-1" */
};
/* Never leaves this process master of the card, which would keep a compositor out. -1 with a sentence. */
int drm_open_card(int number, char *error, size_t size);
/* The connector of that name, or with "" the first, which shows something now. */
bool drm_find_output(int fd, const char *name, struct drm_output *output);
/* Adds ", NAME WxH" for each connector that shows something. */
void drm_list_outputs(int fd, char *text, size_t size);

struct drm_view { /* what a CRTC scans out */
    uint32_t fb, x, y, width, height; /* part of the framebuffer, pixels */
    uint32_t refresh_mhz;             /* 1/1000 Hz, 0 unknown */
};
/* PB_AGAIN: it shows nothing. */
enum pb_status drm_read_crtc(int fd, uint32_t crtc, struct drm_view *view);

struct drm_buffer {
    uint64_t identity, used_us; /* identity 0: an empty place */
    struct pb_dmabuf shared;    /* its fd are -1 when it cannot be exported */
    const uint8_t *memory;      /* NULL: it cannot be read here */
    void *mapping;
    size_t mapped;
    bool by_dumb, slow; /* mapped by MAP_DUMB, not the dma-buf; far slower to read than usual memory */
};
struct drm_cache {
    struct drm_buffer buffer[DRM_BUFFERS];
};
/* The buffer of a framebuffer, mapped when it can be. Valid until the next call. A sentence for all but PB_OK and PB_AGAIN,
 * which means that the framebuffer went away meanwhile. */
enum pb_status drm_buffer_get(struct drm_cache *cache, int fd, uint32_t fb, struct drm_buffer **buffer, char *error, size_t size);
void drm_cache_clear(struct drm_cache *cache);
/* Tells the driver that this processor reads now, and waits for the device's writing. */
void drm_buffer_begin(const struct drm_buffer *buffer);
void drm_buffer_end(const struct drm_buffer *buffer);

struct drm_format {
    uint32_t fourcc, bytes; /* of a pixel */
    void (*to_bgra)(const uint8_t *from, uint8_t *to, uint32_t pixels);
    bool is_bgra; /* to be read as it is */
};
const struct drm_format *drm_format_find(uint32_t fourcc); /* NULL: unknown */
void drm_format_name(uint32_t fourcc, char name[5]);
void drm_modifier_name(uint64_t modifier, char *name, size_t size);
/* Bytes that the plane needs from the start of its buffer; 0 when the numbers cannot be true. */
uint64_t drm_layout_bytes(uint32_t width, uint32_t height, uint32_t pixel_bytes, uint32_t pitch, uint32_t offset);

/* What the rows held when they were last grabbed. */
struct drm_rows {
    uint64_t *hash; /* 0: unknown */
    uint32_t count, phase;
    uint32_t flips_busy, flips_blind; /* changed pictures in a row that changed nearly all; flips to come without looking */
};
struct drm_plane { /* pixels to be read; `bytes` of each row */
    const uint8_t *pixels;
    uint32_t stride, bytes, height;
};
bool drm_rows_resize(struct drm_rows *rows, uint32_t count);
void drm_rows_forget(struct drm_rows *rows);
/* True when a look at one row in `step`, other ones each time, finds one that differs. */
bool drm_rows_differ(struct drm_rows *rows, const struct drm_plane *plane, uint32_t step);
/* The rows that differ from what they held, which they are then held to. */
struct pb_rows drm_rows_update(struct drm_rows *rows, const struct drm_plane *plane);
/* Rows that changed again since are unknown. */
void drm_rows_settle(struct drm_rows *rows, const struct drm_plane *plane, struct pb_rows touched);
bool drm_memory_is_slow(const uint8_t *memory, size_t bytes);

struct drm_cursor {
    bool wanted;
    uint32_t plane; /* its id, 0: there is none or it is not wanted */
    uint32_t fb_id, crtc_id, x_id, y_id; /* of properties */
    struct drm_cache cache;
    uint32_t fb;                         /* 0: not shown */
    int32_t x, y;
    uint32_t width, height;
    uint32_t *shape, *under;             /* premultiplied ARGB; the picture's own pixels beneath */
    uint64_t hash;
    bool changed, drawn;
    int32_t left, top, right, bottom;    /* drawn part, clipped */
};
/* Finds the cursor plane of a CRTC; without one the cursor is the compositor's to draw. */
void drm_cursor_open(struct drm_cursor *cursor, int fd, const struct drm_output *output);
/* Reads where and what it is; `changed` tells that either did. */
enum pb_status drm_cursor_look(struct drm_cursor *cursor, int fd, uint32_t crtc);
struct pb_rows drm_cursor_remove(struct drm_cursor *cursor, uint8_t *bgra, uint32_t stride);
struct pb_rows drm_cursor_draw(struct drm_cursor *cursor, uint8_t *bgra, uint32_t width, uint32_t height);
void drm_cursor_close(struct drm_cursor *cursor);

struct drm_pace {
    uint64_t next_us, queued_us, retry_us; /* queued_us: when a vblank was asked for, 0 for not */
    uint64_t floor_us;                     /* not to look before */
    bool early;                            /* a vblank came before that */
    uint32_t interval_us, every;           /* from look to look; vblanks in it */
    uint64_t asked;                        /* counts requests, to know their answers by */
};
void drm_pace_set(struct drm_pace *pace, uint32_t fps, uint32_t refresh_mhz);
/* PB_OK at the time to look, `*at_us`; PB_AGAIN when woken or over time. */
enum pb_status drm_pace_wait(struct drm_pace *pace, int fd, uint32_t pipe, int wake_fd, uint64_t until_us, uint64_t *at_us);

struct pb_capture {
    int fd, card;
    struct drm_target target;
    struct drm_output output;
    uint32_t fps;
    bool device_pictures;
    uint64_t resolve_us; /* when the output was last looked up */
    struct drm_pace pace;
    struct drm_cache cache;
    struct drm_cursor cursor;
    struct drm_rows rows;
    struct drm_view view;       /* on screen at the last look */
    struct drm_buffer *buffer;  /* of that look; NULL: nothing is shown */
    uint32_t width, height;     /* of the pictures that are given out */
    uint8_t *own;               /* a picture of our own, for what cannot be handed out in place */
    bool own_complete;
    struct pb_dmabuf shared;    /* of the picture given out */
    uint64_t grabbed;           /* identity of the buffer last given out, 0: none */
    struct drm_view grabbed_view;
    uint64_t flip_us, begun_us; /* when the framebuffer last changed; when reading began, 0: nothing is being read */
    bool flips;                 /* changes of framebuffer were seen */
    struct drm_buffer *reading;
    struct pb_rows given;
    uint64_t torn_us, hopeless_us; /* since when pictures came out torn, 0 not; until when that is taken as it is */
    char why[512];              /* the last failure, for failure() */
    uint64_t still_us;          /* when something last changed */
};
/* Brings `view` and `buffer` up to date. PB_AGAIN: nothing is shown. */
enum pb_status drm_look(struct pb_capture *c);
enum pb_status drm_look_at_cursor(struct pb_capture *c); /* PB_OK or PB_LOST */
/* PB_UNSUPPORTED, with the reason why the buffer of the last look cannot be read. */
enum pb_status drm_unreadable(struct pb_capture *c);
bool drm_changed(struct pb_capture *c);
enum pb_status drm_grab(struct pb_capture *c, bool everything, struct pb_picture *picture, struct pb_rows *rows);
/* Ends what a grab began; drm_release also looks whether it was torn. */
void drm_stop_reading(struct pb_capture *c);
enum pb_status drm_release(struct pb_capture *c);

static inline struct pb_rows drm_union(struct pb_rows a, struct pb_rows b) {
    if (a.top >= a.bottom) return b;
    if (b.top >= b.bottom) return a;
    return (struct pb_rows){a.top < b.top ? a.top : b.top, a.bottom > b.bottom ? a.bottom : b.bottom};
}
#endif
