/* An input injection backend: one file, one vtable. Called from TypeScript's thread only; never blocks. */
#ifndef PB_INPUT_H
#define PB_INPUT_H
#include "../gen/abi.h"
#include "../shim.h"

struct pb_injector;

/* Device numbers. Device 0 is keyboard and pointer; the others are plugged before they are used. */
enum { PB_DEVICE_MAIN = 0, PB_DEVICE_PAD = 1, PB_PADS = 4, PB_DEVICE_TOUCH = 16, PB_DEVICE_PEN = 17, PB_DEVICES = 18 };
static inline bool pb_device_is_pad(uint32_t device) { return device >= PB_DEVICE_PAD && device < PB_DEVICE_PAD + PB_PADS; }
static inline bool pb_device_is_known(uint32_t device) {
    return pb_device_is_pad(device) || device == PB_DEVICE_TOUCH || device == PB_DEVICE_PEN;
}

struct pb_input_backend {
    const char *name;
    bool (*probe)(const char *target, char *detail, size_t size);
    struct pb_injector *(*open)(const char *target, char *error, size_t error_size);
    /* Where events go, in a few words. */
    void (*describe)(struct pb_injector *injector, char *detail, size_t size);
    /* Linux type, code, value. Absolute positions are 0..65535 across the captured picture.
     * PB_UNSUPPORTED for what it cannot inject, PB_AGAIN when the device takes no more now, PB_LOST when it is gone. */
    enum pb_status (*send)(struct pb_injector *injector, uint16_t type, uint16_t code, int32_t value);
    void (*flush)(struct pb_injector *injector);
    void (*close)(struct pb_injector *injector);

    /* From here on NULL in a backend that knows keyboard and pointer only. Plugging what is plugged changes nothing. */
    enum pb_status (*plug)(struct pb_injector *injector, uint32_t device, const char *name, char *error, size_t error_size);
    void (*unplug)(struct pb_injector *injector, uint32_t device);
    /* Type EV_SYN ends a group. Pads: axes of an Xbox 360 pad as Linux has them. Touch: slots of the multi-touch protocol B.
     * Pen: a tablet's tool. Positions are 0..65535 across the captured picture. */
    enum pb_status (*send_to)(struct pb_injector *injector, uint32_t device, uint16_t type, uint16_t code, int32_t value);
    /* Rings when there is feedback; NULL stops it. */
    void (*listen)(struct pb_injector *injector, struct pb_waker *waker);
    bool (*next)(struct pb_injector *injector, struct pb_input_feedback *feedback);
};

extern const struct pb_input_backend *const pb_input_backends[];
/* The kernel's virtual devices without keyboard and pointer, beside a backend that has only those; in no list. */
extern const struct pb_input_backend pb_input_devices;
#endif
