/* A thread that captures a source and publishes its pictures, as they are, in a frame buffer: `patchbay shm publish`. It
 * sleeps while the source does not change, and makes the segment anew when the source's size changes. */
#include "../capture/capture.h"
#include "../gen/abi.h"
#include "../media/pacing.h"
#include "frames.h"

#include <libyuv/convert_argb.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX_FAULTS = 20, FAULT_PAUSE_MS = 50 };

struct pb_publisher {
    const struct pb_capture_backend *backend;
    struct pb_capture *capture;
    struct pb_frames frames;
    char name[PB_OS_NAME_BYTES + 1];
    uint32_t fps;
    pthread_t thread;
    bool running;
    int wake_fd;
    pb_wake_fn ended;
    atomic_bool closing;
    _Atomic uint64_t published, refused;
};

static bool make(struct pb_publisher *p, char *error, size_t size) {
    uint32_t width, height;
    p->backend->size(p->capture, &width, &height);
    pb_frames_close(&p->frames);
    return pb_frames_create(&p->frames, p->name, width, height, error, size);
}

static void sleep_ms(struct pb_publisher *p, int ms) {
    struct pollfd woken = {p->wake_fd, POLLIN, 0};
    poll(&woken, 1, ms);
}

static enum pb_status publish(struct pb_publisher *p) {
    struct pb_picture picture;
    struct pb_rows rows;
    uint8_t *to;
    do {
        enum pb_status status = p->backend->grab(p->capture, true, &picture, &rows);
        if (status) return status;
        if (picture.width != p->frames.width || picture.height != p->frames.height) return PB_REINIT;
        to = pb_frames_begin(&p->frames);
        if (!to) {
            /* Another program writes there without asking, which pb_frames_create cannot know. */
            atomic_fetch_add_explicit(&p->refused, 1, memory_order_relaxed);
            return PB_AGAIN;
        }
        /* The other name of the same exchange of red and blue. */
        ABGRToARGB(picture.plane[0], (int)picture.stride[0], to, (int)picture.width * 4, (int)picture.width, (int)picture.height);
    } while (p->backend->release && p->backend->release(p->capture) == PB_AGAIN);
    /* Screens leave the fourth byte undefined; readers get opaque pixels. */
    for (size_t i = 3; i < p->frames.picture_bytes; i += 4) to[i] = 255;
    pb_frames_end(&p->frames, pb_monotonic_us() / 1000, 0, true);
    atomic_fetch_add_explicit(&p->published, 1, memory_order_relaxed);
    return PB_OK;
}

static void *publish_loop(void *given) {
    struct pb_publisher *p = given;
    struct pb_pacing pacing = {0};
    bool pending = true;
    int faults = 0;
    while (!atomic_load(&p->closing)) {
        uint64_t now = pb_monotonic_us(), earliest = pb_pacing_earliest_us(&pacing, p->fps), damage_us;
        enum pb_status status = PB_OK;
        if (!pending) {
            status = p->backend->wait(p->capture, p->wake_fd, -1, &damage_us);
            pending = status == PB_OK;
        } else if (now < earliest) {
            sleep_ms(p, (int)((earliest - now) / 1000 + 1));
        } else {
            pb_pacing_used(&pacing, p->fps, now);
            status = publish(p);
            pending = status != PB_OK;
            if (status == PB_REINIT) status = make(p, NULL, 0) ? PB_OK : PB_LOST;
        }
        if (status == PB_OK || status == PB_AGAIN) {
            faults = status == PB_OK ? 0 : faults;
        } else if (status == PB_ERROR && ++faults < MAX_FAULTS) {
            pending = true;
            sleep_ms(p, FAULT_PAUSE_MS);
        } else {
            p->ended();
            break;
        }
    }
    return NULL;
}

static bool open_capture(struct pb_publisher *p, const char *name, const struct pb_capture_settings *s, char *error, size_t size) {
    bool any = !strcmp(name, "auto");
    pb_error(error, size, "no capture backend is called \"%s\"", name);
    for (unsigned i = 0; pb_capture_backends[i] && !p->capture; i++) {
        p->backend = pb_capture_backends[i];
        if (any ? p->backend->named_only : strcmp(name, p->backend->name) != 0) continue;
        p->capture = p->backend->open(s, error, size);
    }
    return p->capture != NULL;
}

struct pb_publisher *pb_publisher_open(const char *capture, const char *target, const char *name, uint32_t width, uint32_t height,
                                       uint32_t fps, pb_wake_fn ended, char *error, uint32_t error_size) {
    enum pb_os_status named = pb_os_check_name(name);
    struct pb_publisher *p = named ? NULL : calloc(1, sizeof *p);
    if (!p) {
        pb_error(error, error_size, "shared memory cannot be made: %s", named ? pb_os_text(named) : "no memory");
        return NULL;
    }
    strcpy(p->name, name);
    p->frames = PB_FRAMES_CLOSED;
    p->fps = fps;
    p->ended = ended;
    p->wake_fd = eventfd(0, EFD_CLOEXEC);
    const struct pb_capture_settings settings = {.target = target, .width = width, .height = height, .fps = fps, .cursor = true,
                                                 .automatic = !strcmp(capture, "auto")};
    if (!open_capture(p, capture, &settings, error, error_size) || !make(p, error, error_size)) goto fail;
    p->running = p->wake_fd >= 0 && !pthread_create(&p->thread, NULL, publish_loop, p);
    if (p->running) return p;
    pb_error(error, error_size, "no descriptors or threads left");
fail:
    pb_publisher_close(p);
    return NULL;
}

uint64_t pb_publisher_published(struct pb_publisher *p) { return atomic_load(&p->published); }

uint32_t pb_publisher_describe(struct pb_publisher *p, char *out, uint32_t size) {
    uint32_t width, height;
    p->backend->size(p->capture, &width, &height);
    pb_error(out, size, "%s\t%u\t%u", p->backend->name, width, height);
    return size ? (uint32_t)strlen(out) : 0;
}

void pb_publisher_close(struct pb_publisher *p) {
    if (!p) return;
    atomic_store(&p->closing, true);
    if (p->running) {
        eventfd_write(p->wake_fd, 1);
        pthread_join(p->thread, NULL);
    }
    if (p->capture) p->backend->close(p->capture);
    pb_frames_close(&p->frames);
    if (p->wake_fd >= 0) close(p->wake_fd);
    free(p);
}
