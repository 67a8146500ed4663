/* The grabber's thread: wait for a change, capture, convert, encode, hand over. It sleeps in poll() only: on the source
 * for changes, on an eventfd for wishes and for room in the queue. A source that does not change costs no wake-up. */
#include "grabber.h"

#include "../convert/convert.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A picture that stopped changing is encoded again this long after, because motion left it coarse. */
static const uint64_t refine_after_us[] = {100000, 400000};
enum { REFINEMENTS = sizeof refine_after_us / sizeof refine_after_us[0], MAX_FAULTS = 20, MAX_ENCODER_FAULTS = 4,
       FAULT_PAUSE_US = 50000 };
enum { REST_US = 200000 }; /* a paused grabber listens to its source at most this often */
static const uint64_t forever = UINT64_MAX;

#define COUNT(g, what, by) atomic_fetch_add_explicit(&(g)->counters.what, (by), memory_order_relaxed)

static void detail(struct pb_grabber *g, const char *text) {
    pthread_mutex_lock(&g->lock);
    pb_error(g->detail, sizeof g->detail, "%s", text);
    pthread_mutex_unlock(&g->lock);
}

static void drain_wakes(struct pb_grabber *g) {
    uint64_t count;
    while (read(g->wake_fd, &count, sizeof count) > 0) {}
}

