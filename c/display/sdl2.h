/* The part of SDL2's stable binary interface that the window uses, declared here because the library is opened at run time
 * and its headers are not needed to build. Names and numbers are SDL's own (SDL 2.0.8 or newer). */
#ifndef PB_DISPLAY_SDL2_H
#define PB_DISPLAY_SDL2_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SDL_INIT_VIDEO = 0x20,
    SDL_INIT_GAMECONTROLLER = 0x2000,
    SDL_WINDOW_RESIZABLE = 0x20,
    SDL_WINDOW_FULLSCREEN_DESKTOP = 0x1001,
    SDL_WINDOWPOS_CENTERED = 0x2fff0000,
    SDL_PIXELFORMAT_IYUV = 0x56555949,
    SDL_TEXTUREACCESS_STREAMING = 1,
    SDL_RENDERER_SOFTWARE = 1,
    SDL_YUV_CONVERSION_BT709 = 2,
    SDL_BLENDMODE_NONE = 0,
    SDL_KMOD_NUM = 0x1000,
    SDL_KMOD_CAPS = 0x2000,
};

enum {
    SDL_QUIT = 0x100,
    SDL_WINDOWEVENT = 0x200,
    SDL_KEYDOWN = 0x300,
    SDL_KEYUP = 0x301,
    SDL_MOUSEMOTION = 0x400,
    SDL_MOUSEBUTTONDOWN = 0x401,
    SDL_MOUSEBUTTONUP = 0x402,
    SDL_MOUSEWHEEL = 0x403,
    SDL_CONTROLLERAXISMOTION = 0x650,
    SDL_CONTROLLERBUTTONDOWN = 0x651,
    SDL_CONTROLLERBUTTONUP = 0x652,
    SDL_CONTROLLERDEVICEADDED = 0x653,
    SDL_CONTROLLERDEVICEREMOVED = 0x654,
    SDL_FINGERDOWN = 0x700,
    SDL_FINGERUP = 0x701,
    SDL_FINGERMOTION = 0x702,
    SDL_RENDER_DEVICE_RESET = 0x2001,
};

enum {
    SDL_WINDOWEVENT_EXPOSED = 3,
    SDL_WINDOWEVENT_SIZE_CHANGED = 6,
    SDL_WINDOWEVENT_FOCUS_LOST = 13,
    SDL_WINDOWEVENT_CLOSE = 14,
};

union sdl_event {
    uint32_t type;
    struct { uint32_t type, timestamp, window; uint8_t event, padding[3]; int32_t data1, data2; } window;
    struct { uint32_t type, timestamp, window; uint8_t state, repeat, padding[2]; int32_t scancode, symbol; uint16_t modifiers; } key;
    struct { uint32_t type, timestamp, window, which, state; int32_t x, y, dx, dy; } motion;
    struct { uint32_t type, timestamp, window, which; uint8_t button, state, clicks, padding; int32_t x, y; } button;
    struct { uint32_t type, timestamp, window, which; int32_t x, y; uint32_t direction; } wheel;
    struct { uint32_t type, timestamp; int32_t which; uint8_t number, padding[3]; int16_t value; } controller;
    struct { uint32_t type, timestamp; int64_t touch, finger; float x, y, dx, dy, pressure; } finger;
    uint8_t size[56];
    uint64_t room[16]; /* newer versions may write more */
};
_Static_assert(offsetof(union sdl_event, key.scancode) == 16 && offsetof(union sdl_event, motion.dx) == 28, "SDL_Event");
_Static_assert(offsetof(union sdl_event, button.x) == 20 && offsetof(union sdl_event, window.data1) == 16, "SDL_Event");

_Static_assert(offsetof(union sdl_event, controller.value) == 16 && offsetof(union sdl_event, finger.pressure) == 40, "SDL_Event");

struct sdl_rect { int x, y, w, h; };

/* Prefix of SDL_RendererInfo. */
struct sdl_renderer_info { const char *name; uint32_t flags; uint32_t more[64]; };

/* Prefix of SDL_SysWMinfo on X11. */
struct sdl_system_info { uint8_t version[3]; int32_t subsystem; void *x11_display; uint8_t more[64]; };
enum { SDL_SYSWM_X11 = 2 };

typedef struct SDL_Window SDL_Window;
typedef struct SDL_Renderer SDL_Renderer;
typedef struct SDL_Texture SDL_Texture;

/* name, result, arguments */
#define PB_SDL_FUNCTIONS(F) \
    F(SetHint, int, (const char *, const char *)) \
    F(SetMainReady, void, (void)) \
    F(InitSubSystem, int, (uint32_t)) \
    F(QuitSubSystem, void, (uint32_t)) \
    F(GetError, const char *, (void)) \
    F(GetCurrentVideoDriver, const char *, (void)) \
    F(CreateWindow, SDL_Window *, (const char *, int, int, int, int, uint32_t)) \
    F(DestroyWindow, void, (SDL_Window *)) \
    F(SetWindowFullscreen, int, (SDL_Window *, uint32_t)) \
    F(CreateRenderer, SDL_Renderer *, (SDL_Window *, int, uint32_t)) \
    F(DestroyRenderer, void, (SDL_Renderer *)) \
    F(GetRendererInfo, int, (SDL_Renderer *, struct sdl_renderer_info *)) \
    F(GetRendererOutputSize, int, (SDL_Renderer *, int *, int *)) \
    F(SetRenderDrawColor, int, (SDL_Renderer *, uint8_t, uint8_t, uint8_t, uint8_t)) \
    F(RenderClear, int, (SDL_Renderer *)) \
    F(RenderCopy, int, (SDL_Renderer *, SDL_Texture *, const struct sdl_rect *, const struct sdl_rect *)) \
    F(RenderPresent, void, (SDL_Renderer *)) \
    F(CreateTexture, SDL_Texture *, (SDL_Renderer *, uint32_t, int, int, int)) \
    F(DestroyTexture, void, (SDL_Texture *)) \
    F(SetTextureBlendMode, int, (SDL_Texture *, int)) \
    F(UpdateYUVTexture, int, \
      (SDL_Texture *, const struct sdl_rect *, const uint8_t *, int, const uint8_t *, int, const uint8_t *, int)) \
    F(SetYUVConversionMode, void, (int)) \
    F(GetWindowWMInfo, int, (SDL_Window *, struct sdl_system_info *)) \
    F(SetRelativeMouseMode, int, (int)) \
    F(PollEvent, int, (union sdl_event *))

/* Those without which a window is as good as before; NULL where SDL2 is older (2.0.9, 2.24). */
#define PB_SDL_OPTIONAL(F) \
    F(IsGameController, int, (int)) \
    F(GameControllerOpen, void *, (int)) \
    F(GameControllerClose, void, (void *)) \
    F(GameControllerName, const char *, (void *)) \
    F(GameControllerGetJoystick, void *, (void *)) \
    F(JoystickInstanceID, int32_t, (void *)) \
    F(GameControllerRumble, int, (void *, uint16_t, uint16_t, uint32_t)) \
    F(JoystickPathForIndex, const char *, (int))

struct sdl {
    void *library;
#define F(name, result, arguments) result (*name) arguments;
    PB_SDL_FUNCTIONS(F)
    PB_SDL_OPTIONAL(F)
#undef F
};

/* Linux key of an SDL scancode, 0 for none (c/display/sdl2_keys.c). */
uint16_t pb_sdl_key(int32_t scancode);
#endif
