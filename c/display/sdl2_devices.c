/* SDL2's game controllers know the layout of many pads, so what they tell is an Xbox 360 pad's already; without the focus SDL
 * tells nothing, and lets go of what was held. Fingers become slots. SDL2 knows no pens. */
#include "sdl2_devices.h"

#include "../input/evdev_read.h"

#include <linux/input-event-codes.h>
#include <string.h>

enum { TRIGGER_SHIFT = 7, POSITION_MAX = 65535, PRESSURE_MAX = 255, TOUCH_MOUSE = -1 };

void sdl_devices_open(struct sdl_devices *s, struct sdl *sdl, void (*emit)(void *, struct pb_window_event), void *to) {
    s->emit = emit;
    s->to = to;
    s->sdl = sdl->GameControllerOpen && sdl->GameControllerRumble && sdl->IsGameController && sdl->GameControllerGetJoystick &&
                     sdl->JoystickInstanceID && sdl->GameControllerClose && sdl->GameControllerName
                 ? sdl
                 : NULL;
    /* Without controllers there may still be fingers. */
    if (s->sdl && sdl->InitSubSystem(SDL_INIT_GAMECONTROLLER)) s->sdl = NULL;
}

void sdl_devices_close(struct sdl_devices *s) {
    if (!s->sdl) return;
    for (int i = 0; i < PB_PADS; i++)
        if (s->pads[i].controller) s->sdl->GameControllerClose(s->pads[i].controller);
    s->sdl->QuitSubSystem(SDL_INIT_GAMECONTROLLER);
    s->sdl = NULL;
}

static void tell(struct sdl_devices *s, uint32_t device, int kind, uint16_t type, uint16_t code, int32_t value) {
    s->emit(s->to, (struct pb_window_event){.kind = kind, .device = (uint8_t)device, .type = type, .code = code, .value = value});
}

static void use(struct sdl_devices *s, uint32_t device, uint16_t type, uint16_t code, int32_t value) {
    tell(s, device, PB_WINDOW_INPUT, type, code, value);
    tell(s, device, PB_WINDOW_INPUT, EV_SYN, SYN_REPORT, 0);
}

static int find(const struct sdl_devices *s, int32_t instance) {
    for (int i = 0; i < PB_PADS; i++)
        if (s->pads[i].controller && s->pads[i].instance == instance) return i;
    return -1;
}

static void added(struct sdl_devices *s, int index) {
    const char *path = s->sdl->JoystickPathForIndex ? s->sdl->JoystickPathForIndex(index) : NULL;
    int at = 0;
    while (at < PB_PADS && s->pads[at].controller) at++;
    if (at == PB_PADS || !s->sdl->IsGameController(index) || (path && pb_pads_is_own(path))) return;
    void *controller = s->sdl->GameControllerOpen(index);
    if (!controller) return;
    int32_t instance = s->sdl->JoystickInstanceID(s->sdl->GameControllerGetJoystick(controller));
    if (find(s, instance) >= 0) { /* SDL tells of those that are there at the start twice */
        s->sdl->GameControllerClose(controller);
        return;
    }
    s->pads[at].controller = controller;
    s->pads[at].instance = instance;
    tell(s, (uint32_t)(PB_DEVICE_PAD + at), PB_WINDOW_PLUGGED, 0, 0, s->sdl->GameControllerRumble(controller, 0, 0, 0) == 0);
}

static void removed(struct sdl_devices *s, int at) {
    s->sdl->GameControllerClose(s->pads[at].controller);
    s->pads[at].controller = NULL;
    tell(s, (uint32_t)(PB_DEVICE_PAD + at), PB_WINDOW_UNPLUGGED, 0, 0, 0);
}

static void button(struct sdl_devices *s, uint32_t device, uint8_t number, bool down) {
    static const uint16_t codes[] = {BTN_A, BTN_B, BTN_X, BTN_Y, BTN_SELECT, BTN_MODE, BTN_START, BTN_THUMBL, BTN_THUMBR, BTN_TL, BTN_TR};
    enum { CROSS = sizeof codes / sizeof *codes };
    if (number < CROSS) use(s, device, EV_KEY, codes[number], down);
    else if (number < CROSS + 4) /* up, down, left, right */
        use(s, device, EV_ABS, number < CROSS + 2 ? ABS_HAT0Y : ABS_HAT0X, !down ? 0 : (number - CROSS) % 2 ? 1 : -1);
}

static void axis(struct sdl_devices *s, uint32_t device, uint8_t number, int16_t value) {
    static const uint16_t codes[] = {ABS_X, ABS_Y, ABS_RX, ABS_RY, ABS_Z, ABS_RZ};
    if (number >= sizeof codes / sizeof *codes) return;
    use(s, device, EV_ABS, codes[number], number < 4 ? value : value < 0 ? 0 : value >> TRIGGER_SHIFT);
}

