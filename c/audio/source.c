/* The sound source: one thread that reads a device, encodes and hands packets to TypeScript. It decides nothing: bitrate, expected
 * loss and pauses are asked for through pb_audio_source_set. A lost device is tried again until it is back. */
#include "../gen/abi.h"
#include "device.h"
#include "packet_queue.h"

#include <errno.h>
#include <stdlib.h>

enum { MIN_BITRATE_BPS = 6000, MAX_BITRATE_BPS = 510000, READ_FRAMES = 960 };

struct pb_audio_source {
    struct pb_audio_holder holder;
    struct pb_opus_encoder encoder;
    struct pb_audio_queue queue;
    struct pb_waker waker;
    pthread_t thread;
    bool running;
    /* Relaxed atomics: each stands for itself, and the eventfd that follows a change orders them. */
    atomic_uint bitrate_bps, loss_percent;
    atomic_bool muted, paused, closing;
    atomic_ullong captured, encoded, encoded_bytes, overruns, dropped_full, encode_errors, latency_us;
    atomic_bool fec;
    /* Only the thread touches these. */
    struct pb_audio_clock clock;
    int16_t frame[960 * 2]; /* what is being filled */
    uint32_t filled;
    double frame_us;        /* time of its first sample */
    bool lost;
};

static void add(atomic_ullong *counter, uint64_t n) { atomic_fetch_add_explicit(counter, n, memory_order_relaxed); }

static void notify(struct pb_audio_source *s, uint32_t kind) {
    const struct pb_audio_packet notice = {.kind = kind, .capture_us = pb_monotonic_us()};
    pb_audio_queue_put(&s->queue, &notice, NULL);
    pb_waker_ring(&s->waker);
}

static void encode_frame(struct pb_audio_source *s) {
    uint8_t bytes[PB_OPUS_PACKET_MAX];
    if (atomic_load_explicit(&s->muted, memory_order_relaxed)) memset(s->frame, 0, sizeof s->frame);
    int size = pb_opus_encode(&s->encoder, s->frame, bytes);
    if (size <= 0) {
        add(&s->encode_errors, 1);
        return;
    }
    /* The decoder's first sample is older by the encoder's lookahead. */
    double capture_us = s->frame_us - s->encoder.lookahead * 1000.0 / 48;
    const struct pb_audio_packet packet = {.kind = PB_AUDIO_PACKET,
                                           .capture_us = capture_us > 0 ? (uint64_t)capture_us : 0,
                                           .size = (uint32_t)size,
                                           .samples = s->encoder.frame};
    if (!pb_audio_queue_put(&s->queue, &packet, bytes)) {
        add(&s->dropped_full, 1);
    } else {
        add(&s->encoded, 1);
        add(&s->encoded_bytes, (uint64_t)size);
        uint64_t now = pb_monotonic_us();
        atomic_store_explicit(&s->latency_us, now > packet.capture_us ? now - packet.capture_us : 0, memory_order_relaxed);
    }
    pb_waker_ring(&s->waker);
}

/* Sound of which the first sample was captured at `first_us`. */
static void accept(struct pb_audio_source *s, const int16_t *frames, uint32_t count, uint64_t first_us) {
    double expected = s->clock.next_us;
    double at = pb_audio_clock_at(&s->clock, (double)first_us, count);
    bool jumped = at - expected > PB_AUDIO_CLOCK_JUMP_US || expected - at > PB_AUDIO_CLOCK_JUMP_US;
    if (jumped) s->filled = 0; /* the halves of a frame would not belong together */
    add(&s->captured, count);
    for (uint32_t i = 0; i < count;) {
        if (!s->filled) s->frame_us = at + i * 1000.0 / 48;
        uint32_t part = s->encoder.frame - s->filled;
        if (part > count - i) part = count - i;
        memcpy(s->frame + 2 * s->filled, frames + 2 * i, part * 2 * sizeof *frames);
        s->filled += part;
        i += part;
        if (s->filled < s->encoder.frame) break;
        encode_frame(s);
        s->filled = 0;
    }
}

static void follow_wishes(struct pb_audio_source *s) {
    uint32_t bitrate = atomic_load_explicit(&s->bitrate_bps, memory_order_relaxed);
    uint32_t loss = atomic_load_explicit(&s->loss_percent, memory_order_relaxed);
    if (bitrate != s->encoder.bitrate_bps) pb_opus_set_bitrate(&s->encoder, bitrate);
    if (loss != s->encoder.loss_percent) pb_opus_set_loss(&s->encoder, loss);
    atomic_store_explicit(&s->fec, s->encoder.fec, memory_order_relaxed);
}

static enum pb_status read_all(struct pb_audio_source *s) {
    int16_t frames[READ_FRAMES * 2];
    for (;;) {
        uint32_t count = 0;
        uint64_t first_us = 0;
        enum pb_status status = s->holder.backend->read(s->holder.device, frames, READ_FRAMES, &count, &first_us);
        if (status == PB_REINIT) {
            add(&s->overruns, 1);
            s->clock.running = false;
            s->filled = 0;
        } else if (status != PB_OK) {
            return status;
        }
        if (count) accept(s, frames, count, first_us);
    }
}

