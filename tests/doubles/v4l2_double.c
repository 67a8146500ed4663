/* See v4l2_double.h. Descriptors are real ones, so that a leak is seen twice. */
#include "v4l2_double.h"

#include "../c/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct double_device double_devices[DOUBLE_DEVICES];
int (*double_lie)(struct double_device *device, unsigned long request, void *argument, int status);
int double_open_errno;
unsigned double_calls, double_open_fds, double_maps;
static struct double_device *users[1024]; /* by descriptor; one that is unplugged stays its user's */

void double_reset(void) {
    memset(double_devices, 0, sizeof double_devices);
    double_lie = NULL;
    double_open_errno = 0;
    double_calls = 0;
    double_devices[0] = (struct double_device){
        .present = true,
        .card = "Test Camera",
        .bus = "usb-0000:00:14.0-1",
        .serial = "SN1",
        .caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING,
        .modes = {{V4L2_PIX_FMT_YUYV, 640, 480, 30}, {V4L2_PIX_FMT_YUYV, 1280, 720, 10}, {V4L2_PIX_FMT_MJPEG, 1280, 720, 30}},
        .frames = -1,
    };
}

void double_unplug(unsigned place) { double_devices[place].present = false; }

static struct double_device *device_of(int fd) {
    CHECK(fd >= 0 && fd < 1024 && users[fd]);
    return users[fd];
}

static int refuse(int number) {
    errno = number;
    return -1;
}

int v4l2_io_open(const char *path) {
    if (double_open_errno) return refuse(double_open_errno);
    int place = -1;
    if (sscanf(path, "/dev/video%d", &place) != 1 || place < 0 || place >= DOUBLE_DEVICES) return refuse(ENOENT);
    if (!double_devices[place].present) return refuse(ENOENT);
    int fd = eventfd(0, EFD_CLOEXEC);
    CHECK(fd >= 0 && fd < 1024);
    users[fd] = &double_devices[place];
    double_open_fds++;
    return fd;
}

void v4l2_io_close(int fd) {
    struct double_device *d = device_of(fd);
    /* A driver frees the buffers of a user who leaves. */
    d->buffers = 0;
    d->on = false;
    users[fd] = NULL;
    double_open_fds--;
    close(fd);
}

void *v4l2_io_map(int fd, size_t length, uint32_t offset) {
    struct double_device *d = device_of(fd);
    uint32_t index = offset >> 12;
    CHECK(index < DOUBLE_BUFFERS);
    if (length > 1 << 27) {
        errno = ENOMEM;
        return NULL;
    }
    d->memory[index] = malloc(length);
    double_maps++;
    memset(d->memory[index], 0x80, length);
    return d->memory[index];
}

void v4l2_io_unmap(void *memory, size_t length) {
    (void)length;
    double_maps--;
    free(memory);
}

int v4l2_io_poll(struct pollfd *fds, unsigned count, int timeout_ms) {
    short events = 0;
    if (fds[0].fd >= 0) {
        struct double_device *d = device_of(fds[0].fd);
        bool queued = false;
        for (uint32_t i = 0; i < d->buffers; i++) queued |= d->queued[i];
        if (!d->present) events |= POLLERR | POLLHUP;
        if (d->on && queued && d->frames) events |= POLLIN;
        if (d->change) events |= POLLPRI;
        if (!d->on || !queued) events |= POLLERR;
    }
    int ready = count > 1 ? poll(fds + 1, 1, events ? 0 : timeout_ms) : 0;
    fds[0].revents = events;
    return ready < 0 ? ready : ready + (events != 0);
}

unsigned v4l2_io_nodes(const char *prefix, uint16_t *numbers, unsigned most) {
    unsigned count = 0;
    for (uint16_t i = 0; i < DOUBLE_DEVICES && count < most; i++)
        if (!strcmp(prefix, "video") && double_devices[i].present) numbers[count++] = i;
    return count;
}

bool v4l2_io_node_of(const char *path, uint32_t *major, uint32_t *minor) {
    *major = 81;
    *minor = 0;
    return sscanf(path, "/dev/video%u", minor) == 1;
}

void v4l2_io_attribute(const char *path, const char *attribute, char *out, size_t size) {
    int place = 0;
    sscanf(path, "/dev/video%d", &place);
    const char *serial = double_devices[place].serial;
    snprintf(out, size, "%s", !strcmp(attribute, "serial") && serial ? serial : !strcmp(attribute, "index") ? "0" : "");
}

void v4l2_io_holder(const char *path, char *out, size_t size) {
    (void)path;
    snprintf(out, size, "process 12 (cheese)");
}

static int enumerate_format(const struct double_device *d, struct v4l2_fmtdesc *f) {
    uint32_t seen = 0;
    for (int i = 0; i < DOUBLE_MODES && d->modes[i].fourcc; i++) {
        bool known = false;
        for (int k = 0; k < i; k++) known |= d->modes[k].fourcc == d->modes[i].fourcc;
        if (known || seen++ != f->index) continue;
        f->pixelformat = d->modes[i].fourcc;
        return 0;
    }
    return refuse(EINVAL);
}

