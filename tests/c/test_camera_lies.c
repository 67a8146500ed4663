/* sources: c/camera/v4l2.c c/camera/v4l2_formats.c c/camera/v4l2_choose.c c/camera/v4l2_format.c c/camera/v4l2_stream.c c/camera/v4l2_controls.c c/camera/v4l2_set.c c/camera/v4l2_list.c c/camera/camera.c c/camera/converter.c c/camera/raw.c c/camera/mjpeg.c tests/doubles/v4l2_double.c libs: -lyuv -ljpeg */
/* Drivers that lie, played by the stand-in: impossible sizes, buffers and counts, lists without end, calls that are interrupted
 * for ever, and each single call failing in turn. Always a sentence that names device and call, never a leak or a hang. */
#include "../doubles/v4l2_double.h"
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char why[256];
static unsigned long lying_request;
static int lie_number; /* errno */
static unsigned fail_at;
static struct v4l2_pix_format pix;
static struct v4l2_buffer spoilt;
static uint32_t number;

static struct camera *attempt(void) {
    const struct camera_settings settings = {.target = "/dev/video0", .width = 640, .height = 480, .fps = 30};
    why[0] = 0;
    return camera_open(&settings, why, sizeof why);
}

static void nothing_left(void) { CHECK(!double_open_fds && !double_maps); }

static void refused(const char *because) {
    CHECK(!attempt());
    if (!strstr(why, because)) fprintf(stderr, "%s\n", why);
    CHECK(strstr(why, "/dev/video0") && strstr(why, because));
    nothing_left();
}

static int lie_format(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)d;
    if (request == VIDIOC_S_FMT) {
        struct v4l2_pix_format *p = &((struct v4l2_format *)argument)->fmt.pix;
        if (pix.width != 1) p->width = pix.width;
        if (pix.height != 1) p->height = pix.height;
        if (pix.bytesperline) p->bytesperline = pix.bytesperline;
        if (pix.pixelformat) p->pixelformat = pix.pixelformat;
    }
    return status;
}

static void formats(void) {
    double_reset();
    double_lie = lie_format;
    pix = (struct v4l2_pix_format){.width = 0, .height = 480};
    refused("its pictures are 0x480");
    pix = (struct v4l2_pix_format){.width = 640, .height = 0};
    refused("its pictures are 640x0");
    pix = (struct v4l2_pix_format){.width = 16384, .height = 16384};
    refused("its pictures are 16384x16384, and 1x1 to 8192x8192 can be used");
    pix = (struct v4l2_pix_format){.width = UINT32_MAX, .height = UINT32_MAX};
    refused("VIDIOC_S_FMT");
    pix = (struct v4l2_pix_format){.width = 640, .height = 480, .bytesperline = 1279};
    refused("1279 bytes for a row of 640 pixels");
    pix = (struct v4l2_pix_format){.width = 640, .height = 480, .bytesperline = UINT32_MAX};
    refused("its driver is broken");
    pix = (struct v4l2_pix_format){.width = 640, .height = 480, .pixelformat = CAMERA_FOURCC('Q', 0x80, 7, 'Q')};
    refused("cannot be converted");
    /* A size that its buffers do not hold. */
    pix = (struct v4l2_pix_format){.width = 8192, .height = 8192, .bytesperline = 16384};
    refused("VIDIOC_QUERYBUF");
}

static int lie_count(struct double_device *d, unsigned long request, void *argument, int status) {
    struct v4l2_requestbuffers *r = argument;
    if (request == VIDIOC_REQBUFS && r->count) {
        r->count = number;
        if (number < DOUBLE_BUFFERS) d->buffers = number;
    }
    return status;
}

static int lie_length(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)d;
    if (request == VIDIOC_QUERYBUF) ((struct v4l2_buffer *)argument)->length = number;
    return status;
}

static void buffers(void) {
    double_reset();
    double_lie = lie_count;
    static const uint32_t counts[] = {0, 1, 33, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        number = counts[i];
        refused("VIDIOC_REQBUFS");
    }
    double_lie = lie_length;
    static const uint32_t lengths[] = {0, 1, 640 * 480 * 2 - 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        number = lengths[i];
        refused("a buffer of");
    }
    number = 1 << 28; /* possible, but there is no memory for it */
    refused("mmap: Cannot allocate memory");
}

static int lie_frame(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)d;
    struct v4l2_buffer *b = argument;
    if (request != VIDIOC_DQBUF || status < 0) return status;
    if (spoilt.index) b->index = spoilt.index - 1;
    if (spoilt.bytesused) b->bytesused = spoilt.bytesused - 1;
    if (spoilt.flags) b->flags = spoilt.flags;
    if (spoilt.timestamp.tv_sec) b->timestamp = spoilt.timestamp;
    if (spoilt.sequence) b->sequence = spoilt.sequence;
    return status;
}

