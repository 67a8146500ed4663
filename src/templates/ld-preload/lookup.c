/* How a program comes to ours: besides linking, by dlsym and the GetProcAddress functions, which are ours too. Compile this
 * with -O2 or more: see dlsym below. */
#include "lookup.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

/* Functions of which a program gets ours. */
static const struct wrapped {
    const char *name;
    function ours;
} wrapped[] = {
    {"glXSwapBuffers", (function)glXSwapBuffers},
    {"glXDestroyContext", (function)glXDestroyContext},
    {"glXGetProcAddress", (function)glXGetProcAddress},
    {"glXGetProcAddressARB", (function)glXGetProcAddressARB},
    {"eglSwapBuffers", (function)eglSwapBuffers},
    {"eglSwapBuffersWithDamageKHR", (function)eglSwapBuffersWithDamageKHR},
    {"eglSwapBuffersWithDamageEXT", (function)eglSwapBuffersWithDamageEXT},
    {"eglDestroyContext", (function)eglDestroyContext},
    {"eglGetProcAddress", (function)eglGetProcAddress},
    {"dlsym", (function)dlsym},
};
/* Theirs, once somebody asked for one. */
static _Atomic(function) reals[WRAPPED];

static const struct wrapped *wrapped_of(const char *name) {
    if (name[0] != 'g' && name[0] != 'e' && name[0] != 'd') return NULL;
    for (int i = 0; i < WRAPPED; i++)
        if (!strcmp(name, wrapped[i].name)) return &wrapped[i];
    return NULL;
}

/* dlvsym is the one lookup that is not ours. Both versions mean the same function; which one exists depends on the C library. */
static void *(*real_dlsym(void))(void *, const char *) {
    static _Atomic(function) found;
    function f = atomic_load_explicit(&found, memory_order_relaxed);
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5", "GLIBC_2.0"};
    for (unsigned i = 0; !f && i < sizeof versions / sizeof *versions; i++) f = (function)dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    atomic_store_explicit(&found, f, memory_order_relaxed);
    return (void *(*)(void *, const char *))f;
}

void *real_symbol(void *handle, const char *name) { return real_dlsym()(handle, name); }

function real(int which) {
    const struct wrapped *w = &wrapped[which];
    function f = atomic_load_explicit(&reals[w - wrapped], memory_order_acquire);
    if (f) return f;
    if (which != DLSYM && real_dlsym()) f = (function)real_dlsym()(RTLD_NEXT, w->name);
    static const char *const libraries[] = {"libGL.so.1", "libGLX.so.0", "libEGL.so.1"};
    for (unsigned i = 0; !f && which != DLSYM && i < sizeof libraries / sizeof *libraries; i++) {
        void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
        if (library && real_dlsym()) f = (function)real_dlsym()(library, w->name);
        if (library) dlclose(library);
    }
    if (f && f != w->ours) atomic_store_explicit(&reals[w - wrapped], f, memory_order_release);
    return f == w->ours ? NULL : f;
}

/* A lookup that gave `theirs`: ours instead, where we have one. */
static function instead(const char *name, function theirs) {
    const struct wrapped *w = theirs && name ? wrapped_of(name) : NULL;
    if (!w || theirs == w->ours) return theirs;
    function none = NULL;
    atomic_compare_exchange_strong(&reals[w - wrapped], &none, theirs);
    return w->ours;
}

/* The real one tells by its return address who asks, which RTLD_NEXT needs. Hence those requests go on by a jump: no frame of
 * ours may lie between, and compilers make calls in this place jumps from -O2 on. Who asks for the next gets what is behind
 * itself, which may be ours anyway; answering with ours would send another such library in a circle. */
void *dlsym(void *handle, const char *name) {
    const struct wrapped *w = wrapped_of(name);
    if (!w || handle == RTLD_NEXT) return real_dlsym()(handle, name);
    return (void *)instead(name, (function)real_dlsym()(handle, name));
}

function glXGetProcAddress(const uint8_t *name) {
    function (*find)(const uint8_t *) = (function(*)(const uint8_t *))real(GLX_FIND);
    return find ? instead((const char *)name, find(name)) : NULL;
}

function glXGetProcAddressARB(const uint8_t *name) {
    function (*find)(const uint8_t *) = (function(*)(const uint8_t *))real(GLX_FIND_ARB);
    return find ? instead((const char *)name, find(name)) : NULL;
}

function eglGetProcAddress(const char *name) {
    function (*find)(const char *) = (function(*)(const char *))real(EGL_FIND);
    return find ? instead(name, find(name)) : NULL;
}
