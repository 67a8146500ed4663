/* A window by SDL2, for screens without an X server (Wayland, KMS). The library is the user's own, opened at run time; all its
 * functions run on the player's thread. SDL has no descriptor to sleep on, so the player asks it every 10 ms for events. */
#include "sdl2.h"

#include "display.h"
#include "layout.h"
#include "sdl2_devices.h"

#include <dlfcn.h>
#include <libyuv/convert_argb.h>
#include <libyuv/planar_functions.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS = 64, WHEEL_FLIPPED = 1 };

struct pb_display {
    struct sdl sdl;
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture;
    bool grabbed, initialised, locks_told;
    uint16_t locks; /* of SDL_KMOD_*, as last told */
    struct sdl_devices devices;
    struct pb_layout layout;
    uint32_t width, height; /* of the window */
    /* The last picture, kept because a window may want it again, and as BGRA for who asks. */
    struct pb_picture picture, pixels;
    size_t picture_bytes, pixels_bytes;
    bool converted;
    struct pb_window_event events[EVENTS];
    unsigned events_first, events_count;
};

static bool load(struct sdl *sdl, char *error, size_t error_size) {
    sdl->library = dlopen("libSDL2-2.0.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!sdl->library) {
        pb_error(error, error_size, "SDL2 is not installed (Debian, Ubuntu: apt install libsdl2-2.0-0)");
        return false;
    }
    /* POSIX lets an address become a function pointer; ISO C does not, hence the copy. */
#define F(name, result, arguments) \
    void *found_##name = dlsym(sdl->library, "SDL_" #name); \
    memcpy(&sdl->name, &found_##name, sizeof sdl->name); \
    if (!found_##name) { \
        pb_error(error, error_size, "this SDL2 is too old: it lacks SDL_" #name " (2.0.8 or newer is needed)"); \
        dlclose(sdl->library); \
        return false; \
    }
    PB_SDL_FUNCTIONS(F)
#undef F
#define F(name, result, arguments) \
    void *found_##name = dlsym(sdl->library, "SDL_" #name); \
    memcpy(&sdl->name, &found_##name, sizeof sdl->name);
    PB_SDL_OPTIONAL(F)
#undef F
    return true;
}

static bool probe(const char *target, char *detail, size_t size) {
    (void)target;
    struct sdl sdl;
    if (!load(&sdl, detail, size)) return false;
    dlclose(sdl.library);
    pb_error(detail, size, "SDL2 is installed");
    return true;
}

/* Set by Xlib on the player's thread. Xlib ends the program when its server dies, unless the connection's exit handler returns
 * (libX11 1.7 or newer). */
static atomic_bool connection_lost;

static void close_sdl(struct pb_display *d) {
    if (!d) return;
    /* Of a dead connection nothing can be closed; SDL would wait for answers. */
    if (atomic_load(&connection_lost)) goto memory;
    sdl_devices_close(&d->devices);
    if (d->texture) d->sdl.DestroyTexture(d->texture);
    if (d->renderer) d->sdl.DestroyRenderer(d->renderer);
    if (d->window) d->sdl.DestroyWindow(d->window);
    if (d->initialised) d->sdl.QuitSubSystem(SDL_INIT_VIDEO);
    /* The library stays: drivers that it loaded may have left threads and exit handlers behind. */
memory:
    free(d->picture.plane[0]);
    free(d->pixels.plane[0]);
    free(d);
}

static int on_connection_lost(void *connection) {
    (void)connection;
    atomic_store(&connection_lost, true);
    return 0;
}

static void live_on(void *connection, void *data) {
    (void)connection;
    (void)data;
}

static void survive_server(struct pb_display *d) {
    struct sdl_system_info info = {.version = {2, 0, 8}};
    if (!d->sdl.GetWindowWMInfo(d->window, &info) || info.subsystem != SDL_SYSWM_X11) return;
    void *xlib = dlopen("libX11.so.6", RTLD_NOW | RTLD_NOLOAD);
    void *set_exit = xlib ? dlsym(xlib, "XSetIOErrorExitHandler") : NULL;
    void *set_error = xlib ? dlsym(xlib, "XSetIOErrorHandler") : NULL;
    if (!set_exit || !set_error) return;
    void (*set_exit_handler)(void *, void (*)(void *, void *), void *);
    void (*set_error_handler)(int (*)(void *));
    memcpy(&set_exit_handler, &set_exit, sizeof set_exit);
    memcpy(&set_error_handler, &set_error, sizeof set_error);
    set_error_handler(on_connection_lost);
    set_exit_handler(info.x11_display, live_on, NULL);
}

/* SDL knows an X display only by the environment. */
static bool initialise(struct pb_display *d, const char *target) {
    const char *before = getenv("DISPLAY");
    bool other = target && *target && (!before || strcmp(before, target));
    char *kept = before ? strdup(before) : NULL;
    if (other) setenv("DISPLAY", target, 1);
    d->sdl.SetMainReady();
    d->sdl.SetHint("SDL_NO_SIGNAL_HANDLERS", "1");
    d->sdl.SetHint("SDL_RENDER_SCALE_QUALITY", "linear");
    d->sdl.SetHint("SDL_APP_NAME", "Patchbay");
    if (target && *target) d->sdl.SetHint("SDL_VIDEODRIVER", "x11");
    d->initialised = d->sdl.InitSubSystem(SDL_INIT_VIDEO) == 0;
    if (other && kept) setenv("DISPLAY", kept, 1);
    if (other && !kept) unsetenv("DISPLAY");
    free(kept);
    return d->initialised;
}

static void push(struct pb_display *d, struct pb_window_event event) {
    if (d->events_count < EVENTS) d->events[(d->events_first + d->events_count++) % EVENTS] = event;
}

/* Of fingers: from a part of the window to one of the picture. */
static void push_device(void *to, struct pb_window_event e) {
    struct pb_display *d = to;
    const struct pb_layout *l = &d->layout;
    if (e.kind == PB_WINDOW_INPUT && e.device == PB_DEVICE_TOUCH && l->width) {
        if (e.code == ABS_MT_POSITION_X) e.value = pb_layout_across((int32_t)((int64_t)e.value * d->width / PB_ABSOLUTE_MAX), l->x, l->width);
        if (e.code == ABS_MT_POSITION_Y) e.value = pb_layout_across((int32_t)((int64_t)e.value * d->height / PB_ABSOLUTE_MAX), l->y, l->height);
    }
    push(d, e);
}

static struct pb_display *open_sdl(const struct pb_display_settings *s, char *error, size_t error_size) {
    struct pb_display *d = calloc(1, sizeof *d);
    if (!d) {
        pb_error(error, error_size, "no memory for a window");
        return NULL;
    }
    /* SDL keeps the dead connection and would use it again. */
    bool lost = atomic_load(&connection_lost);
    if (lost) pb_error(error, error_size, "SDL2 lost its screen; start this program again to use it");
    if (lost || !load(&d->sdl, error, error_size)) {
        free(d);
        return NULL;
    }
    if (!initialise(d, s->target)) goto fail;
    /* SDL falls back to a driver that shows nothing. */
    const char *driver = d->sdl.GetCurrentVideoDriver();
    if (driver && (!strcmp(driver, "offscreen") || !strcmp(driver, "dummy")) && !getenv("SDL_VIDEODRIVER")) {
        pb_error(error, error_size, "SDL2 finds no screen here");
        close_sdl(d);
        return NULL;
    }
    d->sdl.SetYUVConversionMode(SDL_YUV_CONVERSION_BT709);
    d->window = d->sdl.CreateWindow(s->title, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, (int)s->width, (int)s->height,
                                    SDL_WINDOW_RESIZABLE | (s->fullscreen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0));
    if (!d->window) goto fail;
    survive_server(d);
    d->renderer = d->sdl.CreateRenderer(d->window, -1, 0);
    if (!d->renderer) goto fail;
    int width = 0, height = 0;
    d->sdl.GetRendererOutputSize(d->renderer, &width, &height);
    d->width = (uint32_t)width;
    d->height = (uint32_t)height;
    d->sdl.SetRenderDrawColor(d->renderer, 0, 0, 0, 255);
    if (s->devices) sdl_devices_open(&d->devices, &d->sdl, push_device, d);
    return d;
fail:
    pb_error(error, error_size, "SDL2 cannot open a window: %s", d->sdl.GetError());
    close_sdl(d);
    return NULL;
}

static void describe(struct pb_display *d, char *detail, size_t size) {
    struct sdl_renderer_info info = {0};
    d->sdl.GetRendererInfo(d->renderer, &info);
    pb_error(detail, size, "%ux%u window by SDL2, %s, drawn by %s", d->width, d->height, d->sdl.GetCurrentVideoDriver(),
             info.name ? info.name : "an unknown renderer");
}

static int descriptor(struct pb_display *d) {
    (void)d;
    return -1;
}

static enum pb_status draw(struct pb_display *d) {
    if (!d->texture) return PB_OK;
    d->layout = pb_layout_fit(d->width, d->height, d->picture.width, d->picture.height);
    struct sdl_rect to = {(int)d->layout.x, (int)d->layout.y, (int)d->layout.width, (int)d->layout.height};
    d->sdl.RenderClear(d->renderer);
    if (d->sdl.RenderCopy(d->renderer, d->texture, NULL, &to)) return PB_ERROR;
    d->sdl.RenderPresent(d->renderer);
    return PB_OK;
}

/* Keeps a copy with tightly packed rows. */
static bool keep(struct pb_display *d, const struct pb_picture *p) {
    uint32_t half = (p->width + 1) / 2, rows = (p->height + 1) / 2;
    size_t luma = (size_t)p->width * p->height, chroma = (size_t)half * rows, bytes = luma + 2 * chroma;
    if (bytes > d->picture_bytes) {
        uint8_t *memory = realloc(d->picture.plane[0], bytes);
        if (!memory) return false;
        d->picture.plane[0] = memory;
        d->picture_bytes = bytes;
    }
    uint8_t *y = d->picture.plane[0];
    bool resized = d->picture.width != p->width || d->picture.height != p->height;
    d->picture = (struct pb_picture){PB_I420, p->width, p->height, {y, y + luma, y + luma + chroma}, {p->width, half, half}, NULL};
    for (int i = 0; i < 3; i++)
        CopyPlane(p->plane[i], (int)p->stride[i], d->picture.plane[i], (int)d->picture.stride[i], (int)(i ? half : p->width),
                  (int)(i ? rows : p->height));
    d->converted = false;
    if (!resized && d->texture) return true;
    if (d->texture) d->sdl.DestroyTexture(d->texture);
    d->texture = d->sdl.CreateTexture(d->renderer, SDL_PIXELFORMAT_IYUV, SDL_TEXTUREACCESS_STREAMING, (int)p->width, (int)p->height);
    if (d->texture) d->sdl.SetTextureBlendMode(d->texture, SDL_BLENDMODE_NONE);
    return d->texture != NULL;
}

static enum pb_status upload(struct pb_display *d) {
    const struct pb_picture *p = &d->picture;
    return d->sdl.UpdateYUVTexture(d->texture, NULL, p->plane[0], (int)p->stride[0], p->plane[1], (int)p->stride[1], p->plane[2],
                                   (int)p->stride[2])
               ? PB_ERROR
               : PB_OK;
}

static enum pb_status show(struct pb_display *d, const struct pb_picture *picture) {
    if (atomic_load(&connection_lost)) return PB_LOST;
    if (!keep(d, picture) || upload(d) != PB_OK || draw(d) != PB_OK) return PB_ERROR;
    push(d, (struct pb_window_event){.kind = PB_WINDOW_SHOWN});
    return PB_OK;
}

static void emit(struct pb_display *d, uint16_t type, uint16_t code, int32_t value) {
    push(d, (struct pb_window_event){.kind = PB_WINDOW_INPUT, .type = type, .code = code, .value = value});
}

static void point(struct pb_display *d, int32_t x, int32_t y) {
    bool laid = d->layout.width > 0;
    emit(d, EV_ABS, ABS_X, pb_layout_across(x, laid ? d->layout.x : 0, laid ? d->layout.width : d->width));
    emit(d, EV_ABS, ABS_Y, pb_layout_across(y, laid ? d->layout.y : 0, laid ? d->layout.height : d->height));
}

static void window_event(struct pb_display *d, const union sdl_event *e) {
    switch (e->window.event) {
    case SDL_WINDOWEVENT_EXPOSED:
        draw(d);
        break;
    case SDL_WINDOWEVENT_SIZE_CHANGED:
        d->width = (uint32_t)e->window.data1;
        d->height = (uint32_t)e->window.data2;
        push(d, (struct pb_window_event){.kind = PB_WINDOW_RESIZED, .width = d->width, .height = d->height});
        break;
    case SDL_WINDOWEVENT_FOCUS_LOST: push(d, (struct pb_window_event){.kind = PB_WINDOW_FOCUS_LOST}); break;
    case SDL_WINDOWEVENT_CLOSE: push(d, (struct pb_window_event){.kind = PB_WINDOW_CLOSED}); break;
    default: break;
    }
}

/* Before the first key that they change. */
static void tell_locks(struct pb_display *d, uint16_t modifiers) {
    static const struct { uint16_t modifier, lamp; } locks[] = {{SDL_KMOD_CAPS, LED_CAPSL}, {SDL_KMOD_NUM, LED_NUML}};
    for (unsigned i = 0; i < sizeof locks / sizeof *locks; i++)
        if (!d->locks_told || (modifiers ^ d->locks) & locks[i].modifier) emit(d, EV_LED, locks[i].lamp, (modifiers & locks[i].modifier) != 0);
    d->locks_told = true;
    d->locks = modifiers;
}

static void input(struct pb_display *d, const union sdl_event *e) {
    static const uint16_t buttons[] = {0, BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA};
    if (e->type == SDL_MOUSEMOTION && d->grabbed) {
        if (e->motion.dx) emit(d, EV_REL, REL_X, e->motion.dx);
        if (e->motion.dy) emit(d, EV_REL, REL_Y, e->motion.dy);
    } else if (e->type == SDL_MOUSEMOTION) {
        point(d, e->motion.x, e->motion.y);
    } else if (e->type == SDL_MOUSEWHEEL) {
        int32_t sign = e->wheel.direction == WHEEL_FLIPPED ? -1 : 1;
        if (e->wheel.y) emit(d, EV_REL, REL_WHEEL, sign * e->wheel.y);
        if (e->wheel.x) emit(d, EV_REL, REL_HWHEEL, sign * e->wheel.x);
    } else if (e->type == SDL_KEYDOWN || e->type == SDL_KEYUP) {
        uint16_t code = pb_sdl_key(e->key.scancode);
        if (!code || e->key.repeat) return;
        /* A lock key's own press has changed them already; the host hears of that press itself. */
        if (e->type == SDL_KEYDOWN && code != KEY_CAPSLOCK && code != KEY_NUMLOCK) tell_locks(d, e->key.modifiers);
        emit(d, EV_KEY, code, e->type == SDL_KEYDOWN);
    } else {
        if (!e->button.button || e->button.button >= sizeof buttons / sizeof *buttons) return;
        if (!d->grabbed) point(d, e->button.x, e->button.y);
        emit(d, EV_KEY, buttons[e->button.button], e->type == SDL_MOUSEBUTTONDOWN);
    }
    emit(d, EV_SYN, SYN_REPORT, 0);
}

static void handle(struct pb_display *d, const union sdl_event *e) {
    if (sdl_devices_event(&d->devices, e) || sdl_devices_repeats(&d->devices, e)) return;
    switch (e->type) {
    case SDL_WINDOWEVENT: window_event(d, e); break;
    case SDL_MOUSEMOTION:
    case SDL_MOUSEWHEEL:
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
    case SDL_KEYDOWN:
    case SDL_KEYUP: input(d, e); break;
    case SDL_RENDER_DEVICE_RESET: /* textures are gone; the next picture makes a new one */
        d->texture = NULL;
        break;
    default: break;
    }
}

static enum pb_status event(struct pb_display *d, struct pb_window_event *out) {
    union sdl_event e;
    while (!d->events_count) {
        int some = atomic_load(&connection_lost) ? 0 : d->sdl.PollEvent(&e);
        if (atomic_load(&connection_lost)) return PB_LOST;
        if (!some) return PB_AGAIN;
        handle(d, &e);
    }
    *out = d->events[d->events_first];
    d->events_first = (d->events_first + 1) % EVENTS;
    d->events_count--;
    return PB_OK;
}

static enum pb_status grab_pointer(struct pb_display *d, bool on) {
    d->grabbed = on;
    return d->sdl.SetRelativeMouseMode(on) ? PB_UNSUPPORTED : PB_OK;
}

static enum pb_status set_fullscreen(struct pb_display *d, bool on) {
    return d->sdl.SetWindowFullscreen(d->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) ? PB_UNSUPPORTED : PB_OK;
}

/* Pure memory, so that it may run on another thread than SDL's. */
static const struct pb_picture *shown(struct pb_display *d) {
    const struct pb_picture *p = &d->picture;
    if (!p->width) return NULL;
    if (d->converted) return &d->pixels;
    size_t bytes = (size_t)p->width * p->height * 4;
    if (bytes > d->pixels_bytes) {
        uint8_t *memory = realloc(d->pixels.plane[0], bytes);
        if (!memory) return NULL;
        d->pixels.plane[0] = memory;
        d->pixels_bytes = bytes;
    }
    d->pixels = (struct pb_picture){PB_BGRA, p->width, p->height, {d->pixels.plane[0], NULL, NULL}, {p->width * 4, 0, 0}, NULL};
    I420ToARGBMatrix(p->plane[0], (int)p->stride[0], p->plane[1], (int)p->stride[1], p->plane[2], (int)p->stride[2],
                     d->pixels.plane[0], (int)(p->width * 4), &kYuvH709Constants, (int)p->width, (int)p->height);
    d->converted = true;
    return &d->pixels;
}

static const char *device_name(struct pb_display *d, uint32_t device) { return sdl_devices_name(&d->devices, device); }

static void rumble(struct pb_display *d, uint32_t device, uint32_t strong, uint32_t weak, uint32_t duration_ms) {
    sdl_devices_rumble(&d->devices, device, strong, weak, duration_ms);
}

static void set_touch(struct pb_display *d, bool on) { sdl_devices_touch(&d->devices, on); }

const struct pb_display_backend pb_display_sdl2 = {
    .name = "sdl2",
    .probe = probe,
    .open = open_sdl,
    .describe = describe,
    .descriptor = descriptor,
    .show = show,
    .event = event,
    .grab_pointer = grab_pointer,
    .set_fullscreen = set_fullscreen,
    .shown = shown,
    .close = close_sdl,
    .device_name = device_name,
    .rumble = rumble,
    .set_touch = set_touch,
};
