/* The parts of the Video4Linux2 camera, seen only by c/camera. Every number that comes from a driver is checked before it is
 * used, and every enumeration ends after a stated count: drivers err. */
#ifndef PB_CAMERA_V4L2_H
#define PB_CAMERA_V4L2_H
#include "camera.h"

#include <linux/videodev2.h>
#include <poll.h>

/* v4l2_io.c: all calls of the kernel. The tests put a device of their own in its place (tests/doubles/v4l2_double.c). */
int v4l2_io_open(const char *path); /* -1 with errno */
void v4l2_io_close(int fd);
int v4l2_io_ioctl(int fd, unsigned long request, void *argument); /* -1 with errno */
void *v4l2_io_map(int fd, size_t length, uint32_t offset);        /* NULL with errno */
void v4l2_io_unmap(void *memory, size_t length);
int v4l2_io_poll(struct pollfd *fds, unsigned count, int timeout_ms);
/* The numbers N of the nodes /dev/<prefix>N, ascending. Returns how many, at most `most`. */
unsigned v4l2_io_nodes(const char *prefix, uint16_t *numbers, unsigned most);
/* One line that sysfs tells of a node: "name", "index" or "serial" (of the USB device). Empty when there is none. */
void v4l2_io_attribute(const char *path, const char *attribute, char *out, size_t size);
/* "process 12 (cheese)", who has the node open; empty when nobody is seen. */
void v4l2_io_holder(const char *path, char *out, size_t size);

/* Numbers of a device node; false when it is none. */
bool v4l2_io_node_of(const char *path, uint32_t *major, uint32_t *minor);

enum {
    V4L2_MOST_NODES = 256,
    V4L2_MOST_FORMATS = 256,
    V4L2_MOST_SIZES = 512,
    V4L2_MOST_RATES = 256,
    V4L2_MOST_CONTROLS = 1024,
    V4L2_MOST_ITEMS = 4096,
    V4L2_MOST_INPUTS = 64,
    V4L2_PATH_BYTES = 64
};

/* As the driver tells it, made printable and ended by NUL. */
struct v4l2_identity {
    char driver[17], card[33], bus[33];
    char serial[65]; /* of the USB device, "" for none */
    char name[65];   /* of the node in sysfs */
    char index[8];   /* of the node among those of its device */
    uint32_t caps;   /* V4L2_CAP_* of this node */
};

struct v4l2_device {
    int fd; /* -1 when closed */
    char path[V4L2_PATH_BYTES];
    struct v4l2_identity identity;
    bool mplane;   /* the multi-planar interface */
    uint32_t type; /* V4L2_BUF_TYPE_* of capture */
};
#define V4L2_CLOSED ((struct v4l2_device){.fd = -1})

/* A target's parts. */
struct v4l2_target {
    char device[128];
    uint32_t fourcc; /* 0 for any */
    int32_t input;   /* -1 for the one that is selected */
    bool ends;       /* gone=end */
};

/* v4l2.c: calls, what went wrong, opening. */
/* An interrupted call is made again, a limited number of times. -1 with errno. */
int v4l2_call(const struct v4l2_device *device, unsigned long request, void *argument);
/* "camera PATH: CALL: reason; remedy", for the errno `number`. */
void v4l2_explain(char *error, size_t size, const char *path, const char *call, int number);
bool v4l2_parse_target(const char *target, struct v4l2_target *parsed, char *error, size_t error_size);
/* Opens a node and asks who it is; `capture` refuses what gives no pictures. */
bool v4l2_open(struct v4l2_device *device, const char *path, bool capture, char *error, size_t error_size);
/* The node that the text names: a path, or the beginning of a name, a bus address or a serial number. */
bool v4l2_open_named(struct v4l2_device *device, const char *name, bool capture, char *error, size_t error_size);
/* The same device again, at whatever node: by bus address, else by serial number. */
bool v4l2_open_again(struct v4l2_device *device, const struct v4l2_identity *identity, char *error, size_t error_size);
void v4l2_close(struct v4l2_device *device);
/* Copies what a driver wrote: ended by NUL, control characters become spaces. */
void v4l2_text(char *out, size_t size, const void *text, size_t length);
void v4l2_fourcc_text(uint32_t fourcc, char out[8]);

