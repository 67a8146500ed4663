/* Sound through ALSA, by libasound. The device's own buffer is as large as it gets up to half a second; how much lies in it is decided
 * here, so that latency can change without opening it again. ALSA has no monitor: what a machine plays can be recorded only where
 * something plays into a loopback card. */
#include "alsa_library.h"
#include "audio.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_FRAMES = 24000, PERIOD_FRAMES = 240, POLL_MAX = 8 };

struct pb_audio_device {
    const struct pb_alsa *alsa;
    snd_pcm_t *pcm;
    bool capture, ran_dry;
    uint32_t period;               /* what the caller handles at a time */
    uint32_t target;               /* playback: frames between write() and the ear */
    snd_pcm_uframes_t device_period, buffer;
    char name[128], fault[384];
};

static void note(struct pb_audio_device *d, const char *call, int error) {
    char remedy[256] = "";
    pb_alsa_remedy(error, remedy, sizeof remedy);
    pb_error(d->fault, sizeof d->fault, "%s: %s: %s; %s", d->name, call, d->alsa->strerror(error), remedy);
}

/* Wakes when a period was recorded, or when so much was played that a period fits under the target. */
static int set_thresholds(struct pb_audio_device *d) {
    const struct pb_alsa *a = d->alsa;
    snd_pcm_sw_params_t *sw;
    if (a->pcm_sw_params_malloc(&sw) < 0) return -ENOMEM;
    uint32_t most = (uint32_t)d->buffer > d->period ? (uint32_t)d->buffer - d->period : 1;
    if (d->target > most) d->target = most;
    snd_pcm_uframes_t least = d->period;
    if (!d->capture) least = d->buffer - (d->target > d->period ? d->target - d->period : 0);
    int error = a->pcm_sw_params_current(d->pcm, sw);
    if (!error) error = a->pcm_sw_params_set_avail_min(d->pcm, sw, least);
    /* Playing is started by hand, when what is wanted lies in the buffer. */
    if (!error) error = a->pcm_sw_params_set_start_threshold(d->pcm, sw, d->capture ? 1 : d->buffer * 2);
    if (!error) error = a->pcm_sw_params(d->pcm, sw);
    a->pcm_sw_params_free(sw);
    return error;
}

static bool configure(struct pb_audio_device *d) {
    const struct pb_alsa *a = d->alsa;
    snd_pcm_hw_params_t *hw;
    const char *call = "snd_pcm_hw_params";
    int error = a->pcm_hw_params_malloc(&hw), way = 0;
    if (error < 0) return note(d, call, error), false;
    d->buffer = BUFFER_FRAMES;
    d->device_period = d->period < PERIOD_FRAMES ? d->period : PERIOD_FRAMES;
    error = a->pcm_hw_params_any(d->pcm, hw);
    if (error >= 0) error = a->pcm_hw_params_set_access(d->pcm, hw, SND_PCM_ACCESS_RW_INTERLEAVED);
    if (error >= 0) error = a->pcm_hw_params_set_format(d->pcm, hw, SND_PCM_FORMAT_S16_LE);
    if (error >= 0) error = a->pcm_hw_params_set_channels(d->pcm, hw, PB_AUDIO_CHANNELS);
    if (error >= 0) error = a->pcm_hw_params_set_rate(d->pcm, hw, PB_AUDIO_RATE, 0);
    if (error >= 0) error = a->pcm_hw_params_set_period_size_near(d->pcm, hw, &d->device_period, &way);
    if (error >= 0) error = a->pcm_hw_params_set_buffer_size_near(d->pcm, hw, &d->buffer);
    if (error >= 0) error = a->pcm_hw_params(d->pcm, hw);
    a->pcm_hw_params_free(hw);
    if (error >= 0 && d->buffer < 2 * PERIOD_FRAMES) error = -EINVAL;
    if (error >= 0) {
        call = "snd_pcm_sw_params";
        error = set_thresholds(d);
    }
    if (error >= 0 && d->capture) {
        call = "snd_pcm_start";
        error = a->pcm_start(d->pcm);
    }
    if (error < 0) note(d, call, error);
    return error >= 0;
}

static void close_alsa(struct pb_audio_device *d) {
    if (d->pcm) d->alsa->pcm_close(d->pcm);
    free(d);
}

