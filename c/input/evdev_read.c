/* Finds gamepads by what /sys says of them, opens them by /dev/input, follows who comes and goes by inotify (and the rights that
 * udev gives a moment later), and tells the difference between what a pad's state is and what was told of it: so a queue that
 * overflowed, a focus that was lost and an ordinary report are the same case. Libc only. */
#include "evdev_read.h"

#include "input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { AXES = 8, KEYS = 11, TOLD = AXES + KEYS + 1, QUEUE = 64, BATCH = 64, WORDS = (KEY_MAX + 64) / 64, SONY = 0x054c, NINTENDO = 0x057e };
#define FOLDER "/dev/input"

static const uint16_t axis_codes[AXES] = {ABS_X, ABS_Y, ABS_Z, ABS_RX, ABS_RY, ABS_RZ, ABS_HAT0X, ABS_HAT0Y};
static const uint16_t key_codes[KEYS] = {BTN_A, BTN_B, BTN_X, BTN_Y, BTN_TL, BTN_TR, BTN_SELECT, BTN_START, BTN_MODE, BTN_THUMBL, BTN_THUMBR};
enum { LEFT_X, LEFT_Y, LEFT_TRIGGER, RIGHT_X, RIGHT_Y, RIGHT_TRIGGER, HAT_X, HAT_Y };

struct state {
    int32_t axes[AXES];
    bool keys[KEYS];
};

struct pad {
    int fd; /* -1: free */
    int number; /* of eventN */
    char name[80];
    bool rumbles, swapped; /* its X and Y are named by place, not by letter */
    int16_t effect;        /* uploaded, or -1 */
    int8_t axis_of[ABS_CNT]; /* index of an axis of ours, or -1 */
    struct { int32_t minimum, maximum; } range[ABS_CNT];
    struct state now, told;
    struct input_event batch[BATCH];
    uint32_t batch_at, batch_count;
};

struct pb_pads {
    int epoll, inotify;
    bool focused;
    struct pad pads[PB_PADS];
    struct pb_pad_event queue[QUEUE];
    uint32_t queue_first, queue_count;
    char complaint[256];
};

static bool bit(const unsigned long *words, unsigned number) { return words[number / (8 * sizeof *words)] >> number % (8 * sizeof *words) & 1; }

static void push(struct pb_pads *p, const struct pad *pad, int kind, uint16_t type, uint16_t code, int32_t value) {
    struct pb_pad_event e = {kind, (uint8_t)(PB_DEVICE_PAD + (pad - p->pads)), type, code, value};
    if (p->queue_count < QUEUE) p->queue[(p->queue_first + p->queue_count++) % QUEUE] = e;
}

/* Tells what is new; what finds no room is told with the next report. */
static void tell(struct pb_pads *p, struct pad *pad) {
    bool some = false;
    if (QUEUE - p->queue_count < TOLD) return;
    for (int i = 0; p->focused && i < AXES; i++) {
        if (pad->now.axes[i] == pad->told.axes[i]) continue;
        push(p, pad, PB_PAD_INPUT, EV_ABS, axis_codes[i], pad->now.axes[i]);
        some = true;
    }
    for (int i = 0; p->focused && i < KEYS; i++) {
        if (pad->now.keys[i] == pad->told.keys[i]) continue;
        push(p, pad, PB_PAD_INPUT, EV_KEY, key_codes[i], pad->now.keys[i]);
        some = true;
    }
    if (p->focused) pad->told = pad->now;
    if (some) push(p, pad, PB_PAD_INPUT, EV_SYN, SYN_REPORT, 0);
}

static int32_t scale(int64_t value, int64_t minimum, int64_t maximum, int64_t low, int64_t high) {
    if (maximum <= minimum) return 0;
    if (value < minimum) value = minimum;
    if (value > maximum) value = maximum;
    return (int32_t)(low + ((value - minimum) * (high - low) + (maximum - minimum) / 2) / (maximum - minimum));
}

