/* Keys, buttons, wheel and pointer of the X11 window, as Linux events. Auto-repeat is left out: the other side's own keyboard
 * driver repeats what is held. In relative mode the pointer is held inside the window, hidden, and put back to the middle
 * when it comes near an edge, so that it can move for ever. */
#include "x11.h"

#include <linux/input-event-codes.h>
#include <string.h>

static void emit(struct pb_display *d, uint16_t type, uint16_t code, int32_t value) {
    window_emit(d, (struct pb_window_event){.kind = PB_WINDOW_INPUT, .type = type, .code = code, .value = value});
}

static void end_group(struct pb_display *d) { emit(d, EV_SYN, SYN_REPORT, 0); }

void window_forget_keys(struct pb_display *d) { memset(d->down, 0, sizeof d->down); }

/* Whoever gets the keys learns which locks are on, before the first key that they change. */
static void tell_locks(struct pb_display *d, uint16_t state) {
    static const struct { uint16_t modifier, lamp; } locks[] = {{XCB_MOD_MASK_LOCK, LED_CAPSL}, {XCB_MOD_MASK_2, LED_NUML}};
    for (unsigned i = 0; i < sizeof locks / sizeof *locks; i++)
        if (!d->locks_told || (state ^ d->locks) & locks[i].modifier) emit(d, EV_LED, locks[i].lamp, (state & locks[i].modifier) != 0);
    d->locks_told = true;
    d->locks = state & (XCB_MOD_MASK_LOCK | XCB_MOD_MASK_2);
}

static void key(struct pb_display *d, uint8_t keycode, bool press) {
    uint8_t bit = (uint8_t)(1u << (keycode & 7)), *down = &d->down[keycode >> 3];
    uint16_t code = d->keymap.evdev_of[keycode];
    if (!code || ((*down & bit) != 0) == press) return;
    *down ^= bit;
    emit(d, EV_KEY, code, press);
    end_group(d);
}

static void point(struct pb_display *d, int16_t x, int16_t y) {
    d->last_x = x;
    d->last_y = y;
    const struct pb_layout *l = &d->layout;
    bool laid = l->width > 0;
    emit(d, EV_ABS, ABS_X, pb_layout_across(x, laid ? l->x : 0, laid ? l->width : d->width));
    emit(d, EV_ABS, ABS_Y, pb_layout_across(y, laid ? l->y : 0, laid ? l->height : d->height));
}

static void warp_to_middle(struct pb_display *d) {
    d->warping = true;
    d->warp_sequence = xcb_warp_pointer(d->x, XCB_NONE, d->window, 0, 0, 0, 0, (int16_t)(d->width / 2), (int16_t)(d->height / 2))
                           .sequence;
    d->unflushed = true;
}

static void motion_grabbed(struct pb_display *d, const xcb_motion_notify_event_t *e, uint32_t sequence) {
    int32_t middle_x = (int32_t)d->width / 2, middle_y = (int32_t)d->height / 2;
    if (d->warping && (int32_t)(sequence - d->warp_sequence) >= 0) {
        /* The first event after the warp tells of the warp; it may already hold movement on top of it. */
        d->warping = false;
        d->last_x = (int16_t)middle_x;
        d->last_y = (int16_t)middle_y;
    }
    int32_t dx = e->event_x - d->last_x, dy = e->event_y - d->last_y;
    d->last_x = e->event_x;
    d->last_y = e->event_y;
    if (dx) emit(d, EV_REL, REL_X, dx);
    if (dy) emit(d, EV_REL, REL_Y, dy);
    if (dx || dy) end_group(d);
    int32_t off_x = e->event_x - middle_x, off_y = e->event_y - middle_y;
    bool far = off_x * 4 > (int32_t)d->width || -off_x * 4 > (int32_t)d->width || off_y * 4 > (int32_t)d->height ||
               -off_y * 4 > (int32_t)d->height;
    if (far && !d->warping) warp_to_middle(d);
}

static void button(struct pb_display *d, const xcb_button_press_event_t *e, bool press) {
    uint16_t code = pb_x11_button_to_evdev(e->detail);
    if (code) {
        if (!d->grabbed) point(d, e->event_x, e->event_y);
        emit(d, EV_KEY, code, press);
    } else if (press && e->detail >= 4 && e->detail <= 7) {
        static const int8_t steps[] = {1, -1, -1, 1};
        if (!d->grabbed) point(d, e->event_x, e->event_y);
        emit(d, EV_REL, e->detail <= 5 ? REL_WHEEL : REL_HWHEEL, steps[e->detail - 4]);
    } else {
        return;
    }
    end_group(d);
}

void window_input(struct pb_display *d, const xcb_generic_event_t *event) {
    switch (event->response_type & 0x7f) {
    case XCB_KEY_PRESS:
        tell_locks(d, ((const xcb_key_press_event_t *)event)->state);
        key(d, ((const xcb_key_press_event_t *)event)->detail, true);
        break;
    case XCB_KEY_RELEASE: key(d, ((const xcb_key_release_event_t *)event)->detail, false); break;
    case XCB_BUTTON_PRESS: button(d, (const xcb_button_press_event_t *)event, true); break;
    case XCB_BUTTON_RELEASE: button(d, (const xcb_button_press_event_t *)event, false); break;
    case XCB_MOTION_NOTIFY: {
        const xcb_motion_notify_event_t *e = (const xcb_motion_notify_event_t *)event;
        if (d->grabbed) {
            motion_grabbed(d, e, event->full_sequence);
        } else {
            point(d, e->event_x, e->event_y);
            end_group(d);
        }
        break;
    }
    default: break;
    }
}

enum pb_status window_grab(struct pb_display *d, bool on) {
    if (on == d->grabbed) return PB_OK;
    d->unflushed = true;
    d->grabbed = on;
    if (!on) {
        xcb_ungrab_pointer(d->x, XCB_CURRENT_TIME);
        d->warping = false;
        return PB_OK;
    }
    uint16_t mask = XCB_EVENT_MASK_BUTTON_PRESS | XCB_EVENT_MASK_BUTTON_RELEASE | XCB_EVENT_MASK_POINTER_MOTION;
    xcb_discard_reply(d->x, xcb_grab_pointer(d->x, 0, d->window, mask, XCB_GRAB_MODE_ASYNC, XCB_GRAB_MODE_ASYNC, d->window,
                                             d->no_cursor, XCB_CURRENT_TIME)
                                .sequence);
    warp_to_middle(d);
    return PB_OK;
}
