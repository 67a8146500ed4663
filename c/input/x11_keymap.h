/* Which X keycode is which Linux key, for a window that reads keys and for the injector that presses them. */
#ifndef PB_X11_KEYMAP_H
#define PB_X11_KEYMAP_H
#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>

enum { PB_EVDEV_CODES = 256 }; /* X knows keycodes up to 255 only */

struct pb_x11_keymap {
    bool evdev;                           /* keycodes are Linux codes + 8 */
    uint8_t evdev_of[256];                /* by X keycode, 0 for none */
    uint8_t keycode_of[PB_EVDEV_CODES];   /* by Linux code, 0 for none */
};

/* Asks the server (two round trips at most); call again when it says that the mapping changed. */
bool pb_x11_keymap_load(struct pb_x11_keymap *map, xcb_connection_t *x);
/* Linux button of an X button and back; 0 for none. Wheel buttons (4 to 7) are none. */
uint16_t pb_x11_button_to_evdev(uint8_t button);
uint8_t pb_x11_button_of_evdev(uint16_t code);
#endif
