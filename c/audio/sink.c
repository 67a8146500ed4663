/* The sound sink: TypeScript pushes packets, one thread decodes what is due and writes it to a device. It decides nothing but when to
 * play what (playout.c). A lost device is tried again until it is back. */
#include "device.h"
#include "distance.h"
#include "playout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_FRAMES = 240,
    MAX_DELAY_US = 2000000
};

struct pb_audio_sink {
    struct pb_audio_holder holder;
    struct pb_playout playout;
    pthread_t thread;
    bool running, playout_open;
    atomic_bool closing;
    atomic_ullong underruns;
    struct pb_distance distance; /* the thread's */
};

static void keep_distance(struct pb_audio_sink *s, bool ran_dry) {
    uint64_t now = pb_monotonic_us();
    if (ran_dry) {
        atomic_fetch_add_explicit(&s->underruns, 1, memory_order_relaxed);
        pb_playout_torn(&s->playout);
    }
    if (!(ran_dry ? pb_distance_ran_dry(&s->distance, now) : pb_distance_served(&s->distance, now))) return;
    s->holder.settings.target_frames = (uint32_t)pb_audio_us_frames(s->distance.target_us);
    s->holder.backend->retarget(s->holder.device, s->holder.settings.target_frames);
}

static enum pb_status write_all(struct pb_audio_sink *s) {
    int16_t frames[CHUNK_FRAMES * 2];
    uint32_t room = 0;
    uint64_t heard_us = 0;
    enum pb_status status = s->holder.backend->room(s->holder.device, &room, &heard_us);
    if (status == PB_OK || status == PB_REINIT) keep_distance(s, status == PB_REINIT);
    for (; (status == PB_OK || status == PB_REINIT) && room >= CHUNK_FRAMES; room -= CHUNK_FRAMES) {
        pb_playout_pull(&s->playout, frames, CHUNK_FRAMES, pb_monotonic_us(), heard_us);
        status = s->holder.backend->write(s->holder.device, frames, CHUNK_FRAMES);
        heard_us += (uint64_t)pb_audio_frames_us(CHUNK_FRAMES);
    }
    return status == PB_REINIT ? PB_OK : status;
}

static void *run(void *sink) {
    struct pb_audio_sink *s = sink;
    struct pb_audio_holder *h = &s->holder;
    pb_audio_hurry();
    while (!atomic_load(&s->closing)) {
        pb_audio_woken(h);
        if (!h->device) {
            pb_audio_retry(h);
            continue;
        }
        enum pb_status status = h->backend->wait(h->device, h->wake_fd, 1000);
        if (status == PB_OK || status == PB_AGAIN) status = write_all(s);
        if (status != PB_OK && status != PB_AGAIN) pb_audio_lose(h);
    }
    return NULL;
}

struct pb_audio_sink *pb_audio_sink_open(const char *backend, const char *device, uint32_t flags, uint32_t min_delay_us, char *error,
                                         uint32_t error_size) {
    struct pb_audio_sink *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->holder.wake_fd = -1;
    if (min_delay_us > MAX_DELAY_US) min_delay_us = MAX_DELAY_US;
    s->playout_open = true;
    if (!pb_playout_open(&s->playout)) {
        pb_error(error, error_size, "the Opus decoder cannot be started");
        goto fail;
    }
    s->playout.wishes.min_delay_us = min_delay_us;
    /* Whoever can wait anyway gets a device that is harder to drain. */
    uint32_t target_us = min_delay_us / 2 < PB_DISTANCE_MOST_US ? min_delay_us / 2 : PB_DISTANCE_MOST_US;
    const struct pb_audio_settings settings = {.device = device,
                                               .virtual_source = flags & PB_AUDIO_SINK_FLAG_VIRTUAL_SOURCE,
                                               .period_frames = CHUNK_FRAMES,
                                               .target_frames = (uint32_t)pb_audio_us_frames(target_us)};
    if (!pb_audio_hold(&s->holder, backend, &settings, error, error_size)) goto fail;
    if (target_us < s->holder.backend->least_target_us) target_us = s->holder.backend->least_target_us;
    pb_distance_begin(&s->distance, target_us, pb_monotonic_us());
    s->holder.settings.target_frames = (uint32_t)pb_audio_us_frames(target_us);
    s->running = !pthread_create(&s->thread, NULL, run, s);
    if (!s->running) {
        pb_error(error, error_size, "the sound thread cannot be started: %s", strerror(errno));
        goto fail;
    }
    pthread_setname_np(s->thread, "pb-sound-out");
    return s;
fail:
    pb_audio_sink_close(s);
    return NULL;
}

uint32_t pb_audio_sink_describe(struct pb_audio_sink *s, char *out, uint32_t size) { return pb_audio_describe(&s->holder, out, size); }

int32_t pb_audio_sink_push(struct pb_audio_sink *s, const void *data, uint32_t size, double capture_us) {
    return pb_playout_push(&s->playout, data, size, capture_us, pb_monotonic_us());
}

void pb_audio_sink_clock(struct pb_audio_sink *s, double offset_us) {
    if (!(offset_us > -9e15 && offset_us < 9e15)) return;
    pthread_mutex_lock(&s->playout.lock);
    s->playout.wishes.clock_offset_us = offset_us;
    pthread_mutex_unlock(&s->playout.lock);
}

int32_t pb_audio_sink_set(struct pb_audio_sink *s, uint32_t key, uint32_t value) {
    struct pb_playout_wishes *w = &s->playout.wishes;
    int32_t status = 0;
    pthread_mutex_lock(&s->playout.lock);
    float loudness = (float)value / 10000;
    if (key == PB_AUDIO_SINK_KEY_TARGET_DELAY_US && value <= MAX_DELAY_US)
        w->target_delay_us = value;
    else if (key == PB_AUDIO_SINK_KEY_VOLUME && value <= 10000)
        w->volume = loudness * loudness * loudness;
    else if (key == PB_AUDIO_SINK_KEY_MUTED && value <= 1)
        w->muted = value;
    else
        status = -1;
    pthread_mutex_unlock(&s->playout.lock);
    return status;
}

void pb_audio_sink_stats(struct pb_audio_sink *s, struct pb_audio_sink_stats *out) {
    pb_playout_stats(&s->playout, out, pb_monotonic_us());
    out->underruns = atomic_load_explicit(&s->underruns, memory_order_relaxed);
    out->device_lost = atomic_load_explicit(&s->holder.lost, memory_order_relaxed);
    out->reopened = atomic_load_explicit(&s->holder.reopened, memory_order_relaxed);
}

void pb_audio_sink_close(struct pb_audio_sink *s) {
    if (!s) return;
    if (s->running) {
        atomic_store(&s->closing, true);
        pb_audio_wake(&s->holder);
        pthread_join(s->thread, NULL);
    }
    pb_audio_release(&s->holder);
    if (s->playout_open) pb_playout_close(&s->playout);
    free(s);
}
