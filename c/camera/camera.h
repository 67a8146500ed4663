/* Cameras and capture cards (Video4Linux2): a device that is opened, streams, goes away and comes back, and the frames that it
 * gives. What it is told and what is known of it crosses the boundary in abi.c; the kernel is reached in v4l2_io.c only.
 * A camera is used by one thread. It never decides which device is used: who opens it names one. */
#ifndef PB_CAMERA_H
#define PB_CAMERA_H
#include "../shim.h"

/* Characters of a format in the order of V4L2's fourcc: 'YUYV', 'MJPG'. */
#define CAMERA_FOURCC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

struct camera_settings {
    /* DEVICE[,format=FOURCC][,input=N][,gone=wait|end]: a path, or the beginning of a name or of a bus address; NULL or "" for
     * the first camera. gone=end makes the camera's going away the end instead of a pause. */
    const char *target;
    uint32_t width, height; /* pixels that are wanted; 0 for 1280x720 */
    uint32_t fps;           /* frames per second that are wanted; 0 for 30 */
};

/* How the pixels of a device's frames lie. */
struct camera_format {
    uint32_t fourcc;
    uint32_t width, height; /* pixels, 1 to 8192 */
    uint32_t stride;        /* bytes from row to row of the first plane; 0 for compressed frames */
    uint32_t matrix;        /* V4L2_YCBCR_ENC_*, never the default */
    bool full_range;
    uint32_t interval_num, interval_den; /* seconds from frame to frame; 0/0 when the device does not say */
};

/* A frame as the device gave it, compressed or raw. It stays where it is while camera_holds(). */
struct camera_frame {
    const uint8_t *data;
    uint32_t size; /* bytes in use; for raw formats at least what the format needs */
    uint32_t sequence;
    uint64_t capture_us; /* of CLOCK_MONOTONIC */
    struct camera_format format;
};

/* What happened to frames since the camera was opened. */
struct camera_counters {
    uint64_t frames;      /* whole ones that were handed out */
    uint64_t flagged;     /* that the driver marked as broken, or that were shorter than they must be */
    uint64_t undecodable; /* compressed ones that could not be decoded */
    uint64_t missing;     /* that the driver counted and never gave */
    uint64_t skipped;     /* replaced by a newer one before anybody took them */
    uint64_t faults;      /* calls that failed and made the stream start anew */
    uint64_t stalls;      /* times that no frame came for long */
    uint64_t gone;        /* times that the device went away */
    uint64_t reopened;    /* times that it was opened again */
};

struct camera;

/* Opens and starts the device. NULL with a sentence in `error`, which names device, call, reason and remedy. */
struct camera *camera_open(const struct camera_settings *settings, char *error, size_t error_size);
/* The newest whole frame (PB_OK). PB_AGAIN: `wake_fd` became readable (-1 for none) or the time is over (-1: never). PB_REINIT:
 * the format is a new one from here on. PB_LOST: the device is gone and the target says gone=end. A device that went away is
 * looked for meanwhile; by its identity, wherever it is plugged in. */
enum pb_status camera_next(struct camera *camera, int wake_fd, int timeout_ms, struct camera_frame *frame);
/* Is the frame that camera_next() gave last still there? A newer one, a fault or the device's going away take it. */
bool camera_holds(const struct camera *camera);
/* Gives the frame's memory back to the device. */
void camera_release(struct camera *camera);
/* Switches the device off while nobody wants its frames, and on again. At rest nothing of it is noticed, its going away neither. */
void camera_rest(struct camera *camera, bool rests);
const struct camera_format *camera_format(const struct camera *camera);
struct camera_counters *camera_counters(struct camera *camera);
/* Readable when a frame or an event waits; -1 while the device is away or at rest. */
int camera_descriptor(const struct camera *camera);
/* PB_CAMERA_STATE_STREAMS, _AWAY or _RESTS. */
uint32_t camera_state(const struct camera *camera);
/* `/dev/video0 NAME, YUYV 1280x720 at 30 fps`, that it rests, or why it is away. */
void camera_describe(const struct camera *camera, char *out, size_t size);
void camera_close(struct camera *camera);
/* Can the target be used? Writes what it is, or what is missing and how to get it. */
bool camera_probe(const char *target, char *detail, size_t size);

/* Frames to BGRA, alpha 255. A converter keeps the memory that decoding needs; used by one thread. */
struct camera_converter;
struct camera_converter *camera_converter_open(void);
/* `stride` in bytes, at least 4 * width. False with a sentence when the frame is not what its format promises: then the
 * picture holds nothing of use. */
bool camera_to_bgra(struct camera_converter *converter, const struct camera_frame *frame, uint8_t *bgra, uint32_t stride,
                    char *error, size_t error_size);
void camera_converter_close(struct camera_converter *converter);
/* How costly a format's conversion is, 1 the cheapest; 0 for formats that are not known. */
uint32_t camera_conversion_cost(uint32_t fourcc);
bool camera_is_jpeg(uint32_t fourcc);
/* Bytes that a raw frame must have at least; 0 when the format is not known or the numbers are impossible. */
uint64_t camera_raw_bytes(uint32_t fourcc, uint32_t width, uint32_t height, uint32_t stride);
/* Bytes of the shortest row of the first plane. */
uint32_t camera_raw_stride(uint32_t fourcc, uint32_t width);
#endif