/* Frames that are left out, with how many of each turn. */
static void spoil(struct v4l2_buffer how, bool is_fault) {
    double_reset();
    struct camera_frame f;
    struct camera *c = attempt();
    CHECK(c);
    double_devices[0].frames = 2;
    spoilt = how;
    double_lie = lie_frame;
    CHECK(camera_next(c, -1, 1, &f) == PB_AGAIN);
    if (is_fault)
        CHECK(camera_counters(c)->faults == 1 && camera_descriptor(c) < 0);
    else
        CHECK(camera_counters(c)->flagged == 2);
    char what[256];
    camera_describe(c, what, sizeof what);
    CHECK(!is_fault || strstr(what, "VIDIOC_DQBUF"));
    /* It recovers by itself as soon as the truth is told. */
    double_lie = NULL;
    double_devices[0].frames = -1;
    CHECK(camera_next(c, -1, 2000, &f) == PB_OK && camera_counters(c)->frames == 1);
    camera_close(c);
    nothing_left();
}

static void frames(void) {
    spoil((struct v4l2_buffer){.index = 5}, true);               /* 4 of 4 */
    spoil((struct v4l2_buffer){.index = UINT32_MAX}, true);
    spoil((struct v4l2_buffer){.bytesused = 640 * 480 * 2 + 2}, false); /* more than there is */
    spoil((struct v4l2_buffer){.bytesused = UINT32_MAX}, false);
    spoil((struct v4l2_buffer){.bytesused = 1}, false);          /* none */
    spoil((struct v4l2_buffer){.bytesused = 640 * 480 * 2}, false); /* one byte too few */
    spoil((struct v4l2_buffer){.flags = V4L2_BUF_FLAG_ERROR}, false);
    /* The same buffer twice: the second time nobody had given it. */
    double_reset();
    struct camera_frame f;
    struct camera *c = attempt();
    double_lie = lie_frame;
    spoilt = (struct v4l2_buffer){.index = 1};
    double_devices[0].frames = 3;
    CHECK(camera_next(c, -1, 1, &f) == PB_AGAIN && camera_counters(c)->faults == 1 && !camera_holds(c));
    camera_close(c);
    nothing_left();
    /* Times that cannot be are those of the arrival; counts that leap are none. */
    static const long times[] = {1, -1, 4000000000};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        double_reset();
        c = attempt();
        double_lie = lie_frame;
        spoilt = (struct v4l2_buffer){.timestamp = {times[i], 0}, .flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, .sequence = 4000000000u};
        double_devices[0].frames = 1;
        uint64_t before = pb_monotonic_us();
        CHECK(camera_next(c, -1, 1, &f) == PB_OK);
        bool is_past = times[i] == 1 && before < 10000000; /* a machine that has just started */
        CHECK(is_past || (f.capture_us >= before && f.capture_us <= pb_monotonic_us()));
        double_lie = NULL;
        double_devices[0].frames = 1;
        CHECK(camera_next(c, -1, 1, &f) == PB_OK && camera_counters(c)->missing == 0);
        camera_close(c);
        nothing_left();
    }
}

static int lie_endless(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)d;
    switch (request) {
    case VIDIOC_ENUM_FMT: ((struct v4l2_fmtdesc *)argument)->pixelformat = V4L2_PIX_FMT_YUYV; return 0;
    case VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *s = argument;
        s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        s->discrete = (struct v4l2_frmsize_discrete){s->index % 3 * 16384, 480};
        return 0;
    }
    case VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *r = argument;
        r->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        r->discrete = (struct v4l2_fract){r->index % 2, 0};
        return 0;
    }
    case VIDIOC_QUERY_EXT_CTRL: {
        struct v4l2_query_ext_ctrl *q = argument;
        uint32_t after = q->id & V4L2_CTRL_ID_MASK;
        memset(q, 0xff, sizeof *q);
        q->id = number == 1 ? after : after + 1; /* 1: it does not go forward */
        q->type = V4L2_CTRL_TYPE_MENU;
        q->elems = 1;
        q->nr_of_dims = number == 2 ? UINT32_MAX : 0;
        q->minimum = number == 3 ? INT64_MIN : 0;
        q->maximum = INT64_MAX;
        return 0;
    }
    case VIDIOC_QUERYMENU: memset(argument, '\t', sizeof(struct v4l2_querymenu)); return 0;
    case VIDIOC_ENUMINPUT: memset(((struct v4l2_input *)argument)->name, '\n', 32); return 0;
    default: return status;
    }
}

static char told[1 << 16];

