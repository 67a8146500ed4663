/* Streams by buffers that the driver fills and this process maps. A frame is read where the driver wrote it, and handed back
 * when it is done with, or when a newer one came. Frames that are marked as broken, or whose numbers cannot be, are counted and
 * given back. */
#include "v4l2.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { WANTED_BUFFERS = 4, MOST_BUFFER_BYTES = 1 << 30, OLDEST_US = 10000000 };

/* A buffer's description for either interface. */
struct slot {
    struct v4l2_buffer buffer;
    struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

static void prepare(const struct v4l2_device *d, struct slot *s, uint32_t index) {
    memset(s, 0, sizeof *s);
    s->buffer.type = d->type;
    s->buffer.memory = V4L2_MEMORY_MMAP;
    s->buffer.index = index;
    if (!d->mplane) return;
    s->buffer.m.planes = s->planes;
    s->buffer.length = VIDEO_MAX_PLANES;
}

static bool is_gone(int number) { return number == ENODEV || number == ENXIO; }

static bool enqueue(struct v4l2_stream *s, uint32_t index) {
    struct slot slot;
    prepare(&s->device, &slot, index);
    s->buffers[index].queued = v4l2_call(&s->device, VIDIOC_QBUF, &slot.buffer) >= 0;
    return s->buffers[index].queued;
}

static bool map(struct v4l2_stream *s, uint32_t index, uint64_t needed, char *error, size_t error_size) {
    struct slot slot;
    prepare(&s->device, &slot, index);
    if (v4l2_call(&s->device, VIDIOC_QUERYBUF, &slot.buffer) < 0) {
        v4l2_explain(error, error_size, s->device.path, "VIDIOC_QUERYBUF", errno);
        return false;
    }
    uint32_t length = s->device.mplane ? slot.planes[0].length : slot.buffer.length;
    uint32_t offset = s->device.mplane ? slot.planes[0].m.mem_offset : slot.buffer.m.offset;
    if (!length || length < needed || length > MOST_BUFFER_BYTES) {
        pb_error(error, error_size, "camera %s: VIDIOC_QUERYBUF: a buffer of %u bytes for pictures of %" PRIu64 "; its driver is broken",
                 s->device.path, length, needed);
        return false;
    }
    s->buffers[index].memory = v4l2_io_map(s->device.fd, length, offset);
    s->buffers[index].length = length;
    if (!s->buffers[index].memory) v4l2_explain(error, error_size, s->device.path, "mmap", errno);
    return s->buffers[index].memory;
}

static bool request(struct v4l2_stream *s, uint32_t count) {
    struct v4l2_requestbuffers r = {.count = count, .type = s->device.type, .memory = V4L2_MEMORY_MMAP};
    if (v4l2_call(&s->device, VIDIOC_REQBUFS, &r) < 0) return false;
    s->count = r.count;
    return true;
}

/* Gives the driver all buffers and switches on. `*number` says why the device refused to stream, 0 when it was not that. */
static bool run(struct v4l2_stream *s, int *number, char *error, size_t error_size) {
    for (uint32_t i = 0; i < s->count; i++)
        if (!enqueue(s, i)) {
            v4l2_explain(error, error_size, s->device.path, "VIDIOC_QBUF", errno);
            return false;
        }
    uint32_t type = s->device.type;
    s->on = v4l2_call(&s->device, VIDIOC_STREAMON, &type) >= 0;
    if (s->on) return true;
    *number = errno;
    v4l2_explain(error, error_size, s->device.path, "VIDIOC_STREAMON", *number);
    return false;
}

static bool start_buffers(struct v4l2_stream *s, int *number, char *error, size_t error_size) {
    const char *path = s->device.path;
    const struct camera_format *f = &s->format;
    uint64_t needed = camera_is_jpeg(f->fourcc) ? 1 : camera_raw_bytes(f->fourcc, f->width, f->height, f->stride);
    if (!request(s, WANTED_BUFFERS)) {
        v4l2_explain(error, error_size, path, "VIDIOC_REQBUFS", errno);
        return false;
    }
    if (s->count < 2 || s->count > VIDEO_MAX_FRAME) {
        pb_error(error, error_size, "camera %s: VIDIOC_REQBUFS: %u buffers, and 2 to %u can be used", path, s->count, VIDEO_MAX_FRAME);
        s->count = 0;
        return false;
    }
    for (uint32_t i = 0; i < s->count; i++)
        if (!map(s, i, needed, error, error_size)) return false;
    return run(s, number, error, error_size);
}

void v4l2_stream_rest(struct v4l2_stream *s) {
    uint32_t type = s->device.type;
    if (s->on) v4l2_call(&s->device, VIDIOC_STREAMOFF, &type);
    for (uint32_t i = 0; i < s->count; i++) s->buffers[i].queued = false; /* switching off gave them all back */
    s->on = s->has_sequence = false;
    s->held = -1;
}

bool v4l2_stream_go_on(struct v4l2_stream *s, char *error, size_t error_size) {
    int number = 0;
    return run(s, &number, error, error_size);
}

static void end_buffers(struct v4l2_stream *s) {
    v4l2_stream_rest(s);
    bool requested = s->count > 0;
    for (uint32_t i = 0; i < VIDEO_MAX_FRAME; i++) {
        if (s->buffers[i].memory) v4l2_io_unmap(s->buffers[i].memory, s->buffers[i].length);
        s->buffers[i] = (struct v4l2_buffer_memory){0};
    }
    if (requested) request(s, 0);
    s->count = 0;
}

/* The input that the target names, with the signal's own timings where it has some (HDMI). */
static bool select_input(const struct v4l2_device *d, int32_t input, char *error, size_t error_size) {
    int32_t index = input;
    if (input >= 0 && v4l2_call(d, VIDIOC_S_INPUT, &index) < 0) {
        v4l2_explain(error, error_size, d->path, "VIDIOC_S_INPUT", errno);
        return false;
    }
    if (v4l2_call(d, VIDIOC_G_INPUT, &index) < 0) return true;
    struct v4l2_input i = {.index = (uint32_t)index};
    struct v4l2_dv_timings timings;
    memset(&timings, 0, sizeof timings);
    if (v4l2_call(d, VIDIOC_ENUMINPUT, &i) < 0 || !(i.capabilities & V4L2_IN_CAP_DV_TIMINGS)) return true;
    if (v4l2_call(d, VIDIOC_QUERY_DV_TIMINGS, &timings) < 0) {
        if (errno == ENOTTY || errno == ENODATA) return true;
        v4l2_explain(error, error_size, d->path, "VIDIOC_QUERY_DV_TIMINGS", errno);
        return false;
    }
    if (v4l2_call(d, VIDIOC_S_DV_TIMINGS, &timings) >= 0) return true;
    v4l2_explain(error, error_size, d->path, "VIDIOC_S_DV_TIMINGS", errno);
    return false;
}

bool v4l2_stream_start(struct v4l2_stream *s, const struct v4l2_wish *wish, int32_t input, char *error, size_t error_size) {
    struct v4l2_choice choice;
    uint32_t image_bytes;
    s->held = -1;
    s->has_sequence = false;
    if (!select_input(&s->device, input, error, error_size)) return false;
    if (!v4l2_choose(&s->device, wish, &choice, error, error_size)) return false;
    if (!v4l2_set_format(&s->device, &choice, &s->format, &image_bytes, error, error_size)) return false;
    /* Of this input. Not every device has such events; then its errors tell. */
    int32_t selected = 0;
    if (v4l2_call(&s->device, VIDIOC_G_INPUT, &selected) < 0) selected = 0;
    struct v4l2_event_subscription changes = {.type = V4L2_EVENT_SOURCE_CHANGE, .id = (uint32_t)selected};
    v4l2_call(&s->device, VIDIOC_SUBSCRIBE_EVENT, &changes);
    int number = 0;
    if (start_buffers(s, &number, error, error_size)) return true;
    end_buffers(s);
    /* Raw pixels do not fit on a bus that others use as well; compressed ones may. */
    struct v4l2_wish smaller = *wish;
    smaller.fourcc = V4L2_PIX_FMT_MJPEG;
    char why[256];
    return number == ENOSPC && !wish->fourcc && !camera_is_jpeg(s->format.fourcc) &&
           v4l2_stream_start(s, &smaller, input, why, sizeof why);
}

void v4l2_stream_stop(struct v4l2_stream *s) {
    if (s->device.fd >= 0) end_buffers(s);
    v4l2_close(&s->device);
}

enum pb_status v4l2_stream_events(struct v4l2_stream *s, char *error, size_t error_size) {
    enum pb_status status = PB_OK;
    for (int i = 0; i < 64; i++) {
        struct v4l2_event event;
        memset(&event, 0, sizeof event);
        if (v4l2_call(&s->device, VIDIOC_DQEVENT, &event) < 0) {
            if (!is_gone(errno)) break;
            v4l2_explain(error, error_size, s->device.path, "VIDIOC_DQEVENT", errno);
            return PB_LOST;
        }
        if (event.type == V4L2_EVENT_SOURCE_CHANGE) status = PB_REINIT;
        if (!event.pending) break;
    }
    return status;
}

static uint64_t time_of(const struct v4l2_buffer *b) {
    uint64_t now = pb_monotonic_us();
    if ((b->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC) return now;
    if (b->timestamp.tv_sec < 0 || b->timestamp.tv_usec < 0) return now;
    uint64_t time = (uint64_t)b->timestamp.tv_sec * 1000000 + (uint64_t)b->timestamp.tv_usec;
    return time > now || time + OLDEST_US < now ? now : time;
}

/* A number that goes back, or leaps beyond reason, begins a new count. */
static void count_missing(struct v4l2_stream *s, uint32_t sequence) {
    uint32_t ahead = sequence - s->sequence;
    if (s->has_sequence && ahead > 1 && ahead < 10000) s->counters->missing += ahead - 1;
    s->has_sequence = true;
    s->sequence = sequence;
}

/* Fills `frame` when the buffer holds a whole one. */
static bool is_whole(const struct v4l2_stream *s, const struct slot *slot, struct camera_frame *frame) {
    const struct v4l2_buffer *b = &slot->buffer;
    const struct v4l2_buffer_memory *memory = &s->buffers[b->index];
    uint32_t used = s->device.mplane ? slot->planes[0].bytesused : b->bytesused;
    uint32_t offset = s->device.mplane ? slot->planes[0].data_offset : 0;
    if (b->flags & V4L2_BUF_FLAG_ERROR || used > memory->length || offset >= used) return false;
    const struct camera_format *f = &s->format;
    if (!camera_is_jpeg(f->fourcc) && used - offset < camera_raw_bytes(f->fourcc, f->width, f->height, f->stride)) return false;
    *frame = (struct camera_frame){
        .data = (const uint8_t *)memory->memory + offset,
        .size = used - offset,
        .sequence = b->sequence,
        .capture_us = time_of(b),
        .format = *f,
    };
    return true;
}

void v4l2_stream_release(struct v4l2_stream *s) {
    if (s->held < 0) return;
    uint32_t index = (uint32_t)s->held;
    s->held = -1;
    enqueue(s, index);
}

/* Gives the driver what it refused to take before. PB_ERROR when it has no buffer at all. */
static enum pb_status top_up(struct v4l2_stream *s, char *error, size_t error_size) {
    uint32_t queued = 0;
    int number = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->buffers[i].queued || (int)i == s->held || enqueue(s, i))
            queued++;
        else
            number = errno;
    }
    if (queued) return PB_OK;
    v4l2_explain(error, error_size, s->device.path, "VIDIOC_QBUF", number);
    return is_gone(number) ? PB_LOST : PB_ERROR;
}

