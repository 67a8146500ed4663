/* Loaded into a program by LD_PRELOAD, this stands before glXSwapBuffers and eglSwapBuffers, however the program finds them:
 * linked, by dlsym, or by the GetProcAddress functions. Before the picture of the largest window is swapped to the screen, it
 * is read and put into shared memory. The program is never stopped or waited for: reading may take a third of its time, and a
 * fiftieth while nobody looks at the pictures; past that a swap is only a swap. */
#include "read.h"
#include "sink.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
enum { READERS = 8, FPS_MOST = 240, SHARE = 2, UNREAD_SHARE = 49 /* parts of pause for one of reading */, BURST = 3 };

/* UNREAD_MOST_US: the longest pause while nobody reads, so that who comes then does not wait; SILENCE_US: see `shown`. */
enum { UNREAD_MOST_US = 250000, SILENCE_US = 1000000 };

typedef void (*function)(void);
typedef void *(*find_function)(const char *name);

EXPORT void glXSwapBuffers(void *display, unsigned long drawable);
EXPORT void glXDestroyContext(void *display, void *context);
EXPORT function glXGetProcAddress(const uint8_t *name);
EXPORT function glXGetProcAddressARB(const uint8_t *name);
EXPORT unsigned eglSwapBuffers(void *display, void *surface);
EXPORT unsigned eglSwapBuffersWithDamageKHR(void *display, void *surface, const int32_t *rectangles, int32_t count);
EXPORT unsigned eglSwapBuffersWithDamageEXT(void *display, void *surface, const int32_t *rectangles, int32_t count);
EXPORT unsigned eglDestroyContext(void *display, void *context);
EXPORT function eglGetProcAddress(const char *name);
EXPORT void *dlsym(void *handle, const char *name);

/* Functions of which a program gets ours. `real` is theirs, once somebody asked for it. */
static struct wrapped {
    const char *name;
    function ours;
    _Atomic(function) real;
} wrapped[] = {
    {"glXSwapBuffers", (function)glXSwapBuffers, NULL},
    {"glXDestroyContext", (function)glXDestroyContext, NULL},
    {"glXGetProcAddress", (function)glXGetProcAddress, NULL},
    {"glXGetProcAddressARB", (function)glXGetProcAddressARB, NULL},
    {"eglSwapBuffers", (function)eglSwapBuffers, NULL},
    {"eglSwapBuffersWithDamageKHR", (function)eglSwapBuffersWithDamageKHR, NULL},
    {"eglSwapBuffersWithDamageEXT", (function)eglSwapBuffersWithDamageEXT, NULL},
    {"eglDestroyContext", (function)eglDestroyContext, NULL},
    {"eglGetProcAddress", (function)eglGetProcAddress, NULL},
    {"dlsym", (function)dlsym, NULL},
};
enum { GLX_SWAP, GLX_DESTROY, GLX_FIND, GLX_FIND_ARB, EGL_SWAP, EGL_SWAP_KHR, EGL_SWAP_EXT, EGL_DESTROY, EGL_FIND, DLSYM, WRAPPED };

