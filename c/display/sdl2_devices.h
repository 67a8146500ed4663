/* Gamepads and fingers of an SDL2 window, as window events; the window's own part (sdl2.c) decides when they count. */
#ifndef PB_DISPLAY_SDL2_DEVICES_H
#define PB_DISPLAY_SDL2_DEVICES_H
#include "../input/input.h"
#include "display.h"
#include "sdl2.h"

enum { SDL_TOUCHES = 16 };

struct sdl_devices {
    struct sdl *sdl; /* NULL: none are wanted, or this SDL2 is too old for them */
    struct { void *controller; int32_t instance; } pads[PB_PADS];
    bool touch_told, touch_on;
    struct { bool down; int64_t id; } fingers[SDL_TOUCHES];
    uint16_t tracking; /* of the newest finger */
    void (*emit)(void *to, struct pb_window_event event);
    void *to;
};

void sdl_devices_open(struct sdl_devices *s, struct sdl *sdl, void (*emit)(void *, struct pb_window_event), void *to);
void sdl_devices_close(struct sdl_devices *s);
/* True when the event was of a device. */
bool sdl_devices_event(struct sdl_devices *s, const union sdl_event *event);
/* Whether a pointer event only repeats what a finger did, while fingers are told as fingers. */
bool sdl_devices_repeats(const struct sdl_devices *s, const union sdl_event *event);
const char *sdl_devices_name(struct sdl_devices *s, uint32_t device);
void sdl_devices_rumble(struct sdl_devices *s, uint32_t device, uint32_t strong, uint32_t weak, uint32_t duration_ms);
void sdl_devices_touch(struct sdl_devices *s, bool on);
#endif
