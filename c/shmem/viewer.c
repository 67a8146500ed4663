/* A thread that shows a frame buffer in a window: `patchbay shm watch`. It sleeps until the program publishes or the person does
 * something, and shows the newest picture; what comes faster than the display takes it is left out and counted. */
#include "../convert/convert.h"
#include "../display/display.h"
#include "../gen/abi.h"
#include "frames.h"

#include <libyuv/convert_argb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TRIES = 1000, NO_DESCRIPTOR_MS = 10, KEY_EVENT = 1 };

struct pb_viewer {
    struct pb_frames frames;
    struct pb_frames_listener *listener;
    const struct pb_display_backend *backend;
    struct pb_display *display;
    uint8_t *bgra, *planes;
    struct pb_picture i420;
    uint32_t last_seq;
    bool pending; /* a picture to show, when the display has a buffer for it */
    pthread_t thread;
    bool running;
    int event; /* the listener tells here, and closing */
    atomic_bool closing;
    _Atomic uint32_t reason; /* enums.viewer_end */
    _Atomic uint64_t shown, skipped;
    pb_wake_fn ended;
};

static void tell(void *context) {
    const struct pb_viewer *v = context;
    eventfd_write(v->event, 1);
}

/* Fetches the newest picture when there is one. False when none comes any more. */
static bool fetch(struct pb_viewer *v) {
    struct pb_frames *f = &v->frames;
    struct pb_frames_state state;
    enum pb_frames_status status;
    int stride = (int)f->width * 4;
    for (int i = 0; i < TRIES && (status = pb_frames_state(f, TRIES, &state)) == PB_FRAMES_OK && state.seq != v->last_seq; i++) {
        ABGRToARGB(pb_frames_picture(f, &state), stride, v->bgra, stride, (int)f->width, (int)f->height);
        if (!pb_frames_whole(f, state.seq)) continue;
        if (v->last_seq) atomic_fetch_add(&v->skipped, (state.seq - v->last_seq) / 2 - 1);
        v->last_seq = state.seq;
        struct pb_picture bgra = {
            .format = PB_BGRA, .width = f->width, .height = f->height, .plane = {v->bgra}, .stride = {f->width * 4}};
        pb_convert_to_i420(&bgra, &v->i420, (struct pb_rows){0, f->height});
        v->pending = true;
        return true;
    }
    return pb_frames_has_writer(f);
}

/* False when the person or the display ended it. */
static bool events(struct pb_viewer *v) {
    struct pb_window_event e;
    enum pb_status status;
    while ((status = v->backend->event(v->display, &e)) == PB_OK) {
        if (e.kind == PB_WINDOW_SHOWN) atomic_fetch_add(&v->shown, 1);
        /* The window came up or changed: what it shows is gone. */
        if (e.kind == PB_WINDOW_RESIZED && v->last_seq) v->pending = true;
        /* Escape and q leave. */
        bool leaves = e.kind == PB_WINDOW_INPUT && e.type == KEY_EVENT && e.value == 1 && (e.code == 1 || e.code == 16);
        if (e.kind != PB_WINDOW_CLOSED && !leaves) continue;
        atomic_store(&v->reason, PB_VIEWER_END_LEFT);
        return false;
    }
    if (status == PB_AGAIN) return true;
    atomic_store(&v->reason, PB_VIEWER_END_DISPLAY_LOST);
    return false;
}

static void *view_loop(void *given) {
    struct pb_viewer *v = given;
    bool alive = fetch(v);
    if (alive) pb_frames_arm(v->listener, v->last_seq);
    while (!atomic_load(&v->closing)) {
        if (!events(v)) break;
        if (v->pending) {
            enum pb_status status = v->backend->show(v->display, &v->i420);
            if (status == PB_LOST) break;
            v->pending = status == PB_AGAIN;
            if (!v->pending) continue; /* events() also sends what waits to be sent */
        }
        int display = v->backend->descriptor(v->display);
        struct pollfd fds[2] = {{v->event, POLLIN, 0}, {display, POLLIN, 0}};
        poll(fds, 2, display < 0 ? NO_DESCRIPTOR_MS : -1);
        eventfd_t count;
        if (eventfd_read(v->event, &count) || atomic_load(&v->closing)) continue;
        if (fetch(v))
            pb_frames_arm(v->listener, v->last_seq);
        else {
            atomic_store(&v->reason, PB_VIEWER_END_WRITER_GONE);
            break;
        }
    }
    if (!atomic_load(&v->closing)) v->ended();
    return NULL;
}

static bool open_display(struct pb_viewer *v, const char *name, const struct pb_display_settings *s, char *error, size_t size) {
    bool any = !strcmp(name, "auto"), asked = false;
    pb_error(error, size, "there is no display backend \"%s\"", name);
    for (unsigned i = 0; pb_display_backends[i] && !v->display; i++) {
        v->backend = pb_display_backends[i];
        /* Whoever watches wants to see something. */
        if (any && v->backend == &pb_display_headless) break;
        if (!any && strcmp(name, v->backend->name)) continue;
        /* The first answer, X11's, says what is wrong. */
        v->display = v->backend->open(s, error, asked ? 0 : size);
        asked = true;
    }
    return v->display != NULL;
}

static bool allocate(struct pb_viewer *v) {
    uint32_t width = v->frames.width, height = v->frames.height, half = (width + 1) / 2;
    size_t luma = (size_t)width * height, chroma = (size_t)half * ((height + 1) / 2);
    v->bgra = malloc(v->frames.picture_bytes);
    v->planes = malloc(luma + 2 * chroma);
    if (!v->bgra || !v->planes) return false;
    v->i420 = (struct pb_picture){.format = PB_I420,
                                  .width = width,
                                  .height = height,
                                  .plane = {v->planes, v->planes + luma, v->planes + luma + chroma},
                                  .stride = {width, half, half}};
    return true;
}

struct pb_viewer *pb_viewer_open(const char *name, const char *display, const char *target, const char *title, uint32_t fullscreen,
                                 pb_wake_fn ended, char *error, uint32_t error_size) {
    struct pb_viewer *v = calloc(1, sizeof *v);
    if (!v) return NULL;
    v->frames = PB_FRAMES_CLOSED;
    v->ended = ended;
    v->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!pb_frames_open(&v->frames, name, 0, 0, error, error_size)) goto fail;
    const struct pb_display_settings settings = {target, title, v->frames.width, v->frames.height, fullscreen != 0, false};
    if (!open_display(v, display, &settings, error, error_size)) goto fail;
    pb_error(error, error_size, "no memory, descriptors or threads left");
    if (v->event < 0 || !allocate(v) || !(v->listener = pb_frames_listen(&v->frames, tell, v))) goto fail;
    v->running = !pthread_create(&v->thread, NULL, view_loop, v);
    if (v->running) return v;
fail:
    pb_viewer_close(v);
    return NULL;
}

uint32_t pb_viewer_reason(struct pb_viewer *v) { return atomic_load(&v->reason); }

uint64_t pb_viewer_shown(struct pb_viewer *v) { return atomic_load(&v->shown); }

void pb_viewer_close(struct pb_viewer *v) {
    if (!v) return;
    atomic_store(&v->closing, true);
    if (v->running) {
        eventfd_write(v->event, 1);
        pthread_join(v->thread, NULL);
    }
    pb_frames_unlisten(v->listener);
    if (v->display) v->backend->close(v->display);
    pb_frames_close(&v->frames);
    if (v->event >= 0) close(v->event);
    free(v->bgra);
    free(v->planes);
    free(v);
}