static void *run(void *source) {
    struct pb_audio_source *s = source;
    struct pb_audio_holder *h = &s->holder;
    pb_audio_hurry();
    while (!atomic_load(&s->closing)) {
        pb_audio_woken(h);
        follow_wishes(s);
        if (atomic_load(&s->paused)) {
            pb_audio_let_go(h, "paused");
            s->clock.running = false;
            s->filled = 0;
            if (atomic_load(&s->paused) && !atomic_load(&s->closing)) pb_audio_rest(h, -1);
            continue;
        }
        if (!h->device) {
            if (pb_audio_retry(h)) {
                pb_opus_reset(&s->encoder);
                s->clock.running = false;
                s->filled = 0;
                if (s->lost) notify(s, PB_AUDIO_BACK);
                s->lost = false;
            }
            continue;
        }
        enum pb_status status = h->backend->wait(h->device, h->wake_fd, 1000);
        if (status == PB_OK) status = read_all(s);
        if (status == PB_OK || status == PB_AGAIN) continue;
        pb_audio_lose(h);
        if (!s->lost) notify(s, PB_AUDIO_LOST);
        s->lost = true;
    }
    return NULL;
}

struct pb_audio_source *pb_audio_source_open(const char *backend, const char *device, uint32_t flags, uint32_t frame_us,
                                             uint32_t bitrate_bps, pb_wake_fn wake, char *error, uint32_t error_size) {
    struct pb_audio_source *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->holder.wake_fd = -1;
    s->waker.fn = wake;
    bool size_known = frame_us == 20000 || frame_us == 10000 || frame_us == 5000 || frame_us == 2500;
    if (!size_known || pb_audio_source_set(s, PB_AUDIO_SOURCE_KEY_BITRATE_BPS, bitrate_bps)) {
        pb_error(error, error_size,
                 "sound in packets of %u us at %u bit/s is not possible: use 20000, 10000, 5000 or 2500 us and 6000 to 510000 bit/s",
                 frame_us, bitrate_bps);
        goto fail;
    }
    const struct pb_audio_settings settings = {.device = device,
                                               .capture = true,
                                               .microphone = flags & PB_AUDIO_SOURCE_FLAG_MICROPHONE,
                                               .period_frames = frame_us * 48 / 1000};
    if (!pb_opus_open(&s->encoder, settings.period_frames, bitrate_bps)) {
        pb_error(error, error_size, "the Opus encoder cannot be started");
        goto fail;
    }
    if (!pb_audio_hold(&s->holder, backend, &settings, error, error_size)) goto fail;
    s->running = !pthread_create(&s->thread, NULL, run, s);
    if (!s->running) {
        pb_error(error, error_size, "the sound thread cannot be started: %s", strerror(errno));
        goto fail;
    }
    pthread_setname_np(s->thread, "pb-sound-in");
    return s;
fail:
    pb_audio_source_close(s);
    return NULL;
}

uint32_t pb_audio_source_describe(struct pb_audio_source *s, char *out, uint32_t size) {
    return pb_audio_describe(&s->holder, out, size);
}

int32_t pb_audio_source_set(struct pb_audio_source *s, uint32_t key, uint32_t value) {
    switch (key) {
    case PB_AUDIO_SOURCE_KEY_BITRATE_BPS:
        if (value < MIN_BITRATE_BPS || value > MAX_BITRATE_BPS) return -1;
        atomic_store_explicit(&s->bitrate_bps, value, memory_order_relaxed);
        break;
    case PB_AUDIO_SOURCE_KEY_LOSS_PERCENT:
        if (value > 100) return -1;
        atomic_store_explicit(&s->loss_percent, value, memory_order_relaxed);
        break;
    case PB_AUDIO_SOURCE_KEY_MUTED: atomic_store_explicit(&s->muted, value != 0, memory_order_relaxed); break;
    case PB_AUDIO_SOURCE_KEY_PAUSED: atomic_store(&s->paused, value != 0); break;
    default: return -1;
    }
    if (s->running) pb_audio_wake(&s->holder);
    return 0;
}

void pb_audio_source_rearm(struct pb_audio_source *s) { pb_waker_arm(&s->waker); }

int32_t pb_audio_source_take(struct pb_audio_source *s, struct pb_audio_packet *out) { return pb_audio_queue_take(&s->queue, out); }

void pb_audio_source_release(struct pb_audio_source *s) { pb_audio_queue_release(&s->queue); }

void pb_audio_source_stats(struct pb_audio_source *s, struct pb_audio_source_stats *out) {
    *out = (struct pb_audio_source_stats){
        .captured = atomic_load_explicit(&s->captured, memory_order_relaxed),
        .encoded = atomic_load_explicit(&s->encoded, memory_order_relaxed),
        .encoded_bytes = atomic_load_explicit(&s->encoded_bytes, memory_order_relaxed),
        .overruns = atomic_load_explicit(&s->overruns, memory_order_relaxed),
        .dropped_full = atomic_load_explicit(&s->dropped_full, memory_order_relaxed),
        .encode_errors = atomic_load_explicit(&s->encode_errors, memory_order_relaxed),
        .device_lost = atomic_load_explicit(&s->holder.lost, memory_order_relaxed),
        .reopened = atomic_load_explicit(&s->holder.reopened, memory_order_relaxed),
        .fec = atomic_load_explicit(&s->fec, memory_order_relaxed),
        .latency_us = atomic_load_explicit(&s->latency_us, memory_order_relaxed),
    };
}

void pb_audio_source_close(struct pb_audio_source *s) {
    if (!s) return;
    if (s->running) {
        atomic_store(&s->closing, true);
        pb_audio_wake(&s->holder);
        pthread_join(s->thread, NULL);
    }
    pb_audio_release(&s->holder);
    pb_opus_close(&s->encoder);
    free(s);
}