static int enumerate_size(const struct double_device *d, struct v4l2_frmsizeenum *s) {
    uint32_t seen = 0;
    for (int i = 0; i < DOUBLE_MODES; i++) {
        if (d->modes[i].fourcc != s->pixel_format || seen++ != s->index) continue;
        s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        s->discrete = (struct v4l2_frmsize_discrete){d->modes[i].width, d->modes[i].height};
        return 0;
    }
    return refuse(EINVAL);
}

static const struct double_mode *mode(const struct double_device *d, uint32_t fourcc, uint32_t width, uint32_t height) {
    for (int i = 0; i < DOUBLE_MODES; i++) {
        const struct double_mode *m = &d->modes[i];
        if (m->fourcc == fourcc && m->width == width && m->height == height) return m;
    }
    return NULL;
}

static int enumerate_rate(const struct double_device *d, struct v4l2_frmivalenum *r) {
    const struct double_mode *m = mode(d, r->pixel_format, r->width, r->height);
    if (r->index || !m || !m->fps) return refuse(EINVAL);
    r->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    r->discrete = (struct v4l2_fract){1, m->fps};
    return 0;
}

static int set_format(struct double_device *d, struct v4l2_pix_format *p) {
    if (d->buffers) return refuse(EBUSY);
    if (!mode(d, p->pixelformat, p->width, p->height)) {
        p->pixelformat = d->modes[0].fourcc;
        p->width = d->modes[0].width;
        p->height = d->modes[0].height;
    }
    bool is_jpeg = p->pixelformat == V4L2_PIX_FMT_MJPEG;
    p->bytesperline = is_jpeg ? 0 : camera_raw_stride(p->pixelformat, p->width);
    p->sizeimage = is_jpeg ? p->width * p->height : (uint32_t)camera_raw_bytes(p->pixelformat, p->width, p->height, p->bytesperline);
    p->colorspace = is_jpeg ? V4L2_COLORSPACE_JPEG : V4L2_COLORSPACE_SRGB;
    p->priv = V4L2_PIX_FMT_PRIV_MAGIC;
    d->format = *p;
    return 0;
}

static int dequeue(struct double_device *d, struct v4l2_buffer *b) {
    if (!d->on) return refuse(EINVAL);
    if (!d->frames) return refuse(EAGAIN);
    for (uint32_t i = 0; i < d->buffers; i++, d->next++) {
        uint32_t index = d->next % d->buffers;
        if (!d->queued[index]) continue;
        if (d->frames > 0) d->frames--;
        d->queued[index] = false;
        d->next++;
        uint64_t now = pb_monotonic_us();
        *b = (struct v4l2_buffer){.index = index,
                                  .type = b->type,
                                  .bytesused = d->picture ? d->picture_size : d->format.sizeimage,
                                  .length = d->format.sizeimage,
                                  .flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
                                  .sequence = d->sequence++,
                                  .timestamp = {(time_t)(now / 1000000), (suseconds_t)(now % 1000000)}};
        if (d->picture) memcpy(d->memory[index], d->picture, d->picture_size);
        return 0;
    }
    return refuse(EAGAIN);
}

static struct double_control *control(struct double_device *d, uint32_t id) {
    for (int i = 0; i < DOUBLE_CONTROLS; i++)
        if (d->controls[i].q.id == id && id) return &d->controls[i];
    return NULL;
}

static struct double_control *control_after(struct double_device *d, uint32_t id) {
    struct double_control *found = NULL;
    for (int i = 0; i < DOUBLE_CONTROLS; i++) {
        struct double_control *c = &d->controls[i];
        if (c->q.id > id && (!found || c->q.id < found->q.id)) found = c;
    }
    return found;
}

static int query(struct double_device *d, struct v4l2_query_ext_ctrl *q) {
    uint32_t id = q->id & V4L2_CTRL_ID_MASK;
    struct double_control *c = q->id & V4L2_CTRL_FLAG_NEXT_CTRL ? control_after(d, id) : control(d, id);
    if (!c) return refuse(EINVAL);
    *q = c->q;
    return 0;
}

static int query_plainly(struct double_device *d, struct v4l2_queryctrl *q) {
    struct v4l2_query_ext_ctrl extended = {.id = q->id};
    if (query(d, &extended) < 0) return -1;
    *q = (struct v4l2_queryctrl){.id = extended.id,
                                 .type = extended.type,
                                 .minimum = (int32_t)extended.minimum,
                                 .maximum = (int32_t)extended.maximum,
                                 .step = (int32_t)extended.step,
                                 .default_value = (int32_t)extended.default_value,
                                 .flags = extended.flags};
    memcpy(q->name, extended.name, sizeof q->name);
    return 0;
}

static int query_menu(struct double_device *d, struct v4l2_querymenu *m) {
    struct double_control *c = control(d, m->id);
    if (!c || !c->items || m->index > (uint64_t)c->q.maximum || !c->items[m->index]) return refuse(EINVAL);
    if (c->q.type == V4L2_CTRL_TYPE_INTEGER_MENU)
        m->value = strtoll(c->items[m->index], NULL, 0);
    else
        snprintf((char *)m->name, sizeof m->name, "%s", c->items[m->index]);
    return 0;
}