static struct wrapped *wrapped_of(const char *name) {
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

/* Theirs: what a lookup of the program's gave, else the next in the order of loading, else that of a library that is loaded. */
static function real(int which) {
    struct wrapped *w = &wrapped[which];
    function f = atomic_load_explicit(&w->real, memory_order_acquire);
    if (f) return f;
    if (which != DLSYM && real_dlsym()) f = (function)real_dlsym()(RTLD_NEXT, w->name);
    static const char *const libraries[] = {"libGL.so.1", "libGLX.so.0", "libEGL.so.1"};
    for (unsigned i = 0; !f && which != DLSYM && i < sizeof libraries / sizeof *libraries; i++) {
        void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
        if (library && real_dlsym()) f = (function)real_dlsym()(library, w->name);
        if (library) dlclose(library);
    }
    if (f && f != w->ours) atomic_store_explicit(&w->real, f, memory_order_release);
    return f == w->ours ? NULL : f;
}

/* A lookup that gave `theirs`: ours instead, where we have one. */
static function instead(const char *name, function theirs) {
    struct wrapped *w = theirs && name ? wrapped_of(name) : NULL;
    if (!w || theirs == w->ours) return theirs;
    function none = NULL;
    atomic_compare_exchange_strong(&w->real, &none, theirs);
    return w->ours;
}

/* The real one tells by its return address who asks, which RTLD_NEXT needs. Hence those requests go on by a jump: no frame of
 * ours may lie between, and compilers make calls in this place jumps from -O2 on. Who asks for the next gets what is behind
 * itself, which may be ours anyway; answering with ours would send another such library in a circle. */
void *dlsym(void *handle, const char *name) {
    struct wrapped *w = wrapped_of(name);
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

/* What the window system says of the calling thread's context. */
struct window_system {
    bool loaded;
    struct gl gl;
    void *(*context)(void);
    unsigned long (*glx_read_drawable)(void);
    void (*glx_query)(void *, unsigned long, int, unsigned *);
    void *(*egl_surface)(int32_t);
    unsigned (*egl_query)(void *, void *, int32_t, int32_t *);
};

/* Guarded by `lock`. `shown` is the window whose pictures are taken: the largest of those that were swapped lately. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct window_system glx, egl;
static struct reader readers[READERS];
static struct {
    uintptr_t drawable;
    uint64_t area, swapped_us;
} shown;
static _Atomic uint64_t interval_us; /* from picture to picture; 0 at first */
static pid_t owner;
static bool ended;
/* When the next picture is due. Relaxed: it stands for itself, and being late by one swap costs nothing. */
static _Atomic uint64_t due_us;
/* The context with a picture that is still being copied; relaxed for the same reason. */
static _Atomic(const void *) unfinished;

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void *find_glx(const char *name) {
    void *f = (void *)((function(*)(const uint8_t *))real(GLX_FIND_ARB))((const uint8_t *)name);
    return f ? f : real_dlsym()(RTLD_DEFAULT, name);
}
static void *find_egl(const char *name) {
    void *f = (void *)((function(*)(const char *))real(EGL_FIND))(name);
    return f ? f : real_dlsym()(RTLD_DEFAULT, name);
}

static bool load(struct window_system *w) {
    if (w->loaded) return true;
    bool is_glx = w == &glx;
    if (!real(is_glx ? GLX_FIND_ARB : EGL_FIND)) return false;
    find_function find = is_glx ? find_glx : find_egl;
    gl_load(&w->gl, find);
    w->context = (void *(*)(void))find(is_glx ? "glXGetCurrentContext" : "eglGetCurrentContext");
    w->glx_read_drawable = (unsigned long (*)(void))find("glXGetCurrentReadDrawable");
    w->glx_query = (void (*)(void *, unsigned long, int, unsigned *))find("glXQueryDrawable");
    w->egl_surface = (void *(*)(int32_t))find("eglGetCurrentSurface");
    w->egl_query = (unsigned (*)(void *, void *, int32_t, int32_t *))find("eglQuerySurface");
    w->loaded = w->context && (is_glx ? w->glx_read_drawable && w->glx_query : w->egl_surface && w->egl_query);
    return w->loaded;
}

/* The size of what is about to be swapped, in pixels. False when it is not what the current context would read. */
static bool measure(const struct window_system *w, void *display, uintptr_t drawable, uint32_t *width, uint32_t *height) {
    if (w == &glx) {
        if (w->glx_read_drawable() != drawable) return false;
        w->glx_query(display, drawable, GLX_WIDTH, width);
        w->glx_query(display, drawable, GLX_HEIGHT, height);
    } else {
        if ((uintptr_t)w->egl_surface(EGL_READ) != drawable) return false;
        if (!w->egl_query(display, (void *)drawable, EGL_WIDTH, (int32_t *)width)) return false;
        if (!w->egl_query(display, (void *)drawable, EGL_HEIGHT, (int32_t *)height)) return false;
    }
    return *width > 0 && *height > 0 && *width <= 8192 && *height <= 8192;
}

static struct reader *reader_of(const struct window_system *w, const void *context) {
    struct reader *unused = NULL;
    for (int i = 0; i < READERS; i++) {
        if (readers[i].context == context) return &readers[i];
        if (!readers[i].context && !unused) unused = &readers[i];
    }
    return unused && reader_open(unused, &w->gl, context) ? unused : NULL;
}

static void first_time(void) {
    const char *wanted = getenv("PATCHBAY_FRAMES_FPS");
    long fps = wanted ? strtol(wanted, NULL, 10) : 60;
    interval_us = 1000000u / (uint64_t)(fps < 1 ? 1 : fps > FPS_MOST ? FPS_MOST : fps);
    owner = getpid();
}

static bool chosen(uintptr_t drawable, uint64_t area, uint64_t now) {
    if (shown.drawable != drawable && area <= shown.area && now < shown.swapped_us + SILENCE_US) return false;
    shown.drawable = drawable;
    shown.area = area;
    shown.swapped_us = now;
    return true;
}

/* One reading took from `since` until now: the next ones are due so much later that neither the rate nor the share of time
 * that is allowed is passed. */
static void pay(uint64_t since, bool whole, bool unread) {
    uint64_t cost = now_us() - since, due = atomic_load_explicit(&due_us, memory_order_relaxed);
    uint64_t pause = cost * (unread ? UNREAD_SHARE : SHARE);
    if (unread && pause > UNREAD_MOST_US) pause = UNREAD_MOST_US;
    if (whole && pause < interval_us) pause = interval_us;
    atomic_store_explicit(&due_us, (due > since ? due : since) + pause, memory_order_relaxed);
}

/* Under `lock`. Starts or finishes what is due for the current context, whose drawable is about to be swapped. */
static void take(struct window_system *w, void *display, uintptr_t drawable, bool due, uint64_t now) {
    if (!owner) first_time();
    if (owner != getpid()) { /* a fork: neither the contexts nor the frame buffer are ours */
        sink_abandon();
        memset(readers, 0, sizeof readers);
        owner = getpid();
    }
    if (ended || !load(w)) return;
    uint32_t width, height;
    enum sink_demand demand = due ? sink_demand(now) : SINK_CLOSED;
    bool starts = demand != SINK_CLOSED;
    const void *context = w->context();
    struct reader *r = context && (starts || context == unfinished) ? reader_of(w, context) : NULL;
    if (!r) return;
    reader_finish(r, starts, sink_write, NULL);
    starts = starts && measure(w, display, drawable, &width, &height) && chosen(drawable, (uint64_t)width * height, now);
    if (starts) reader_start(r, width, height, now, sink_write, NULL);
    pay(now, starts, demand == SINK_UNREAD);
    atomic_store_explicit(&unfinished, r->pending ? context : NULL, memory_order_relaxed);
}

static void before_swap(struct window_system *w, void *display, uintptr_t drawable) {
    uint64_t now = now_us();
    /* A burst may come closer together, so that a window that changes twice and then rests is not caught half-way. */
    bool due = now + BURST * interval_us >= atomic_load_explicit(&due_us, memory_order_relaxed);
    if (!due && !atomic_load_explicit(&unfinished, memory_order_relaxed)) return;
    if (pthread_mutex_trylock(&lock)) return;
    take(w, display, drawable, due, now);
    pthread_mutex_unlock(&lock);
}

/* By the end of the swap the picture is usually there, so that the last one of a program that pauses is not kept back. */
static void after_swap(struct window_system *w) {
    const void *context = atomic_load_explicit(&unfinished, memory_order_relaxed);
    if (!context || pthread_mutex_trylock(&lock)) return;
    uint64_t now = now_us();
    struct reader *r = !ended && owner == getpid() && w->loaded && w->context() == context ? reader_of(w, context) : NULL;
    if (r) {
        reader_finish(r, false, sink_write, NULL);
        if (!r->pending) atomic_store_explicit(&unfinished, NULL, memory_order_relaxed);
        pay(now, false, false);
    }
    pthread_mutex_unlock(&lock);
}

/* Set while the real function runs, which may call another one of ours. */
static _Thread_local bool inside;

void glXSwapBuffers(void *display, unsigned long drawable) {
    void (*swap)(void *, unsigned long) = (void (*)(void *, unsigned long))real(GLX_SWAP);
    if (!swap) return;
    bool outermost = !inside;
    if (outermost) before_swap(&glx, display, drawable);
    inside = true;
    swap(display, drawable);
    if (!outermost) return;
    inside = false;
    after_swap(&glx);
}

unsigned eglSwapBuffers(void *display, void *surface) {
    unsigned (*swap)(void *, void *) = (unsigned (*)(void *, void *))real(EGL_SWAP);
    if (!swap) return 0;
    bool outermost = !inside;
    if (outermost) before_swap(&egl, display, (uintptr_t)surface);
    inside = true;
    unsigned done = swap(display, surface);
    if (!outermost) return done;
    inside = false;
    after_swap(&egl);
    return done;
}

static unsigned swap_damage(int which, void *display, void *surface, const int32_t *rectangles, int32_t count) {
    unsigned (*swap)(void *, void *, const int32_t *, int32_t) =
        (unsigned (*)(void *, void *, const int32_t *, int32_t))real(which);
    if (!swap) return 0;
    bool outermost = !inside;
    if (outermost) before_swap(&egl, display, (uintptr_t)surface);
    inside = true;
    unsigned done = swap(display, surface, rectangles, count);
    if (!outermost) return done;
    inside = false;
    after_swap(&egl);
    return done;
}

unsigned eglSwapBuffersWithDamageKHR(void *display, void *surface, const int32_t *rectangles, int32_t count) {
    return swap_damage(EGL_SWAP_KHR, display, surface, rectangles, count);
}

unsigned eglSwapBuffersWithDamageEXT(void *display, void *surface, const int32_t *rectangles, int32_t count) {
    return swap_damage(EGL_SWAP_EXT, display, surface, rectangles, count);
}

static void forget(const void *context) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < READERS; i++)
        if (context && readers[i].context == context) reader_forget(&readers[i]);
    if (atomic_load_explicit(&unfinished, memory_order_relaxed) == context)
        atomic_store_explicit(&unfinished, NULL, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
}

void glXDestroyContext(void *display, void *context) {
    void (*destroy)(void *, void *) = (void (*)(void *, void *))real(GLX_DESTROY);
    forget(context);
    if (destroy) destroy(display, context);
}

unsigned eglDestroyContext(void *display, void *context) {
    unsigned (*destroy)(void *, void *) = (unsigned (*)(void *, void *))real(EGL_DESTROY);
    forget(context);
    return destroy ? destroy(display, context) : 0;
}

/* The program ends or unloads this. Other threads may still swap: they find `ended`. One that died inside keeps the lock, so
 * nobody waits for it for long. */
__attribute__((destructor)) static void leave(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (pthread_mutex_timedlock(&lock, &until)) return;
    ended = true;
    if (owner == getpid()) sink_close();
    pthread_mutex_unlock(&lock);
}
