/* sources: c/input/uinput.c c/input/uinput_device.c c/input/uinput_feedback.c c/input/uinput_plans.c c/input/uinput_rumble.c c/input/uinput_touch.c tests/doubles/uinput_double.c libs: */
/* Virtual devices on a stand-in for the kernel: what they say they can do, where events go and in which groups, force feedback
 * that is answered and added up, and a kernel that refuses, lies, or goes away at any call. */
#include "check.h"

#include "../doubles/uinput_double.h"
#include "input/uinput.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

extern const struct pb_input_backend pb_input_uinput;
static const struct pb_input_backend *const b = &pb_input_uinput;
static int rung;
static struct pb_waker waker;
static char error[512];

static void ring(void) {
    uint64_t one = 1;
    CHECK(write(rung, &one, sizeof one) == sizeof one);
}

static struct pb_injector *opened(void) {
    double_fail(0, 0);
    struct pb_injector *i = b->open("", error, sizeof error);
    if (!i) fprintf(stderr, "%s\n", error);
    CHECK(i);
    b->listen(i, &waker);
    return i;
}

static struct pb_input_feedback feedback(struct pb_injector *i) {
    struct pb_input_feedback f = {0};
    for (;;) {
        uint64_t count;
        pb_waker_arm(&waker);
        if (b->next(i, &f)) return f;
        struct pollfd fd = {rung, POLLIN, 0};
        CHECK(poll(&fd, 1, 10000) == 1 && read(rung, &count, sizeof count) == sizeof count);
    }
}

/* "type code value" each, of what was written since the last call. */
static void expect(const char *name, const char *text) {
    struct double_device *d = double_find(name);
    char seen[2048] = "";
    CHECK(d);
    for (size_t n = 0; n < d->count; n++)
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%u %u %d", n ? ", " : "", d->written[n].type, d->written[n].code,
                 d->written[n].value);
    d->count = 0;
    if (strcmp(seen, text)) fprintf(stderr, "%s: wanted %s\n  got %s\n", name, text, seen);
    CHECK(!strcmp(seen, text));
}

static void what_they_can_do(void) {
    struct pb_injector *i = opened();
    struct double_device *keyboard = double_find("Patchbay keyboard"), *pointer = double_find("Patchbay pointer");
    struct double_device *absolute = double_find("Patchbay absolute pointer");
    CHECK(keyboard && keyboard->keys[KEY_A] && keyboard->keys[KEY_MICMUTE] && !keyboard->keys[BTN_LEFT] && !keyboard->keys[BTN_A]);
    CHECK(keyboard->event_types[EV_REP] && keyboard->event_types[EV_LED]);
    CHECK(pointer && pointer->keys[BTN_LEFT] && pointer->keys[BTN_TASK] && !pointer->event_types[EV_ABS]);
    CHECK(absolute && absolute->event_types[EV_ABS] && absolute->axes[ABS_Y].absinfo.maximum == 65535);
    CHECK(b->plug(i, 2, "a stranger's name", error, sizeof error) == PB_OK && b->plug(i, 2, "again", error, sizeof error) == PB_OK);
    CHECK(b->plug(i, PB_DEVICE_TOUCH, "", error, sizeof error) == PB_OK && b->plug(i, PB_DEVICE_PEN, "", error, sizeof error) == PB_OK);
    struct double_device *pad = double_find("Patchbay gamepad 2"), *touch = double_find("Patchbay touchscreen"), *pen = double_find("Patchbay pen");
    CHECK(pad && pad->setup.id.vendor == 0x045e && pad->setup.id.product == 0x028e && pad->setup.ff_effects_max == 16);
    CHECK(pad->keys[BTN_A] && pad->keys[BTN_MODE] && !pad->keys[BTN_C] && !pad->keys[BTN_TL2] && pad->forces[FF_RUMBLE] && pad->forces[FF_GAIN]);
    CHECK(pad->axes[ABS_X].absinfo.minimum == -32768 && pad->axes[ABS_RZ].absinfo.maximum == 255 && pad->axes[ABS_HAT0Y].absinfo.minimum == -1);
    CHECK(touch && touch->properties[INPUT_PROP_DIRECT] && touch->axes[ABS_MT_SLOT].absinfo.maximum == 15);
    CHECK(pen && pen->properties[INPUT_PROP_DIRECT] && pen->keys[BTN_STYLUS] && pen->axes[ABS_X].absinfo.resolution > 0);
    b->unplug(i, 2);
    b->unplug(i, 2);
    CHECK(!double_find("Patchbay gamepad 2") && b->send_to(i, 2, EV_KEY, BTN_A, 1) == PB_LOST);
    b->close(i);
    CHECK(double_open_count() == 0);
}

