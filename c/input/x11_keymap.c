/* Servers on Linux number keys as Linux does, plus 8. Others (XQuartz, Xming, older ones) do not; there a key is known by the
 * symbol it has without modifiers, which is right for every key that has a symbol of its own. */
#include "x11_keymap.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

struct symbol {
    uint32_t keysym;
    uint16_t code;
};

/* By the symbols of a US keyboard, which name positions. Values are those of X11's keysymdef.h. */
static const struct symbol symbols[] = {
    {0xff1b, KEY_ESC}, {'1', KEY_1}, {'2', KEY_2}, {'3', KEY_3}, {'4', KEY_4}, {'5', KEY_5}, {'6', KEY_6}, {'7', KEY_7},
    {'8', KEY_8}, {'9', KEY_9}, {'0', KEY_0}, {'-', KEY_MINUS}, {'=', KEY_EQUAL}, {0xff08, KEY_BACKSPACE}, {0xff09, KEY_TAB},
    {'q', KEY_Q}, {'w', KEY_W}, {'e', KEY_E}, {'r', KEY_R}, {'t', KEY_T}, {'y', KEY_Y}, {'u', KEY_U}, {'i', KEY_I},
    {'o', KEY_O}, {'p', KEY_P}, {'[', KEY_LEFTBRACE}, {']', KEY_RIGHTBRACE}, {0xff0d, KEY_ENTER}, {0xffe3, KEY_LEFTCTRL},
    {'a', KEY_A}, {'s', KEY_S}, {'d', KEY_D}, {'f', KEY_F}, {'g', KEY_G}, {'h', KEY_H}, {'j', KEY_J}, {'k', KEY_K},
    {'l', KEY_L}, {';', KEY_SEMICOLON}, {'\'', KEY_APOSTROPHE}, {'`', KEY_GRAVE}, {0xffe1, KEY_LEFTSHIFT},
    {'\\', KEY_BACKSLASH}, {'z', KEY_Z}, {'x', KEY_X}, {'c', KEY_C}, {'v', KEY_V}, {'b', KEY_B}, {'n', KEY_N}, {'m', KEY_M},
    {',', KEY_COMMA}, {'.', KEY_DOT}, {'/', KEY_SLASH}, {0xffe2, KEY_RIGHTSHIFT}, {0xffaa, KEY_KPASTERISK},
    {0xffe9, KEY_LEFTALT}, {' ', KEY_SPACE}, {0xffe5, KEY_CAPSLOCK}, {0xffbe, KEY_F1}, {0xffbf, KEY_F2}, {0xffc0, KEY_F3},
    {0xffc1, KEY_F4}, {0xffc2, KEY_F5}, {0xffc3, KEY_F6}, {0xffc4, KEY_F7}, {0xffc5, KEY_F8}, {0xffc6, KEY_F9},
    {0xffc7, KEY_F10}, {0xff7f, KEY_NUMLOCK}, {0xff14, KEY_SCROLLLOCK}, {0xff95, KEY_KP7}, {0xff97, KEY_KP8}, {0xff9a, KEY_KP9},
    {0xffad, KEY_KPMINUS}, {0xff96, KEY_KP4}, {0xff9d, KEY_KP5}, {0xff98, KEY_KP6}, {0xffab, KEY_KPPLUS}, {0xff9c, KEY_KP1},
    {0xff99, KEY_KP2}, {0xff9b, KEY_KP3}, {0xff9e, KEY_KP0}, {0xff9f, KEY_KPDOT}, {0xffb7, KEY_KP7}, {0xffb8, KEY_KP8},
    {0xffb9, KEY_KP9}, {0xffb4, KEY_KP4}, {0xffb5, KEY_KP5}, {0xffb6, KEY_KP6}, {0xffb1, KEY_KP1}, {0xffb2, KEY_KP2},
    {0xffb3, KEY_KP3}, {0xffb0, KEY_KP0}, {0xffae, KEY_KPDOT}, {'<', KEY_102ND}, {0xffc8, KEY_F11}, {0xffc9, KEY_F12},
    {0xff8d, KEY_KPENTER}, {0xffe4, KEY_RIGHTCTRL}, {0xffaf, KEY_KPSLASH}, {0xff61, KEY_SYSRQ}, {0xffea, KEY_RIGHTALT},
    {0xfe03, KEY_RIGHTALT}, {0xff50, KEY_HOME}, {0xff52, KEY_UP}, {0xff55, KEY_PAGEUP}, {0xff51, KEY_LEFT},
    {0xff53, KEY_RIGHT}, {0xff57, KEY_END}, {0xff54, KEY_DOWN}, {0xff56, KEY_PAGEDOWN}, {0xff63, KEY_INSERT},
    {0xffff, KEY_DELETE}, {0xff13, KEY_PAUSE}, {0xffeb, KEY_LEFTMETA}, {0xffec, KEY_RIGHTMETA}, {0xff67, KEY_COMPOSE},
    {0x1008ff12, KEY_MUTE}, {0x1008ff11, KEY_VOLUMEDOWN}, {0x1008ff13, KEY_VOLUMEUP}, {0x1008ff17, KEY_NEXTSONG},
    {0x1008ff14, KEY_PLAYPAUSE}, {0x1008ff16, KEY_PREVIOUSSONG}, {0x1008ff15, KEY_STOPCD},
};

