/* A camera that streams: takes frames, starts anew after a fault, and waits for a device that went away until it is back. It
 * sleeps in poll() only. Whatever fails is counted and its sentence kept for who asks. */
#include "../gen/abi.h"
#include "v4l2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* While the device is away it is looked for this often; without a frame for so long it is started anew. */
enum { LOOK_AGAIN_MS = 500, STALL_MS = 5000, FIRST_LOOK_MS = 20 };

struct camera {
    struct v4l2_stream stream;
    struct v4l2_identity identity;
    struct v4l2_target target;
    struct v4l2_wish wish;
    struct camera_counters counters;
    struct camera_format told; /* the format that the user of the camera knows */
    uint64_t frame_us, look_us; /* when a frame came last; when to look for the device again */
    bool away, rests;
    char error[256];
};

static bool same_format(const struct camera_format *a, const struct camera_format *b) {
    return a->fourcc == b->fourcc && a->width == b->width && a->height == b->height && a->stride == b->stride &&
           a->matrix == b->matrix && a->full_range == b->full_range;
}

struct camera *camera_open(const struct camera_settings *settings, char *error, size_t error_size) {
    struct camera *c = calloc(1, sizeof *c);
    if (!c) {
        pb_error(error, error_size, "no memory left");
        return NULL;
    }
    c->stream.device = V4L2_CLOSED;
    c->stream.held = -1;
    c->stream.counters = &c->counters;
    c->wish = (struct v4l2_wish){.width = settings->width, .height = settings->height, .fps = settings->fps};
    if (!v4l2_parse_target(settings->target, &c->target, error, error_size)) goto fail;
    c->wish.fourcc = c->target.fourcc;
    if (!v4l2_open_named(&c->stream.device, c->target.device, true, error, error_size)) goto fail;
    c->identity = c->stream.device.identity;
    if (!v4l2_stream_start(&c->stream, &c->wish, c->target.input, error, error_size)) goto fail;
    c->told = c->stream.format;
    c->frame_us = pb_monotonic_us();
    return c;
fail:
    camera_close(c);
    return NULL;
}

void camera_close(struct camera *c) {
    if (!c) return;
    v4l2_stream_stop(&c->stream);
    free(c);
}

const struct camera_format *camera_format(const struct camera *c) { return &c->told; }
struct camera_counters *camera_counters(struct camera *c) { return &c->counters; }
int camera_descriptor(const struct camera *c) { return c->away || c->rests ? -1 : c->stream.device.fd; }
uint32_t camera_state(const struct camera *c) {
    return c->away ? PB_CAMERA_STATE_AWAY : c->rests ? PB_CAMERA_STATE_RESTS : PB_CAMERA_STATE_STREAMS;
}
bool camera_holds(const struct camera *c) { return c->stream.held >= 0; }
void camera_release(struct camera *c) { v4l2_stream_release(&c->stream); }

void camera_describe(const struct camera *c, char *out, size_t size) {
    char fourcc[8];
    const struct camera_format *f = &c->told;
    v4l2_fourcc_text(f->fourcc, fourcc);
    if (c->away)
        pb_error(out, size, "%s is away: %s", c->identity.card, c->error);
    else if (c->rests)
        pb_error(out, size, "%s %s rests, because nobody watches", c->stream.device.path, c->identity.card);
    else if (f->interval_num)
        pb_error(out, size, "%s %s, %s %ux%u at %.4g fps", c->stream.device.path, c->identity.card, fourcc, f->width, f->height,
                 (double)f->interval_den / f->interval_num);
    else
        pb_error(out, size, "%s %s, %s %ux%u", c->stream.device.path, c->identity.card, fourcc, f->width, f->height);
}

bool camera_probe(const char *target, char *detail, size_t size) {
    struct v4l2_target t;
    struct v4l2_device d;
    if (!v4l2_parse_target(target, &t, detail, size) || !v4l2_open_named(&d, t.device, true, detail, size)) return false;
    pb_error(detail, size, "camera %s %s (%s)", d.path, d.identity.card, d.identity.bus);
    v4l2_close(&d);
    return true;
}

/* The device is closed, because one that is gone only comes back when nobody has it open. */
static void leave(struct camera *c, uint64_t now) {
    v4l2_stream_stop(&c->stream);
    c->away = true;
    c->look_us = now + FIRST_LOOK_MS * 1000;
}

void camera_rest(struct camera *c, bool rests) {
    if (rests == c->rests) return;
    c->rests = rests;
    if (c->away) return;
    c->frame_us = pb_monotonic_us();
    if (rests)
        v4l2_stream_rest(&c->stream);
    else if (!v4l2_stream_go_on(&c->stream, c->error, sizeof c->error)) {
        c->counters.faults++;
        leave(c, c->frame_us);
    }
}

