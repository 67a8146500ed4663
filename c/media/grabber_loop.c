/* The grabber's thread: waits for a change and for the time of the next frame, which grabber_frame.c makes. It sleeps in poll() only: on the source
 * for changes, on an eventfd for wishes and for room in the queue. A source that does not change costs no wake-up. */
#include "grabber.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MAX_FAULTS = 20 };
enum { REST_US = 200000 }; /* a paused grabber listens to its source at most this often */
enum { REST_AFTER_US = 3000000 }; /* a pause so long lets a device be switched off; who comes back sooner finds it running */
static const uint64_t forever = UINT64_MAX;

static void detail(struct pb_grabber *g, const char *text) {
    pthread_mutex_lock(&g->lock);
    pb_error(g->detail, sizeof g->detail, "%s", text);
    pthread_mutex_unlock(&g->lock);
}

static void drain_wakes(struct pb_grabber *g) {
    uint64_t count;
    while (read(g->wake_fd, &count, sizeof count) > 0) {}
}

void grabber_sleep_until(struct pb_grabber *g, uint64_t until_us) {
    struct pollfd woken = {g->wake_fd, POLLIN, 0};
    uint64_t now = pb_monotonic_us(), left = until_us > now ? until_us - now : 0;
    struct timespec time = {(time_t)(left / 1000000), (long)(left % 1000000) * 1000};
    ppoll(&woken, 1, until_us == forever ? NULL : &time, NULL);
    COUNT(g, wakeups, 1);
    drain_wakes(g);
}

static bool closing(struct pb_grabber *g) { return atomic_load_explicit(&g->wishes.closing, memory_order_relaxed); }

static struct pb_encoder_settings wished(struct pb_grabber *g) {
    struct pb_grabber_wishes *w = &g->wishes;
    return (struct pb_encoder_settings){
        .width = g->state.width,
        .height = g->state.height,
        .fps = atomic_load_explicit(&w->fps, memory_order_relaxed),
        .bitrate_bps = atomic_load_explicit(&w->bitrate_bps, memory_order_relaxed),
        .keyframe_interval = atomic_load_explicit(&w->keyframe_interval, memory_order_relaxed),
        .quality = atomic_load_explicit(&w->quality, memory_order_relaxed),
        .codec = g->codec,
    };
}

static bool allocate(struct pb_grabber_state *s, enum pb_format format) {
    /* Rows start at multiples of 64 bytes, for the SIMD of encoder and conversion. */
    uint32_t stride = (s->width + 63) & ~63u, half = (stride / 2 + 63) & ~63u, rows = (s->height + 1) & ~1u;
    size_t luma = (size_t)stride * rows, chroma = (size_t)(format == PB_NV12 ? stride : half) * (rows / 2);
    free(s->memory);
    s->memory = aligned_alloc(64, luma + chroma * 2);
    if (!s->memory) return false;
    memset(s->memory, 128, luma + chroma * 2);
    s->picture = (struct pb_picture){
        .format = format,
        .width = s->width,
        .height = s->height,
        .plane = {s->memory, s->memory + luma, format == PB_NV12 ? NULL : s->memory + luma + chroma},
        .stride = {stride, format == PB_NV12 ? stride : half, half},
    };
    return true;
}

bool grabber_allocate(struct pb_grabber *g, char *error, size_t error_size) {
    struct pb_grabber_state *s = &g->state;
    s->complete = s->importing = false;
    s->pending = true;
    if (allocate(s, g->encoder_backend->input)) return true;
    pb_error(error, error_size, "no memory for a picture of %ux%u", s->width, s->height);
    return false;
}

bool grabber_reopen_encoder(struct pb_grabber *g, char *error, size_t error_size) {
    if (g->encoder) g->encoder_backend->close(g->encoder);
    g->encoder = NULL;
    g->state.encoding = wished(g);
    enum pb_format format = g->state.picture.format;
    if (!grabber_open_encoder(g, error, error_size)) return false;
    return format == g->encoder_backend->input || grabber_allocate(g, error, error_size);
}

