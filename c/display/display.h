/* A display backend: one file, one vtable. Used by one thread only (the player's), which sleeps in poll() on
 * its own queue and on the display's descriptor, so that input and pictures share one thread and no timer. */
#ifndef PB_DISPLAY_H
#define PB_DISPLAY_H
#include "../media/picture.h"
#include "../shim.h"

struct pb_display;

struct pb_display_settings {
    const char *target;     /* X display; NULL or "" for the default */
    const char *title;      /* UTF-8 */
    uint32_t width, height; /* pixels of the window at first */
    bool fullscreen;
    bool devices;           /* gamepads and touch are wanted */
};

/* What a person did. Codes are Linux evdev codes; absolute positions are 0..65535 across the picture. Each group of input
 * ends with EV_SYN. SHOWN: the server has put the oldest unreported picture on the screen. */
struct pb_window_event {
    enum {
        PB_WINDOW_INPUT, PB_WINDOW_FOCUS_LOST, PB_WINDOW_CLOSED, PB_WINDOW_RESIZED, PB_WINDOW_SHOWN,
        PB_WINDOW_PLUGGED, /* value: 1 for a gamepad that rumbles */
        PB_WINDOW_UNPLUGGED
    } kind;
    uint8_t device; /* as in c/input/input.h: 0 keyboard and pointer */
    uint16_t type, code;
    int32_t value;
    uint32_t width, height;
};

struct pb_display_backend {
    const char *name;
    bool (*probe)(const char *target, char *detail, size_t size);
    struct pb_display *(*open)(const struct pb_display_settings *settings, char *error, size_t error_size);
    /* What was opened, in a few words. */
    void (*describe)(struct pb_display *display, char *detail, size_t size);
    /* Descriptor that becomes readable when there are events, or -1: then event() is called after every picture
     * and at least every 10 ms. */
    int (*descriptor)(struct pb_display *display);
    /* Hands an I420 picture (BT.709, limited range) to the display server, scaled to the window with its shape kept. Never
     * waits for the server: each PB_OK is followed by one SHOWN event, in order; PB_AGAIN means that no buffer is free
     * until the next SHOWN event. The picture is not used after the return. */
    enum pb_status (*show)(struct pb_display *display, const struct pb_picture *picture);
    /* Next event: PB_OK and `*event`, PB_AGAIN when there is none, PB_LOST when the connection is gone. */
    enum pb_status (*event)(struct pb_display *display, struct pb_window_event *event);
    /* Relative pointer mode: the pointer is held inside and its movement comes as REL events. May be NULL. */
    enum pb_status (*grab_pointer)(struct pb_display *display, bool on);
    /* May be NULL. */
    enum pb_status (*set_fullscreen)(struct pb_display *display, bool on);
    /* The BGRA pixels of the last SHOWN event, unscaled or as on the screen; NULL when nothing was shown. Valid until the
     * next call of another function. */
    const struct pb_picture *(*shown)(struct pb_display *display);
    void (*close)(struct pb_display *display);
    bool takes_nv12; /* show() takes NV12 as well */
    /* For those that tell of devices; the rest have NULL. */
    const char *(*device_name)(struct pb_display *display, uint32_t device);
    /* Strengths of 0..65535, until the next call or the time is over. */
    void (*rumble)(struct pb_display *display, uint32_t device, uint32_t strong, uint32_t weak, uint32_t duration_ms);
    /* The other side takes fingers as fingers: they are told as such, and no longer as a pointer. */
    void (*set_touch)(struct pb_display *display, bool on);
};

/* In order of preference, NULL-terminated. */
extern const struct pb_display_backend *const pb_display_backends[];
/* Shows nothing; also what is taken when no screen is found. */
extern const struct pb_display_backend pb_display_headless;
#endif