/* Opens the device again if it is there. PB_REINIT when its pictures are others now. */
static enum pb_status look(struct camera *c, uint64_t now) {
    char error[256] = "";
    c->look_us = now + LOOK_AGAIN_MS * 1000;
    bool opened = v4l2_open_again(&c->stream.device, &c->identity, error, sizeof error);
    if (!opened || !v4l2_stream_start(&c->stream, &c->wish, c->target.input, error, sizeof error)) {
        v4l2_close(&c->stream.device);
        if (*error) memcpy(c->error, error, sizeof error);
        return PB_AGAIN;
    }
    c->away = false;
    c->counters.reopened++;
    c->frame_us = pb_monotonic_us();
    bool same = same_format(&c->told, &c->stream.format);
    c->told = c->stream.format;
    return same ? PB_AGAIN : PB_REINIT;
}

/* What a failed turn means. PB_AGAIN: go on. */
static enum pb_status judge(struct camera *c, enum pb_status status, uint64_t now) {
    if (status == PB_REINIT) { /* the source changed: its new format is found by starting again */
        leave(c, now);
        return look(c, now);
    }
    if (status == PB_LOST) {
        c->counters.gone++;
        leave(c, now);
        return c->target.ends ? PB_LOST : PB_AGAIN;
    }
    c->counters.faults++;
    leave(c, now);
    return PB_AGAIN;
}

/* One turn with a device that is there: waits once, then takes. */
static enum pb_status turn(struct camera *c, struct pollfd *fds, int timeout_ms, struct camera_frame *frame) {
    fds[0] = (struct pollfd){c->stream.device.fd, POLLIN | POLLPRI, 0};
    int ready = v4l2_io_poll(fds, 2, timeout_ms);
    uint64_t now = pb_monotonic_us();
    if (ready < 0 && errno != EINTR && errno != EAGAIN) {
        v4l2_explain(c->error, sizeof c->error, c->stream.device.path, "poll", errno);
        return judge(c, PB_ERROR, now);
    }
    enum pb_status status = PB_AGAIN;
    if (ready > 0 && fds[0].revents & POLLPRI) {
        status = v4l2_stream_events(&c->stream, c->error, sizeof c->error);
        if (status != PB_OK) return judge(c, status, now);
        status = PB_AGAIN;
    }
    if (ready > 0 && fds[0].revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) {
        status = v4l2_stream_take(&c->stream, frame, c->error, sizeof c->error);
        if (status == PB_AGAIN && !(fds[0].revents & POLLIN)) status = PB_ERROR; /* an error that no call explains */
    }
    if (status == PB_OK) c->frame_us = now;
    if (status != PB_OK && status != PB_AGAIN) return judge(c, status, now);
    if (status == PB_AGAIN && now > c->frame_us + STALL_MS * 1000) {
        pb_error(c->error, sizeof c->error, "camera %s: no picture for %u seconds", c->stream.device.path, STALL_MS / 1000);
        c->counters.stalls++;
        leave(c, now);
    }
    return status;
}

static int shorter(int a, uint64_t until_us, uint64_t now) {
    uint64_t left = until_us > now ? (until_us - now + 999) / 1000 : 0;
    return a >= 0 && (uint64_t)a < left ? a : (int)(left < 60000 ? left : 60000);
}

enum pb_status camera_next(struct camera *c, int wake_fd, int timeout_ms, struct camera_frame *frame) {
    uint64_t start = pb_monotonic_us(), now = start;
    struct pollfd fds[2] = {{-1, 0, 0}, {wake_fd, POLLIN, 0}};
    for (;;) {
        enum pb_status status = PB_AGAIN;
        int left = timeout_ms < 0 ? -1 : shorter(timeout_ms, start + (uint64_t)timeout_ms * 1000, now);
        fds[1].revents = 0;
        if (c->rests || (c->away && now < c->look_us)) {
            fds[0] = (struct pollfd){-1, 0, 0};
            v4l2_io_poll(fds, 2, c->rests ? left : shorter(left, c->look_us, now));
        } else if (c->away)
            status = look(c, now);
        else
            status = turn(c, fds, shorter(left, c->frame_us + STALL_MS * 1000 + 1000, now), frame);
        if (status != PB_AGAIN || fds[1].revents) return status;
        now = pb_monotonic_us();
        if (timeout_ms >= 0 && now >= start + (uint64_t)timeout_ms * 1000) return PB_AGAIN;
    }
}
