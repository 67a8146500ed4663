/* The kernel's virtual input devices, seen only by this backend's own files: uinput.c (keyboard, pointers and the vtable),
 * uinput_device.c (one device), uinput_plans.c (what each kind can do), uinput_touch.c (touch screen), uinput_rumble.c (what
 * effects add up to), uinput_feedback.c (answers the kernel), uinput_system.c (the calls, for which tests have a stand-in). */
#ifndef PB_UINPUT_H
#define PB_UINPUT_H
#include "input.h"

#include <linux/uinput.h>
#include <pthread.h>
#include <sys/types.h>

enum { PB_EFFECTS = 16, PB_TOUCHES = 16, PB_GROUP = 64 };

/* The system, and nothing else, so that a stand-in can take its place. All as in Linux: -1 and errno. */
int pb_uinput_open(const char *node);
int pb_uinput_ioctl(int fd, unsigned long request, const void *argument);
ssize_t pb_uinput_read(int fd, void *to, size_t size);
ssize_t pb_uinput_write(int fd, const void *from, size_t size);
int pb_uinput_close(int fd);

struct pb_uinput_axis {
    uint16_t code;
    int32_t minimum, maximum, fuzz, flat, resolution;
};

/* Ranges of key codes end with {0, 0}; lists of codes with -1. */
struct pb_uinput_plan {
    const char *name;
    uint16_t bus, vendor, product, version;
    uint16_t keys[8][2];
    struct pb_uinput_axis axes[12];
    uint32_t axis_count;
    int16_t relatives[6], leds[4];
    bool repeats; /* the kernel repeats held keys */
    bool direct;  /* positions are places on the screen */
    bool rumbles;
};

extern const struct pb_uinput_plan pb_plan_keyboard, pb_plan_pointer, pb_plan_absolute, pb_plan_touch, pb_plan_pen, pb_plan_pad;

/* A device and the group of events that is being gathered for it. */
struct pb_uinput_device {
    int fd; /* -1: there is none */
    struct input_event group[PB_GROUP + 1];
    uint32_t count;
};

/* What open() of the node failed of, with the line that helps. */
void pb_uinput_explain(const char *node, int error_number, char *error, size_t error_size);
/* False with a sentence in `error`. `name` replaces the plan's unless NULL. */
bool pb_uinput_create(struct pb_uinput_device *device, const char *node, const struct pb_uinput_plan *plan, const char *name,
                      char *error, size_t error_size);
void pb_uinput_destroy(struct pb_uinput_device *device);
enum pb_status pb_uinput_put(struct pb_uinput_device *device, uint16_t type, uint16_t code, int32_t value);
/* Ends the group, if there is one, and gives it to the kernel. */
enum pb_status pb_uinput_report(struct pb_uinput_device *device);

/* Contacts, from which comes what programs without multi-touch look at. */
struct pb_touch {
    struct { bool down; int32_t x, y; } contact[PB_TOUCHES];
    uint32_t slot;  /* that events are for */
    int32_t leader; /* slot that stands for the pointer; -1 for none */
};

enum pb_status pb_touch_put(struct pb_touch *touch, struct pb_uinput_device *device, uint16_t type, uint16_t code, int32_t value);
enum pb_status pb_touch_report(struct pb_touch *touch, struct pb_uinput_device *device);

/* Effects that a program has uploaded to a pad, and those that play. Pure. */
struct pb_rumble {
    struct pb_effect {
        bool loaded;
        uint16_t strong, weak;
        uint32_t length_ms, delay_ms; /* length 0: until stopped */
        int32_t plays;                /* left, the present one included; 0: silent */
        uint64_t begin_us;            /* of the present one */
    } effects[PB_EFFECTS];
    uint32_t gain; /* 0..65535 */
    uint16_t strong, weak;
    uint64_t told_us;
};

void pb_rumble_init(struct pb_rumble *rumble);
/* 0, or a negative errno for the program that uploads. */
int32_t pb_rumble_load(struct pb_rumble *rumble, const struct ff_effect *effect);
int32_t pb_rumble_erase(struct pb_rumble *rumble, uint32_t id);
void pb_rumble_play(struct pb_rumble *rumble, uint32_t id, int32_t plays, uint64_t now_us);
/* True when the pad's owner is to be told. `*wake_us` is when to ask again, UINT64_MAX for never. */
bool pb_rumble_mix(struct pb_rumble *rumble, uint64_t now_us, struct pb_input_feedback *feedback, uint64_t *wake_us);

/* A thread that answers the kernel at once, whatever the event loop does: who uploads an effect waits for the answer. */
struct pb_listener;
struct pb_listener *pb_listener_start(void);
void pb_listener_stop(struct pb_listener *listener);
void pb_listener_add(struct pb_listener *listener, uint32_t device, int fd);
/* The device is read no longer when this returns. */
void pb_listener_remove(struct pb_listener *listener, uint32_t device);
void pb_listener_ring(struct pb_listener *listener, struct pb_waker *waker);
bool pb_listener_next(struct pb_listener *listener, struct pb_input_feedback *feedback);
#endif
