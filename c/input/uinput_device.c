/* One virtual device of the kernel: made from a plan, fed whole groups of events with one call, and gone with its descriptor,
 * however this program ends: the kernel then lets go of what was pressed. */
#include "uinput.h"

#include <errno.h>
#include <string.h>

/* UI_DEV_SETUP came with version 5 (Linux 4.5). */
enum { OLDEST_VERSION = 5 };

void pb_uinput_explain(const char *node, int error_number, char *error, size_t error_size) {
    const char *text = strerror(error_number);
    switch (error_number) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        pb_error(error, error_size, "%s cannot be opened: %s; as root: modprobe uinput", node, text);
        return;
    case EACCES:
    case EPERM:
        pb_error(error, error_size,
                 "%s cannot be opened: %s; as root: echo 'KERNEL==\"uinput\", GROUP=\"input\", MODE=\"0660\", "
                 "OPTIONS+=\"static_node=uinput\"' >/etc/udev/rules.d/70-patchbay.rules; modprobe uinput; udevadm control --reload; "
                 "udevadm trigger /dev/uinput; usermod -aG input USER; then log in again",
                 node, text);
        return;
    default: pb_error(error, error_size, "%s cannot be opened: %s", node, text);
    }
}

static bool enable_all(int fd, const struct pb_uinput_plan *plan) {
    static const uint16_t forces[] = {FF_RUMBLE, FF_PERIODIC, FF_SQUARE, FF_TRIANGLE, FF_SINE, FF_GAIN};
#define ENABLE(request, bit) \
    if (pb_uinput_ioctl(fd, request, (const void *)(uintptr_t)(bit)) < 0) return false
    for (int i = 0; plan->keys[i][0]; i++) {
        ENABLE(UI_SET_EVBIT, EV_KEY);
        for (unsigned code = plan->keys[i][0]; code <= plan->keys[i][1]; code++) ENABLE(UI_SET_KEYBIT, code);
    }
    for (int i = 0; plan->relatives[i] >= 0; i++) {
        ENABLE(UI_SET_EVBIT, EV_REL);
        ENABLE(UI_SET_RELBIT, plan->relatives[i]);
    }
    for (int i = 0; plan->leds[i] >= 0; i++) {
        ENABLE(UI_SET_EVBIT, EV_LED);
        ENABLE(UI_SET_LEDBIT, plan->leds[i]);
    }
    for (unsigned i = 0; plan->rumbles && i < sizeof forces / sizeof *forces; i++) {
        ENABLE(UI_SET_EVBIT, EV_FF);
        ENABLE(UI_SET_FFBIT, forces[i]);
    }
    if (plan->repeats) ENABLE(UI_SET_EVBIT, EV_REP);
    if (plan->direct) ENABLE(UI_SET_PROPBIT, INPUT_PROP_DIRECT);
    for (uint32_t i = 0; i < plan->axis_count; i++) {
        const struct pb_uinput_axis *a = &plan->axes[i];
        ENABLE(UI_SET_EVBIT, EV_ABS); /* the set-up does not imply it */
        struct uinput_abs_setup setup = {.code = a->code, .absinfo = {0, a->minimum, a->maximum, a->fuzz, a->flat, a->resolution}};
        if (pb_uinput_ioctl(fd, UI_ABS_SETUP, &setup) < 0) return false;
    }
#undef ENABLE
    return true;
}

bool pb_uinput_create(struct pb_uinput_device *d, const char *node, const struct pb_uinput_plan *plan, const char *name,
                      char *error, size_t error_size) {
    struct uinput_setup setup = {.id = {plan->bus, plan->vendor, plan->product, plan->version},
                                 .ff_effects_max = plan->rumbles ? PB_EFFECTS : 0};
    unsigned version = 0;
    const char *call = "UI_GET_VERSION";
    pb_error(setup.name, sizeof setup.name, "%s", name && *name ? name : plan->name);
    d->count = 0;
    d->fd = pb_uinput_open(node);
    if (d->fd < 0) {
        pb_uinput_explain(node, errno, error, error_size);
        return false;
    }
    if (pb_uinput_ioctl(d->fd, UI_GET_VERSION, &version) < 0) goto fail;
    if (version < OLDEST_VERSION) {
        pb_error(error, error_size, "%s is of version %u; %d or newer is needed (Linux 4.5)", node, version, OLDEST_VERSION);
        goto close;
    }
    call = "UI_SET_PHYS";
    if (pb_uinput_ioctl(d->fd, UI_SET_PHYS, "patchbay/input0") < 0) goto fail;
    call = "setting it up";
    if (!enable_all(d->fd, plan)) goto fail;
    call = "UI_DEV_SETUP";
    if (pb_uinput_ioctl(d->fd, UI_DEV_SETUP, &setup) < 0) goto fail;
    call = "UI_DEV_CREATE";
    if (pb_uinput_ioctl(d->fd, UI_DEV_CREATE, NULL) < 0) goto fail;
    return true;
fail:
    pb_error(error, error_size, "%s makes no \"%s\": %s: %s", node, setup.name, call, strerror(errno));
close:
    pb_uinput_close(d->fd);
    d->fd = -1;
    return false;
}

void pb_uinput_destroy(struct pb_uinput_device *d) {
    if (d->fd < 0) return;
    pb_uinput_ioctl(d->fd, UI_DEV_DESTROY, NULL);
    pb_uinput_close(d->fd);
    d->fd = -1;
    d->count = 0;
}

static enum pb_status give(struct pb_uinput_device *d) {
    size_t size = d->count * sizeof *d->group;
    d->count = 0;
    if (!size) return PB_OK;
    ssize_t wrote = pb_uinput_write(d->fd, d->group, size);
    if (wrote == (ssize_t)size) return PB_OK;
    return wrote < 0 && errno == EAGAIN ? PB_AGAIN : PB_LOST;
}

enum pb_status pb_uinput_put(struct pb_uinput_device *d, uint16_t type, uint16_t code, int32_t value) {
    if (d->fd < 0) return PB_LOST;
    enum pb_status status = d->count == PB_GROUP ? give(d) : PB_OK;
    d->group[d->count++] = (struct input_event){.type = type, .code = code, .value = value};
    return status;
}

enum pb_status pb_uinput_report(struct pb_uinput_device *d) {
    if (d->fd < 0 || !d->count) return PB_OK;
    d->group[d->count++] = (struct input_event){.type = EV_SYN, .code = SYN_REPORT};
    return give(d);
}
