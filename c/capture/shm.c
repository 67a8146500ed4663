/* A capture of what a local program draws into a frame buffer in shared memory (c/shmem). The target is its name. When that
 * program ends, the last picture stays, and its next one is found again, of another size if need be. It sleeps until the
 * program publishes; only while there is none it looks a few times a second. */
#include "../shmem/frames.h"
#include "capture.h"

#include <errno.h>
#include <libyuv/convert_argb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 250, TRIES = 1000, OVERTAKEN_TRIES = 8 };

struct pb_capture {
    char name[PB_OS_NAME_BYTES + 1];
    struct pb_frames frames;
    struct pb_frames_listener *listener;
    int event; /* the listener tells here */
    bool armed, gone, resized;
    uint32_t last_seq;
    uint8_t *bgra;
};

static void tell(void *context) {
    const struct pb_capture *c = context;
    eventfd_write(c->event, 1);
}

static bool adopt(struct pb_capture *c, const struct pb_frames *frames) {
    uint8_t *bgra = calloc(1, frames->picture_bytes);
    if (!bgra) return false;
    pb_frames_unlisten(c->listener);
    pb_frames_close(&c->frames);
    free(c->bgra);
    c->bgra = bgra;
    c->frames = *frames;
    c->armed = c->gone = false;
    c->last_seq = 0;
    c->listener = pb_frames_listen(&c->frames, tell, c);
    return c->listener != NULL;
}

static void close_shm(struct pb_capture *c) {
    if (!c) return;
    pb_frames_unlisten(c->listener);
    pb_frames_close(&c->frames);
    if (c->event >= 0) close(c->event);
    free(c->bgra);
    free(c);
}

static bool probe(const char *target, char *detail, size_t size) {
    struct pb_frames f;
    if (!target || !*target) {
        pb_error(detail, size, "no shared memory is named");
        return false;
    }
    if (!pb_frames_open(&f, target, 0, 0, detail, size)) return false;
    pb_error(detail, size, "shared memory %s, %ux%u", target, f.width, f.height);
    pb_frames_close(&f);
    return true;
}

static struct pb_capture *open_shm(const struct pb_capture_settings *s, char *error, size_t error_size) {
    struct pb_frames frames;
    if (!pb_frames_open(&frames, s->target, 0, 0, error, error_size)) return NULL;
    struct pb_capture *c = calloc(1, sizeof *c);
    if (!c || (c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        pb_frames_close(&frames);
        free(c);
        pb_error(error, error_size, "no memory or descriptors left");
        return NULL;
    }
    memcpy(c->name, frames.segment.name, sizeof c->name);
    c->frames = PB_FRAMES_CLOSED;
    if (adopt(c, &frames)) return c;
    if (!c->bgra) pb_frames_close(&frames);
    close_shm(c);
    pb_error(error, error_size, "no memory or threads left");
    return NULL;
}

static void size_of(const struct pb_capture *c, uint32_t *width, uint32_t *height) {
    *width = c->frames.width;
    *height = c->frames.height;
}

/* The program is gone: is it, or another, back? */
static bool find_again(struct pb_capture *c) {
    if (pb_frames_has_writer(&c->frames)) return true; /* one took over what was left */
    struct pb_frames found;
    char error[8];
    if (!pb_frames_open(&found, c->name, 0, 0, error, sizeof error)) return false;
    bool resized = found.width != c->frames.width || found.height != c->frames.height;
    if (!pb_frames_has_writer(&found) || !adopt(c, &found)) {
        if (c->frames.header != found.header) pb_frames_close(&found);
        return false;
    }
    c->resized |= resized;
    return true;
}

static enum pb_status wait_shm(struct pb_capture *c, int wake_fd, int timeout_ms, uint64_t *damage_us) {
    if (c->gone && find_again(c)) c->gone = c->armed = false;
    if (!c->listener) return PB_LOST;
    if (!c->gone && !c->armed) {
        c->armed = true;
        pb_frames_arm(c->listener, c->last_seq);
    }
    bool look = c->gone && (timeout_ms < 0 || timeout_ms > LOOK_AGAIN_MS);
    struct pollfd fds[2] = {{wake_fd, POLLIN, 0}, {c->event, POLLIN, 0}};
    if (!c->resized && poll(fds, 2, look ? LOOK_AGAIN_MS : timeout_ms) < 0 && errno != EINTR) return PB_ERROR;
    eventfd_t count;
    if (eventfd_read(c->event, &count) == 0) c->armed = false;
    *damage_us = pb_monotonic_us();
    if (c->resized) return PB_OK;
    if (c->armed || c->gone) return PB_AGAIN;
    struct pb_frames_state state;
    enum pb_frames_status status = pb_frames_state(&c->frames, TRIES, &state);
    if (status == PB_FRAMES_OK && state.seq != c->last_seq) return PB_OK;
    c->gone = !pb_frames_has_writer(&c->frames) || status == PB_FRAMES_BROKEN;
    return PB_AGAIN;
}

static int descriptor(const struct pb_capture *c) { return c->event; }

static enum pb_status grab(struct pb_capture *c, bool everything, struct pb_picture *picture, struct pb_rows *rows) {
    struct pb_frames *f = &c->frames;
    if (c->resized) {
        c->resized = false;
        return PB_REINIT;
    }
    struct pb_frames_state state;
    int stride = (int)f->width * 4;
    *rows = (struct pb_rows){0, everything ? f->height : 0};
    for (int i = 0; pb_frames_state(f, TRIES, &state) == PB_FRAMES_OK && state.seq != c->last_seq; i++) {
        if (i == OVERTAKEN_TRIES) return PB_AGAIN; /* a program far too fast for us; the next attempt may do */
        ABGRToARGB(pb_frames_picture(f, &state), stride, c->bgra, stride, (int)f->width, (int)f->height);
        if (!pb_frames_whole(f, state.seq)) continue;
        c->last_seq = state.seq;
        rows->bottom = f->height;
        break;
    }
    *picture = (struct pb_picture){
        .format = PB_BGRA, .width = f->width, .height = f->height, .plane = {c->bgra}, .stride = {f->width * 4}};
    return PB_OK;
}

const struct pb_capture_backend pb_capture_shm = {
    .name = "shm",
    .named_only = true,
    .probe = probe,
    .open = open_shm,
    .size = size_of,
    .wait = wait_shm,
    .grab = grab,
    .descriptor = descriptor,
    .close = close_shm,
};
