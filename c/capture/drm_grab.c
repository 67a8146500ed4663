/* What is on screen now, brought into a picture. Linear XR24 and AR24 are handed out in place; other formats, a picture with
 * a cursor in it, and memory that is slow to read are brought, changed rows only, into one picture of our own.
 *
 * Tearing: programs draw into a buffer that is not shown and then show it, so the shown one is whole until another takes its
 * place. After reading it is looked whether one did, or two in turn could have; then the picture is read again, right after a
 * flip. Where that does not succeed for a quarter of a second, since the memory is too slow or the flips too fast, pictures
 * are taken as they are for a while. A program that draws into the shown buffer may be caught drawing; the rows that
 * changed meanwhile are then grabbed again by the next look. */
#include "drm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TORN_US = 250000, HOPELESS_US = 2000000, FLIP_LOOK_NS = 200000, FLIPPING_US = 1000000 };
enum { LIVELY_US = 300000, UNSEEN_US = 500000, RESOLVE_US = 1000000 };
enum { STILL_STEP = 4, SLOW_STEP = 16, BUSY_FLIPS = 4, BLIND_FLIPS = 8 };

static const struct pb_rows none = {0, 0};

/* Follows the connector to another CRTC, or while it shows nothing. */
static void resolve(struct pb_capture *c, bool dark, uint64_t now) {
    struct drm_output found;
    c->resolve_us = now;
    if (!drm_find_output(c->fd, dark ? c->target.connector : c->output.name, &found)) return;
    bool moved = found.crtc != c->output.crtc;
    c->output = found;
    if (!moved) return;
    c->pace = (struct drm_pace){.next_us = 0};
    c->view.refresh_mhz = 0;
    if (c->cursor.wanted) drm_cursor_open(&c->cursor, c->fd, &found);
}

enum pb_status drm_look(struct pb_capture *c) {
    char *error = c->why;
    size_t size = sizeof c->why;
    struct drm_view view;
    uint64_t now = pb_monotonic_us();
    c->buffer = NULL;
    enum pb_status status = drm_read_crtc(c->fd, c->output.crtc, &view);
    if (status == PB_AGAIN || now - c->resolve_us > RESOLVE_US) {
        resolve(c, status == PB_AGAIN, now);
        status = drm_read_crtc(c->fd, c->output.crtc, &view);
    }
    if (status) {
        if (status == PB_AGAIN) pb_error(error, size, "%s shows nothing now", c->output.name);
        if (status != PB_AGAIN) pb_error(error, size, "GETCRTC of %s: %s; was it unplugged?", c->output.name, strerror(errno));
        return status;
    }
    struct drm_buffer *b;
    status = drm_buffer_get(&c->cache, c->fd, view.fb, &b, error, size);
    if (status) return status;
    const struct pb_dmabuf *s = &b->shared;
    if (view.x < s->width && view.width > s->width - view.x) view.width = s->width - view.x;
    if (view.y < s->height && view.height > s->height - view.y) view.height = s->height - view.y;
    if (view.x >= s->width || view.y >= s->height || !view.width || !view.height || view.width > PB_MAX_WIDTH ||
        view.height > PB_MAX_HEIGHT) {
        pb_error(error, size, "%s shows %ux%u pixels at %u,%u of a framebuffer of %ux%u; 1x1 to %ux%u can be captured",
                 c->output.name, view.width, view.height, view.x, view.y, s->width, s->height, PB_MAX_WIDTH, PB_MAX_HEIGHT);
        return PB_ERROR;
    }
    if (view.fb != c->view.fb) c->flip_us = now;
    c->flips |= c->view.fb && view.fb != c->view.fb;
    if (view.refresh_mhz != c->view.refresh_mhz || !c->pace.interval_us) drm_pace_set(&c->pace, c->fps, view.refresh_mhz);
    c->view = view;
    c->buffer = b;
    return PB_OK;
}

enum pb_status drm_look_at_cursor(struct pb_capture *c) {
    if (drm_cursor_look(&c->cursor, c->fd, c->output.crtc) != PB_LOST) return PB_OK;
    pb_error(c->why, sizeof c->why, "OBJ_GETPROPERTIES of the cursor plane: %s; was it unplugged?", strerror(errno));
    return PB_LOST;
}

static struct drm_plane visible(const struct pb_capture *c) {
    const struct drm_buffer *b = c->buffer;
    uint32_t bytes = drm_format_find(b->shared.fourcc)->bytes;
    return (struct drm_plane){
        .pixels = b->memory + (size_t)c->view.y * b->shared.stride[0] + (size_t)c->view.x * bytes,
        .stride = b->shared.stride[0],
        .bytes = c->view.width * bytes,
        .height = c->view.height,
    };
}

