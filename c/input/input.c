/* Input injection's boundary and its list of backends, best first. It remembers which keys and buttons are down, so that none
 * stays down when a client leaves, whatever the backend. It trusts no caller: types and codes come from the network. */
#include "input.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

extern const struct pb_input_backend pb_input_uinput, pb_input_xtest, pb_input_log;

const struct pb_input_backend *const pb_input_backends[] = {&pb_input_uinput, &pb_input_xtest, &pb_input_log, NULL};

struct pb_input {
    const struct pb_input_backend *backend;
    struct pb_injector *injector;
    /* What takes pads, touch and pen: the same, or the kernel's devices beside a backend that has none, once one is plugged. */
    const struct pb_input_backend *devices_backend;
    struct pb_injector *devices;
    struct pb_waker waker;
    bool plugged[PB_DEVICES];
    uint8_t down[(KEY_MAX + 8) / 8];
    char description[256];
};

struct pb_input *pb_input_open(const char *backend, const char *target, char *error, uint32_t error_size) {
    bool any = !backend || !*backend || !strcmp(backend, "auto");
    struct pb_input *input = calloc(1, sizeof *input);
    pb_error(error, error_size, input ? "there is no input backend \"%s\"" : "no memory for input (%s)", any ? "auto" : backend);
    if (!input) return NULL;
    for (unsigned i = 0; pb_input_backends[i] && !input->injector; i++) {
        const struct pb_input_backend *b = pb_input_backends[i];
        if (!any && strcmp(b->name, backend)) continue;
        /* A target is meant for the backend that was asked for; the log as a last resort writes nowhere. */
        input->backend = b;
        input->injector = b->open(any && b == &pb_input_log ? "" : target, error, error_size);
    }
    if (!input->injector) {
        free(input);
        return NULL;
    }
    char detail[192] = "";
    input->backend->describe(input->injector, detail, sizeof detail);
    pb_error(input->description, sizeof input->description, "%s\t%s", input->backend->name, detail);
    return input;
}

uint32_t pb_input_describe(struct pb_input *input, char *out, uint32_t size) {
    pb_error(out, size, "%s", input->description);
    return out && size ? (uint32_t)strlen(out) : 0;
}

int32_t pb_input_send(struct pb_input *input, uint32_t type, uint32_t code, int32_t value) {
    if (type > EV_MAX || code > KEY_MAX) return -1;
    if (input->backend->send(input->injector, (uint16_t)type, (uint16_t)code, value) != PB_OK) return -1;
    if (type == EV_KEY && value) input->down[code / 8] |= (uint8_t)(1u << code % 8);
    if (type == EV_KEY && !value) input->down[code / 8] &= (uint8_t) ~(1u << code % 8);
    return 0;
}

void pb_input_flush(struct pb_input *input) { input->backend->flush(input->injector); }

static bool have_devices(struct pb_input *input, char *error, uint32_t error_size) {
    if (input->devices) return true;
    input->devices_backend = input->backend->plug ? input->backend : &pb_input_devices;
    input->devices = input->backend->plug ? input->injector : pb_input_devices.open("", error, error_size);
    if (input->devices) input->devices_backend->listen(input->devices, &input->waker);
    return input->devices != NULL;
}

int32_t pb_input_plug(struct pb_input *input, uint32_t device, const char *name, char *error, uint32_t error_size) {
    pb_error(error, error_size, "there is no device %u", device);
    if (!pb_device_is_known(device) || !have_devices(input, error, error_size)) return -1;
    if (input->devices_backend->plug(input->devices, device, name ? name : "", error, error_size) != PB_OK) return -1;
    input->plugged[device] = true;
    return 0;
}

void pb_input_unplug(struct pb_input *input, uint32_t device) {
    if (device >= PB_DEVICES || !input->plugged[device]) return;
    input->plugged[device] = false;
    input->devices_backend->unplug(input->devices, device);
}

int32_t pb_input_send_to(struct pb_input *input, uint32_t device, uint32_t type, uint32_t code, int32_t value) {
    if (device == PB_DEVICE_MAIN) return pb_input_send(input, type, code, value);
    if (device >= PB_DEVICES || !input->plugged[device] || type > EV_MAX || code > KEY_MAX) return -1;
    return input->devices_backend->send_to(input->devices, device, (uint16_t)type, (uint16_t)code, value) == PB_OK ? 0 : -1;
}

void pb_input_listen(struct pb_input *input, pb_wake_fn wake) {
    input->waker.fn = wake;
    if (input->backend->listen) {
        char none[1];
        have_devices(input, none, sizeof none);
    }
}

void pb_input_rearm(struct pb_input *input) { pb_waker_arm(&input->waker); }

uint32_t pb_input_next(struct pb_input *input, struct pb_input_feedback *out) {
    return input->devices && input->devices_backend->next(input->devices, out);
}

uint32_t pb_input_release_all(struct pb_input *input) {
    uint32_t released = 0;
    for (uint32_t code = 0; code <= KEY_MAX; code++) {
        if (!(input->down[code / 8] >> code % 8 & 1)) continue;
        released++;
        input->backend->send(input->injector, EV_KEY, (uint16_t)code, 0);
    }
    memset(input->down, 0, sizeof input->down);
    if (released) input->backend->send(input->injector, EV_SYN, SYN_REPORT, 0);
    input->backend->flush(input->injector);
    return released;
}

void pb_input_close(struct pb_input *input) {
    if (!input) return;
    pb_input_release_all(input);
    for (uint32_t device = 0; device < PB_DEVICES; device++) pb_input_unplug(input, device);
    if (input->devices && input->devices != input->injector) input->devices_backend->close(input->devices);
    input->backend->close(input->injector);
    free(input);
}