/* Lines for TypeScript: fields parted by tabs. A line that does not fit is left out whole and `cut` says so. */
struct v4l2_lines {
    char *out;
    uint32_t size, used;
    bool cut;
};
__attribute__((format(printf, 2, 3))) void v4l2_line(struct v4l2_lines *lines, const char *format, ...);

/* v4l2_formats.c: what a device offers. Visitors return false to stop. Values that cannot be are left out. */
typedef bool (*v4l2_format_visitor)(void *context, const struct v4l2_fmtdesc *format);
typedef bool (*v4l2_size_visitor)(void *context, const struct v4l2_frmsizeenum *size);
typedef bool (*v4l2_rate_visitor)(void *context, const struct v4l2_frmivalenum *rate);
/* Return how many were told. */
unsigned v4l2_each_format(const struct v4l2_device *device, v4l2_format_visitor visit, void *context);
unsigned v4l2_each_size(const struct v4l2_device *device, uint32_t fourcc, v4l2_size_visitor visit, void *context);
unsigned v4l2_each_rate(const struct v4l2_device *device, uint32_t fourcc, uint32_t width, uint32_t height,
                        v4l2_rate_visitor visit, void *context);
void v4l2_tell_formats(const struct v4l2_device *device, struct v4l2_lines *lines);

/* v4l2_choose.c: which of them is best for what is wanted. The size goes before the rate, the rate before raw pixels. */
struct v4l2_wish {
    uint32_t width, height, fps;
    uint32_t fourcc; /* 0 for any that can be converted */
};
struct v4l2_choice {
    uint32_t fourcc, width, height;
    uint32_t interval_num, interval_den; /* 0/0 when the device does not say */
};
bool v4l2_choose(const struct v4l2_device *device, const struct v4l2_wish *wish, struct v4l2_choice *choice, char *error,
                 size_t error_size);

/* v4l2_format.c: sets the format and checks what came of it. */
bool v4l2_set_format(const struct v4l2_device *device, const struct v4l2_choice *choice, struct camera_format *format,
                     uint32_t *image_bytes, char *error, size_t error_size);

/* v4l2_stream.c: buffers and frames. */
struct v4l2_buffer_memory {
    void *memory;
    size_t length;
    bool queued;
};
struct v4l2_stream {
    struct v4l2_device device;
    struct camera_format format;
    struct v4l2_buffer_memory buffers[VIDEO_MAX_FRAME];
    uint32_t count;
    bool on, has_sequence;
    int held; /* index of the buffer that the last frame lies in, -1 for none */
    uint32_t sequence;
    struct camera_counters *counters;
};
/* Takes over an open device. On failure everything is undone but the device stays open. */
bool v4l2_stream_start(struct v4l2_stream *stream, const struct v4l2_wish *wish, int32_t input, char *error, size_t error_size);
/* The newest whole frame without waiting, in place of the one that is held: PB_OK, PB_AGAIN, PB_LOST (device gone), PB_ERROR
 * (start anew; `error` says why). */
enum pb_status v4l2_stream_take(struct v4l2_stream *stream, struct camera_frame *frame, char *error, size_t error_size);
void v4l2_stream_release(struct v4l2_stream *stream);
/* Switches the device off for a while, and the held frame is gone; the device and its buffers stay ours. */
void v4l2_stream_rest(struct v4l2_stream *stream);
bool v4l2_stream_go_on(struct v4l2_stream *stream, char *error, size_t error_size);
/* Reads the events that wait. PB_REINIT when the source is another one now. */
enum pb_status v4l2_stream_events(struct v4l2_stream *stream, char *error, size_t error_size);
/* Ends streaming and closes the device. */
void v4l2_stream_stop(struct v4l2_stream *stream);

/* v4l2_controls.c, v4l2_set.c, v4l2_list.c */
void v4l2_tell_controls(const struct v4l2_device *device, struct v4l2_lines *lines);
/* `text` is CONTROL=VALUE, or CONTROL for a button. With `check` nothing is set. Writes `name=value` as it then is. */
bool v4l2_set_control(const struct v4l2_device *device, const char *text, bool check, struct v4l2_lines *lines, char *error,
                      size_t error_size);
void v4l2_tell_device(const struct v4l2_device *device, struct v4l2_lines *lines);
void v4l2_tell_all(struct v4l2_lines *lines);
#endif