static void events_go_where_they_belong(void) {
    struct pb_injector *i = opened();
    b->send(i, EV_KEY, KEY_A, 1);
    b->send(i, EV_KEY, KEY_A, 2); /* the kernel repeats by itself */
    b->send(i, EV_SYN, 0, 0);
    b->send(i, EV_SYN, 0, 0);
    expect("Patchbay keyboard", "1 30 1, 0 0 0");
    /* A group that spans devices is one group for each, in the order of what happened. */
    b->send(i, EV_KEY, KEY_LEFTCTRL, 1);
    b->send(i, EV_ABS, ABS_X, 7);
    b->send(i, EV_KEY, BTN_LEFT, 1);
    b->send(i, EV_KEY, KEY_LEFTCTRL, 0);
    b->send(i, EV_SYN, 0, 0);
    expect("Patchbay keyboard", "1 29 1, 0 0 0, 1 29 0, 0 0 0");
    expect("Patchbay absolute pointer", "3 0 7, 1 272 1, 0 0 0");
    /* Released where it was pressed, whatever moved meanwhile. */
    b->send(i, EV_REL, REL_X, -3);
    b->send(i, EV_KEY, BTN_LEFT, 0);
    b->send(i, EV_KEY, BTN_RIGHT, 1);
    b->send(i, EV_SYN, 0, 0);
    expect("Patchbay pointer", "2 0 -3, 0 0 0, 1 273 1, 0 0 0");
    expect("Patchbay absolute pointer", "1 272 0, 0 0 0");
    static const uint16_t refused[][2] = {{EV_KEY, BTN_A}, {EV_KEY, KEY_MAX}, {EV_REL, REL_Z}, {EV_ABS, ABS_Z}, {EV_MSC, 0}, {EV_LED, 0}};
    for (unsigned n = 0; n < sizeof refused / sizeof *refused; n++)
        CHECK(b->send(i, refused[n][0], refused[n][1], 1) == PB_UNSUPPORTED);
    /* A group longer than there is room for goes in parts, and nothing of it is lost. */
    for (int n = 0; n < 3 * PB_GROUP; n++) CHECK(b->send(i, EV_KEY, KEY_B, n & 1) == PB_OK);
    b->send(i, EV_SYN, 0, 0);
    CHECK(double_find("Patchbay keyboard")->count == 3 * PB_GROUP + 1);
    b->close(i);
}

static void touch_and_pen(void) {
    struct pb_injector *i = opened();
    b->plug(i, PB_DEVICE_TOUCH, "", error, sizeof error);
    static const int32_t first[][2] = {{ABS_MT_SLOT, 2}, {ABS_MT_TRACKING_ID, 5}, {ABS_MT_POSITION_X, 10}, {ABS_MT_POSITION_Y, 20}};
    for (int n = 0; n < 4; n++) CHECK(b->send_to(i, PB_DEVICE_TOUCH, EV_ABS, (uint16_t)first[n][0], first[n][1]) == PB_OK);
    b->send_to(i, PB_DEVICE_TOUCH, EV_SYN, 0, 0);
    expect("Patchbay touchscreen", "3 47 2, 3 57 5, 3 53 10, 3 54 20, 1 330 1, 3 0 10, 3 1 20, 0 0 0");
    CHECK(b->send_to(i, PB_DEVICE_TOUCH, EV_ABS, ABS_MT_SLOT, 16) == PB_UNSUPPORTED);
    CHECK(b->send_to(i, PB_DEVICE_TOUCH, EV_ABS, ABS_MT_SLOT, -1) == PB_UNSUPPORTED);
    CHECK(b->send_to(i, PB_DEVICE_TOUCH, EV_ABS, ABS_MT_POSITION_X, 65536) == PB_UNSUPPORTED);
    CHECK(b->send_to(i, PB_DEVICE_TOUCH, EV_KEY, BTN_LEFT, 1) == PB_UNSUPPORTED);
    b->send_to(i, PB_DEVICE_TOUCH, EV_ABS, ABS_MT_TRACKING_ID, -1);
    b->send_to(i, PB_DEVICE_TOUCH, EV_SYN, 0, 0);
    expect("Patchbay touchscreen", "3 57 -1, 1 330 0, 0 0 0");
    b->plug(i, PB_DEVICE_PEN, "", error, sizeof error);
    CHECK(b->send_to(i, PB_DEVICE_PEN, EV_ABS, ABS_TILT_X, 91) == PB_UNSUPPORTED);
    CHECK(b->send_to(i, PB_DEVICE_PEN, EV_ABS, ABS_TILT_X, -90) == PB_OK && b->send_to(i, PB_DEVICE_PEN, EV_KEY, BTN_TOUCH, 1) == PB_OK);
    b->send_to(i, PB_DEVICE_PEN, EV_SYN, 0, 0);
    expect("Patchbay pen", "3 26 -90, 1 330 1, 0 0 0");
    b->close(i);
}

