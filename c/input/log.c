/* Writes events down instead of injecting them, one line `type code value` each, or `device N type code value` for pads and the
 * like, which are also noted as they come and go: for tests and for machines where nothing
 * can be injected. The target is a file to append to, "-" for standard error, or nothing to only count. */
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pb_injector {
    FILE *file; /* NULL: nowhere */
    uint64_t events;
};

static bool probe(const char *target, char *detail, size_t size) {
    (void)target;
    pb_error(detail, size, "events are written down, not injected");
    return true;
}

static struct pb_injector *open_log(const char *target, char *error, size_t error_size) {
    struct pb_injector *i = calloc(1, sizeof *i);
    if (!i) {
        pb_error(error, error_size, "no memory for input");
        return NULL;
    }
    if (!target || !*target) return i;
    /* "e": not inherited by other programs. */
    i->file = strcmp(target, "-") ? fopen(target, "ae") : stderr;
    if (i->file) return i;
    pb_error(error, error_size, "%s cannot be written: %s", target, strerror(errno));
    free(i);
    return NULL;
}

static void describe(struct pb_injector *i, char *detail, size_t size) {
    pb_error(detail, size, "events are %s, not injected", i->file ? "written down" : "counted");
}

static enum pb_status send_event(struct pb_injector *i, uint16_t type, uint16_t code, int32_t value) {
    i->events++;
    if (i->file && fprintf(i->file, "%u %u %d\n", type, code, value) < 0) return PB_ERROR;
    return PB_OK;
}

static void flush(struct pb_injector *i) {
    if (i->file) fflush(i->file);
}

static void close_log(struct pb_injector *i) {
    if (i->file && i->file != stderr) fclose(i->file);
    free(i);
}

static enum pb_status plug(struct pb_injector *i, uint32_t device, const char *name, char *error, size_t error_size) {
    (void)error;
    (void)error_size;
    if (i->file) fprintf(i->file, "plug %u %s\n", device, name);
    return PB_OK;
}

static void unplug(struct pb_injector *i, uint32_t device) {
    if (i->file) fprintf(i->file, "unplug %u\n", device);
}

static enum pb_status send_to(struct pb_injector *i, uint32_t device, uint16_t type, uint16_t code, int32_t value) {
    i->events++;
    if (i->file && fprintf(i->file, "device %u %u %u %d\n", device, type, code, value) < 0) return PB_ERROR;
    return PB_OK;
}

static void listen_to(struct pb_injector *i, struct pb_waker *waker) {
    (void)i;
    (void)waker;
}

static bool next(struct pb_injector *i, struct pb_input_feedback *feedback) {
    (void)i;
    (void)feedback;
    return false;
}

const struct pb_input_backend pb_input_log = {
    .name = "log",
    .probe = probe,
    .open = open_log,
    .describe = describe,
    .send = send_event,
    .flush = flush,
    .close = close_log,
    .plug = plug,
    .unplug = unplug,
    .send_to = send_to,
    .listen = listen_to,
    .next = next,
};
