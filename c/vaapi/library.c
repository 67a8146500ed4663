/* Opens libva and one device with it: a render node, or an X11 display. Every step that can be missing has its own sentence
 * with the remedy. libva's messages go into these sentences instead of to standard error. */
#include "vaapi.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void pb_va_fail(struct pb_va *va, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(va->failure, sizeof va->failure, format, args);
    va_end(args);
    va->status = VA_STATUS_SUCCESS;
}

static const char *remedy(VAStatus status) {
    switch (status) {
    case VA_STATUS_ERROR_ALLOCATION_FAILED: return "the GPU has no memory left: close what uses it, or choose a smaller picture";
    case VA_STATUS_ERROR_UNSUPPORTED_PROFILE:
    case VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT:
    case VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT: return "the GPU cannot do it: choose openh264";
    case VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED: return "the GPU cannot do this size: choose another mode, or openh264";
    default: return "see `vainfo` and the kernel's log (`dmesg`); openh264 works without a GPU";
    }
}

bool pb_va_ok(struct pb_va *va, VAStatus status, const char *call) {
    if (status == VA_STATUS_SUCCESS) {
        va->said[0] = 0;
        return true;
    }
    pb_va_fail(va, "VA-API on %s (%s): %s: %s%s%s; %s", va->device, va->vendor, call, va->ErrorStr(status),
               *va->said ? ": " : "", va->said, remedy(status));
    va->said[0] = 0;
    va->status = status;
    return false;
}

static void keep_message(void *context, const char *message) {
    struct pb_va *va = context;
    snprintf(va->said, sizeof va->said, "%s", message ? message : "");
    va->said[strcspn(va->said, "\n")] = 0;
}

static bool load_functions(struct pb_va *va, char *error, size_t size) {
    va->library = dlopen("libva.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!va->library) {
        pb_error(error, size, "VA-API is not installed (libva.so.2): apt install libva2 libva-drm2 va-driver-all");
        return false;
    }
    const char *missing = NULL;
#define F(name) \
    *(void **)&va->name = dlsym(va->library, "va" #name); \
    if (!va->name) missing = "va" #name;
    PB_VA_FUNCTIONS(F)
#undef F
    *(void **)&va->SyncSurface2 = dlsym(va->library, "vaSyncSurface2");
    if (!missing) return true;
    pb_error(error, size, "libva.so.2 is too old, it lacks %s: install libva2 2.0 or newer", missing);
    return false;
}

static bool open_node(struct pb_va *va, char *error, size_t size) {
    va->node = open(va->device, O_RDWR | O_CLOEXEC);
    if (va->node < 0) {
        bool rights = errno == EACCES || errno == EPERM;
        pb_error(error, size, "%s: open: %s%s", va->device, strerror(errno),
                 rights ? ": sudo usermod -aG render $USER, then log in again" : ": is it the render node of a GPU? (ls /dev/dri)");
        return false;
    }
    va->system = dlopen("libva-drm.so.2", RTLD_NOW | RTLD_LOCAL);
    VADisplay (*get)(int) = NULL;
    if (va->system) *(void **)&get = dlsym(va->system, "vaGetDisplayDRM");
    if (!get) {
        pb_error(error, size, "%s: libva-drm.so.2 is not installed: apt install libva-drm2", va->device);
        return false;
    }
    va->display = get(va->node);
    if (!va->display) pb_error(error, size, "%s: vaGetDisplayDRM: it is no DRM device: name one of /dev/dri/renderD*", va->device);
    return va->display != NULL;
}

static bool open_x11(struct pb_va *va, char *error, size_t size) {
    va->xlib = dlopen("libX11.so.6", RTLD_NOW | RTLD_LOCAL);
    va->system = dlopen("libva-x11.so.2", RTLD_NOW | RTLD_LOCAL);
    void *(*connect)(const char *) = NULL;
    VADisplay (*get)(void *) = NULL;
    if (va->xlib) *(void **)&connect = dlsym(va->xlib, "XOpenDisplay");
    if (va->system) *(void **)&get = dlsym(va->system, "vaGetDisplay");
    if (!connect || !get) {
        pb_error(error, size, "VA-API over X11 display %s: %s is not installed: apt install libva-x11-2", va->device,
                 connect ? "libva-x11.so.2" : "libX11.so.6");
        return false;
    }
    va->x11 = connect(va->device);
    if (!va->x11) {
        pb_error(error, size, "VA-API over X11 display %s: XOpenDisplay: no answer: is an X server there, and DISPLAY right?", va->device);
        return false;
    }
    va->display = get(va->x11);
    if (!va->display) pb_error(error, size, "VA-API over X11 display %s: vaGetDisplay refuses it", va->device);
    return va->display != NULL;
}

static bool initialize(struct pb_va *va, char *error, size_t size) {
    va->SetInfoCallback(va->display, NULL, NULL);
    va->SetErrorCallback(va->display, keep_message, va);
    int major = 0, minor = 0;
    VAStatus status = va->Initialize(va->display, &major, &minor);
    if (status != VA_STATUS_SUCCESS) {
        pb_error(error, size, "%s: vaInitialize: %s%s%s: install the GPU's driver: apt install va-driver-all "
                 "(intel-media-va-driver-non-free for all of Intel's)", va->device, va->ErrorStr(status),
                 *va->said ? ": " : "", va->said);
        return false;
    }
    va->initialized = true;
    const char *vendor = va->QueryVendorString(va->display);
    snprintf(va->vendor, sizeof va->vendor, "%s", vendor ? vendor : "unnamed driver");
    return true;
}

struct pb_va *pb_va_load(const char *device, char *error, size_t size) {
    struct pb_va *va = calloc(1, sizeof *va);
    if (!va) {
        pb_error(error, size, "%s: no memory", device);
        return NULL;
    }
    va->node = -1;
    va->profile = VAProfileNone;
    snprintf(va->device, sizeof va->device, "%s", device);
    if (!load_functions(va, error, size)) goto fail;
    if (!(device[0] == '/' ? open_node(va, error, size) : open_x11(va, error, size))) goto fail;
    if (initialize(va, error, size)) return va;
fail:
    pb_va_close(va);
    return NULL;
}

void pb_va_close(struct pb_va *va) {
    if (!va) return;
    /* Also without success: it frees what vaGetDisplay made. */
    if (va->display) va->Terminate(va->display);
    if (va->x11) {
        int (*disconnect)(void *);
        *(void **)&disconnect = dlsym(va->xlib, "XCloseDisplay");
        if (disconnect) disconnect(va->x11);
    }
    if (va->node >= 0) close(va->node);
    if (va->system) dlclose(va->system);
    if (va->library) dlclose(va->library);
    /* Xlib's extensions may have left handlers in it, so libX11 stays. */
    free(va);
}