static bool same_part(const struct drm_view *a, const struct drm_view *b) {
    return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

static bool flipped(const struct pb_capture *c) {
    return c->buffer->identity != c->grabbed || !same_part(&c->view, &c->grabbed_view);
}

bool drm_changed(struct pb_capture *c) {
    if (!c->buffer) return false;
    if (flipped(c) || c->cursor.changed) return true;
    uint64_t still = pb_monotonic_us() - c->still_us;
    /* Pixels that cannot be read may have changed; less likely so where changes came by flips. */
    if (!c->buffer->memory) return !c->flips || still > UNSEEN_US;
    struct drm_plane plane = visible(c);
    bool lively = still < LIVELY_US;
    drm_buffer_begin(c->buffer);
    bool differs = drm_rows_differ(&c->rows, &plane, c->buffer->slow ? SLOW_STEP : lively ? 1 : STILL_STEP);
    drm_buffer_end(c->buffer);
    return differs;
}

/* A program that shows picture after picture, all of it changed, is not looked at row by row for a while. */
static struct pb_rows find_changed(struct pb_capture *c, const struct drm_plane *plane, bool flip) {
    struct drm_rows *r = &c->rows;
    struct pb_rows all = {0, plane->height};
    if (flip && r->flips_blind) {
        r->flips_blind--;
        drm_rows_forget(r);
        return all;
    }
    struct pb_rows changed = drm_rows_update(r, plane);
    bool most = flip && changed.bottom - changed.top > plane->height / 4 * 3;
    r->flips_busy = most ? r->flips_busy + 1 : 0;
    if (r->flips_busy >= BUSY_FLIPS) r->flips_blind = BLIND_FLIPS;
    return changed;
}

static void convert(struct pb_capture *c, const struct drm_plane *plane, struct pb_rows rows) {
    const struct drm_format *format = drm_format_find(c->buffer->shared.fourcc);
    for (uint32_t y = rows.top; y < rows.bottom; y++)
        format->to_bgra(plane->pixels + (size_t)y * plane->stride, c->own + (size_t)y * c->width * 4, c->width);
}

/* Was the buffer replaced since `begun_us`, so that its owner may have drawn into it while it was read? */
static bool replaced(struct pb_capture *c) {
    struct drm_view now_shown;
    uint64_t now = pb_monotonic_us();
    if (drm_read_crtc(c->fd, c->output.crtc, &now_shown)) return false; /* dark now; it was whole */
    bool twice = c->begun_us - c->flip_us < FLIPPING_US && now - c->begun_us > 2 * (uint64_t)c->pace.interval_us;
    return now_shown.fb != c->view.fb || twice;
}

/* Sleeps until another framebuffer is shown, for a frame at most: from then on its owner leaves it alone for longest. */
static void await_flip(struct pb_capture *c) {
    struct drm_view at_first, view;
    uint64_t until = pb_monotonic_us() + c->pace.interval_us;
    if (drm_read_crtc(c->fd, c->output.crtc, &at_first)) return;
    while (pb_monotonic_us() < until && !drm_read_crtc(c->fd, c->output.crtc, &view) && view.fb == at_first.fb)
        nanosleep(&(struct timespec){0, FLIP_LOOK_NS}, NULL);
}

/* True when what was read has to be read again. */
static bool torn(struct pb_capture *c) {
    uint64_t now = pb_monotonic_us();
    bool whole = !replaced(c), late = c->torn_us && now - c->torn_us > TORN_US;
    if (!whole && late) c->hopeless_us = now + HOPELESS_US;
    if (whole || late || now < c->hopeless_us) {
        c->torn_us = 0;
        return false;
    }
    if (c->torn_us) await_flip(c); /* the first time a flip was just now */
    if (!c->torn_us) c->torn_us = now;
    drm_rows_forget(&c->rows);
    c->grabbed = 0;
    return true;
}

static struct pb_rows into_own(struct pb_capture *c, bool flip) {
    struct drm_plane plane = visible(c), own = {c->own, c->width * 4, c->width * 4, c->height};
    struct pb_rows all = {0, c->height}, changed;
    if (c->buffer->slow && drm_format_find(c->buffer->shared.fourcc)->is_bgra) {
        convert(c, &plane, all); /* each byte is read once; the copy is what gets compared */
        changed = drm_rows_update(&c->rows, &own);
    } else {
        changed = find_changed(c, &plane, flip);
        convert(c, &plane, c->own_complete ? changed : all);
        if (!flip) drm_rows_settle(&c->rows, &plane, changed);
    }
    c->own_complete = true;
    return changed;
}

void drm_stop_reading(struct pb_capture *c) {
    if (!c->reading) return;
    struct drm_plane plane = visible(c);
    drm_rows_settle(&c->rows, &plane, c->given);
    drm_buffer_end(c->reading);
    c->reading = NULL;
}

enum pb_status drm_release(struct pb_capture *c) {
    bool read = c->reading != NULL;
    drm_stop_reading(c);
    return read && torn(c) ? PB_AGAIN : PB_OK;
}

static enum pb_status resize(struct pb_capture *c) {
    free(c->own);
    c->width = c->view.width;
    c->height = c->view.height;
    c->own = calloc(c->height, (size_t)c->width * 4);
    c->own_complete = c->cursor.drawn = false;
    c->grabbed = 0;
    if (c->own && drm_rows_resize(&c->rows, c->height)) return PB_REINIT;
    pb_error(c->why, sizeof c->why, "no memory for a picture of %ux%u", c->width, c->height);
    return PB_LOST;
}

/* The buffer for another device, cut to the part that is shown. NULL when there is none, or when only the whole can be had. */
static const struct pb_dmabuf *share(struct pb_capture *c) {
    const struct drm_format *format = drm_format_find(c->buffer->shared.fourcc);
    c->shared = c->buffer->shared;
    c->shared.width = c->width;
    c->shared.height = c->height;
    for (uint32_t i = 0; i < c->shared.planes; i++)
        if (c->shared.fd[i] < 0) return NULL;
    if (c->view.x || c->view.y) {
        if (!c->buffer->memory || !format) return NULL;
        c->shared.offset[0] += c->view.y * c->shared.stride[0] + c->view.x * format->bytes;
    }
    return c->shared.planes ? &c->shared : NULL;
}

/* In place, or by another device: the picture is read when this has returned, until drm_release. */
static void hand_out(struct pb_capture *c, struct pb_picture *picture) {
    const struct drm_buffer *b = c->buffer;
    *picture = (struct pb_picture){.format = PB_BGRA, .width = c->width, .height = c->height, .dmabuf = share(c)};
    if (!b->memory) return;
    /* Nobody writes through it: the mapping is read-only. */
    picture->plane[0] = (uint8_t *)(uintptr_t)visible(c).pixels;
    picture->stride[0] = b->shared.stride[0];
}

enum pb_status drm_unreadable(struct pb_capture *c) {
    drm_cache_clear(&c->cache); /* so that it is examined again, and explained */
    drm_buffer_get(&c->cache, c->fd, c->view.fb, &c->buffer, c->why, sizeof c->why);
    drm_cache_clear(&c->cache);
    c->buffer = NULL;
    return PB_UNSUPPORTED;
}

enum pb_status drm_grab(struct pb_capture *c, bool everything, struct pb_picture *picture, struct pb_rows *rows) {
    struct pb_rows all = {0, c->height};
    for (;;) {
        drm_stop_reading(c);
        enum pb_status status = drm_look(c);
        if (status) return status;
        if (c->view.width != c->width || c->view.height != c->height) return resize(c);
        struct drm_buffer *b = c->buffer;
        if (!b->memory && !(c->device_pictures && share(c))) return drm_unreadable(c);
        struct pb_rows touched = drm_cursor_remove(&c->cursor, c->own, c->width * 4);
        if (drm_look_at_cursor(c)) return PB_LOST;
        bool flip = flipped(c), in_place = !b->memory || (!c->cursor.fb && !b->slow && drm_format_find(b->shared.fourcc)->is_bgra);
        struct pb_rows changed = all;
        drm_buffer_begin(b);
        c->begun_us = pb_monotonic_us();
        c->grabbed = b->identity;
        c->grabbed_view = c->view;
        if (in_place) {
            struct drm_plane plane = {0};
            if (b->memory) plane = visible(c), changed = find_changed(c, &plane, flip);
            hand_out(c, picture);
            c->own_complete = c->cursor.changed = false;
            c->given = flip ? none : changed;
            c->reading = b->memory ? b : NULL;
        } else {
            changed = into_own(c, flip);
            drm_buffer_end(b);
            if (torn(c)) continue;
            touched = drm_union(touched, drm_cursor_draw(&c->cursor, c->own, c->width, c->height));
            *picture = (struct pb_picture){.format = PB_BGRA, .width = c->width, .height = c->height, .plane = {c->own},
                                           .stride = {c->width * 4}, .dmabuf = c->cursor.fb ? NULL : share(c)};
        }
        *rows = everything ? all : drm_union(changed, touched);
        if (rows->top < rows->bottom) c->still_us = c->begun_us;
        return PB_OK;
    }
}
