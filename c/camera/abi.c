/* Cameras at the boundary: lists and controls as lines of text, and a thread that keeps a camera's newest frame for TypeScript,
 * as the device gave it. A frame that nobody takes is replaced by the next one, and counted. */
#include "../gen/abi.h"
#include "v4l2.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

uint32_t pb_camera_list(char *out, uint32_t size) {
    if (!out || !size) return 0;
    struct v4l2_lines lines = {out, size, 0, false};
    out[0] = 0;
    v4l2_tell_all(&lines);
    return lines.used;
}

static bool open_any(struct v4l2_device *d, const char *target, char *error, size_t error_size) {
    struct v4l2_target t;
    return v4l2_parse_target(target, &t, error, error_size) && v4l2_open_named(d, t.device, false, error, error_size);
}

int32_t pb_camera_info(const char *target, char *out, uint32_t size, char *error, uint32_t error_size) {
    struct v4l2_device d;
    if (!out || !size || !open_any(&d, target, error, error_size)) return -1;
    struct v4l2_lines lines = {out, size, 0, false};
    out[0] = 0;
    v4l2_tell_device(&d, &lines);
    v4l2_tell_formats(&d, &lines);
    v4l2_tell_controls(&d, &lines);
    v4l2_close(&d);
    return (int32_t)lines.used;
}

int32_t pb_camera_set(const char *target, const char *text, uint32_t check, char *out, uint32_t size, char *error,
                      uint32_t error_size) {
    struct v4l2_device d;
    if (!out || !size || !open_any(&d, target, error, error_size)) return -1;
    struct v4l2_lines lines = {out, size, 0, false};
    out[0] = 0;
    bool done = v4l2_set_control(&d, text, check != 0, &lines, error, error_size);
    v4l2_close(&d);
    return done ? (int32_t)lines.used : -1;
}

/* A frame with memory of its own. */
struct slot {
    struct camera_frame frame;
    uint8_t *memory;
    size_t room;
};

struct pb_camera {
    struct camera *camera;
    struct camera_converter *converter; /* of the taker's thread */
    struct slot slots[3];               /* one is filled, one is the newest, one is taken */
    pthread_mutex_t lock;               /* guards what follows */
    int newest, taken;                  /* -1 for none */
    bool lost;
    struct camera_counters counters;
    struct camera_format format;
    char what[256];
    struct pb_waker waker;
    int wake_fd;
    atomic_bool closing;
    pthread_t thread;
    bool running;
};

static bool copy(struct slot *s, const struct camera_frame *frame) {
    if (frame->size > s->room) {
        free(s->memory);
        s->memory = malloc(frame->size);
        s->room = s->memory ? frame->size : 0;
        if (!s->memory) return false;
    }
    memcpy(s->memory, frame->data, frame->size);
    s->frame = *frame;
    s->frame.data = s->memory;
    return true;
}

static int free_slot(const struct pb_camera *c) {
    int i = 0;
    while (i == c->newest || i == c->taken) i++;
    return i;
}

static void note(struct pb_camera *c) {
    uint64_t undecodable = c->counters.undecodable, skipped = c->counters.skipped;
    c->counters = *camera_counters(c->camera);
    c->counters.undecodable = undecodable;
    c->counters.skipped = skipped;
    c->format = *camera_format(c->camera);
    camera_describe(c->camera, c->what, sizeof c->what);
}

static void keep(struct pb_camera *c, const struct camera_frame *frame) {
    pthread_mutex_lock(&c->lock);
    int i = free_slot(c);
    pthread_mutex_unlock(&c->lock);
    bool kept = copy(&c->slots[i], frame);
    pthread_mutex_lock(&c->lock);
    if (c->newest >= 0 || !kept) c->counters.skipped++;
    if (kept) c->newest = i;
    pthread_mutex_unlock(&c->lock);
}

static void *run(void *context) {
    struct pb_camera *c = context;
    enum pb_status status = PB_OK;
    while (status != PB_LOST && !atomic_load_explicit(&c->closing, memory_order_relaxed)) {
        struct camera_frame frame;
        /* A device that is away changes what there is to tell without giving a frame. */
        status = camera_next(c->camera, c->wake_fd, 1000, &frame);
        if (status == PB_OK) keep(c, &frame);
        camera_release(c->camera);
        pthread_mutex_lock(&c->lock);
        note(c);
        c->lost = status == PB_LOST;
        pthread_mutex_unlock(&c->lock);
        if (status == PB_OK || status == PB_LOST) pb_waker_ring(&c->waker);
    }
    return NULL;
}

