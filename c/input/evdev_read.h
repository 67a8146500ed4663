/* Gamepads of this machine, read from the kernel: for windows whose display server does not know them. Whatever the pad, its
 * events are those of an Xbox 360 pad (wire: DEVICE INPUT). Used by one thread. Keyboards and the like are never opened. */
#ifndef PB_EVDEV_READ_H
#define PB_EVDEV_READ_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pb_pads;

struct pb_pad_event {
    enum { PB_PAD_INPUT, PB_PAD_PLUGGED, PB_PAD_UNPLUGGED } kind;
    uint8_t device; /* 1 to 4 */
    uint16_t type, code;
    int32_t value; /* plugged: 1 for one that rumbles */
};

/* NULL where there is no folder of input devices. */
struct pb_pads *pb_pads_open(void);
void pb_pads_close(struct pb_pads *pads);
/* Readable when there may be events. */
int pb_pads_descriptor(const struct pb_pads *pads);
/* False when there is none now. */
bool pb_pads_next(struct pb_pads *pads, struct pb_pad_event *event);
/* Without the focus nothing is told; with it again, everything that is held. */
void pb_pads_focus(struct pb_pads *pads, bool focused);
/* "" for one that is gone. */
const char *pb_pads_name(const struct pb_pads *pads, uint32_t device);
void pb_pads_rumble(struct pb_pads *pads, uint32_t device, uint32_t strong, uint32_t weak, uint32_t duration_ms);
/* Whether the device at this path was made by Patchbay: its own pads would go round in circles. */
bool pb_pads_is_own(const char *path);
/* Why a pad that is there is not used, with what helps; "" when there is nothing to say. */
const char *pb_pads_complaint(const struct pb_pads *pads);
#endif
