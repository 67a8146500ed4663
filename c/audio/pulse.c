/* Sound through a PulseAudio server or PipeWire's, by libpulse's asynchronous interface: it alone tells latencies. The loop is ours
 * and runs in wait(); no thread is started. Times come from the server's answers, and by counted frames in between: libpulse's own
 * interpolation goes wrong for seconds when a device starts. Without a named device the host's sound is the monitor of the
 * default sink. */
#include "pulse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const pa_sample_spec spec = {.format = PA_SAMPLE_S16LE, .rate = PB_AUDIO_RATE, .channels = PB_AUDIO_CHANNELS};
static const char start_remedy[] =
    "start PulseAudio or PipeWire (systemctl --user start pipewire-pulse), or name the server in PULSE_SERVER";

bool pulse_turn(struct pb_audio_device *d, int64_t timeout_us) {
    if (timeout_us < 0) timeout_us = 0;
    if (timeout_us > INT32_MAX) timeout_us = INT32_MAX;
    return d->pa->mainloop_prepare(d->loop, (int)timeout_us) >= 0 && d->pa->mainloop_poll(d->loop) >= 0 &&
           d->pa->mainloop_dispatch(d->loop) >= 0;
}

static bool alive(const struct pb_audio_device *d) {
    return d->context && PA_CONTEXT_IS_GOOD(d->pa->context_get_state(d->context)) &&
           (!d->stream || PA_STREAM_IS_GOOD(d->pa->stream_get_state(d->stream)));
}

bool pulse_answered(struct pb_audio_device *d, pa_operation *operation) {
    if (!operation) return false;
    uint64_t until = pb_monotonic_us() + PB_PULSE_ANSWER_US, now;
    while (d->pa->operation_get_state(operation) == PA_OPERATION_RUNNING && alive(d) && (now = pb_monotonic_us()) < until)
        if (!pulse_turn(d, (int64_t)(until - now))) break;
    bool done = d->pa->operation_get_state(operation) == PA_OPERATION_DONE;
    if (!done) d->pa->operation_cancel(operation);
    d->pa->operation_unref(operation);
    return done;
}

void pulse_fault(struct pb_audio_device *d, const char *call, const char *remedy) {
    const char *server = d->context ? d->pa->context_get_server(d->context) : NULL;
    const char *said = d->context ? d->pa->strerror(d->pa->context_errno(d->context)) : "no memory";
    pb_error(d->fault, sizeof d->fault, "%s%s%s: %s%s%s", server ? server : "", server ? ": " : "", call, said,
             *remedy ? "; " : "", remedy);
}

static void woken(pa_mainloop_api *api, pa_io_event *event, int fd, pa_io_event_flags_t flags, void *data) {
    (void)api, (void)event, (void)fd, (void)flags;
    ((struct pb_audio_device *)data)->woken = true;
}
static void overflowed(pa_stream *stream, void *data) {
    (void)stream;
    ((struct pb_audio_device *)data)->overflowed = true;
}
static void underflowed(pa_stream *stream, void *data) {
    (void)stream;
    ((struct pb_audio_device *)data)->underflowed = true;
}

enum { ASK_FIRST_US = 50000, ASK_LATER_US = 250000, FIRST_ANSWERS = 20 };

static void timed(pa_stream *stream, int success, void *data) {
    struct pb_audio_device *d = data;
    pa_usec_t us = 0;
    int negative = 0;
    if (!success || d->pa->stream_get_latency(stream, &us, &negative) < 0 || us > 10000000) return;
    int64_t latency = negative ? -(int64_t)us : (int64_t)us;
    d->anchor_us = (int64_t)pb_monotonic_us() + (d->capture ? -latency : latency);
    d->anchor_position = d->position - d->skip / PB_PULSE_FRAME_BYTES;
    d->anchored = true;
    d->answers++;
}

