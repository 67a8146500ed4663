/* The screen of a DRM card, read from the framebuffer that is scanned out: without X, without a compositor's help, whatever
 * draws there. Needs CAP_SYS_ADMIN. It looks at each vertical blank, or less often if fewer frames are wanted, whether
 * another framebuffer is shown or its rows changed. While nothing is shown (the monitor is off or unplugged, another
 * console takes over) it waits; only a card that is gone ends it. It never sets a mode and never keeps a compositor out. */
#include "drm.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { DARK_LOOK_US = 100000 };

static void close_drm(struct pb_capture *c) {
    if (!c) return;
    if (c->reading) drm_buffer_end(c->reading);
    drm_cursor_close(&c->cursor);
    drm_cache_clear(&c->cache);
    if (c->fd >= 0) drm_io->close(c->fd);
    free(c->rows.hash);
    free(c->own);
    free(c);
}

/* PB_OK when the card shows something that can be captured; else a sentence. PB_AGAIN: there is no such card. */
static enum pb_status try_card(struct pb_capture *c, int card, char *error, size_t size) {
    char *why = c->why;
    c->fd = drm_open_card(card, error, size);
    if (c->fd < 0) return errno == ENOENT || errno == ENXIO || errno == ENODEV ? PB_AGAIN : PB_UNSUPPORTED;
    c->card = card;
    enum pb_status status = PB_UNSUPPORTED;
    if (drm_find_output(c->fd, c->target.connector, &c->output))
        status = drm_look(c);
    else if (*c->target.connector)
        pb_error(why, sizeof c->why, "%s shows nothing now, or does not exist", c->target.connector);
    else
        pb_error(why, sizeof c->why, "none of its connectors shows anything now");
    if (status == PB_OK && !c->buffer->memory && !c->device_pictures) status = drm_unreadable(c);
    if (status == PB_OK) return PB_OK;
    pb_error(error, size, "/dev/dri/card%d: %s", card, why);
    drm_cache_clear(&c->cache);
    drm_io->close(c->fd);
    c->fd = -1;
    c->buffer = NULL;
    return PB_UNSUPPORTED;
}

static bool open_any(struct pb_capture *c, char *error, size_t size) {
    bool found = false;
    if (c->target.card >= 0) return try_card(c, c->target.card, error, size) == PB_OK;
    for (int card = 0; card < DRM_CARDS; card++) {
        char why[512] = "";
        enum pb_status status = try_card(c, card, why, sizeof why);
        if (status == PB_OK) return true;
        if (status == PB_UNSUPPORTED && !found) pb_error(error, size, "%s", why);
        found |= status == PB_UNSUPPORTED;
    }
    if (!found) pb_error(error, size, "there is no graphics card with a driver of the kernel (no /dev/dri/card*)");
    return false;
}

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

static struct pb_capture *open_drm(const struct pb_capture_settings *s, char *error, size_t error_size) {
    struct pb_capture *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->fd = -1;
    c->fps = s->fps;
    c->device_pictures = s->device_pictures;
    if (!drm_parse_target(s->target, &c->target, error, error_size)) goto fail;
    /* Whoever has an X display means that one; but a Wayland session's holds little of what is on screen. */
    if (s->automatic && c->target.card < 0 && is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY")) {
        pb_error(error, error_size, "not asked for: DISPLAY names an X display");
        goto fail;
    }
    if (!open_any(c, error, error_size)) goto fail;
    c->resolve_us = pb_monotonic_us();
    c->width = c->view.width;
    c->height = c->view.height;
    c->own = calloc(c->height, (size_t)c->width * 4);
    if (!c->own || !drm_rows_resize(&c->rows, c->height)) {
        pb_error(error, error_size, "no memory for a picture of %ux%u", c->width, c->height);
        goto fail;
    }
    c->cursor.wanted = s->cursor;
    if (s->cursor) drm_cursor_open(&c->cursor, c->fd, &c->output);
    return c;
fail:
    close_drm(c);
    return NULL;
}

static bool probe(const char *target, char *detail, size_t size) {
    const struct pb_capture_settings settings = {.target = target, .device_pictures = true};
    struct pb_capture *c = open_drm(&settings, detail, size);
    if (!c) return false;
    char driver[33] = "", format[5], modifier[64] = "linear";
    struct drm_version v = {.name = driver, .name_len = sizeof driver - 1};
    drm_control(c->fd, DRM_IOCTL_VERSION, &v);
    const struct pb_dmabuf *s = &c->buffer->shared;
    drm_format_name(s->fourcc, format);
    if (s->modifier != DRM_FORMAT_MOD_LINEAR && s->modifier != DRM_FORMAT_MOD_INVALID)
        drm_modifier_name(s->modifier, modifier, sizeof modifier);
    pb_error(detail, size, "/dev/dri/card%d (%s), %s %ux%u, %s %s%s; it shows", c->card, driver, c->output.name, c->view.width,
             c->view.height, format, modifier,
             c->buffer->memory ? c->buffer->slow ? ", slow to read" : "" : ", which only --encoder vaapi can read");
    drm_list_outputs(c->fd, detail, size);
    close_drm(c);
    return true;
}

static void failure(const struct pb_capture *c, char *out, size_t size) {
    pb_error(out, size, "/dev/dri/card%d: %s", c->card, c->why);
}

static void size_of(const struct pb_capture *c, uint32_t *width, uint32_t *height) {
    *width = c->width;
    *height = c->height;
}

/* PB_OK after the time, PB_AGAIN when woken. */
static enum pb_status rest(int wake_fd, uint64_t until_us) {
    uint64_t now = pb_monotonic_us();
    struct pollfd woken = {wake_fd, POLLIN, 0};
    int ready = poll(&woken, 1, until_us > now ? (int)((until_us - now) / 1000 + 1) : 0);
    if (ready < 0 && errno != EINTR) return PB_ERROR;
    return ready > 0 ? PB_AGAIN : PB_OK;
}

static enum pb_status wait_drm(struct pb_capture *c, int wake_fd, int timeout_ms, uint64_t *damage_us) {
    uint64_t until = timeout_ms < 0 ? UINT64_MAX / 2 : pb_monotonic_us() + (uint64_t)timeout_ms * 1000, at_us = 0;
    for (;;) {
        enum pb_status status = drm_pace_wait(&c->pace, c->fd, c->output.pipe, wake_fd, until, &at_us);
        if (status == PB_LOST || status == PB_ERROR)
            pb_error(c->why, sizeof c->why, "waiting for a vertical blank: the card reports a fault; was it unplugged?");
        if (status) return status;
        drm_stop_reading(c);
        status = drm_look(c);
        if (status == PB_OK && drm_look_at_cursor(c)) return PB_LOST;
        if (status == PB_OK && drm_changed(c)) {
            *damage_us = at_us;
            return PB_OK;
        }
        if (status == PB_OK && pb_monotonic_us() >= until) return PB_AGAIN;
        if (status == PB_OK) continue;
        if (status != PB_AGAIN) return status;
        uint64_t dark = pb_monotonic_us() + DARK_LOOK_US;
        status = rest(wake_fd, dark < until ? dark : until);
        if (status) return status;
        if (pb_monotonic_us() >= until) return PB_AGAIN;
    }
}

const struct pb_capture_backend pb_capture_drm = {
    .name = "drm",
    .probe = probe,
    .open = open_drm,
    .size = size_of,
    .wait = wait_drm,
    .grab = drm_grab,
    .release = drm_release,
    .failure = failure,
    .close = close_drm,
};