struct pb_camera *pb_camera_open(const char *target, uint32_t width, uint32_t height, uint32_t fps, pb_wake_fn wake, char *error,
                                 uint32_t error_size) {
    const struct camera_settings settings = {.target = target, .width = width, .height = height, .fps = fps};
    struct pb_camera *c = calloc(1, sizeof *c);
    pb_error(error, error_size, "no memory, descriptors or threads left");
    if (!c) return NULL;
    pthread_mutex_init(&c->lock, NULL);
    c->newest = c->taken = -1;
    c->waker.fn = wake;
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->converter = camera_converter_open();
    if (c->wake_fd < 0 || !c->converter) goto fail;
    if (!(c->camera = camera_open(&settings, error, error_size))) goto fail;
    note(c);
    c->running = !pthread_create(&c->thread, NULL, run, c);
    if (c->running) return c;
fail:
    pb_camera_close(c);
    return NULL;
}

void pb_camera_rearm(struct pb_camera *c) { pb_waker_arm(&c->waker); }

static void fill(const struct pb_camera *c, const struct camera_frame *f, struct pb_camera_frame *out) {
    *out = (struct pb_camera_frame){
        .data = (uint64_t)(uintptr_t)(f ? f->data : NULL),
        .capture_us = f ? f->capture_us : 0,
        .size = f ? f->size : 0,
        .sequence = f ? f->sequence : 0,
        .fourcc = f ? f->format.fourcc : c->format.fourcc,
        .width = f ? f->format.width : c->format.width,
        .height = f ? f->format.height : c->format.height,
        .stride = f ? f->format.stride : c->format.stride,
        .flags = f && camera_is_jpeg(f->format.fourcc) ? PB_CAMERA_FLAG_COMPRESSED : 0,
    };
    if (!f) out->flags = PB_CAMERA_FLAG_LOST;
}

int32_t pb_camera_take(struct pb_camera *c, struct pb_camera_frame *out) {
    pthread_mutex_lock(&c->lock);
    bool there = c->newest >= 0;
    if (there) {
        c->taken = c->newest;
        c->newest = -1;
        fill(c, &c->slots[c->taken].frame, out);
    } else if (c->lost)
        fill(c, NULL, out);
    bool lost = c->lost;
    pthread_mutex_unlock(&c->lock);
    return there || lost;
}

/* The taken slot is the taker's alone until the next take. */
int32_t pb_camera_decode(struct pb_camera *c, void *out, uint32_t size, char *error, uint32_t error_size) {
    pb_error(error, error_size, "no frame was taken");
    if (c->taken < 0) return -1;
    const struct camera_frame *f = &c->slots[c->taken].frame;
    if (size < (uint64_t)f->format.width * f->format.height * 4) return -1;
    if (camera_to_bgra(c->converter, f, out, f->format.width * 4, error, error_size)) return 0;
    pthread_mutex_lock(&c->lock);
    c->counters.undecodable++;
    pthread_mutex_unlock(&c->lock);
    return -1;
}

uint32_t pb_camera_describe(struct pb_camera *c, char *out, uint32_t size) {
    pthread_mutex_lock(&c->lock);
    pb_error(out, size, "%s", c->what);
    pthread_mutex_unlock(&c->lock);
    return size ? (uint32_t)strlen(out) : 0;
}

void pb_camera_stats(struct pb_camera *c, struct pb_camera_stats *out) {
    pthread_mutex_lock(&c->lock);
    const struct camera_counters *n = &c->counters;
    *out = (struct pb_camera_stats){n->frames, n->flagged, n->undecodable, n->missing, n->skipped,
                                    n->faults, n->stalls,  n->gone,        n->reopened};
    pthread_mutex_unlock(&c->lock);
}

void pb_camera_close(struct pb_camera *c) {
    if (!c) return;
    if (c->running) {
        atomic_store(&c->closing, true);
        eventfd_write(c->wake_fd, 1);
        pthread_join(c->thread, NULL);
    }
    camera_close(c->camera);
    camera_converter_close(c->converter);
    for (int i = 0; i < 3; i++) free(c->slots[i].memory);
    if (c->wake_fd >= 0) close(c->wake_fd);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