/* Asks now and then, at first often, how far the device is. A recording is asked about when it has begun. */
static void ask_time(struct pb_audio_device *d, bool at_once) {
    uint64_t now = pb_monotonic_us();
    if (d->asking) {
        if (d->pa->operation_get_state(d->asking) == PA_OPERATION_RUNNING) return;
        d->pa->operation_unref(d->asking);
        d->asking = NULL;
    }
    if (d->capture && !d->anchored && d->pa->stream_readable_size(d->stream) == 0) return;
    if (!at_once && d->anchored && now - d->asked_us < (d->answers < FIRST_ANSWERS ? ASK_FIRST_US : ASK_LATER_US)) return;
    d->asked_us = now;
    d->asking = d->pa->stream_update_timing_info(d->stream, timed, d);
}

/* When the next frame was recorded or will be heard. */
static uint64_t next_us(const struct pb_audio_device *d) {
    int64_t us = d->anchor_us + pb_audio_frames_us((int64_t)(d->position - d->anchor_position));
    return us > 0 ? (uint64_t)us : 0;
}

static void close_pulse(struct pb_audio_device *d) {
    const struct pb_pulse *pa = d->pa;
    if (d->asking) {
        pa->operation_cancel(d->asking);
        pa->operation_unref(d->asking);
    }
    if (d->stream) {
        pa->stream_disconnect(d->stream);
        pa->stream_unref(d->stream);
        d->stream = NULL;
    }
    if (d->context) {
        if (alive(d)) pulse_remove_microphone(d);
        pa->context_disconnect(d->context);
        pa->context_unref(d->context);
    }
    if (d->wake_event) pa->mainloop_get_api(d->loop)->io_free(d->wake_event);
    if (d->loop) pa->mainloop_free(d->loop);
    free(d);
}

static struct pb_audio_device *connect_server(char *error, size_t error_size) {
    const struct pb_pulse *pa = pb_pulse_library(error, error_size);
    if (!pa) return NULL;
    struct pb_audio_device *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->pa = pa;
    d->wake_fd = -1;
    d->modules[0] = d->modules[1] = PA_INVALID_INDEX;
    d->loop = pa->mainloop_new();
    if (d->loop) d->context = pa->context_new(pa->mainloop_get_api(d->loop), "Patchbay");
    if (!d->context || pa->context_connect(d->context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL) < 0) goto fail;
    uint64_t until = pb_monotonic_us() + PB_PULSE_ANSWER_US, now;
    while (alive(d) && pa->context_get_state(d->context) != PA_CONTEXT_READY && (now = pb_monotonic_us()) < until)
        if (!pulse_turn(d, (int64_t)(until - now))) break;
    if (pa->context_get_state(d->context) == PA_CONTEXT_READY) return d;
fail:
    pulse_fault(d, "pa_context_connect", start_remedy);
    pb_error(error, error_size, "%s", d->fault);
    close_pulse(d);
    return NULL;
}

static bool probe(char *detail, size_t size) {
    struct pb_audio_device *d = connect_server(detail, size);
    if (!d) return false;
    pb_error(detail, size, "server at %s", d->pa->context_get_server(d->context));
    close_pulse(d);
    return true;
}

static uint32_t bytes_of(uint32_t frames) { return frames * PB_PULSE_FRAME_BYTES; }

static pa_buffer_attr playback_attributes(const struct pb_audio_device *d, uint32_t target) {
    return (pa_buffer_attr){.maxlength = UINT32_MAX,
                            .tlength = bytes_of(target),
                            .prebuf = bytes_of(d->period),
                            .minreq = bytes_of(d->period),
                            .fragsize = UINT32_MAX};
}

