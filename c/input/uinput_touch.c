/* The touch screen: contacts in slots as they come (multi-touch protocol B), and beside them what programs without multi-touch
 * look at: BTN_TOUCH while anything touches, and the place of the contact that was first. */
#include "uinput.h"

enum pb_status pb_touch_put(struct pb_touch *t, struct pb_uinput_device *d, uint16_t type, uint16_t code, int32_t value) {
    if (type != EV_ABS) return PB_UNSUPPORTED;
    switch (code) {
    case ABS_MT_SLOT:
        if (value < 0 || value >= PB_TOUCHES) return PB_UNSUPPORTED;
        t->slot = (uint32_t)value;
        break;
    case ABS_MT_TRACKING_ID: t->contact[t->slot].down = value >= 0; break;
    case ABS_MT_POSITION_X: t->contact[t->slot].x = value; break;
    case ABS_MT_POSITION_Y: t->contact[t->slot].y = value; break;
    case ABS_MT_PRESSURE: break;
    default: return PB_UNSUPPORTED;
    }
    return pb_uinput_put(d, type, code, value);
}

enum pb_status pb_touch_report(struct pb_touch *t, struct pb_uinput_device *d) {
    bool touched = t->leader >= 0;
    if (!d->count) return PB_OK;
    if (!touched || !t->contact[t->leader].down) {
        t->leader = -1;
        for (int32_t i = 0; i < PB_TOUCHES && t->leader < 0; i++)
            if (t->contact[i].down) t->leader = i;
    }
    if (touched != (t->leader >= 0)) pb_uinput_put(d, EV_KEY, BTN_TOUCH, !touched);
    if (t->leader >= 0) {
        pb_uinput_put(d, EV_ABS, ABS_X, t->contact[t->leader].x);
        pb_uinput_put(d, EV_ABS, ABS_Y, t->contact[t->leader].y);
    }
    return pb_uinput_report(d);
}