static void note_axis(struct pad *pad, uint16_t code, int32_t value) {
    int8_t axis = code < ABS_CNT ? pad->axis_of[code] : -1;
    if (axis < 0) return;
    bool hat = axis == HAT_X || axis == HAT_Y, trigger = axis == LEFT_TRIGGER || axis == RIGHT_TRIGGER;
    int32_t low = hat ? -1 : trigger ? 0 : INT16_MIN, high = hat ? 1 : trigger ? 255 : INT16_MAX;
    pad->now.axes[axis] = scale(value, pad->range[code].minimum, pad->range[code].maximum, low, high);
}

static void note_key(struct pad *pad, uint16_t code, bool down) {
    int32_t *axes = pad->now.axes;
    if (pad->swapped && (code == BTN_X || code == BTN_Y)) code = code == BTN_X ? BTN_Y : BTN_X;
    for (int i = 0; i < KEYS; i++)
        if (key_codes[i] == code) pad->now.keys[i] = down;
    /* Triggers and the cross are buttons on some pads, and on others both. */
    if (code == BTN_TL2 && pad->axis_of[ABS_Z] != LEFT_TRIGGER && pad->axis_of[ABS_BRAKE] != LEFT_TRIGGER) axes[LEFT_TRIGGER] = down ? 255 : 0;
    if (code == BTN_TR2 && pad->axis_of[ABS_RZ] != RIGHT_TRIGGER && pad->axis_of[ABS_GAS] != RIGHT_TRIGGER) axes[RIGHT_TRIGGER] = down ? 255 : 0;
    if (code == BTN_DPAD_LEFT) axes[HAT_X] = -down;
    if (code == BTN_DPAD_RIGHT) axes[HAT_X] = down;
    if (code == BTN_DPAD_UP) axes[HAT_Y] = -down;
    if (code == BTN_DPAD_DOWN) axes[HAT_Y] = down;
}

/* What the pad says of itself now. */
static void look(struct pad *pad) {
    unsigned long keys[WORDS] = {0};
    struct input_absinfo info;
    for (unsigned code = 0; code < ABS_CNT; code++)
        if (pad->axis_of[code] >= 0 && ioctl(pad->fd, EVIOCGABS(code), &info) >= 0) note_axis(pad, (uint16_t)code, info.value);
    if (ioctl(pad->fd, EVIOCGKEY(sizeof keys), keys) < 0) return;
    for (unsigned code = BTN_GAMEPAD; code <= BTN_DPAD_RIGHT; code++)
        if (code <= BTN_THUMBR || code >= BTN_DPAD_UP) note_key(pad, (uint16_t)code, bit(keys, code));
}

static void map_axis(struct pad *pad, const unsigned long *axes, unsigned code, int8_t axis) {
    struct input_absinfo info;
    if (!bit(axes, code) || ioctl(pad->fd, EVIOCGABS(code), &info) < 0) return;
    pad->axis_of[code] = axis;
    pad->range[code].minimum = info.minimum;
    pad->range[code].maximum = info.maximum;
}

/* Most drivers have the right stick on RX and RY and the triggers on Z and RZ; those without RX have the stick on Z and RZ, and
 * the triggers on BRAKE and GAS. */
static void map_axes(struct pad *pad) {
    unsigned long axes[(ABS_CNT + 63) / 64] = {0};
    memset(pad->axis_of, -1, sizeof pad->axis_of);
    if (ioctl(pad->fd, EVIOCGBIT(EV_ABS, sizeof axes), axes) < 0) return;
    bool usual = bit(axes, ABS_RX);
    map_axis(pad, axes, ABS_X, LEFT_X);
    map_axis(pad, axes, ABS_Y, LEFT_Y);
    map_axis(pad, axes, ABS_HAT0X, HAT_X);
    map_axis(pad, axes, ABS_HAT0Y, HAT_Y);
    map_axis(pad, axes, usual ? ABS_RX : ABS_Z, RIGHT_X);
    map_axis(pad, axes, usual ? ABS_RY : ABS_RZ, RIGHT_Y);
    map_axis(pad, axes, usual ? ABS_Z : ABS_BRAKE, LEFT_TRIGGER);
    map_axis(pad, axes, usual ? ABS_RZ : ABS_GAS, RIGHT_TRIGGER);
}