enum { KEYCODE_OFFSET = 8, KEYSYM_UP = 0xff52, KEYSYM_LEFT = 0xff51 };

static uint16_t code_of(uint32_t keysym) {
    if (keysym >= 'A' && keysym <= 'Z') keysym += 'a' - 'A';
    for (unsigned i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (symbols[i].keysym == keysym) return symbols[i].code;
    return 0;
}

static void load_by_number(struct pb_x11_keymap *map, uint8_t first, uint8_t last) {
    for (unsigned keycode = first; keycode <= last; keycode++) {
        uint8_t code = (uint8_t)(keycode - KEYCODE_OFFSET);
        map->evdev_of[keycode] = code;
        map->keycode_of[code] = (uint8_t)keycode;
    }
    map->keycode_of[0] = 0;
}

bool pb_x11_keymap_load(struct pb_x11_keymap *map, xcb_connection_t *x) {
    const xcb_setup_t *setup = xcb_get_setup(x);
    uint8_t first = setup->min_keycode, last = setup->max_keycode;
    xcb_get_keyboard_mapping_cookie_t asked = xcb_get_keyboard_mapping(x, first, (uint8_t)(last - first + 1));
    xcb_get_keyboard_mapping_reply_t *r = xcb_get_keyboard_mapping_reply(x, asked, NULL);
    if (!r) return false;
    const xcb_keysym_t *all = xcb_get_keyboard_mapping_keysyms(r);
    unsigned width = r->keysyms_per_keycode, count = width ? (unsigned)xcb_get_keyboard_mapping_keysyms_length(r) / width : 0;
    memset(map, 0, sizeof *map);
    /* The cursor keys' numbers tell the two ways of numbering apart, and no layout moves them. */
    unsigned up = KEY_UP + KEYCODE_OFFSET - first, left = KEY_LEFT + KEYCODE_OFFSET - first;
    map->evdev = first >= KEYCODE_OFFSET && up < count && left < count && all[up * width] == KEYSYM_UP &&
                 all[left * width] == KEYSYM_LEFT;
    if (map->evdev) load_by_number(map, first, last);
    for (unsigned i = 0; !map->evdev && i < count; i++) {
        uint16_t code = code_of(all[i * width]);
        if (!code || code >= PB_EVDEV_CODES) continue;
        map->evdev_of[first + i] = (uint8_t)code;
        if (!map->keycode_of[code]) map->keycode_of[code] = (uint8_t)(first + i);
    }
    free(r);
    return true;
}

/* X's buttons 4 to 7 are the wheel. */
static const uint16_t buttons[] = {0, BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, 0, 0, 0, 0, BTN_SIDE, BTN_EXTRA, BTN_FORWARD, BTN_BACK, BTN_TASK};

uint16_t pb_x11_button_to_evdev(uint8_t button) { return button < sizeof buttons / sizeof *buttons ? buttons[button] : 0; }

uint8_t pb_x11_button_of_evdev(uint16_t code) {
    for (uint8_t i = 1; code && i < sizeof buttons / sizeof *buttons; i++)
        if (buttons[i] == code) return i;
    return 0;
}
