/* A framebuffer without damage: the Linux framebuffer (/dev/fb0) or the file that `Xvfb -fbdir` keeps. It is read once an
 * interval in bands and compared with what was read before, so that an unchanged picture is not converted or encoded.
 * It is read, never mapped: a file that shrinks under a mapping would kill the process. Formats are checked in fbdev_format.c. */
#include "capture.h"
#include "fbdev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAND_ROWS = 32 };

struct pb_capture {
    int fd;
    struct fbdev_format format;
    uint32_t interval_us;
    uint64_t next_us;
    uint8_t *raw;  /* what was read last, rows tightly packed in the source's stride */
    uint8_t *band; /* what is being read */
    uint8_t *bgra; /* the same as `raw` when the source has this order anyway */
    bool started;
};

static void close_fbdev(struct pb_capture *c) {
    if (!c) return;
    if (c->fd >= 0) close(c->fd);
    if (c->bgra != c->raw) free(c->bgra);
    free(c->raw);
    free(c->band);
    free(c);
}

static const char *path_of(const char *target) { return target && *target ? target : "/dev/fb0"; }

static int open_file(const char *target, struct fbdev_format *format, char *error, size_t error_size) {
    const char *path = path_of(target);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        pb_error(error, error_size, "framebuffer %s cannot be opened: %s%s", path, strerror(errno),
                 errno == EACCES ? " (membership in the group \"video\" is usual)" : "");
        return -1;
    }
    if (fbdev_read_format(fd, path, format, error, error_size)) return fd;
    close(fd);
    return -1;
}

static bool allocate(struct pb_capture *c) {
    const struct fbdev_format *f = &c->format;
    bool same = fbdev_is_bgra(f) && f->stride == f->width * 4;
    if (c->bgra != c->raw) free(c->bgra);
    free(c->raw);
    free(c->band);
    c->raw = calloc(f->height, f->stride);
    c->band = malloc((size_t)BAND_ROWS * f->stride);
    c->bgra = same ? c->raw : calloc(f->height, (size_t)f->width * 4);
    c->started = false;
    return c->raw && c->band && c->bgra;
}

static struct pb_capture *open_fbdev(const struct pb_capture_settings *s, char *error, size_t error_size) {
    struct pb_capture *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->fd = open_file(s->target, &c->format, error, error_size);
    if (c->fd < 0) goto fail;
    c->interval_us = 1000000 / (s->fps ? s->fps : 60);
    if (allocate(c)) return c;
    pb_error(error, error_size, "no memory for a picture of %ux%u", c->format.width, c->format.height);
fail:
    close_fbdev(c);
    return NULL;
}

static bool probe(const char *target, char *detail, size_t size) {
    struct fbdev_format f;
    int fd = open_file(target, &f, detail, size);
    if (fd < 0) return false;
    close(fd);
    pb_error(detail, size, "%s %s, %ux%u, %u bits a pixel", f.is_file ? "Xvfb's file" : "framebuffer", path_of(target), f.width,
             f.height, f.bits);
    return true;
}

static void size_of(const struct pb_capture *c, uint32_t *width, uint32_t *height) {
    *width = c->format.width;
    *height = c->format.height;
}

/* Reads one band. False when the source gave less than it promised. */
static bool read_band(struct pb_capture *c, uint32_t row, uint32_t rows) {
    size_t wanted = (size_t)rows * c->format.stride, got = 0;
    off_t at = (off_t)(c->format.offset + (uint64_t)row * c->format.stride);
    while (got < wanted) {
        ssize_t n = pread(c->fd, c->band + got, wanted - got, at + (off_t)got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        got += (size_t)n;
    }
    return true;
}

/* Reads the picture and keeps what differs. Returns the rows that do. */
static enum pb_status update(struct pb_capture *c, struct pb_rows *changed) {
    const struct fbdev_format *f = &c->format;
    *changed = (struct pb_rows){0, 0};
    for (uint32_t row = 0; row < f->height; row += BAND_ROWS) {
        uint32_t rows = f->height - row < BAND_ROWS ? f->height - row : BAND_ROWS;
        if (!read_band(c, row, rows)) return PB_ERROR;
        uint8_t *known = c->raw + (size_t)row * f->stride;
        size_t bytes = (size_t)rows * f->stride;
        if (c->started && !memcmp(known, c->band, bytes)) continue;
        memcpy(known, c->band, bytes);
        if (c->bgra != c->raw) fbdev_to_bgra(f, known, c->bgra + (size_t)row * f->width * 4, rows);
        if (changed->top == changed->bottom) changed->top = row;
        changed->bottom = row + rows;
    }
    c->started = true;
    return PB_OK;
}

/* Nothing tells of changes, so the time between two looks is the wait; grab() then finds out. */
static enum pb_status wait_fbdev(struct pb_capture *c, int wake_fd, int timeout_ms, uint64_t *damage_us) {
    uint64_t now = pb_monotonic_us();
    uint64_t until = timeout_ms >= 0 && now + (uint64_t)timeout_ms * 1000 < c->next_us ? now + (uint64_t)timeout_ms * 1000 : c->next_us;
    if (until > now) {
        struct pollfd woken = {wake_fd, POLLIN, 0};
        struct timespec time = {(time_t)((until - now) / 1000000), (long)((until - now) % 1000000) * 1000};
        int ready = ppoll(&woken, 1, &time, NULL);
        if (ready < 0 && errno != EINTR) return PB_ERROR;
        if (ready) return PB_AGAIN;
        now = pb_monotonic_us();
    }
    if (now < c->next_us) return PB_AGAIN;
    c->next_us = now + c->interval_us;
    *damage_us = now;
    return PB_OK;
}

static enum pb_status grab(struct pb_capture *c, bool everything, struct pb_picture *picture, struct pb_rows *rows) {
    struct fbdev_format now;
    char why[256];
    if (!fbdev_read_format(c->fd, "", &now, why, sizeof why)) return PB_LOST;
    if (memcmp(&now, &c->format, sizeof now)) {
        bool resized = now.width != c->format.width || now.height != c->format.height;
        c->format = now;
        if (!allocate(c)) return PB_ERROR;
        if (resized) return PB_REINIT;
    }
    enum pb_status status = update(c, rows);
    if (status) return status;
    if (everything) *rows = (struct pb_rows){0, c->format.height};
    *picture = (struct pb_picture){.format = PB_BGRA,
                                   .width = c->format.width,
                                   .height = c->format.height,
                                   .plane = {c->bgra},
                                   .stride = {c->format.width * 4}};
    return PB_OK;
}

const struct pb_capture_backend pb_capture_fbdev = {
    .name = "fbdev",
    .probe = probe,
    .open = open_fbdev,
    .size = size_of,
    .wait = wait_fbdev,
    .grab = grab,
    .close = close_fbdev,
};