static const struct ff_effect half = {.type = FF_RUMBLE, .id = 3, .replay = {.length = 60}, .u.rumble = {0x8000, 0x1000}};

static void feedback_is_answered_and_comes_back(void) {
    struct pb_injector *i = opened();
    b->plug(i, 1, "", error, sizeof error);
    struct double_device *pad = double_find("Patchbay gamepad 1");
    CHECK(double_upload(pad, &half) == 0);
    double_tell(pad, EV_FF, 3, 1);
    struct pb_input_feedback f = feedback(i);
    CHECK(f.kind == PB_FEEDBACK_RUMBLE && f.device == 1 && f.strong == 0x8000 && f.weak == 0x1000 && f.duration_ms > 0 && f.duration_ms <= 60);
    f = feedback(i); /* it ends by itself */
    CHECK(f.device == 1 && !f.strong && !f.weak && !f.duration_ms);
    CHECK(double_erase(pad, 3) == 0);
    CHECK(double_erase(pad, 3) == -EINVAL);
    /* Lies: effects that there are not, types that were not offered, gains and counts of any size. */
    struct ff_effect odd = half;
    static const int16_t ids[] = {-1, PB_EFFECTS, INT16_MAX, INT16_MIN};
    for (unsigned n = 0; n < sizeof ids / sizeof *ids; n++) {
        odd.id = ids[n];
        CHECK(double_upload(pad, &odd) == -EINVAL);
        CHECK(double_erase(pad, (uint32_t)ids[n]) == -EINVAL);
    }
    odd = half;
    odd.type = FF_SPRING;
    CHECK(double_upload(pad, &odd) == -EINVAL);
    double_tell(pad, EV_UINPUT, UI_FF_UPLOAD, 123456); /* a request that there is not */
    double_tell(pad, EV_UINPUT, 77, 1);
    double_tell(pad, EV_FF, 9999, 1);
    double_tell(pad, EV_FF, 3, INT32_MIN);
    double_tell(pad, EV_FF, FF_GAIN, INT32_MIN);
    double_tell(pad, EV_FF, FF_GAIN, INT32_MAX);
    odd = half;
    odd.replay.length = UINT16_MAX;
    odd.replay.delay = UINT16_MAX;
    CHECK(double_upload(pad, &odd) == 0);
    double_tell(pad, EV_FF, 3, INT32_MAX);
    CHECK(double_erase(pad, 3) == 0);
    struct double_device *keyboard = double_find("Patchbay keyboard");
    double_tell(keyboard, EV_LED, LED_CAPSL, 1);
    f = feedback(i);
    CHECK(f.kind == PB_FEEDBACK_LEDS && f.leds == 2 && f.device == PB_DEVICE_MAIN);
    /* Half an event: whoever says that is no device. Others go on. */
    double_say(pad, &half, 5);
    double_tell(keyboard, EV_LED, LED_NUML, 1);
    CHECK(feedback(i).leds == 3);
    b->close(i);
    CHECK(double_open_count() == 0);
}

