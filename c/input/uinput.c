/* Injects into the kernel, by virtual devices that everything on this machine reads as it reads real ones: X servers, Wayland
 * compositors, consoles, games. Keyboard and pointers are there from the start, because who listens needs a moment to notice
 * them; pads, touch screen and pen come when a client plugs them and go when it leaves. A key that is held is repeated by the
 * kernel, so repeats of a client are not. The node is /dev/uinput unless another is named. */
#include "uinput.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEYBOARD, POINTER, ABSOLUTE, MAINS };

struct pb_injector {
    char node[256];
    struct pb_uinput_device mains[MAINS];
    struct pb_uinput_device *pending;            /* of the mains, that has a group begun */
    struct pb_uinput_device *pointer;            /* moved last: buttons and wheel are its own */
    struct pb_uinput_device *pressed[BTN_TASK - BTN_LEFT + 1]; /* by button, who pressed it */
    struct pb_uinput_device others[PB_DEVICES];  /* by device number */
    struct pb_touch touch;
    struct pb_listener *listener;
};

static const struct pb_uinput_plan *plan_of(uint32_t device) {
    if (device == PB_DEVICE_TOUCH) return &pb_plan_touch;
    return device == PB_DEVICE_PEN ? &pb_plan_pen : &pb_plan_pad;
}

static void close_uinput(struct pb_injector *i) {
    if (!i) return;
    pb_listener_stop(i->listener);
    for (int n = 0; n < PB_DEVICES; n++) pb_uinput_destroy(&i->others[n]);
    for (int n = 0; n < MAINS; n++) pb_uinput_destroy(&i->mains[n]);
    free(i);
}

static struct pb_injector *open_bare(const char *target, char *error, size_t error_size) {
    struct pb_injector *i = calloc(1, sizeof *i);
    if (i) {
        pb_error(i->node, sizeof i->node, "%s", target && *target == '/' ? target : "/dev/uinput");
        for (int n = 0; n < PB_DEVICES; n++) i->others[n].fd = -1;
        for (int n = 0; n < MAINS; n++) i->mains[n].fd = -1;
        i->pointer = &i->mains[ABSOLUTE];
        i->touch.leader = -1;
        i->listener = pb_listener_start();
    }
    if (i && i->listener) return i;
    pb_error(error, error_size, "virtual devices have no thread: %s", strerror(errno));
    free(i);
    return NULL;
}

static struct pb_injector *open_uinput(const char *target, char *error, size_t error_size) {
    static const struct pb_uinput_plan *const plans[MAINS] = {&pb_plan_keyboard, &pb_plan_pointer, &pb_plan_absolute};
    if (target && *target && *target != '/') {
        pb_error(error, error_size, "\"%s\" is no device node; virtual devices are made by /dev/uinput", target);
        return NULL;
    }
    struct pb_injector *i = open_bare(target, error, error_size);
    for (int n = 0; i && n < MAINS; n++) {
        if (pb_uinput_create(&i->mains[n], i->node, plans[n], NULL, error, error_size)) continue;
        close_uinput(i);
        return NULL;
    }
    if (i) pb_listener_add(i->listener, PB_DEVICE_MAIN, i->mains[KEYBOARD].fd);
    return i;
}

/* Pads and the like can wait until they are plugged; the node must be usable all the same. */
static struct pb_injector *open_devices(const char *target, char *error, size_t error_size) {
    struct pb_injector *i = open_bare(target, error, error_size);
    int fd = i ? pb_uinput_open(i->node) : -1;
    if (fd >= 0) {
        pb_uinput_close(fd);
        return i;
    }
    if (i) pb_uinput_explain(i->node, errno, error, error_size);
    close_uinput(i);
    return NULL;
}

static bool probe(const char *target, char *detail, size_t size) {
    const char *node = target && *target == '/' ? target : "/dev/uinput";
    unsigned version = 0;
    int fd = pb_uinput_open(node);
    if (fd < 0) {
        pb_uinput_explain(node, errno, detail, size);
        return false;
    }
    bool ok = pb_uinput_ioctl(fd, UI_GET_VERSION, &version) >= 0;
    if (ok) pb_error(detail, size, "%s of version %u: keyboard, pointers, touch screen, pen, %d gamepads", node, version, PB_PADS);
    else pb_error(detail, size, "%s is no uinput node: UI_GET_VERSION: %s", node, strerror(errno));
    pb_uinput_close(fd);
    return ok;
}

static void describe(struct pb_injector *i, char *detail, size_t size) {
    pb_error(detail, size, "virtual devices of the kernel, by %s", i->node);
}

/* One group at a time, so that what happened first comes first, whatever device it is on. */
static enum pb_status put(struct pb_injector *i, struct pb_uinput_device *d, uint16_t type, uint16_t code, int32_t value) {
    enum pb_status status = i->pending && i->pending != d ? pb_uinput_report(i->pending) : PB_OK;
    i->pending = d;
    enum pb_status now = pb_uinput_put(d, type, code, value);
    return status == PB_OK ? now : status;
}