/* /sys lists the keys of a device as words in hexadecimal, the highest first. */
static bool is_pad(int number) {
    char path[96], text[512];
    unsigned long words[WORDS] = {0};
    snprintf(path, sizeof path, "/sys/class/input/event%d/device/capabilities/key", number);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) close(fd);
    if (size <= 0) return false;
    text[size] = 0;
    unsigned count = 0;
    char *at = text, *end = text;
    for (unsigned long word = strtoul(at, &end, 16); end != at; at = end, word = strtoul(at, &end, 16)) {
        memmove(words + 1, words, sizeof words - sizeof *words);
        words[0] = word;
        count++;
    }
    return count <= WORDS && bit(words, BTN_GAMEPAD);
}

static struct pad *find(struct pb_pads *p, int number) {
    for (int i = 0; i < PB_PADS; i++)
        if (number < 0 ? p->pads[i].fd < 0 : p->pads[i].fd >= 0 && p->pads[i].number == number) return &p->pads[i];
    return NULL;
}

static void drop(struct pb_pads *p, struct pad *pad) {
    close(pad->fd);
    pad->fd = -1;
    pad->name[0] = 0;
    push(p, pad, PB_PAD_UNPLUGGED, 0, 0, 0);
}

/* Pads that Patchbay itself made would go round in circles. */
static bool is_own(int fd) {
    char phys[64] = "";
    return ioctl(fd, EVIOCGPHYS(sizeof phys - 1), phys) > 0 && !strncmp(phys, "patchbay/", 9);
}

static void try_open(struct pb_pads *p, int number) {
    struct pad *pad = find(p, -1);
    char path[64];
    if (number < 0 || !pad || find(p, number) || !is_pad(number)) return;
    snprintf(path, sizeof path, FOLDER "/event%d", number);
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno == EACCES && !*p->complaint)
            snprintf(p->complaint, sizeof p->complaint,
                     "the gamepad at %s is not used: open: %s; as root: usermod -aG input USER, then log in again", path, strerror(EACCES));
        return;
    }
    if (is_own(fd)) {
        close(fd);
        return;
    }
    struct input_id id = {0};
    unsigned long forces[(FF_CNT + 63) / 64] = {0};
    memset(pad, 0, sizeof *pad);
    pad->fd = fd;
    pad->number = number;
    pad->effect = -1;
    if (ioctl(fd, EVIOCGNAME(sizeof pad->name - 1), pad->name) < 0) snprintf(pad->name, sizeof pad->name, "gamepad");
    if (ioctl(fd, EVIOCGID, &id) >= 0) pad->swapped = id.vendor == SONY || id.vendor == NINTENDO;
    pad->rumbles = ioctl(fd, EVIOCGBIT(EV_FF, sizeof forces), forces) >= 0 && bit(forces, FF_RUMBLE);
    map_axes(pad);
    look(pad);
    struct epoll_event e = {.events = EPOLLIN};
    epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e);
    push(p, pad, PB_PAD_PLUGGED, 0, 0, pad->rumbles);
    tell(p, pad);
}

static int number_of(const char *name) {
    int number = -1;
    char more;
    return sscanf(name, "event%d%c", &number, &more) == 1 ? number : -1;
}

static void scan(struct pb_pads *p) {
    DIR *folder = opendir(FOLDER);
    struct dirent *entry;
    /* Room for what one more pad tells. */
    while (folder && QUEUE - p->queue_count > TOLD && (entry = readdir(folder))) try_open(p, number_of(entry->d_name));
    if (folder) closedir(folder);
}

struct pb_pads *pb_pads_open(void) {
    struct pb_pads *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    for (int i = 0; i < PB_PADS; i++) p->pads[i].fd = -1;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN};
    if (p->epoll >= 0 && p->inotify >= 0 && inotify_add_watch(p->inotify, FOLDER, IN_CREATE | IN_ATTRIB) >= 0 &&
        epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->inotify, &e) >= 0) {
        scan(p);
        return p;
    }
    pb_pads_close(p);
    return NULL;
}

void pb_pads_close(struct pb_pads *p) {
    if (!p) return;
    for (int i = 0; i < PB_PADS; i++)
        if (p->pads[i].fd >= 0) close(p->pads[i].fd);
    if (p->inotify >= 0) close(p->inotify);
    if (p->epoll >= 0) close(p->epoll);
    free(p);
}