static struct v4l2_lines tell(void) {
    struct v4l2_device d;
    struct v4l2_lines lines = {told, sizeof told, 0, false};
    CHECK(v4l2_open(&d, "/dev/video0", false, why, sizeof why));
    v4l2_tell_device(&d, &lines);
    v4l2_tell_formats(&d, &lines);
    v4l2_tell_controls(&d, &lines);
    v4l2_close(&d);
    nothing_left();
    CHECK(lines.used < sizeof told && strlen(told) == lines.used && (!lines.used || told[lines.used - 1] == '\n'));
    return lines;
}

static int lie_text(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)d;
    if (request == VIDIOC_QUERYCAP) memset(((struct v4l2_capability *)argument)->driver, 'x', 16 + 32 + 32);
    return status;
}

static void lists(void) {
    for (number = 0; number < 4; number++) {
        double_reset();
        double_lie = lie_endless;
        double_calls = 0;
        struct v4l2_lines lines = tell();
        CHECK(double_calls < 300000 && lines.cut == (number != 1));
        CHECK(number != 1 || !strstr(told, "\ncontrol"));
        CHECK(!attempt() && strstr(why, "none of its 256 formats"));
        nothing_left();
    }
    double_reset();
    double_lie = lie_text; /* no NUL anywhere */
    tell();
    CHECK(strstr(told, "\txxxxxxxxxxxxxxxx\txxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\t"));
}

static int lie_interrupted(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)d, (void)argument;
    if (request != lying_request) return status;
    errno = lie_number;
    return -1;
}

static void interrupted(void) {
    static const unsigned long needed[] = {VIDIOC_QUERYCAP, VIDIOC_ENUM_FMT, VIDIOC_S_FMT,    VIDIOC_REQBUFS,
                                           VIDIOC_QUERYBUF, VIDIOC_QBUF,     VIDIOC_STREAMON};
    static const int numbers[] = {EINTR, ENODEV, EBUSY, EIO, EINVAL, ENOSPC};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            double_reset();
            double_lie = lie_interrupted;
            lying_request = needed[i];
            lie_number = numbers[k];
            CHECK(!attempt() && strstr(why, "/dev/video0"));
            CHECK(double_calls < 2000);
            nothing_left();
        }
    /* While it streams. */
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        double_reset();
        struct camera_frame f;
        struct camera *c = attempt();
        CHECK(c);
        double_lie = lie_interrupted;
        lying_request = VIDIOC_DQBUF;
        lie_number = numbers[k];
        CHECK(camera_next(c, -1, 5, &f) == PB_AGAIN);
        CHECK(camera_counters(c)->faults + camera_counters(c)->gone == 1);
        /* And each time that it is looked for. */
        lying_request = VIDIOC_REQBUFS;
        CHECK(camera_next(c, -1, 30, &f) == PB_AGAIN && camera_descriptor(c) < 0);
        nothing_left();
        camera_close(c);
        nothing_left();
    }
}

static int lie_once(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)d, (void)request, (void)argument;
    if (double_calls != fail_at) return status;
    errno = lie_number;
    return -1;
}

/* Whatever call fails, opening either fails with a sentence or gives a camera that soon gives frames. */
static void each_call(void) {
    static const int numbers[] = {ENODEV, EIO, ENOMEM};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        for (fail_at = 1; fail_at < 60; fail_at++) {
            double_reset();
            double_lie = lie_once;
            lie_number = numbers[k];
            struct camera *c = attempt();
            CHECK(c || strstr(why, "/dev/video0"));
            struct camera_frame f;
            for (int turns = 0; c && turns < 5; turns++) {
                enum pb_status status = camera_next(c, -1, 1000, &f);
                CHECK(status == PB_OK || status == PB_AGAIN);
                if (status == PB_OK) camera_release(c);
            }
            CHECK(!c || camera_counters(c)->frames > 2);
            camera_close(c);
            nothing_left();
        }
}

/* Calls that fail while the device goes away at that very moment. */
static int lie_gone(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)argument;
    if (double_calls < fail_at) return status;
    d->present = false;
    if (request == VIDIOC_STREAMOFF || request == VIDIOC_REQBUFS) return status;
    errno = ENODEV;
    return -1;
}

static void gone_at_each_call(void) {
    for (fail_at = 1; fail_at < 60; fail_at++) {
        double_reset();
        double_lie = lie_gone;
        struct camera *c = attempt();
        CHECK(c || strstr(why, "/dev/video0"));
        struct camera_frame f;
        for (int turns = 0; c && turns < 30 && camera_descriptor(c) >= 0; turns++) camera_next(c, -1, 1, &f);
        CHECK(!c || (camera_counters(c)->gone == 1 && camera_descriptor(c) < 0 && !double_open_fds));
        camera_close(c);
        nothing_left();
    }
}

int main(void) {
    formats();
    buffers();
    frames();
    lists();
    interrupted();
    each_call();
    gone_at_each_call();
    return 0;
}
