/* Opening a camera: by path, by name, or as the same device again; the text of what goes wrong with it, and the lines that
 * tell TypeScript of it. It never streams and changes nothing of a device. */
#include "v4l2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Signals interrupt a call once or twice, never so often. */
enum { MOST_INTERRUPTIONS = 64 };

int v4l2_call(const struct v4l2_device *device, unsigned long request, void *argument) {
    int status = -1;
    for (int i = 0; i < MOST_INTERRUPTIONS; i++) {
        status = v4l2_io_ioctl(device->fd, request, argument);
        if (status >= 0 || errno != EINTR) break;
    }
    return status;
}

static const char *remedy(int number) {
    switch (number) {
    case EACCES:
    case EPERM: return "; run `sudo usermod -aG video $USER` and log in again";
    case ENOENT: return "; `patchbay camera list` shows what there is";
    case ENODEV:
    case ENXIO: return "; it was unplugged: plug it in again";
    case ENOSPC: return "; the USB bus is full: take a smaller size, format=MJPG, or another port";
    case ENOLINK: return "; there is no signal at this input: connect a source or choose another one by input=N";
    case EPROTO:
    case EIO: return "; unplug it and plug it in again";
    case ENOTTY: return "; its driver does not know this call";
    default: return "";
    }
}

void v4l2_explain(char *error, size_t size, const char *path, const char *call, int number) {
    char holder[64] = "";
    if (number == EBUSY) {
        v4l2_io_holder(path, holder, sizeof holder);
        const char *who = *holder ? holder : "another program";
        pb_error(error, size, "camera %s: %s: %s; %s uses it: end that first", path, call, strerror(number), who);
        return;
    }
    pb_error(error, size, "camera %s: %s: %s%s", path, call, strerror(number), remedy(number));
}

void v4l2_text(char *out, size_t size, const void *text, size_t length) {
    const unsigned char *from = text;
    size_t i = 0;
    for (; i + 1 < size && i < length && from[i]; i++) out[i] = from[i] < 32 || from[i] == 127 ? ' ' : (char)from[i];
    out[i] = 0;
}

void v4l2_fourcc_text(uint32_t fourcc, char out[8]) {
    char text[4];
    bool big_endian = fourcc >> 31;
    for (int i = 0; i < 4; i++) {
        char c = (char)(fourcc >> (8 * i) & 0x7f);
        text[i] = c > 32 && c < 127 ? c : i == 3 && c == 32 ? ' ' : '?';
    }
    size_t length = text[3] == ' ' ? 3 : 4;
    memcpy(out, text, length);
    memcpy(out + length, big_endian ? "-BE" : "", big_endian ? 4 : 1);
}

void v4l2_line(struct v4l2_lines *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int wrote = vsnprintf(l->out + l->used, l->size - l->used, format, args);
    va_end(args);
    if (wrote >= 0 && (uint32_t)wrote + 1 < l->size - l->used) {
        l->used += (uint32_t)wrote;
        l->out[l->used++] = '\n';
    } else
        l->cut = true;
    l->out[l->used] = 0;
}

/* "YUYV" or "RGB" (padded by a space), and "-BE" behind either. */
static bool read_fourcc(const char *text, uint32_t *fourcc) {
    size_t length = strlen(text);
    bool big_endian = length > 3 && !strcmp(text + length - 3, "-BE");
    if (big_endian) length -= 3;
    if (length < 3 || length > 4) return false;
    *fourcc = CAMERA_FOURCC((unsigned char)text[0], (unsigned char)text[1], (unsigned char)text[2],
                            length > 3 ? (unsigned char)text[3] : ' ');
    if (big_endian) *fourcc |= 1u << 31;
    return true;
}

static bool read_option(char *text, struct v4l2_target *t) {
    char *value = strchr(text, '=');
    if (!value) return false;
    *value++ = 0;
    if (!strcmp(text, "format")) return read_fourcc(value, &t->fourcc);
    if (!strcmp(text, "gone")) {
        t->ends = !strcmp(value, "end");
        return t->ends || !strcmp(value, "wait");
    }
    char *end;
    long number = strtol(value, &end, 10);
    t->input = (int32_t)number;
    return !strcmp(text, "input") && *value && !*end && number >= 0 && number < V4L2_MOST_INPUTS;
}

bool v4l2_parse_target(const char *target, struct v4l2_target *t, char *error, size_t error_size) {
    *t = (struct v4l2_target){.input = -1};
    char text[256], *rest = NULL;
    if (strlen(target ? target : "") >= sizeof text) {
        pb_error(error, error_size, "the camera's name is too long");
        return false;
    }
    strcpy(text, target ? target : "");
    char *options = strchr(text, ',');
    if (options) *options++ = 0;
    pb_error(t->device, sizeof t->device, "%s", text);
    if (strlen(text) >= sizeof t->device) {
        pb_error(error, error_size, "the camera's name is too long");
        return false;
    }
    for (char *word = options ? strtok_r(options, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest)) {
        char copy[64];
        pb_error(copy, sizeof copy, "%s", word);
        if (read_option(word, t)) continue;
        pb_error(error, error_size,
                 "the camera's option \"%s\" is not understood; there are format=FOURCC, input=N and gone=wait or gone=end", copy);
        return false;
    }
    return true;
}