int pb_pads_descriptor(const struct pb_pads *p) { return p->epoll; }

/* True when something of the pad was handled, so that there may be more. */
static bool read_pad(struct pb_pads *p, struct pad *pad) {
    if (pad->fd < 0) return false;
    if (pad->batch_at == pad->batch_count) {
        ssize_t size = read(pad->fd, pad->batch, sizeof pad->batch);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
        pad->batch_at = 0;
        pad->batch_count = size > 0 ? (uint32_t)((size_t)size / sizeof *pad->batch) : 0;
        if (!pad->batch_count) {
            drop(p, pad);
            return true;
        }
    }
    const struct input_event *e = &pad->batch[pad->batch_at++];
    if (e->type == EV_ABS) note_axis(pad, e->code, e->value);
    if (e->type == EV_KEY && e->value != 2) note_key(pad, e->code, e->value != 0);
    if (e->type == EV_SYN && e->code == SYN_DROPPED) look(pad);
    if (e->type == EV_SYN) tell(p, pad);
    return true;
}

static bool read_folder(struct pb_pads *p) {
    union {
        struct inotify_event event;
        char room[sizeof(struct inotify_event) + 256];
    } u;
    ssize_t size = read(p->inotify, &u, sizeof u);
    if (size < (ssize_t)sizeof u.event) return false;
    scan(p);
    return true;
}

bool pb_pads_next(struct pb_pads *p, struct pb_pad_event *out) {
    for (bool more = true; !p->queue_count && more;) {
        more = read_folder(p);
        for (int i = 0; i < PB_PADS && !p->queue_count; i++) more |= read_pad(p, &p->pads[i]);
    }
    if (!p->queue_count) return false;
    *out = p->queue[p->queue_first];
    p->queue_first = (p->queue_first + 1) % QUEUE;
    p->queue_count--;
    return true;
}

void pb_pads_focus(struct pb_pads *p, bool focused) {
    if (p->focused == focused) return;
    p->focused = focused;
    for (int i = 0; i < PB_PADS; i++) {
        struct pad *pad = &p->pads[i];
        if (pad->fd < 0) continue;
        /* Who loses the focus lets go of everything, so the difference is to a pad at rest. */
        memset(&pad->told, 0, sizeof pad->told);
        if (focused) look(pad);
        if (!focused) pb_pads_rumble(p, (uint32_t)i + PB_DEVICE_PAD, 0, 0, 0);
        tell(p, pad);
    }
}

const char *pb_pads_name(const struct pb_pads *p, uint32_t device) { return pb_device_is_pad(device) ? p->pads[device - PB_DEVICE_PAD].name : ""; }

void pb_pads_rumble(struct pb_pads *p, uint32_t device, uint32_t strong, uint32_t weak, uint32_t duration_ms) {
    struct pad *pad = pb_device_is_pad(device) ? &p->pads[device - PB_DEVICE_PAD] : NULL;
    if (!pad || pad->fd < 0 || !pad->rumbles) return;
    bool on = (strong || weak) && duration_ms;
    struct ff_effect effect = {.type = FF_RUMBLE, .id = pad->effect, .replay = {.length = (uint16_t)(duration_ms > 32767 ? 32767 : duration_ms)},
                               .u.rumble = {(uint16_t)strong, (uint16_t)weak}};
    if (on && ioctl(pad->fd, EVIOCSFF, &effect) < 0) {
        pad->rumbles = false; /* a pad that cannot after all is not asked again and again */
        return;
    }
    if (on) pad->effect = effect.id;
    if (pad->effect < 0) return;
    struct input_event play = {.type = EV_FF, .code = (uint16_t)pad->effect, .value = on};
    if (write(pad->fd, &play, sizeof play) < 0) pad->rumbles = false;
}

bool pb_pads_is_own(const char *path) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool own = fd >= 0 && is_own(fd);
    if (fd >= 0) close(fd);
    return own;
}

const char *pb_pads_complaint(const struct pb_pads *p) { return p->complaint; }
