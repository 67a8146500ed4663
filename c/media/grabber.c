/* The grabber at the boundary: opens a capture and an encoder backend, runs one thread over them (grabber_loop.c) and hands
 * its frames to TypeScript. It decides nothing: rates, pauses and keyframes are asked for through pb_grabber_set. */
#include "grabber.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX_FPS = 240, MIN_BITRATE_BPS = 50000, MAX_BITRATE_BPS = 200000000 };

static void wake_thread(struct pb_grabber *g) {
    uint64_t one = 1;
    ssize_t wrote;
    do wrote = write(g->wake_fd, &one, sizeof one);
    while (wrote < 0 && errno == EINTR);
}

void grabber_note_source(struct pb_grabber *g) {
    char text[sizeof g->detail] = "";
    g->capture_backend->probe(g->target, text, sizeof text);
    for (char *c = text; *c; c++)
        if (*c == '\t' || *c == '\n') *c = ' ';
    pthread_mutex_lock(&g->lock);
    memcpy(g->detail, text, sizeof text);
    pthread_mutex_unlock(&g->lock);
}

static bool start(struct pb_grabber *g) {
    g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->running = g->wake_fd >= 0 && !pthread_create(&g->thread, NULL, grabber_run, g);
    if (g->running) pthread_setname_np(g->thread, "pb-grabber");
    return g->running;
}

struct pb_grabber *pb_grabber_open(const char *capture, const char *target, const char *encoder, uint32_t width, uint32_t height,
                                   uint32_t fps, uint32_t bitrate_bps, uint32_t keyframe_interval, uint32_t codec,
                                   pb_wake_fn wake, char *error, uint32_t error_size) {
    struct pb_grabber *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    pthread_mutex_init(&g->lock, NULL);
    g->wake_fd = -1;
    g->waker.fn = wake;
    g->target = strdup(target ? target : "");
    g->capture_name = strdup(capture && *capture ? capture : "auto");
    g->encoder_name = strdup(encoder && *encoder ? encoder : "auto");
    if (!g->target || !g->capture_name || !g->encoder_name) {
        pb_error(error, error_size, "no memory for a grabber");
        goto fail;
    }
    if (codec > PB_HEVC) {
        pb_error(error, error_size, "there is no codec number %u", codec);
        goto fail;
    }
    g->codec = (enum pb_codec)codec;
    if (pb_grabber_set(g, PB_GRABBER_KEY_FPS, fps) || pb_grabber_set(g, PB_GRABBER_KEY_BITRATE_BPS, bitrate_bps) ||
        pb_grabber_set(g, PB_GRABBER_KEY_QUALITY, 50) ||
        pb_grabber_set(g, PB_GRABBER_KEY_KEYFRAME_INTERVAL, keyframe_interval)) {
        pb_error(error, error_size, "%u fps at %u bit/s is out of range", fps, bitrate_bps);
        goto fail;
    }
    g->capture_settings = (struct pb_capture_settings){.target = g->target, .width = width, .height = height, .fps = fps, .cursor = true,
                                                          .automatic = !strcmp(g->capture_name, "auto"), .device_pictures = true};
    if (!grabber_knows_encoder(g, error, error_size) || !grabber_open_capture(g, error, error_size)) goto fail;
    grabber_note_source(g);
    if (!grabber_prepare(g, error, error_size)) goto fail;
    if (!start(g)) {
        pb_error(error, error_size, "the capture thread cannot be started: %s", strerror(errno));
        goto fail;
    }
    return g;
fail:
    pb_grabber_close(g);
    return NULL;
}

uint32_t pb_grabber_describe(struct pb_grabber *g, char *out, uint32_t size) {
    pthread_mutex_lock(&g->lock);
    pb_error(out, size, "%s\t%s\t%u\t%u\t%s\t%s", g->capture_backend->name, g->encoder_backend->name, g->described_width,
             g->described_height, g->codec == PB_HEVC ? "hevc" : "h264", g->detail);
    pthread_mutex_unlock(&g->lock);
    return size ? (uint32_t)strlen(out) : 0;
}