static int32_t part(float value, int32_t most) { return value <= 0 ? 0 : value >= 1 ? most : (int32_t)(value * (float)most + 0.5f); }

/* A finger's place is a part of the window; whoever shows the picture in a part of it has it turned into one of the picture. */
static void finger(struct sdl_devices *s, const union sdl_event *e) {
    int at = -1, free_at = -1;
    for (int i = 0; i < SDL_TOUCHES; i++) {
        if (s->fingers[i].down && s->fingers[i].id == e->finger.finger) at = i;
        if (!s->fingers[i].down && free_at < 0) free_at = i;
    }
    if (!s->touch_told) tell(s, PB_DEVICE_TOUCH, PB_WINDOW_PLUGGED, 0, 0, 0);
    s->touch_told = true;
    if (!s->touch_on) return;
    bool comes = e->type == SDL_FINGERDOWN && at < 0, goes = e->type == SDL_FINGERUP;
    if (comes) at = free_at;
    if (at < 0) return;
    tell(s, PB_DEVICE_TOUCH, PB_WINDOW_INPUT, EV_ABS, ABS_MT_SLOT, at);
    if (comes) tell(s, PB_DEVICE_TOUCH, PB_WINDOW_INPUT, EV_ABS, ABS_MT_TRACKING_ID, s->tracking++);
    if (!goes) {
        tell(s, PB_DEVICE_TOUCH, PB_WINDOW_INPUT, EV_ABS, ABS_MT_POSITION_X, part(e->finger.x, POSITION_MAX));
        tell(s, PB_DEVICE_TOUCH, PB_WINDOW_INPUT, EV_ABS, ABS_MT_POSITION_Y, part(e->finger.y, POSITION_MAX));
        tell(s, PB_DEVICE_TOUCH, PB_WINDOW_INPUT, EV_ABS, ABS_MT_PRESSURE, part(e->finger.pressure, PRESSURE_MAX));
    } else {
        tell(s, PB_DEVICE_TOUCH, PB_WINDOW_INPUT, EV_ABS, ABS_MT_TRACKING_ID, -1);
    }
    s->fingers[at].down = !goes;
    s->fingers[at].id = e->finger.finger;
    tell(s, PB_DEVICE_TOUCH, PB_WINDOW_INPUT, EV_SYN, SYN_REPORT, 0);
}

bool sdl_devices_event(struct sdl_devices *s, const union sdl_event *e) {
    bool is_finger = e->type >= SDL_FINGERDOWN && e->type <= SDL_FINGERMOTION;
    if (!s->emit || (!is_finger && (e->type < SDL_CONTROLLERAXISMOTION || e->type > SDL_CONTROLLERDEVICEREMOVED))) return false;
    if (is_finger) finger(s, e);
    else if (!s->sdl) return true;
    else if (e->type == SDL_CONTROLLERDEVICEADDED) added(s, e->controller.which);
    else {
        int at = find(s, e->controller.which);
        if (at < 0) return true;
        uint32_t device = (uint32_t)(PB_DEVICE_PAD + at);
        if (e->type == SDL_CONTROLLERDEVICEREMOVED) removed(s, at);
        else if (e->type == SDL_CONTROLLERAXISMOTION) axis(s, device, e->controller.number, e->controller.value);
        else button(s, device, e->controller.number, e->type == SDL_CONTROLLERBUTTONDOWN);
    }
    return true;
}

bool sdl_devices_repeats(const struct sdl_devices *s, const union sdl_event *e) {
    bool pointer = e->type >= SDL_MOUSEMOTION && e->type <= SDL_MOUSEWHEEL;
    return s->touch_on && pointer && e->motion.which == (uint32_t)TOUCH_MOUSE;
}

const char *sdl_devices_name(struct sdl_devices *s, uint32_t device) {
    void *controller = s->sdl && pb_device_is_pad(device) ? s->pads[device - PB_DEVICE_PAD].controller : NULL;
    const char *name = controller ? s->sdl->GameControllerName(controller) : NULL;
    return name ? name : "";
}

void sdl_devices_rumble(struct sdl_devices *s, uint32_t device, uint32_t strong, uint32_t weak, uint32_t duration_ms) {
    void *controller = s->sdl && pb_device_is_pad(device) ? s->pads[device - PB_DEVICE_PAD].controller : NULL;
    if (controller) s->sdl->GameControllerRumble(controller, (uint16_t)strong, (uint16_t)weak, duration_ms);
}

void sdl_devices_touch(struct sdl_devices *s, bool on) {
    s->touch_on = on;
    memset(s->fingers, 0, sizeof s->fingers);
}