/* A button is released on the device where it was pressed. */
static enum pb_status press(struct pb_injector *i, uint16_t code, int32_t value) {
    if (code < BTN_LEFT || code > BTN_TASK) return put(i, &i->mains[KEYBOARD], EV_KEY, code, value != 0);
    struct pb_uinput_device **by = &i->pressed[code - BTN_LEFT], *d = *by ? *by : i->pointer;
    *by = value ? d : NULL;
    return put(i, d, EV_KEY, code, value != 0);
}

static bool has_key(const struct pb_uinput_plan *plan, uint16_t code) {
    for (int n = 0; plan->keys[n][0]; n++)
        if (code >= plan->keys[n][0] && code <= plan->keys[n][1]) return true;
    return false;
}

static enum pb_status send_event(struct pb_injector *i, uint16_t type, uint16_t code, int32_t value) {
    switch (type) {
    case EV_SYN: {
        enum pb_status status = i->pending ? pb_uinput_report(i->pending) : PB_OK;
        i->pending = NULL;
        return status;
    }
    case EV_KEY:
        if (!has_key(&pb_plan_keyboard, code) && !has_key(&pb_plan_pointer, code)) return PB_UNSUPPORTED;
        return value == 2 ? PB_OK : press(i, code, value);
    case EV_REL:
        if (code == REL_X || code == REL_Y) i->pointer = &i->mains[POINTER];
        else if (code != REL_WHEEL && code != REL_HWHEEL) return PB_UNSUPPORTED;
        return put(i, i->pointer, type, code, value);
    case EV_ABS:
        if (code != ABS_X && code != ABS_Y) return PB_UNSUPPORTED;
        i->pointer = &i->mains[ABSOLUTE];
        return put(i, i->pointer, type, code, value);
    default: return PB_UNSUPPORTED;
    }
}

static void flush(struct pb_injector *i) { (void)i; }

static enum pb_status plug(struct pb_injector *i, uint32_t device, const char *name, char *error, size_t error_size) {
    struct pb_uinput_device *d = &i->others[device];
    char own[UINPUT_MAX_NAME_SIZE];
    (void)name; /* a stranger's words are not shown as if they were this machine's */
    if (d->fd >= 0) return PB_OK;
    pb_error(own, sizeof own, pb_device_is_pad(device) ? "%s %u" : "%s", plan_of(device)->name, device);
    if (!pb_uinput_create(d, i->node, plan_of(device), own, error, error_size)) return PB_ERROR;
    if (device == PB_DEVICE_TOUCH) i->touch = (struct pb_touch){.leader = -1};
    if (plan_of(device)->rumbles) pb_listener_add(i->listener, device, d->fd);
    return PB_OK;
}

static void unplug(struct pb_injector *i, uint32_t device) {
    pb_listener_remove(i->listener, device);
    pb_uinput_destroy(&i->others[device]);
}

static bool has_axis(const struct pb_uinput_plan *plan, uint16_t code, int32_t value) {
    for (uint32_t n = 0; n < plan->axis_count; n++)
        if (plan->axes[n].code == code) return value >= plan->axes[n].minimum && value <= plan->axes[n].maximum;
    return false;
}

static enum pb_status send_to(struct pb_injector *i, uint32_t device, uint16_t type, uint16_t code, int32_t value) {
    struct pb_uinput_device *d = &i->others[device];
    if (d->fd < 0) return PB_LOST;
    bool touch = device == PB_DEVICE_TOUCH, lifts = touch && type == EV_ABS && code == ABS_MT_TRACKING_ID && value == -1;
    if (type == EV_SYN) return touch ? pb_touch_report(&i->touch, d) : pb_uinput_report(d);
    if (type == EV_KEY ? !has_key(plan_of(device), code) : type != EV_ABS || !(lifts || has_axis(plan_of(device), code, value)))
        return PB_UNSUPPORTED;
    return touch ? pb_touch_put(&i->touch, d, type, code, value) : pb_uinput_put(d, type, code, type == EV_KEY ? value != 0 : value);
}

static void listen_to(struct pb_injector *i, struct pb_waker *waker) { pb_listener_ring(i->listener, waker); }
static bool next(struct pb_injector *i, struct pb_input_feedback *feedback) { return pb_listener_next(i->listener, feedback); }

#define BOTH \
    .describe = describe, .flush = flush, .close = close_uinput, .plug = plug, .unplug = unplug, .send_to = send_to, \
    .listen = listen_to, .next = next

const struct pb_input_backend pb_input_uinput = {.name = "uinput", .probe = probe, .open = open_uinput, .send = send_event, BOTH};
const struct pb_input_backend pb_input_devices = {.name = "devices", .probe = probe, .open = open_devices, .send = NULL, BOTH};
