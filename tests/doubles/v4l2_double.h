/* A stand-in for the kernel's side of a camera: it takes the place of c/camera/v4l2_io.c in a test program. By itself it behaves
 * as V4L2 says and checks the order of calls; `lie` may spoil any answer. Nothing of it is part of Patchbay. */
#ifndef PB_V4L2_DOUBLE_H
#define PB_V4L2_DOUBLE_H
#include "camera/v4l2.h"

enum { DOUBLE_DEVICES = 3, DOUBLE_MODES = 8, DOUBLE_CONTROLS = 12, DOUBLE_BUFFERS = 32 };

struct double_mode {
    uint32_t fourcc, width, height, fps;
};

struct double_control {
    struct v4l2_query_ext_ctrl q;
    const char *const *items; /* NULL entries are gaps */
    int64_t value;
    char text[64];
};

/* One node, /dev/video<its place>. */
struct double_device {
    bool present;
    const char *card, *bus, *serial;
    uint32_t caps;
    struct double_mode modes[DOUBLE_MODES];
    struct double_control controls[DOUBLE_CONTROLS];
    bool plain_controls; /* knows no extended calls, as uvcvideo */
    int frames;          /* that are still to come; -1 for no end */
    bool change;         /* a source-change event waits */
    const uint8_t *picture; /* what frames hold; NULL for grey */
    uint32_t picture_size;

    /* What it knows of its user. */
    struct v4l2_pix_format format;
    uint32_t buffers, next, sequence;
    bool queued[DOUBLE_BUFFERS], on;
    void *memory[DOUBLE_BUFFERS];
};

extern struct double_device double_devices[DOUBLE_DEVICES];
/* After each call: may change the answer and return another status (with errno). */
extern int (*double_lie)(struct double_device *device, unsigned long request, void *argument, int status);
extern int double_open_errno; /* 0 for none */
extern unsigned double_calls, double_open_fds, double_maps;

/* Everything as at the start: one camera with YUYV and MJPG. */
void double_reset(void);
void double_unplug(unsigned place);
#endif