bool grabber_prepare(struct pb_grabber *g, char *error, size_t error_size) {
    struct pb_grabber_state *s = &g->state;
    g->capture_backend->size(g->capture, &s->width, &s->height);
    pthread_mutex_lock(&g->lock);
    g->described_width = s->width & ~1u;
    g->described_height = s->height & ~1u;
    pthread_mutex_unlock(&g->lock);
    return grabber_reopen_encoder(g, error, error_size) && grabber_allocate(g, error, error_size);
}

void grabber_put(struct pb_grabber *g, struct pb_encoded *frame, const uint8_t *data) {
    frame->width = g->state.width & ~1u;
    frame->height = g->state.height & ~1u;
    while (!pb_frame_queue_put(&g->queue, frame, data) && !closing(g)) {
        atomic_store(&g->waits_for_room, true);
        if (pb_frame_queue_used(&g->queue) >= PB_FRAME_SLOTS) grabber_sleep_until(g, forever);
    }
    pb_waker_ring(&g->waker);
}

void grabber_put_notice(struct pb_grabber *g, uint32_t kind, const char *text) {
    struct pb_encoded notice = {.kind = kind, .capture_us = pb_monotonic_us(), .size = (uint32_t)strlen(text)};
    grabber_put(g, &notice, (const uint8_t *)text);
}

enum pb_status grabber_give_up(struct pb_grabber *g, const char *why) {
    if (!*g->end) pb_error(g->end, sizeof g->end, "%s", why);
    detail(g, g->end);
    return PB_LOST;
}

/* New wishes reach the encoder; one that cannot change while running is opened anew and then starts with a keyframe. */
static bool apply_wishes(struct pb_grabber *g) {
    struct pb_encoder_settings wanted = wished(g);
    if (!memcmp(&wanted, &g->state.encoding, sizeof wanted)) return true;
    enum pb_status status = g->encoder_backend->reconfigure(g->encoder, &wanted);
    if (status == PB_OK) {
        g->state.encoding = wanted;
        return true;
    }
    char error[PB_NOTICE_BYTES] = "the encoder refuses the new settings";
    if (grabber_reopen_encoder(g, error, sizeof error)) return true;
    grabber_give_up(g, error);
    return false;
}

static enum pb_status take_new_size(struct pb_grabber *g) {
    char error[PB_NOTICE_BYTES] = "";
    bool prepared = grabber_prepare(g, error, sizeof error);
    grabber_put_notice(g, PB_ENCODED_RESIZED, "");
    grabber_note_source(g);
    return prepared ? PB_OK : grabber_give_up(g, error);
}

enum pb_status grabber_lose_capture(struct pb_grabber *g, const char *why) {
    g->state.faults = 0;
    return grabber_replace_capture(g, why) ? take_new_size(g) : grabber_give_up(g, "");
}

static enum pb_status await_change(struct pb_grabber *g) {
    struct pb_grabber_state *s = &g->state;
    int timeout_ms = -1;
    if (s->refine_us) {
        uint64_t now = pb_monotonic_us();
        timeout_ms = s->refine_us > now ? (int)((s->refine_us - now) / 1000 + 1) : 0;
    }
    uint64_t damage_us = 0;
    enum pb_status status = g->capture_backend->wait(g->capture, g->wake_fd, timeout_ms, &damage_us);
    COUNT(g, wakeups, 1);
    drain_wakes(g);
    if (status == PB_OK) {
        s->pending = true;
        s->damage_us = damage_us;
    }
    return status == PB_AGAIN ? PB_OK : status;
}

/* Tells the source. The one that took another's place begins awake. */
static void let_source_rest(struct pb_grabber *g, bool rests) {
    if (rests == g->state.at_rest) return;
    g->state.at_rest = rests;
    g->capture_backend->rest(g->capture, rests);
}