static bool connect_stream(struct pb_audio_device *d, const struct pb_audio_settings *s, const char *device) {
    const struct pb_pulse *pa = d->pa;
    pa_stream_flags_t flags = PA_STREAM_ADJUST_LATENCY;
    /* A server moves streams of the old default source to the new one, and who listens to a monitor would hear a microphone. */
    if (device) flags |= PA_STREAM_DONT_MOVE;
    d->stream = pa->stream_new(d->context, s->microphone ? "microphone" : s->capture ? "what is played here" : "sound", &spec, NULL);
    if (!d->stream) return false;
    pa->stream_set_overflow_callback(d->stream, overflowed, d);
    pa->stream_set_underflow_callback(d->stream, underflowed, d);
    pa_buffer_attr attributes = playback_attributes(d, s->target_frames);
    if (s->capture) {
        attributes = (pa_buffer_attr){.maxlength = UINT32_MAX, .fragsize = bytes_of(s->period_frames)};
        if (pa->stream_connect_record(d->stream, device, &attributes, flags) < 0) return false;
    } else if (pa->stream_connect_playback(d->stream, device, &attributes, flags, NULL, NULL) < 0) {
        return false;
    }
    uint64_t until = pb_monotonic_us() + PB_PULSE_ANSWER_US, now;
    while (alive(d) && pa->stream_get_state(d->stream) != PA_STREAM_READY && (now = pb_monotonic_us()) < until)
        if (!pulse_turn(d, (int64_t)(until - now))) return false;
    if (pa->stream_get_state(d->stream) != PA_STREAM_READY) return false;
    if (!s->capture) pulse_answered(d, pa->stream_update_timing_info(d->stream, timed, d));
    return true;
}

static struct pb_audio_device *open_pulse(const struct pb_audio_settings *s, char *error, size_t error_size) {
    struct pb_audio_device *d = connect_server(error, error_size);
    if (!d) return NULL;
    d->capture = s->capture;
    d->period = s->period_frames;
    bool named = s->device && *s->device;
    const char *device = named ? s->device : s->capture && !s->microphone ? "@DEFAULT_MONITOR@" : NULL;
    char sink[96];
    if (s->virtual_source) {
        if (!pulse_add_microphone(d, s->device, sink, sizeof sink)) goto fail;
        device = sink;
    }
    if (!connect_stream(d, s, device)) {
        char call[192];
        pb_error(call, sizeof call, "%s of \"%s\"", s->capture ? "recording" : "playing", device ? device : "the default");
        pulse_fault(d, call, s->capture ? "`pactl list short sources` names what there is"
                                           : "`pactl list short sinks` names what there is");
        goto fail;
    }
    const char *got = d->pa->stream_get_device_name(d->stream);
    if (s->microphone && !named && got && strlen(got) > 8 && !strcmp(got + strlen(got) - 8, ".monitor")) {
        pb_error(d->fault, sizeof d->fault, 
                 "there is no microphone: the default source is %s; plug one in or name one of `pactl list short sources`", got);
        goto fail;
    }
    return d;
fail:
    pb_error(error, error_size, "%s", d->fault);
    close_pulse(d);
    return NULL;
}

static bool something_to_do(const struct pb_audio_device *d) {
    if (d->capture && !d->anchored) return false;
    size_t bytes = d->capture ? d->pa->stream_readable_size(d->stream) : d->pa->stream_writable_size(d->stream);
    return bytes != (size_t)-1 && bytes >= (d->capture ? 1 : bytes_of(d->period));
}

static enum pb_status wait_pulse(struct pb_audio_device *d, int wake_fd, int timeout_ms) {
    if (wake_fd != d->wake_fd) {
        pa_mainloop_api *api = d->pa->mainloop_get_api(d->loop);
        if (d->wake_event) api->io_free(d->wake_event);
        d->wake_event = api->io_new(api, wake_fd, PA_IO_EVENT_INPUT, woken, d);
        d->wake_fd = wake_fd;
    }
    d->woken = false;
    uint64_t now = pb_monotonic_us(), until = now + (uint64_t)timeout_ms * 1000;
    /* At least one turn: the server's messages are read even when there is always something to do. */
    do {
        ask_time(d, false);
        if (!pulse_turn(d, something_to_do(d) ? 0 : (int64_t)(until - now)) || !alive(d)) {
            pulse_fault(d, "the connection", start_remedy);
            return PB_LOST;
        }
        if (something_to_do(d) || d->woken) return PB_OK;
        now = pb_monotonic_us();
    } while (now < until);
    return PB_AGAIN;
}