static int exchange(struct double_device *d, struct v4l2_ext_controls *all, bool write) {
    CHECK(all->count == 1);
    struct v4l2_ext_control *one = all->controls;
    struct double_control *c = control(d, one->id);
    if (d->plain_controls) return refuse(ENOTTY);
    if (!c) return refuse(EINVAL);
    bool is_text = c->q.type == V4L2_CTRL_TYPE_STRING;
    if (is_text) CHECK(one->size == (uint32_t)c->q.maximum + 1 && one->size <= sizeof c->text);
    if (is_text && write) memcpy(c->text, one->string, one->size);
    if (is_text && !write) memcpy(one->string, c->text, one->size);
    if (is_text) return 0;
    bool is_long = c->q.type == V4L2_CTRL_TYPE_INTEGER64;
    if (write) c->value = is_long ? one->value64 : one->value;
    if (is_long)
        one->value64 = c->value;
    else
        one->value = (int32_t)c->value;
    return 0;
}

static int exchange_plainly(struct double_device *d, struct v4l2_control *one, bool write) {
    struct double_control *c = control(d, one->id);
    if (!c) return refuse(EINVAL);
    if (write) c->value = one->value;
    one->value = (int32_t)c->value;
    return 0;
}

static int answer(struct double_device *d, unsigned long request, void *argument) {
    if (!d->present && request != VIDIOC_STREAMOFF && request != VIDIOC_REQBUFS) return refuse(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *c = argument;
        memset(c, 0, sizeof *c);
        snprintf((char *)c->driver, sizeof c->driver, "double");
        snprintf((char *)c->card, sizeof c->card, "%s", d->card);
        snprintf((char *)c->bus_info, sizeof c->bus_info, "%s", d->bus);
        c->capabilities = d->caps | V4L2_CAP_DEVICE_CAPS;
        c->device_caps = d->caps;
        return 0;
    }
    case VIDIOC_ENUM_FMT: return enumerate_format(d, argument);
    case VIDIOC_ENUM_FRAMESIZES: return enumerate_size(d, argument);
    case VIDIOC_ENUM_FRAMEINTERVALS: return enumerate_rate(d, argument);
    case VIDIOC_S_FMT: return set_format(d, &((struct v4l2_format *)argument)->fmt.pix);
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: {
        const struct double_mode *m = mode(d, d->format.pixelformat, d->format.width, d->format.height);
        struct v4l2_captureparm *p = &((struct v4l2_streamparm *)argument)->parm.capture;
        p->capability = V4L2_CAP_TIMEPERFRAME;
        p->timeperframe = (struct v4l2_fract){1, m ? m->fps : 30};
        return 0;
    }
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *r = argument;
        CHECK(!d->on && (!r->count || !d->buffers));
        d->buffers = r->count;
        memset(d->queued, 0, sizeof d->queued);
        return 0;
    }
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = argument;
        CHECK(b->index < d->buffers);
        b->length = d->format.sizeimage;
        b->m.offset = b->index << 12;
        return 0;
    }
    case VIDIOC_QBUF: {
        struct v4l2_buffer *b = argument;
        CHECK(b->index < d->buffers && !d->queued[b->index]);
        d->queued[b->index] = true;
        return 0;
    }
    case VIDIOC_DQBUF: return dequeue(d, argument);
    case VIDIOC_STREAMON: d->on = true; return 0;
    case VIDIOC_STREAMOFF:
        d->on = false;
        memset(d->queued, 0, sizeof d->queued);
        return 0;
    case VIDIOC_SUBSCRIBE_EVENT: return 0;
    case VIDIOC_DQEVENT:
        if (!d->change) return refuse(ENOENT);
        d->change = false;
        ((struct v4l2_event *)argument)->type = V4L2_EVENT_SOURCE_CHANGE;
        return 0;
    case VIDIOC_QUERY_EXT_CTRL: return d->plain_controls ? refuse(ENOTTY) : query(d, argument);
    case VIDIOC_QUERYCTRL: return query_plainly(d, argument);
    case VIDIOC_QUERYMENU: return query_menu(d, argument);
    case VIDIOC_G_EXT_CTRLS: return exchange(d, argument, false);
    case VIDIOC_S_EXT_CTRLS: return exchange(d, argument, true);
    case VIDIOC_G_CTRL: return exchange_plainly(d, argument, false);
    case VIDIOC_S_CTRL: return exchange_plainly(d, argument, true);
    default: return refuse(ENOTTY);
    }
}

int v4l2_io_ioctl(int fd, unsigned long request, void *argument) {
    struct double_device *d = device_of(fd);
    double_calls++;
    bool on = d->on, queued[DOUBLE_BUFFERS];
    uint32_t buffers = d->buffers;
    memcpy(queued, d->queued, sizeof queued);
    int truth = answer(d, request, argument);
    int status = double_lie ? double_lie(d, request, argument, truth) : truth;
    if (status < 0 && truth >= 0) { /* what failed did not happen */
        d->on = on;
        d->buffers = buffers;
        memcpy(d->queued, queued, sizeof queued);
    }
    return status;
}
