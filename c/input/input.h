/* An input injection backend: one file, one vtable. Called from TypeScript's thread only; never blocks. */
#ifndef PB_INPUT_H
#define PB_INPUT_H
#include "../shim.h"

struct pb_injector;

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
};

extern const struct pb_input_backend *const pb_input_backends[];
#endif
