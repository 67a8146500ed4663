/* sources: libs: */
/* A gamepad on a desk, as far as the kernel can tell: `pad NAME` makes it with sticks of 0..255 and motors, emits each
 * "type code value" line that it reads, and prints what its motors are to do: "upload STRONG WEAK MS", "play COUNT". */
#include <errno.h>
#include <fcntl.h>
#include <linux/uinput.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int make(const char *name) {
    static const int keys[] = {BTN_A, BTN_B, BTN_X, BTN_Y, BTN_TL, BTN_TR, BTN_TL2, BTN_DPAD_UP, BTN_START};
    static const int axes[] = {ABS_X, ABS_Y, ABS_RX, ABS_RY, ABS_RZ};
    int fd = open("/dev/uinput", O_RDWR | O_NONBLOCK);
    struct uinput_setup setup = {.id = {BUS_USB, 0x1234, 0x5678, 1}, .ff_effects_max = 4};
    snprintf(setup.name, sizeof setup.name, "%s", name);
    ioctl(fd, UI_SET_EVBIT, EV_KEY);
    ioctl(fd, UI_SET_EVBIT, EV_ABS);
    ioctl(fd, UI_SET_EVBIT, EV_FF);
    ioctl(fd, UI_SET_FFBIT, FF_RUMBLE);
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) ioctl(fd, UI_SET_KEYBIT, keys[i]);
    for (unsigned i = 0; i < sizeof axes / sizeof *axes; i++) {
        struct uinput_abs_setup axis = {.code = (__u16)axes[i], .absinfo = {.value = 128, .maximum = 255}};
        if (axes[i] == ABS_RZ) axis.absinfo = (struct input_absinfo){.maximum = 1023};
        ioctl(fd, UI_ABS_SETUP, &axis);
    }
    if (ioctl(fd, UI_DEV_SETUP, &setup) < 0 || ioctl(fd, UI_DEV_CREATE) < 0) return -1;
    return fd;
}

static void answer(int fd, const struct input_event *e) {
    if (e->type == EV_FF) printf("play %d\n", e->value);
    if (e->type != EV_UINPUT) return;
    if (e->code == UI_FF_UPLOAD) {
        struct uinput_ff_upload up = {.request_id = (__u32)e->value};
        ioctl(fd, UI_BEGIN_FF_UPLOAD, &up);
        printf("upload %u %u %u\n", up.effect.u.rumble.strong_magnitude, up.effect.u.rumble.weak_magnitude, up.effect.replay.length);
        ioctl(fd, UI_END_FF_UPLOAD, &up);
    } else {
        struct uinput_ff_erase erase = {.request_id = (__u32)e->value};
        ioctl(fd, UI_BEGIN_FF_ERASE, &erase);
        ioctl(fd, UI_END_FF_ERASE, &erase);
    }
}

int main(int count, char **arguments) {
    int fd = count == 2 ? make(arguments[1]) : -1;
    if (fd < 0) return fprintf(stderr, "pad NAME: %s\n", strerror(errno)), 2;
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ready\n");
    for (;;) {
        struct pollfd fds[2] = {{0, POLLIN, 0}, {fd, POLLIN, 0}};
        struct input_event e;
        char line[64];
        poll(fds, 2, -1);
        while (fds[1].revents && read(fd, &e, sizeof e) == sizeof e) answer(fd, &e);
        if (!fds[0].revents) continue;
        memset(&e, 0, sizeof e);
        int value;
        if (!fgets(line, sizeof line, stdin) || sscanf(line, "%hu %hu %d", &e.type, &e.code, &value) != 3) return 0;
        e.value = value;
        if (write(fd, &e, sizeof e) != sizeof e) return 1;
    }
}