/* Nobody watches: nothing is captured. But what the source says is read, or it would pile up there, and its end is noticed. */
static enum pb_status rest(struct pb_grabber *g) {
    bool may_rest = g->capture_backend->rest && !g->state.at_rest;
    if (!g->state.paused_us) g->state.paused_us = pb_monotonic_us();
    int source = g->capture_backend->descriptor ? g->capture_backend->descriptor(g->capture) : -1;
    struct pollfd fds[2] = {{g->wake_fd, POLLIN, 0}, {source, POLLIN, 0}};
    g->state.rested = true;
    uint64_t until_us = g->state.paused_us + REST_AFTER_US, now = pb_monotonic_us();
    poll(fds, 2, !may_rest ? -1 : until_us > now ? (int)((until_us - now) / 1000 + 1) : 0);
    COUNT(g, wakeups, 1);
    drain_wakes(g);
    if (may_rest && pb_monotonic_us() >= until_us) let_source_rest(g, true);
    if (g->state.at_rest || !fds[1].revents) return PB_OK;
    uint64_t damage_us = 0;
    enum pb_status status = g->capture_backend->wait(g->capture, g->wake_fd, 0, &damage_us);
    if (status != PB_OK && status != PB_AGAIN) return status;
    if (status == PB_OK) g->state.pending = true;
    grabber_sleep_until(g, pb_monotonic_us() + REST_US);
    return PB_OK;
}

/* One turn: sleeps, or makes a frame. */
static enum pb_status turn(struct pb_grabber *g) {
    struct pb_grabber_state *s = &g->state;
    if (!apply_wishes(g)) return PB_LOST;
    grabber_tell_changes(g);
    if (atomic_load_explicit(&g->wishes.paused, memory_order_relaxed)) return rest(g);
    let_source_rest(g, false);
    s->paused_us = 0;
    uint64_t now = pb_monotonic_us();
    if (s->rested && s->pending) s->damage_us = now;
    s->rested = false;
    bool asked = s->keyframes_done != atomic_load_explicit(&g->wishes.keyframes, memory_order_relaxed);
    bool refine = s->refine_us && now >= s->refine_us;
    if (!s->pending && !asked && !refine) return await_change(g);
    atomic_store(&g->waits_for_room, true);
    if (pb_frame_queue_used(&g->queue) >= PB_FRAMES_QUEUED) {
        if (!s->counted_full) COUNT(g, skipped_full, 1);
        s->counted_full = true;
        grabber_sleep_until(g, forever);
        return PB_OK;
    }
    atomic_store(&g->waits_for_room, false);
    s->counted_full = false;
    uint64_t earliest = pb_pacing_earliest_us(&s->pacing, s->encoding.fps);
    if ((s->pending || asked) && now < earliest) {
        grabber_sleep_until(g, earliest);
        return PB_OK;
    }
    return grabber_produce(g);
}

/* A passing fault (a picture refused while the mode changes) is tried again, a lasting one is the end of that source. */
static enum pb_status source_failed(struct pb_grabber *g, enum pb_status status) {
    if (status == PB_REINIT) return take_new_size(g);
    if (status != PB_ERROR || ++g->state.faults >= MAX_FAULTS) return grabber_lose_capture(g, NULL);
    g->state.pending = true;
    grabber_sleep_until(g, pb_monotonic_us() + PB_FAULT_PAUSE_US);
    return PB_OK;
}

static void report_lost(struct pb_grabber *g) {
    grabber_put_notice(g, PB_ENCODED_LOST, g->end);
    while (!closing(g)) grabber_sleep_until(g, forever);
}

void *grabber_run(void *grabber) {
    struct pb_grabber *g = grabber;
    /* The usual slack of 50 us would be added to every paced frame. */
    prctl(PR_SET_TIMERSLACK, 1000);
    g->state.damage_us = pb_monotonic_us();
    while (!closing(g)) {
        enum pb_status status = turn(g);
        if (status == PB_OK) continue;
        if (!*g->end) status = source_failed(g, status);
        if (*g->end) report_lost(g);
    }
    return NULL;
}
