/* Input injection's boundary and its list of backends, best first. It remembers which keys and buttons are down, so that none
 * stays down when a client leaves, whatever the backend. It trusts no caller: types and codes come from the network. */
#include "input.h"

#include "../gen/abi.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

extern const struct pb_input_backend pb_input_xtest, pb_input_log;

const struct pb_input_backend *const pb_input_backends[] = {&pb_input_xtest, &pb_input_log, NULL};

struct pb_input {
    const struct pb_input_backend *backend;
    struct pb_injector *injector;
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
    input->backend->close(input->injector);
    free(input);
}
