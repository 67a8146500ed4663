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

static bool is_auto(const char *name) { return !name || !*name || !strcmp(name, "auto"); }

/* "auto" takes the first that opens. Whoever names a target means something real, so the test picture is no answer then. */
static bool open_capture(struct pb_grabber *g, const char *name, const struct pb_capture_settings *s, char *error, size_t size) {
    size_t at = 0;
    pb_error(error, size, "no capture backend is called \"%s\"", name ? name : "");
    for (unsigned i = 0; pb_capture_backends[i]; i++) {
        const struct pb_capture_backend *backend = pb_capture_backends[i];
        if (!is_auto(name) && strcmp(name, backend->name)) continue;
        if (is_auto(name) && backend->named_only) continue;
        if (is_auto(name) && s->target && *s->target && !strcmp(backend->name, "pattern")) continue;
        char reason[256] = "";
        g->capture_backend = backend;
        g->capture = backend->open(s, reason, sizeof reason);
        if (g->capture) return true;
        pb_error(error + at, size - at, "%s%s: %s", at ? "; " : "", backend->name, reason);
        at += strlen(error + at);
    }
    return false;
}

static bool choose_encoder(struct pb_grabber *g, const char *name, char *error, size_t size) {
    for (unsigned i = 0; pb_encoder_backends[i]; i++) {
        char reason[256] = "";
        g->encoder_backend = pb_encoder_backends[i];
        if (is_auto(name) ? g->encoder_backend->probe(reason, sizeof reason) : !strcmp(name, g->encoder_backend->name)) return true;
    }
    pb_error(error, size, "no encoder backend is called \"%s\"", name ? name : "");
    return false;
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
                                   uint32_t fps, uint32_t bitrate_bps, uint32_t keyframe_interval, pb_wake_fn wake, char *error,
                                   uint32_t error_size) {
    struct pb_grabber *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    pthread_mutex_init(&g->lock, NULL);
    g->wake_fd = -1;
    g->waker.fn = wake;
    g->target = strdup(target ? target : "");
    if (pb_grabber_set(g, PB_GRABBER_KEY_FPS, fps) || pb_grabber_set(g, PB_GRABBER_KEY_BITRATE_BPS, bitrate_bps) ||
        pb_grabber_set(g, PB_GRABBER_KEY_QUALITY, 50) ||
        pb_grabber_set(g, PB_GRABBER_KEY_KEYFRAME_INTERVAL, keyframe_interval)) {
        pb_error(error, error_size, "%u fps at %u bit/s is out of range", fps, bitrate_bps);
        goto fail;
    }
    const struct pb_capture_settings settings = {.target = target, .width = width, .height = height, .fps = fps, .cursor = true};
    if (!choose_encoder(g, encoder, error, error_size)) goto fail;
    if (!open_capture(g, capture, &settings, error, error_size)) goto fail;
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
    pb_error(out, size, "%s\t%s\t%u\t%u\t%s", g->capture_backend->name, g->encoder_backend->name, g->described_width,
             g->described_height, g->detail);
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
    pthread_mutex_destroy(&g->lock);
    free(g);
}
