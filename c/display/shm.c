/* A display that writes what it shows into a frame buffer in shared memory, for local programs (c/shmem). The target is its
 * name. The segment has the picture's size and is made anew when that changes. Readers see RGBA with alpha 255. */
#include "../shmem/frames.h"
#include "display.h"

#include <libyuv/convert_argb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct pb_display {
    char name[PB_OS_NAME_BYTES + 1];
    int never; /* a descriptor that never becomes readable */
    uint32_t unreported;
    uint64_t content_hash; /* of the title */
    struct pb_frames frames;
    struct pb_picture seen; /* BGRA, made when asked for */
    uint32_t seen_seq;
};

static bool probe(const char *target, char *detail, size_t size) {
    struct pb_frames f;
    if (!target || !*target) {
        pb_error(detail, size, "no shared memory is named");
        return false;
    }
    char error[256];
    bool taken = pb_frames_open(&f, target, 0, 0, error, sizeof error);
    if (taken) {
        taken = pb_frames_has_writer(&f);
        pb_frames_close(&f);
    }
    pb_error(detail, size, taken ? "another program writes into shared memory %s already" : "shared memory %s", target);
    return !taken;
}

static uint64_t fnv1a(const char *text) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

static struct pb_display *open_shm(const struct pb_display_settings *s, char *error, size_t error_size) {
    if (pb_os_check_name(s->target)) {
        pb_error(error, error_size, "the name of the shared memory cannot be used: %s", pb_os_text(PB_OS_NAME));
        return NULL;
    }
    if (!probe(s->target, error, error_size)) return NULL;
    struct pb_display *d = calloc(1, sizeof *d);
    if (d && (d->never = eventfd(0, EFD_CLOEXEC)) >= 0) {
        strcpy(d->name, s->target);
        d->content_hash = fnv1a(s->title ? s->title : "");
        d->frames = PB_FRAMES_CLOSED;
        return d;
    }
    pb_error(error, error_size, "no memory or descriptors left");
    free(d);
    return NULL;
}

static void describe(struct pb_display *d, char *detail, size_t size) { pb_error(detail, size, "shared memory %s", d->name); }

static int descriptor(struct pb_display *d) { return d->never; }

static enum pb_status show(struct pb_display *d, const struct pb_picture *p) {
    struct pb_frames *f = &d->frames;
    if (f->width != p->width || f->height != p->height) {
        char error[256];
        pb_frames_close(f);
        d->seen_seq = 0;
        if (!pb_frames_create(f, d->name, p->width, p->height, error, sizeof error)) return PB_LOST;
    }
    uint8_t *to = pb_frames_begin(f);
    if (!to) return PB_ERROR;
    /* With the chroma planes exchanged and the matrix that is made for it, the bytes come out as RGBA. */
    I420ToARGBMatrix(p->plane[0], (int)p->stride[0], p->plane[2], (int)p->stride[2], p->plane[1], (int)p->stride[1], to,
                     (int)p->width * 4, &kYvuH709Constants, (int)p->width, (int)p->height);
    pb_frames_end(f, pb_monotonic_us() / 1000, d->content_hash, true);
    d->unreported++;
    return PB_OK;
}

static enum pb_status event(struct pb_display *d, struct pb_window_event *event) {
    if (!d->unreported) return PB_AGAIN;
    d->unreported--;
    event->kind = PB_WINDOW_SHOWN;
    return PB_OK;
}

static const struct pb_picture *shown(struct pb_display *d) {
    const struct pb_frames *f = &d->frames;
    if (!f->header || !f->seq) return NULL;
    if (d->seen_seq == f->seq) return &d->seen;
    uint8_t *pixels = realloc(d->seen.plane[0], f->picture_bytes);
    if (!pixels) return NULL;
    int stride = (int)f->width * 4;
    d->seen = (struct pb_picture){
        .format = PB_BGRA, .width = f->width, .height = f->height, .plane = {pixels}, .stride = {f->width * 4}};
    /* Nobody but this end writes there, and it does not now. */
    ABGRToARGB(f->pixels + (size_t)f->index * f->picture_bytes, stride, pixels, stride, (int)f->width, (int)f->height);
    d->seen_seq = f->seq;
    return &d->seen;
}

static void close_shm(struct pb_display *d) {
    if (!d) return;
    pb_frames_close(&d->frames);
    close(d->never);
    free(d->seen.plane[0]);
    free(d);
}

const struct pb_display_backend pb_display_shm = {
    .name = "shm",
    .probe = probe,
    .open = open_shm,
    .describe = describe,
    .descriptor = descriptor,
    .show = show,
    .event = event,
    .shown = shown,
    .close = close_shm,
};