/* Sleeps until something is wished, room is made, or the time is come. */
static void sleep_until(struct pb_grabber *g, uint64_t until_us) {
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

/* Another encoder may want another format, so all of the picture is captured again. */
static bool allocate_again(struct pb_grabber *g, char *error, size_t error_size) {
    struct pb_grabber_state *s = &g->state;
    s->complete = s->importing = false;
    s->pending = true;
    if (allocate(s, g->encoder_backend->input)) return true;
    pb_error(error, error_size, "no memory for a picture of %ux%u", s->width, s->height);
    return false;
}

static bool reopen_encoder(struct pb_grabber *g, char *error, size_t error_size) {
    if (g->encoder) g->encoder_backend->close(g->encoder);
    g->encoder = NULL;
    g->state.encoding = wished(g);
    enum pb_format format = g->state.picture.format;
    if (!grabber_open_encoder(g, error, error_size)) return false;
    return format == g->encoder_backend->input || allocate_again(g, error, error_size);
}

bool grabber_prepare(struct pb_grabber *g, char *error, size_t error_size) {
    struct pb_grabber_state *s = &g->state;
    g->capture_backend->size(g->capture, &s->width, &s->height);
    pthread_mutex_lock(&g->lock);
    g->described_width = s->width & ~1u;
    g->described_height = s->height & ~1u;
    pthread_mutex_unlock(&g->lock);
    return reopen_encoder(g, error, error_size) && allocate_again(g, error, error_size);
}

static void put(struct pb_grabber *g, struct pb_encoded *frame, const uint8_t *data) {
    frame->width = g->state.width & ~1u;
    frame->height = g->state.height & ~1u;
    while (!pb_frame_queue_put(&g->queue, frame, data) && !closing(g)) {
        atomic_store(&g->waits_for_room, true);
        if (pb_frame_queue_used(&g->queue) >= PB_FRAME_SLOTS) sleep_until(g, forever);
    }
    pb_waker_ring(&g->waker);
}

void grabber_put_notice(struct pb_grabber *g, uint32_t kind, const char *text) {
    struct pb_encoded notice = {.kind = kind, .capture_us = pb_monotonic_us(), .size = (uint32_t)strlen(text)};
    put(g, &notice, (const uint8_t *)text);
}

/* The thread has nothing to go on with; `why` unless there is an exacter reason. */
static enum pb_status give_up(struct pb_grabber *g, const char *why) {
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
    if (reopen_encoder(g, error, sizeof error)) return true;
    give_up(g, error);
    return false;
}

static enum pb_status take_new_size(struct pb_grabber *g) {
    char error[PB_NOTICE_BYTES] = "";
    bool prepared = grabber_prepare(g, error, sizeof error);
    grabber_put_notice(g, PB_ENCODED_RESIZED, "");
    grabber_note_source(g);
    return prepared ? PB_OK : give_up(g, error);
}

/* Another source goes on where one failed, if there is one. */
static enum pb_status replace_capture(struct pb_grabber *g, const char *why) {
    g->state.faults = 0;
    return grabber_replace_capture(g, why) ? take_new_size(g) : give_up(g, "");
}

/* Another encoder goes on where one failed, from a keyframe, if there is one. */
static enum pb_status replace_encoder(struct pb_grabber *g, const char *why) {
    char error[PB_NOTICE_BYTES] = "";
    g->state.encoder_faults = 0;
    if (grabber_replace_encoder(g, why) && allocate_again(g, error, sizeof error)) return PB_OK;
    return give_up(g, error);
}

/* The frame is lost. What the encoder still holds of earlier ones is in doubt, so it is opened anew and begins with a keyframe. */
static enum pb_status encoder_failed(struct pb_grabber *g, enum pb_status status) {
    struct pb_grabber_state *s = &g->state;
    COUNT(g, encoder_faults, 1);
    s->fresh = s->pending = true;
    s->complete = false;
    bool passing = (status == PB_ERROR || status == PB_REINIT) && ++s->encoder_faults < MAX_ENCODER_FAULTS;
    if (!passing) return replace_encoder(g, NULL);
    if (status == PB_ERROR) sleep_until(g, pb_monotonic_us() + FAULT_PAUSE_US);
    char error[PB_NOTICE_BYTES] = "";
    return reopen_encoder(g, error, sizeof error) ? PB_OK : give_up(g, error);
}

static void convert(struct pb_grabber *g, const struct pb_picture *source, struct pb_rows rows) {
    if (g->encoder_backend->input == PB_NV12)
        pb_convert_to_nv12(source, &g->state.picture, rows);
    else
        pb_convert_to_i420(source, &g->state.picture, rows);
}

/* What is captured lies in device memory, and nobody here can read it there. */
static enum pb_status unreadable(struct pb_grabber *g, const struct pb_dmabuf *where) {
    char why[512] = "it gave a picture without pixels";
    if (where)
        pb_error(why, sizeof why,
                 "its picture (format %.4s, modifier 0x%016llx) lies in device memory that cannot be mapped, and the encoder %s "
                 "cannot read it there; --encoder vaapi can if the GPU's driver can, --capture x11 needs neither",
                 (const char *)&where->fourcc, (unsigned long long)where->modifier, g->encoder_backend->name);
    return replace_capture(g, why);
}

/* Captures. Then `picture` is up to date, or the encoder is to import `source`. PB_AGAIN when nothing visible changed. */
static enum pb_status refresh(struct pb_grabber *g, struct pb_encoded *frame, bool change) {
    struct pb_grabber_state *s = &g->state;
    struct pb_rows rows;
    do {
        enum pb_status status = g->capture_backend->grab(g->capture, !s->complete, &s->source, &rows);
        if (status) return status;
        s->pending = false;
        s->faults = 0;
        frame->captured_us = pb_monotonic_us();
        if (rows.top >= rows.bottom) return PB_AGAIN;
        s->importing = s->source.dmabuf && g->encoder_backend->imports && !s->cannot_import;
        if (!s->importing && s->source.plane[0]) convert(g, &s->source, rows);
    } while (!s->importing && g->capture_backend->release && g->capture_backend->release(g->capture) == PB_AGAIN);
    COUNT(g, captured, 1);
    if (change && s->damage_us < s->encoded_us) COUNT(g, skipped_busy, 1);
    /* An imported picture is the source's: it must be asked for again to be encoded again. */
    s->complete = !s->importing;
    return PB_OK;
}

/* The source was read after refresh() returned. When it was replaced meanwhile, the frame may be torn, and another follows at once. */
static void release(struct pb_grabber *g) {
    if (!g->capture_backend->release || g->capture_backend->release(g->capture) != PB_AGAIN) return;
    g->state.pending = true;
    g->state.complete = false;
}

static enum pb_status encode_picture(struct pb_grabber *g, struct pb_encoded *frame, bool keyframe, struct pb_access_unit *unit) {
    struct pb_grabber_state *s = &g->state;
    if (!s->importing) return g->encoder_backend->encode(g->encoder, &s->picture, frame->capture_us, keyframe, unit);
    enum pb_status status = g->encoder_backend->encode(g->encoder, &s->source, frame->capture_us, keyframe, unit);
    if (status == PB_OK) COUNT(g, imported, 1);
    if (status != PB_UNSUPPORTED) {
        release(g);
        return status;
    }
    /* It cannot read such pictures, so from now on they are converted. */
    s->cannot_import = true;
    s->importing = false;
    if (!s->source.plane[0]) return PB_UNSUPPORTED;
    convert(g, &s->source, (struct pb_rows){0, s->source.height});
    s->complete = true;
    release(g);
    frame->converted_us = pb_monotonic_us();
    return g->encoder_backend->encode(g->encoder, &s->picture, frame->capture_us, keyframe, unit);
}

static enum pb_status encode(struct pb_grabber *g, struct pb_encoded *frame) {
    struct pb_grabber_state *s = &g->state;
    uint32_t asked = atomic_load_explicit(&g->wishes.keyframes, memory_order_relaxed);
    struct pb_access_unit unit = {0};
    enum pb_status status = encode_picture(g, frame, s->fresh || asked != s->keyframes_done, &unit);
    if (status == PB_UNSUPPORTED && !s->source.plane[0]) return unreadable(g, s->source.dmabuf);
    if (status) return encoder_failed(g, status);
    s->encoder_faults = 0;
    frame->encoded_us = s->encoded_us = pb_monotonic_us();
    if (!unit.size) {
        COUNT(g, skipped_encoder, 1);
        return PB_OK;
    }
    if (!unit.data || unit.size > PB_MAX_FRAME_BYTES) return replace_encoder(g, "it gave a frame without bytes, or with too many");
    if (s->fresh && !unit.keyframe) return replace_encoder(g, "it does not begin with a keyframe");
    s->fresh = false;
    if (unit.keyframe) {
        s->keyframes_done = asked;
        frame->flags = PB_ENCODED_FLAG_KEYFRAME;
        COUNT(g, keyframes, 1);
    }
    COUNT(g, encoded, 1);
    COUNT(g, encoded_bytes, unit.size);
    frame->size = unit.size;
    frame->sequence = s->sequence++;
    put(g, frame, unit.data);
    return PB_OK;
}

static void plan_refinement(struct pb_grabber_state *s, bool was_change) {
    s->refined = was_change ? 0 : s->refined + 1;
    s->refine_us = s->refined < REFINEMENTS ? s->damage_us + refine_after_us[s->refined] : 0;
}

static enum pb_status produce(struct pb_grabber *g) {
    struct pb_grabber_state *s = &g->state;
    uint64_t now = pb_monotonic_us();
    bool change = s->pending, keyframe = s->fresh || s->keyframes_done != atomic_load(&g->wishes.keyframes);
    struct pb_encoded frame = {.kind = PB_ENCODED_FRAME, .capture_us = now, .captured_us = now};
    frame.damage_us = change ? s->damage_us : now;
    if (change || keyframe) pb_pacing_used(&s->pacing, s->encoding.fps, now);
    if (change || !s->complete) {
        enum pb_status status = refresh(g, &frame, change);
        if (status == PB_AGAIN && (!keyframe || !s->complete)) return PB_OK;
        if (status != PB_AGAIN && status != PB_OK) return status;
        if (status == PB_OK && !s->importing && !s->source.plane[0]) return unreadable(g, s->source.dmabuf);
    }
    frame.converted_us = pb_monotonic_us();
    if (change || !keyframe) {
        if (change) s->damage_us = now;
        plan_refinement(s, change);
    }
    return encode(g, &frame);
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

/* Nobody watches: nothing is captured. But what the source says is read, or it would pile up there, and its end is noticed. */
static enum pb_status rest(struct pb_grabber *g) {
    int source = g->capture_backend->descriptor ? g->capture_backend->descriptor(g->capture) : -1;
    struct pollfd fds[2] = {{g->wake_fd, POLLIN, 0}, {source, POLLIN, 0}};
    g->state.rested = true;
    poll(fds, 2, -1);
    COUNT(g, wakeups, 1);
    drain_wakes(g);
    if (!fds[1].revents) return PB_OK;
    uint64_t damage_us = 0;
    enum pb_status status = g->capture_backend->wait(g->capture, g->wake_fd, 0, &damage_us);
    if (status != PB_OK && status != PB_AGAIN) return status;
    if (status == PB_OK) g->state.pending = true;
    sleep_until(g, pb_monotonic_us() + REST_US);
    return PB_OK;
}

/* One turn: sleeps, or makes a frame. */
static enum pb_status turn(struct pb_grabber *g) {
    struct pb_grabber_state *s = &g->state;
    if (!apply_wishes(g)) return PB_LOST;
    grabber_tell_changes(g);
    if (atomic_load_explicit(&g->wishes.paused, memory_order_relaxed)) return rest(g);
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
        sleep_until(g, forever);
        return PB_OK;
    }
    atomic_store(&g->waits_for_room, false);
    s->counted_full = false;
    uint64_t earliest = pb_pacing_earliest_us(&s->pacing, s->encoding.fps);
    if ((s->pending || asked) && now < earliest) {
        sleep_until(g, earliest);
        return PB_OK;
    }
    return produce(g);
}

/* A passing fault (a picture refused while the mode changes) is tried again, a lasting one is the end of that source. */
static enum pb_status source_failed(struct pb_grabber *g, enum pb_status status) {
    if (status == PB_REINIT) return take_new_size(g);
    if (status != PB_ERROR || ++g->state.faults >= MAX_FAULTS) return replace_capture(g, NULL);
    g->state.pending = true;
    sleep_until(g, pb_monotonic_us() + FAULT_PAUSE_US);
    return PB_OK;
}

static void report_lost(struct pb_grabber *g) {
    grabber_put_notice(g, PB_ENCODED_LOST, g->end);
    while (!closing(g)) sleep_until(g, forever);
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
