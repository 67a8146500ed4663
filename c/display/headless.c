/* A display without a screen: converts each picture to BGRA in memory, so that tests, the demo and snapshots work anywhere.
 * It has no input and is never slow: a picture is shown when it is converted. */
#include "display.h"
#include "paint.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct pb_display {
    int never; /* a descriptor that never becomes readable */
    uint32_t unreported;
    size_t capacity; /* bytes */
    struct pb_picture picture;
};

static bool probe(const char *target, char *detail, size_t size) {
    (void)target;
    pb_error(detail, size, "pictures are decoded into memory and not seen");
    return true;
}

static struct pb_display *open_headless(const struct pb_display_settings *settings, char *error, size_t error_size) {
    (void)settings;
    struct pb_display *d = calloc(1, sizeof *d);
    if (d && (d->never = eventfd(0, EFD_CLOEXEC)) >= 0) return d;
    pb_error(error, error_size, "no memory or descriptors left");
    free(d);
    return NULL;
}

static void describe(struct pb_display *d, char *detail, size_t size) {
    (void)d;
    pb_error(detail, size, "no window, pictures stay in memory");
}

static int descriptor(struct pb_display *d) { return d->never; }

static enum pb_status show(struct pb_display *d, const struct pb_picture *p) {
    size_t bytes = (size_t)p->width * p->height * 4;
    if (bytes > d->capacity) {
        uint8_t *pixels = realloc(d->picture.plane[0], bytes);
        if (!pixels) return PB_ERROR;
        d->picture.plane[0] = pixels;
        d->capacity = bytes;
    }
    d->picture.format = PB_BGRA;
    d->picture.width = p->width;
    d->picture.height = p->height;
    d->picture.stride[0] = p->width * 4;
    pb_paint(p, d->picture.plane[0], d->picture.stride[0]);
    d->unreported++;
    return PB_OK;
}

static enum pb_status event(struct pb_display *d, struct pb_window_event *event) {
    if (!d->unreported) return PB_AGAIN;
    d->unreported--;
    event->kind = PB_WINDOW_SHOWN;
    return PB_OK;
}

static const struct pb_picture *shown(struct pb_display *d) { return d->picture.width ? &d->picture : NULL; }

static void close_headless(struct pb_display *d) {
    if (!d) return;
    close(d->never);
    free(d->picture.plane[0]);
    free(d);
}

const struct pb_display_backend pb_display_headless = {
    .name = "headless",
    .probe = probe,
    .open = open_headless,
    .describe = describe,
    .descriptor = descriptor,
    .show = show,
    .event = event,
    .shown = shown,
    .close = close_headless,
    .takes_nv12 = true,
};
