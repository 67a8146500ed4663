/* Loaded into a program by LD_PRELOAD, this stands before glXSwapBuffers and eglSwapBuffers, however the program finds them:
 * linked, by dlsym, or by the GetProcAddress functions. Before the picture of the largest window is swapped to the screen, it
 * is read and put into shared memory. The program is never stopped or waited for: reading may take a third of its time, and a
 * fiftieth while nobody looks at the pictures; past that a swap is only a swap. */
#include "lookup.h"
#include "read.h"
#include "sink.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    READERS = 8,             /* contexts */
    FPS_MOST = 240,          /* pictures a second */
    BURST = 3,               /* pictures that may come closer together than the rate says */
    SHARE = 2,               /* parts of pause for one of reading */
    UNREAD_SHARE = 49,       /* the same while nobody reads */
    UNREAD_MOST_US = 250000, /* the longest pause then, so that who comes does not wait */
    SILENCE_US = 1000000     /* a window that was not swapped for so long gives way to a smaller one */
};

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
    _Atomic uintptr_t drawable;
    _Atomic uint64_t swapped_us; /* of every swap of it, read or not; relaxed: both stand for themselves */
    uint64_t area;
} shown;
static uintptr_t drawn[READERS]; /* the window that each reader's picture is of */
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
    return f ? f : real_symbol(RTLD_DEFAULT, name);
}
static void *find_egl(const char *name) {
    void *f = (void *)((function(*)(const char *))real(EGL_FIND))(name);
    return f ? f : real_symbol(RTLD_DEFAULT, name);
}

static bool load(struct window_system *w) {
    if (w->loaded) return true;
    bool is_glx = w == &glx;
    if (!real(is_glx ? GLX_FIND_ARB : EGL_FIND)) return false;
    void *(*find)(const char *) = is_glx ? find_glx : find_egl;
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
    uint64_t swapped = atomic_load_explicit(&shown.swapped_us, memory_order_relaxed);
    if (shown.drawable != drawable && area <= shown.area && now < swapped + SILENCE_US) return false;
    atomic_store_explicit(&shown.drawable, drawable, memory_order_relaxed);
    atomic_store_explicit(&shown.swapped_us, now, memory_order_relaxed);
    shown.area = area;
    return true;
}

/* A picture is finished later than it was started; a larger window may have come in between. */
static void deliver(void *window, const uint8_t *rows, uint32_t width, uint32_t height, uint64_t drawn_us) {
    if (*(uintptr_t *)window == shown.drawable) sink_write(rows, width, height, drawn_us);
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
    uintptr_t *window = &drawn[r - readers];
    reader_finish(r, starts, deliver, window);
    bool chooses = starts && measure(w, display, drawable, &width, &height) && chosen(drawable, (uint64_t)width * height, now);
    if (chooses) {
        *window = drawable;
        reader_start(r, width, height, now, deliver, window);
    }
    /* A window that is passed by takes no turn of the one that is shown. */
    if (chooses || !starts) pay(now, chooses, demand == SINK_UNREAD);
    atomic_store_explicit(&unfinished, r->pending ? context : NULL, memory_order_relaxed);
}

static void before_swap(struct window_system *w, void *display, uintptr_t drawable) {
    uint64_t now = now_us();
    if (atomic_load_explicit(&shown.drawable, memory_order_relaxed) == drawable)
        atomic_store_explicit(&shown.swapped_us, now, memory_order_relaxed);
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
        reader_finish(r, false, deliver, &drawn[r - readers]);
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

/* No child of a fork finds the lock held by a thread that it does not have. */
static void hold(void) { pthread_mutex_lock(&lock); }
static void let_go(void) { pthread_mutex_unlock(&lock); }
__attribute__((constructor)) static void arrive(void) { pthread_atfork(hold, let_go, let_go); }

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
