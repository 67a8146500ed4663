/* A stand-in for /dev/uinput, in the place of c/input/uinput_system.c: it keeps what is asked of it, can be told to fail at any
 * call, and plays the kernel's part in force feedback. */
#ifndef UINPUT_DOUBLE_H
#define UINPUT_DOUBLE_H
#include <linux/uinput.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DOUBLES = 24, DOUBLE_EVENTS = 4096 };

struct double_device {
    bool open, created, destroyed;
    int fd, kernel;
    struct uinput_setup setup;
    bool keys[KEY_CNT], forces[FF_CNT], event_types[EV_CNT], properties[INPUT_PROP_CNT];
    struct uinput_abs_setup axes[ABS_CNT];
    struct input_event written[DOUBLE_EVENTS];
    size_t count;
};

/* Calls (open, ioctl, write) since the last double_fail; the one with this number fails. 0: none. */
void double_fail(unsigned call, int error_number);
unsigned double_calls(void);
/* Versions of uinput, and bytes that a write takes at most (0: all). */
void double_version(unsigned version);
void double_short_write(size_t bytes);
/* The newest device of this name that is there; NULL for none. */
struct double_device *double_find(const char *name);
unsigned double_open_count(void);
/* Bytes that the device's owner reads. */
void double_say(struct double_device *device, const void *bytes, size_t size);
void double_tell(struct double_device *device, uint16_t type, uint16_t code, int32_t value);
/* A program uploads or erases, and waits for the answer: what the owner returned, or 1 when it does not answer. */
int double_upload(struct double_device *device, const struct ff_effect *effect);
int double_erase(struct double_device *device, uint32_t id);
#endif