static struct pb_audio_device *open_alsa(const struct pb_audio_settings *s, char *error, size_t error_size) {
    const struct pb_alsa *alsa = pb_alsa_library(error, error_size);
    if (!alsa) return NULL;
    bool named = s->device && *s->device;
    if (s->virtual_source) {
        pb_error(error, error_size, "a microphone for other programs needs PulseAudio or PipeWire");
        return NULL;
    }
    if (s->capture && !s->microphone && !named) {
        pb_error(error, error_size, "ALSA cannot record what is played; run PulseAudio or PipeWire, or play into a loopback card "
                 "(sudo modprobe snd-aloop) and name its other end, hw:Loopback,1");
        return NULL;
    }
    struct pb_audio_device *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->alsa = alsa;
    d->capture = s->capture;
    d->period = s->period_frames;
    d->target = s->target_frames;
    pb_error(d->name, sizeof d->name, "%s", named ? s->device : "default");
    int status = alsa->pcm_open(&d->pcm, d->name, s->capture ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK);
    if (status < 0) {
        d->pcm = NULL;
        note(d, "snd_pcm_open", status);
    } else if (configure(d)) {
        return d;
    }
    pb_error(error, error_size, "%s", d->fault);
    close_alsa(d);
    return NULL;
}

static bool probe(char *detail, size_t size) {
    const struct pb_alsa *alsa = pb_alsa_library(detail, size);
    if (!alsa) return false;
    snd_pcm_t *pcm;
    int status = alsa->pcm_open(&pcm, "default", SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK);
    if (status >= 0) {
        alsa->pcm_close(pcm);
        pb_error(detail, size, "the default device opens");
        return true;
    }
    char remedy[256] = "";
    pb_alsa_remedy(status, remedy, sizeof remedy);
    pb_error(detail, size, "default: snd_pcm_open: %s; %s", alsa->strerror(status), remedy);
    return false;
}

/* After a failed call: goes on after an overrun or a suspended machine, else says that the device is lost. */
static enum pb_status recover(struct pb_audio_device *d, const char *call, int error) {
    const struct pb_alsa *a = d->alsa;
    if (error == -EAGAIN || error == -EINTR) return PB_AGAIN;
    int status = error;
    if (error == -ESTRPIPE) {
        status = a->pcm_resume(d->pcm);
        if (status == -EAGAIN) return PB_AGAIN;
        if (status < 0) status = a->pcm_prepare(d->pcm);
    } else if (error == -EPIPE) {
        status = a->pcm_prepare(d->pcm);
    }
    if (status >= 0 && d->capture && a->pcm_state(d->pcm) == SND_PCM_STATE_PREPARED) status = a->pcm_start(d->pcm);
    if (status >= 0) return PB_REINIT;
    if (a->pcm_state(d->pcm) == SND_PCM_STATE_DISCONNECTED) status = -ENODEV;
    note(d, call, status);
    return PB_LOST;
}

/* What the state says is wrong, as the number that a call would fail with, or 0. */
static int trouble(const struct pb_audio_device *d) {
    switch (d->alsa->pcm_state(d->pcm)) {
    case SND_PCM_STATE_RUNNING:
    case SND_PCM_STATE_PREPARED: return 0;
    case SND_PCM_STATE_XRUN: return -EPIPE;
    case SND_PCM_STATE_SUSPENDED: return -ESTRPIPE;
    case SND_PCM_STATE_DISCONNECTED: return -ENODEV;
    default: return -EBADFD;
    }
}

/* Starts playing once what is wanted lies in the buffer, less at most a period. */
static void start_when_filled(struct pb_audio_device *d) {
    if (d->capture || d->alsa->pcm_state(d->pcm) != SND_PCM_STATE_PREPARED) return;
    snd_pcm_sframes_t there = d->alsa->pcm_avail(d->pcm);
    if (there >= 0 && (snd_pcm_sframes_t)d->buffer - there + d->period > (snd_pcm_sframes_t)d->target) d->alsa->pcm_start(d->pcm);
}

/* Plugins, such as the one for PulseAudio, say that they are ready although less than a period was recorded, or fits under the target:
 * how long until it is so, in ms. */
static int early_ms(struct pb_audio_device *d) {
    snd_pcm_sframes_t there = d->alsa->pcm_avail(d->pcm);
    if (there < 0) return 0;
    snd_pcm_sframes_t missing = d->capture ? (snd_pcm_sframes_t)d->period - there
                                           : (snd_pcm_sframes_t)d->buffer - there - (snd_pcm_sframes_t)d->target + (snd_pcm_sframes_t)d->period;
    return missing > 0 ? (int)(missing / (PB_AUDIO_RATE / 1000)) + 1 : 0;
}

static enum pb_status wait_alsa(struct pb_audio_device *d, int wake_fd, int timeout_ms) {
    struct pollfd fds[POLL_MAX + 1] = {{.fd = wake_fd, .events = POLLIN}};
    if (trouble(d)) return PB_OK; /* read() and room() will come upon it */
    start_when_filled(d);
    int count = d->alsa->pcm_poll_descriptors_count(d->pcm);
    if (count < 1 || count > POLL_MAX || d->alsa->pcm_poll_descriptors(d->pcm, fds + 1, (unsigned)count) != count) {
        note(d, "snd_pcm_poll_descriptors", -EIO);
        return PB_LOST;
    }
    int ready = poll(fds, (nfds_t)count + 1, timeout_ms);
    if (ready == 0) return PB_AGAIN;
    unsigned short events = 0;
    d->alsa->pcm_poll_descriptors_revents(d->pcm, fds + 1, (unsigned)count, &events);
    if (events & (POLLERR | POLLNVAL | POLLHUP) && !trouble(d)) {
        /* Neither broken nor fine: looks again a little later instead of at once for ever. */
        poll(fds, 1, 2);
    } else if (!(fds[0].revents & POLLIN)) {
        int early = early_ms(d);
        if (early > 0) poll(fds, 1, early < timeout_ms ? early : timeout_ms);
    }
    return PB_OK;
}