static bool identify(struct v4l2_device *d) {
    struct v4l2_capability c = {0};
    if (v4l2_call(d, VIDIOC_QUERYCAP, &c) < 0) return false;
    struct v4l2_identity *i = &d->identity;
    *i = (struct v4l2_identity){.caps = c.capabilities & V4L2_CAP_DEVICE_CAPS ? c.device_caps : c.capabilities};
    v4l2_text(i->driver, sizeof i->driver, c.driver, sizeof c.driver);
    v4l2_text(i->card, sizeof i->card, c.card, sizeof c.card);
    v4l2_text(i->bus, sizeof i->bus, c.bus_info, sizeof c.bus_info);
    v4l2_io_attribute(d->path, "serial", i->serial, sizeof i->serial);
    v4l2_io_attribute(d->path, "name", i->name, sizeof i->name);
    v4l2_io_attribute(d->path, "index", i->index, sizeof i->index);
    d->mplane = !(i->caps & V4L2_CAP_VIDEO_CAPTURE) && i->caps & (V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_VIDEO_M2M_MPLANE);
    d->type = d->mplane ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
    return true;
}

static bool gives_pictures(const struct v4l2_identity *i) {
    return i->caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE) && i->caps & V4L2_CAP_STREAMING;
}

bool v4l2_open(struct v4l2_device *d, const char *path, bool capture, char *error, size_t error_size) {
    *d = V4L2_CLOSED;
    if (strlen(path) >= sizeof d->path) {
        pb_error(error, error_size, "camera %s: the path is too long", path);
        return false;
    }
    strcpy(d->path, path);
    for (int i = 0; i < MOST_INTERRUPTIONS && d->fd < 0; i++) {
        d->fd = v4l2_io_open(path);
        if (d->fd < 0 && errno != EINTR) break;
    }
    if (d->fd < 0) {
        v4l2_explain(error, error_size, path, "open", errno);
        return false;
    }
    if (!identify(d)) {
        if (errno == ENOTTY || errno == EINVAL)
            pb_error(error, error_size, "%s is no camera: it does not answer VIDIOC_QUERYCAP", path);
        else
            v4l2_explain(error, error_size, path, "VIDIOC_QUERYCAP", errno);
    } else if (!capture || gives_pictures(&d->identity))
        return true;
    else
        pb_error(error, error_size, "camera %s (%s) gives no pictures: it is a node for something else, or nothing feeds it", path,
                 d->identity.card);
    v4l2_close(d);
    return false;
}

void v4l2_close(struct v4l2_device *d) {
    if (d->fd >= 0) v4l2_io_close(d->fd);
    d->fd = -1;
}

static bool begins(const char *text, const char *beginning) { return !strncasecmp(text, beginning, strlen(beginning)); }

static bool is_named(const struct v4l2_identity *i, const char *name) {
    return begins(i->card, name) || begins(i->bus, name) || begins(i->name, name) || (*i->serial && begins(i->serial, name));
}

static bool is_same(const struct v4l2_identity *a, const struct v4l2_identity *b, bool by_serial) {
    if (strcmp(a->driver, b->driver) || strcmp(a->card, b->card) || strcmp(a->index, b->index)) return false;
    if (by_serial) return *a->serial && !strcmp(a->serial, b->serial);
    return !strcmp(a->bus, b->bus) && !strcmp(a->name, b->name) && !strcmp(a->serial, b->serial);
}

/* Opens the first node that `fits` says yes to. The reason of the last one that did not open stays in `error`. */
static bool open_fitting(struct v4l2_device *d, bool capture, bool (*fits)(const struct v4l2_identity *, const void *, bool),
                         const void *wanted, bool flag, char *error, size_t error_size) {
    uint16_t numbers[V4L2_MOST_NODES];
    unsigned count = v4l2_io_nodes("video", numbers, V4L2_MOST_NODES);
    for (unsigned i = 0; i < count; i++) {
        char path[V4L2_PATH_BYTES];
        snprintf(path, sizeof path, "/dev/video%u", numbers[i]);
        if (!v4l2_open(d, path, capture, error, error_size)) continue;
        if (fits(&d->identity, wanted, flag)) return true;
        v4l2_close(d);
    }
    return false;
}

static bool fits_name(const struct v4l2_identity *i, const void *wanted, bool flag) {
    (void)flag;
    return is_named(i, wanted);
}

static bool fits_identity(const struct v4l2_identity *i, const void *wanted, bool by_serial) {
    return is_same(i, wanted, by_serial);
}

bool v4l2_open_named(struct v4l2_device *d, const char *name, bool capture, char *error, size_t error_size) {
    char reason[256] = "";
    if (strchr(name, '/')) return v4l2_open(d, name, capture, error, error_size);
    if (open_fitting(d, capture, fits_name, name, false, reason, sizeof reason)) return true;
    if (*name)
        pb_error(error, error_size, "no camera is called \"%s\"; `patchbay camera list` shows what there is", name);
    else
        pb_error(error, error_size, "there is no camera%s%s", *reason ? ": " : "; plug one in", reason);
    return false;
}

bool v4l2_open_again(struct v4l2_device *d, const struct v4l2_identity *identity, char *error, size_t error_size) {
    if (open_fitting(d, true, fits_identity, identity, false, error, error_size)) return true;
    return *identity->serial && open_fitting(d, true, fits_identity, identity, true, error, error_size);
}
