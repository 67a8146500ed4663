/* A camera or capture card (c/camera) as a source of pictures. The newest whole frame is converted when it is wanted; one that
 * cannot be decoded is counted, and the picture before it stays. While the device is away the last picture stays, too. */
#include "../camera/camera.h"
#include "../gen/abi.h"
#include "capture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_PICTURE_MS = 10000 };
/* A camera that is switched on again gets so long for a picture; then the one from before its rest is shown. */
enum { WAKE_MS = 1500 };

struct pb_capture {
    struct camera *camera;
    struct camera_converter *converter;
    struct camera_frame frame; /* taken and not yet converted when `fresh` */
    uint8_t *bgra, *spare;     /* a frame is decoded aside: half of a bad one must not be seen */
    uint32_t width, height;
    bool fresh, resized;
    bool stale; /* the picture is from before a rest */
};

/* What TypeScript may ask of the camera that is captured, the one that was opened last. */
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const struct pb_capture *of; /* NULL for none; never followed */
    uint32_t state;
    struct camera_counters counters;
    char what[256];
} told;

static void tell(const struct pb_capture *c) {
    pthread_mutex_lock(&told_lock);
    if (told.of == c) {
        told.state = camera_state(c->camera);
        told.counters = *camera_counters(c->camera);
        camera_describe(c->camera, told.what, sizeof told.what);
    }
    pthread_mutex_unlock(&told_lock);
}

static void become_told(const struct pb_capture *from, const struct pb_capture *to) {
    pthread_mutex_lock(&told_lock);
    if (!from || told.of == from) told.of = to;
    pthread_mutex_unlock(&told_lock);
}

uint32_t pb_camera_captured(char *out, uint32_t size, struct pb_camera_stats *stats) {
    pthread_mutex_lock(&told_lock);
    const struct camera_counters *n = &told.counters;
    pb_error(out, size, "%s", told.what);
    *stats = (struct pb_camera_stats){n->frames, n->flagged, n->undecodable, n->missing, n->skipped,
                                      n->faults, n->stalls,  n->gone,        n->reopened};
    uint32_t state = told.of ? told.state : PB_CAMERA_STATE_NONE;
    pthread_mutex_unlock(&told_lock);
    return state;
}

static bool allocate(struct pb_capture *c) {
    const struct camera_format *f = camera_format(c->camera);
    size_t bytes = (size_t)f->width * f->height * 4;
    free(c->bgra);
    free(c->spare);
    c->bgra = calloc(1, bytes);
    c->spare = calloc(1, bytes);
    c->width = f->width;
    c->height = f->height;
    return c->bgra && c->spare;
}

/* True when the picture is a new one. */
static bool convert(struct pb_capture *c, char *error, size_t error_size) {
    bool whole = camera_to_bgra(c->converter, &c->frame, c->spare, c->width * 4, error, error_size);
    camera_release(c->camera);
    c->fresh = false;
    if (!whole) {
        camera_counters(c->camera)->undecodable++;
        return false;
    }
    uint8_t *old = c->bgra;
    c->bgra = c->spare;
    c->spare = old;
    return true;
}

/* A later frame takes the place of one that nobody wanted yet; a camera that starts anew takes it away. */
static enum pb_status next(struct pb_capture *c, int wake_fd, int timeout_ms) {
    enum pb_status status = camera_next(c->camera, wake_fd, timeout_ms, &c->frame);
    c->fresh = camera_holds(c->camera);
    tell(c);
    return status;
}

static void close_camera(struct pb_capture *c) {
    if (!c) return;
    become_told(c, NULL);
    camera_close(c->camera);
    camera_converter_close(c->converter);
    free(c->bgra);
    free(c->spare);
    free(c);
}

static bool first_picture(struct pb_capture *c, char *error, size_t error_size) {
    uint64_t end = pb_monotonic_us() + FIRST_PICTURE_MS * 1000;
    char why[256] = "";
    for (uint64_t now; (now = pb_monotonic_us()) < end;) {
        enum pb_status status = next(c, -1, (int)((end - now) / 1000) + 1);
        if (status == PB_OK && convert(c, why, sizeof why)) return true;
        if (status == PB_REINIT && !allocate(c)) break;
        if (status == PB_LOST) break;
    }
    char what[256];
    camera_describe(c->camera, what, sizeof what);
    pb_error(error, error_size, "camera: no picture came within %u seconds (%s)%s%s", FIRST_PICTURE_MS / 1000, what,
             *why ? "; " : "", why);
    return false;
}

static struct pb_capture *open_camera(const struct pb_capture_settings *s, char *error, size_t error_size) {
    struct pb_capture *c = calloc(1, sizeof *c);
    const struct camera_settings wanted = {.target = s->target, .width = s->width, .height = s->height, .fps = s->fps};
    pb_error(error, error_size, "no memory left");
    if (!c || !(c->converter = camera_converter_open())) goto fail;
    if (!(c->camera = camera_open(&wanted, error, error_size))) goto fail;
    if (!allocate(c)) goto fail;
    become_told(NULL, c);
    if (first_picture(c, error, error_size)) return c;
fail:
    close_camera(c);
    return NULL;
}

static void size_of(const struct pb_capture *c, uint32_t *width, uint32_t *height) {
    *width = c->width;
    *height = c->height;
}

static enum pb_status resize(struct pb_capture *c) {
    c->resized = true;
    return allocate(c) ? PB_OK : PB_ERROR;
}

static enum pb_status wait_camera(struct pb_capture *c, int wake_fd, int timeout_ms, uint64_t *damage_us) {
    enum pb_status status = next(c, wake_fd, timeout_ms);
    if (status == PB_REINIT) {
        *damage_us = pb_monotonic_us();
        return resize(c);
    }
    if (status == PB_OK) *damage_us = c->frame.capture_us;
    return status;
}

static enum pb_status grab(struct pb_capture *c, bool everything, struct pb_picture *picture, struct pb_rows *rows) {
    char why[256];
    /* Whoever waited for its turn gets the newest frame, not the one that it was woken for. */
    enum pb_status status = c->resized ? PB_OK : next(c, -1, c->stale ? WAKE_MS : 0);
    c->stale = false;
    if (status == PB_REINIT) status = resize(c);
    if (status != PB_OK && status != PB_AGAIN) return status;
    if (c->resized) {
        c->resized = false;
        return PB_REINIT;
    }
    bool changed = c->fresh && convert(c, why, sizeof why);
    *rows = changed || everything ? (struct pb_rows){0, c->height} : (struct pb_rows){0, 0};
    *picture = (struct pb_picture){
        .format = PB_BGRA, .width = c->width, .height = c->height, .plane = {c->bgra}, .stride = {c->width * 4}};
    return PB_OK;
}

static void rest(struct pb_capture *c, bool rests) {
    camera_rest(c->camera, rests);
    c->fresh = false;
    c->stale = !rests;
    tell(c);
}

static int descriptor(const struct pb_capture *c) { return camera_descriptor(c->camera); }

const struct pb_capture_backend pb_capture_camera = {
    .name = "camera",
    .named_only = true,
    .probe = camera_probe,
    .open = open_camera,
    .size = size_of,
    .wait = wait_camera,
    .grab = grab,
    .descriptor = descriptor,
    .rest = rest,
    .close = close_camera,
};