static enum pb_status read_alsa(struct pb_audio_device *d, int16_t *frames, uint32_t max, uint32_t *count, uint64_t *first_us) {
    const struct pb_alsa *a = d->alsa;
    snd_pcm_sframes_t there = 0, delay = 0;
    *count = 0;
    int error = a->pcm_avail_delay(d->pcm, &there, &delay);
    if (error < 0) return recover(d, "snd_pcm_avail_delay", error);
    uint64_t now = pb_monotonic_us();
    if (there < 1) return trouble(d) ? recover(d, "recording", trouble(d)) : PB_AGAIN;
    if (delay < there || delay > (snd_pcm_sframes_t)d->buffer * 2) delay = there;
    snd_pcm_sframes_t got = a->pcm_readi(d->pcm, frames, (snd_pcm_uframes_t)there < max ? (snd_pcm_uframes_t)there : max);
    if (got < 0) return recover(d, "snd_pcm_readi", (int)got);
    if (got == 0 || got > max) return PB_AGAIN;
    *count = (uint32_t)got;
    *first_us = now - (uint64_t)pb_audio_frames_us(delay);
    return PB_OK;
}

static enum pb_status room_alsa(struct pb_audio_device *d, uint32_t *count, uint64_t *heard_us) {
    const struct pb_alsa *a = d->alsa;
    snd_pcm_sframes_t there = 0, delay = 0;
    enum pb_status status = PB_OK;
    *count = 0;
    there = a->pcm_avail(d->pcm);
    int error = there < 0 ? (int)there : 0;
    if (!error && a->pcm_state(d->pcm) == SND_PCM_STATE_RUNNING) error = a->pcm_delay(d->pcm, &delay);
    if (error < 0) {
        status = recover(d, "playing", error);
        if (status != PB_REINIT) return status;
        there = a->pcm_avail(d->pcm);
        if (there < 0) return recover(d, "snd_pcm_avail", (int)there) == PB_LOST ? PB_LOST : PB_AGAIN;
    }
    if (trouble(d)) return recover(d, "playing", trouble(d));
    snd_pcm_sframes_t queued = (snd_pcm_sframes_t)d->buffer - there;
    if (queued < 0) queued = 0;
    if (delay < queued || delay > (snd_pcm_sframes_t)d->buffer * 2) delay = queued;
    *count = queued < (snd_pcm_sframes_t)d->target ? d->target - (uint32_t)queued : 0;
    *heard_us = pb_monotonic_us() + (uint64_t)pb_audio_frames_us(delay);
    return status;
}

static enum pb_status write_alsa(struct pb_audio_device *d, const int16_t *frames, uint32_t count) {
    while (count) {
        snd_pcm_sframes_t wrote = d->alsa->pcm_writei(d->pcm, frames, count);
        if (wrote == -EAGAIN) return PB_AGAIN;
        if (wrote < 0) {
            /* Running dry between room() and here is found by the next room() as well. */
            return wrote == -EPIPE || wrote == -ESTRPIPE ? PB_AGAIN : recover(d, "snd_pcm_writei", (int)wrote);
        }
        if (wrote == 0 || wrote > (snd_pcm_sframes_t)count) return PB_AGAIN;
        frames += 2 * wrote;
        count -= (uint32_t)wrote;
    }
    return PB_OK;
}

static void retarget(struct pb_audio_device *d, uint32_t target) {
    d->target = target;
    set_thresholds(d);
}

static void describe(const struct pb_audio_device *d, char *name, size_t name_size, char *detail, size_t detail_size) {
    pb_error(name, name_size, "%s", d->name);
    pb_error(detail, detail_size, "ALSA, periods of %.1f ms in a buffer of %.0f ms", (double)d->device_period / 48,
             (double)d->buffer / 48);
}

static void failure(const struct pb_audio_device *d, char *out, size_t size) { pb_error(out, size, "%s", d->fault); }

const struct pb_audio_backend pb_audio_alsa = {.name = "alsa", .captures = true, .plays = true, .least_target_us = 10000, .probe = probe,
    .open = open_alsa, .wait = wait_alsa, .read = read_alsa, .room = room_alsa, .write = write_alsa, .retarget = retarget,
    .describe = describe, .failure = failure, .close = close_alsa};