static enum pb_status read_pulse(struct pb_audio_device *d, int16_t *frames, uint32_t max, uint32_t *count, uint64_t *first_us) {
    *count = 0;
    enum pb_status status = d->overflowed ? PB_REINIT : PB_OK;
    d->overflowed = false;
    if (!d->anchored) return PB_AGAIN;
    const void *data;
    size_t size = 0;
    if (d->pa->stream_peek(d->stream, &data, &size) < 0) {
        pulse_fault(d, "pa_stream_peek", "");
        return PB_LOST;
    }
    if (!size) return status == PB_OK ? PB_AGAIN : status;
    if (d->skip > size) d->skip = 0;
    uint32_t there = (uint32_t)((size - d->skip) / PB_PULSE_FRAME_BYTES);
    *count = there < max ? there : max;
    /* A hole in the recording has a size but no bytes. */
    if (data)
        memcpy(frames, (const uint8_t *)data + d->skip, bytes_of(*count));
    else
        memset(frames, 0, bytes_of(*count));
    *first_us = next_us(d);
    d->position += *count;
    d->skip += bytes_of(*count);
    if (size - d->skip < PB_PULSE_FRAME_BYTES) {
        d->pa->stream_drop(d->stream);
        d->skip = 0;
    }
    return status;
}

static enum pb_status room_pulse(struct pb_audio_device *d, uint32_t *count, uint64_t *heard_us) {
    size_t bytes = d->pa->stream_writable_size(d->stream);
    if (bytes == (size_t)-1) {
        pulse_fault(d, "pa_stream_writable_size", "");
        return PB_LOST;
    }
    *count = (uint32_t)(bytes / PB_PULSE_FRAME_BYTES);
    if (*count > PB_AUDIO_RATE) *count = PB_AUDIO_RATE;
    uint64_t now = pb_monotonic_us();
    *heard_us = d->anchored && next_us(d) > now ? next_us(d) : now;
    bool dry = d->underflowed && d->wrote;
    if (d->underflowed) ask_time(d, true);
    d->underflowed = false;
    return dry ? PB_REINIT : PB_OK;
}

static enum pb_status write_pulse(struct pb_audio_device *d, const int16_t *frames, uint32_t count) {
    d->wrote = true;
    d->position += count;
    if (d->pa->stream_write(d->stream, frames, bytes_of(count), NULL, 0, PA_SEEK_RELATIVE) == 0) return PB_OK;
    pulse_fault(d, "pa_stream_write", "");
    return PB_LOST;
}

static void retarget(struct pb_audio_device *d, uint32_t target) {
    pa_buffer_attr attributes = playback_attributes(d, target);
    pulse_answered(d, d->pa->stream_set_buffer_attr(d->stream, &attributes, NULL, NULL));
}

static void describe(const struct pb_audio_device *d, char *name, size_t name_size, char *detail, size_t detail_size) {
    const char *device = d->pa->stream_get_device_name(d->stream), *server = d->pa->context_get_server(d->context);
    pb_error(name, name_size, "%s", device ? device : "");
    pb_error(detail, detail_size, "PulseAudio server at %s%s", server ? server : "an unknown place",
             d->modules[1] != PA_INVALID_INDEX ? ", a microphone for other programs" : "");
}

static void failure(const struct pb_audio_device *d, char *out, size_t size) { pb_error(out, size, "%s", d->fault); }

const struct pb_audio_backend pb_audio_pulse = {.name = "pulse", .captures = true, .plays = true, .least_target_us = 10000, .probe = probe,
    .open = open_pulse, .wait = wait_pulse, .read = read_pulse, .room = room_pulse, .write = write_pulse, .retarget = retarget,
    .describe = describe, .failure = failure, .close = close_pulse};
