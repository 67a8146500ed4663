/* See pulse_library.h. */
#include "pulse_library.h"

#include <dlfcn.h>
#include <pthread.h>

static struct pb_pulse functions;
static bool loaded;
static char fault[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    void *library = dlopen("libpulse.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        pb_error(fault, sizeof fault, "%s: run: sudo apt install libpulse0", dlerror());
        return;
    }
    loaded = true;
#define LOAD(name) \
    functions.name = (__typeof__(functions.name))dlsym(library, "pa_" #name); \
    if (!functions.name && loaded) { \
        loaded = false; \
        pb_error(fault, sizeof fault, "libpulse.so.0 has no pa_" #name ": it is too old"); \
    }
    PB_PULSE_FUNCTIONS(LOAD)
#undef LOAD
}

const struct pb_pulse *pb_pulse_library(char *error, size_t error_size) {
    pthread_once(&once, load);
    if (loaded) return &functions;
    pb_error(error, error_size, "%s", fault);
    return NULL;
}