static bool in_range(uint32_t key, uint32_t value) {
    switch (key) {
    case PB_GRABBER_KEY_FPS: return value >= 1 && value <= MAX_FPS;
    case PB_GRABBER_KEY_BITRATE_BPS: return value >= MIN_BITRATE_BPS && value <= MAX_BITRATE_BPS;
    case PB_GRABBER_KEY_QUALITY: return value <= 100;
    case PB_GRABBER_KEY_PAUSED: return value <= 1;
    case PB_GRABBER_KEY_KEYFRAME: return true;
    case PB_GRABBER_KEY_KEYFRAME_INTERVAL: return value <= INT32_MAX;
    default: return false;
    }
}

int32_t pb_grabber_set(struct pb_grabber *g, uint32_t key, uint32_t value) {
    if (!in_range(key, value)) return -1;
    struct pb_grabber_wishes *w = &g->wishes;
    switch (key) {
    case PB_GRABBER_KEY_FPS: atomic_store_explicit(&w->fps, value, memory_order_relaxed); break;
    case PB_GRABBER_KEY_BITRATE_BPS: atomic_store_explicit(&w->bitrate_bps, value, memory_order_relaxed); break;
    case PB_GRABBER_KEY_QUALITY: atomic_store_explicit(&w->quality, value, memory_order_relaxed); break;
    case PB_GRABBER_KEY_KEYFRAME_INTERVAL: atomic_store_explicit(&w->keyframe_interval, value, memory_order_relaxed); break;
    case PB_GRABBER_KEY_KEYFRAME: atomic_fetch_add_explicit(&w->keyframes, 1, memory_order_relaxed); break;
    default: atomic_store_explicit(&w->paused, value != 0, memory_order_relaxed);
    }
    if (g->running) wake_thread(g);
    return 0;
}

void pb_grabber_rearm(struct pb_grabber *g) { pb_waker_arm(&g->waker); }

/* Sequential consistency with the thread's own order (it says that it waits, then looks at the queue): either it sees the
 * room, or the taker sees that it waits. */
static void room_made(struct pb_grabber *g) {
    if (atomic_exchange(&g->waits_for_room, false)) wake_thread(g);
}

int32_t pb_grabber_take(struct pb_grabber *g, struct pb_encoded *out) {
    if (pb_frame_queue_release(&g->queue)) room_made(g);
    return pb_frame_queue_take(&g->queue, out);
}

void pb_grabber_release(struct pb_grabber *g) {
    if (pb_frame_queue_release(&g->queue)) room_made(g);
}

void pb_grabber_stats(struct pb_grabber *g, struct pb_grabber_stats *out) {
    struct pb_grabber_counters *c = &g->counters;
    *out = (struct pb_grabber_stats){
        .captured = atomic_load_explicit(&c->captured, memory_order_relaxed),
        .encoded = atomic_load_explicit(&c->encoded, memory_order_relaxed),
        .keyframes = atomic_load_explicit(&c->keyframes, memory_order_relaxed),
        .skipped_busy = atomic_load_explicit(&c->skipped_busy, memory_order_relaxed),
        .skipped_full = atomic_load_explicit(&c->skipped_full, memory_order_relaxed),
        .skipped_encoder = atomic_load_explicit(&c->skipped_encoder, memory_order_relaxed),
        .encoded_bytes = atomic_load_explicit(&c->encoded_bytes, memory_order_relaxed),
        .wakeups = atomic_load_explicit(&c->wakeups, memory_order_relaxed),
        .imported = atomic_load_explicit(&c->imported, memory_order_relaxed),
        .encoder_faults = atomic_load_explicit(&c->encoder_faults, memory_order_relaxed),
        .encoder_changes = atomic_load_explicit(&c->encoder_changes, memory_order_relaxed),
        .capture_changes = atomic_load_explicit(&c->capture_changes, memory_order_relaxed),
    };
}

void pb_grabber_close(struct pb_grabber *g) {
    if (!g) return;
    if (g->running) {
        atomic_store(&g->wishes.closing, true);
        wake_thread(g);
        pthread_join(g->thread, NULL);
    }
    if (g->encoder) g->encoder_backend->close(g->encoder);
    if (g->capture) g->capture_backend->close(g->capture);
    if (g->wake_fd >= 0) close(g->wake_fd);
    pb_frame_queue_free(&g->queue);
    free(g->state.memory);
    free(g->target);
    free(g->capture_name);
    free(g->encoder_name);
    pthread_mutex_destroy(&g->lock);
    free(g);
}