static void a_kernel_that_refuses(void) {
    double_fail(0, 0);
    unsigned before = double_calls();
    b->close(b->open("", error, sizeof error));
    unsigned calls = double_calls() - before;
    CHECK(calls > 300);
    for (unsigned call = 1; call <= calls; call += call < 12 || call + 12 > calls ? 1 : 37) {
        double_fail(call, EBUSY);
        CHECK(!b->open("", error, sizeof error));
        CHECK(strstr(error, "/dev/uinput") && strstr(error, "Device or resource busy"));
        CHECK(double_open_count() == 0);
    }
    static const struct { int number; const char *says; } causes[] = {
        {ENOENT, "as root: modprobe uinput"}, {ENODEV, "as root: modprobe uinput"}, {EACCES, "usermod -aG input"}, {EMFILE, "Too many open files"}};
    for (unsigned n = 0; n < sizeof causes / sizeof *causes; n++) {
        double_fail(1, causes[n].number);
        CHECK(!b->open("", error, sizeof error) && strstr(error, causes[n].says));
        double_fail(1, causes[n].number);
        CHECK(!b->probe("", error, sizeof error) && strstr(error, causes[n].says));
    }
    double_fail(0, 0);
    CHECK(b->probe("", error, sizeof error) && strstr(error, "version 5"));
    double_version(4);
    CHECK(!b->open("", error, sizeof error) && strstr(error, "version 4"));
    double_version(5);
    CHECK(!b->open(":99", error, sizeof error) && strstr(error, ":99"));
    /* A pad that cannot be made leaves the rest as it was, and can be had later. */
    struct pb_injector *i = opened();
    unsigned open_before = double_open_count();
    double_fail(5, ENOMEM);
    CHECK(b->plug(i, 4, "", error, sizeof error) == PB_ERROR && strstr(error, "Cannot allocate memory") && double_open_count() == open_before);
    double_fail(0, 0);
    CHECK(b->plug(i, 4, "", error, sizeof error) == PB_OK);
    /* Gone in mid-call, full, or taking half of it. */
    b->send(i, EV_KEY, KEY_A, 1);
    double_fail(1, ENODEV);
    CHECK(b->send(i, EV_SYN, 0, 0) == PB_LOST);
    b->send(i, EV_KEY, KEY_A, 0);
    double_fail(1, EAGAIN);
    CHECK(b->send(i, EV_SYN, 0, 0) == PB_AGAIN);
    double_fail(0, 0);
    double_short_write(24);
    b->send(i, EV_KEY, KEY_A, 0);
    CHECK(b->send(i, EV_SYN, 0, 0) == PB_LOST);
    double_short_write(0);
    b->close(i);
    CHECK(double_open_count() == 0);
}

/* Pure: on a clock of its own. */
static void effects_add_up(void) {
    struct pb_rumble r;
    struct pb_input_feedback f;
    uint64_t wake;
    struct ff_effect e = {.type = FF_RUMBLE, .id = 0, .replay = {.length = 100, .delay = 50}, .u.rumble = {40000, 100}};
    struct ff_effect sine = {.type = FF_PERIODIC, .id = 1, .u.periodic = {.waveform = FF_SINE, .magnitude = -32768}};
    pb_rumble_init(&r);
    CHECK(!pb_rumble_load(&r, &e) && !pb_rumble_load(&r, &sine));
    pb_rumble_play(&r, 0, 2, 1000);
    CHECK(!pb_rumble_mix(&r, 1000, &f, &wake) && wake == 51000); /* the delay */
    CHECK(pb_rumble_mix(&r, 51000, &f, &wake) && f.strong == 40000 && f.weak == 100 && f.duration_ms == 100 && wake == 151000);
    CHECK(!pb_rumble_mix(&r, 60000, &f, &wake));
    pb_rumble_play(&r, 1, 1, 60000);
    CHECK(pb_rumble_mix(&r, 60000, &f, &wake) && f.strong == 65535 && f.weak == 65535 && f.duration_ms == 91);
    CHECK(!pb_rumble_mix(&r, 151000, &f, &wake) && wake == 201000); /* its second delay, and the other is all there is */
    r.gain = 32768;
    CHECK(pb_rumble_mix(&r, 201000, &f, &wake) && f.strong == 32768); /* its second time, and still too much of it */
    pb_rumble_play(&r, 1, 0, 210000);
    CHECK(pb_rumble_mix(&r, 210000, &f, &wake) && f.strong == 20000 && f.weak == 50);
    CHECK(pb_rumble_mix(&r, 301000, &f, &wake) && !f.strong && wake == UINT64_MAX);
    /* Without an end: told again and again, each time for longer than until the next. */
    pb_rumble_play(&r, 1, 1, 400000);
    CHECK(pb_rumble_mix(&r, 400000, &f, &wake) && f.duration_ms == 2500 && wake == 2400000);
    CHECK(!pb_rumble_mix(&r, 2399999, &f, &wake) && pb_rumble_mix(&r, 2400000, &f, &wake) && f.duration_ms == 2500);
    CHECK(!pb_rumble_erase(&r, 1) && pb_rumble_mix(&r, 2500000, &f, &wake) && !f.strong);
    /* Very many times, looked at very late. */
    e.replay.delay = 0;
    e.replay.length = 1;
    CHECK(!pb_rumble_load(&r, &e));
    pb_rumble_play(&r, 0, INT32_MAX, 0);
    CHECK(pb_rumble_mix(&r, UINT64_C(3600000000), &f, &wake) && f.strong == 20000 && r.effects[0].plays == INT32_MAX - 3600000);
}

int main(void) {
    rung = eventfd(0, EFD_CLOEXEC);
    waker.fn = ring;
    what_they_can_do();
    events_go_where_they_belong();
    touch_and_pen();
    feedback_is_answered_and_comes_back();
    a_kernel_that_refuses();
    effects_add_up();
    close(rung);
    return 0;
}
