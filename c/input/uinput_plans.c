/* What each virtual device says it can do. The pad is what Linux's driver makes of an Xbox 360 pad, numbers and all, because
 * every game knows that one. Keys are positions: what they write is decided by the layout that is set on this machine. */
#include "uinput.h"

enum { POSITION_MAX = 65535, UNITS_PER_MM = 200, UNITS_PER_RADIAN = 57, STICK_FUZZ = 16, STICK_FLAT = 128, OWN_VENDOR = 0x5042 };

#define POSITION(axis) {axis, 0, POSITION_MAX, 0, 0, UNITS_PER_MM}
#define STICK(axis) {axis, INT16_MIN, INT16_MAX, STICK_FUZZ, STICK_FLAT, 0}
#define NONE {-1}

/* A device that has both keys and buttons of other kinds is taken for something else, hence the gaps. */
const struct pb_uinput_plan pb_plan_keyboard = {
    .name = "Patchbay keyboard",
    .bus = BUS_VIRTUAL, .vendor = OWN_VENDOR, .product = 1, .version = 1,
    .keys = {{KEY_ESC, 248}, {KEY_OK, 0x21f}, {KEY_ALS_TOGGLE, 0x2bf}},
    .relatives = NONE,
    .leds = {LED_NUML, LED_CAPSL, LED_SCROLLL, -1},
    .repeats = true,
};

const struct pb_uinput_plan pb_plan_pointer = {
    .name = "Patchbay pointer",
    .bus = BUS_VIRTUAL, .vendor = OWN_VENDOR, .product = 2, .version = 1,
    .keys = {{BTN_LEFT, BTN_TASK}},
    .relatives = {REL_X, REL_Y, REL_HWHEEL, REL_WHEEL, -1},
    .leds = NONE,
};

const struct pb_uinput_plan pb_plan_absolute = {
    .name = "Patchbay absolute pointer",
    .bus = BUS_VIRTUAL, .vendor = OWN_VENDOR, .product = 3, .version = 1,
    .keys = {{BTN_LEFT, BTN_TASK}},
    .axes = {POSITION(ABS_X), POSITION(ABS_Y)},
    .axis_count = 2,
    .relatives = {REL_HWHEEL, REL_WHEEL, -1},
    .leds = NONE,
};

const struct pb_uinput_plan pb_plan_touch = {
    .name = "Patchbay touchscreen",
    .bus = BUS_VIRTUAL, .vendor = OWN_VENDOR, .product = 4, .version = 1,
    .keys = {{BTN_TOUCH, BTN_TOUCH}},
    .axes = {POSITION(ABS_X), POSITION(ABS_Y), {ABS_MT_SLOT, 0, PB_TOUCHES - 1, 0, 0, 0}, {ABS_MT_TRACKING_ID, 0, POSITION_MAX, 0, 0, 0},
             POSITION(ABS_MT_POSITION_X), POSITION(ABS_MT_POSITION_Y), {ABS_MT_PRESSURE, 0, 255, 0, 0, 0}},
    .axis_count = 7,
    .relatives = NONE,
    .leds = NONE,
    .direct = true,
};

const struct pb_uinput_plan pb_plan_pen = {
    .name = "Patchbay pen",
    .bus = BUS_VIRTUAL, .vendor = OWN_VENDOR, .product = 5, .version = 1,
    .keys = {{BTN_TOOL_PEN, BTN_TOOL_RUBBER}, {BTN_TOUCH, BTN_STYLUS2}},
    .axes = {POSITION(ABS_X), POSITION(ABS_Y), {ABS_PRESSURE, 0, 4095, 0, 0, 0}, {ABS_TILT_X, -90, 90, 0, 0, UNITS_PER_RADIAN},
             {ABS_TILT_Y, -90, 90, 0, 0, UNITS_PER_RADIAN}},
    .axis_count = 5,
    .relatives = NONE,
    .leds = NONE,
    .direct = true,
};

const struct pb_uinput_plan pb_plan_pad = {
    .name = "Patchbay gamepad",
    .bus = BUS_USB, .vendor = 0x045e, .product = 0x028e, .version = 0x0110,
    .keys = {{BTN_A, BTN_B}, {BTN_X, BTN_Y}, {BTN_TL, BTN_TR}, {BTN_SELECT, BTN_THUMBR}},
    .axes = {STICK(ABS_X), STICK(ABS_Y), {ABS_Z, 0, 255, 0, 0, 0}, STICK(ABS_RX), STICK(ABS_RY), {ABS_RZ, 0, 255, 0, 0, 0},
             {ABS_HAT0X, -1, 1, 0, 0, 0}, {ABS_HAT0Y, -1, 1, 0, 0, 0}},
    .axis_count = 8,
    .relatives = NONE,
    .leds = NONE,
    .rumbles = true,
};