enum pb_status v4l2_stream_take(struct v4l2_stream *s, struct camera_frame *frame, char *error, size_t error_size) {
    bool found_one = false;
    enum pb_status status = top_up(s, error, error_size);
    /* Each buffer at most once: a driver that is always ready must not hold the thread here. */
    for (uint32_t turn = 0; status == PB_OK && turn < s->count; turn++) {
        struct slot slot;
        prepare(&s->device, &slot, 0);
        if (v4l2_call(&s->device, VIDIOC_DQBUF, &slot.buffer) < 0) {
            if (errno == EAGAIN) break;
            v4l2_explain(error, error_size, s->device.path, "VIDIOC_DQBUF", errno);
            return is_gone(errno) ? PB_LOST : PB_ERROR;
        }
        uint32_t index = slot.buffer.index;
        if (index >= s->count || !s->buffers[index].queued) {
            pb_error(error, error_size, "camera %s: VIDIOC_DQBUF: buffer %u was not given to it; its driver is broken", s->device.path,
                     index);
            return PB_ERROR;
        }
        s->buffers[index].queued = false;
        count_missing(s, slot.buffer.sequence);
        struct camera_frame found;
        if (!is_whole(s, &slot, &found)) {
            s->counters->flagged++;
            enqueue(s, index);
            continue;
        }
        if (s->held >= 0) s->counters->skipped++;
        v4l2_stream_release(s);
        s->held = (int)index;
        *frame = found;
        found_one = true;
    }
    if (status != PB_OK) return status;
    if (!found_one) return PB_AGAIN;
    s->counters->frames++;
    return PB_OK;
}
