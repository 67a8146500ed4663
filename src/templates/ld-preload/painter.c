/* Paints pictures of known colours on the X display, for test.c: `painter MODE WIDTH HEIGHT`. It obeys words on standard
 * input, "paint N", "resize WIDTH HEIGHT" and "spin COUNT", answers each with a line, and ends with its input. MODE is how it
 * comes to OpenGL: linked, found (by dlsym), asked (glXGetProcAddress), es2, es3 or gl (by EGL), or two, which paints in two
 * windows from two threads until it ends. It knows nothing of the library under test. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(holds) ((holds) ? (void)0 : (fprintf(stderr, "painter: %s:%d: %s\n", __FILE__, __LINE__, #holds), exit(1)))

/* Of Xlib, GLX, OpenGL and EGL just what is used, so that no development packages are needed. */
typedef struct {
    void *visual;
    unsigned long visualid;
    int screen, depth, rest[6];
} XVisualInfo;
void *XOpenDisplay(const char *name);
int XInitThreads(void), XSync(void *display, int discard), XMapWindow(void *display, unsigned long window);
int XResizeWindow(void *display, unsigned long window, unsigned width, unsigned height);
unsigned long XDefaultRootWindow(void *display);
unsigned long XCreateSimpleWindow(void *, unsigned long, int, int, unsigned, unsigned, unsigned, unsigned long, unsigned long);
XVisualInfo *glXChooseVisual(void *display, int screen, int *attributes);
void *glXCreateContext(void *display, XVisualInfo *visual, void *share, int direct);
int glXMakeCurrent(void *display, unsigned long drawable, void *context);
void glXSwapBuffers(void *display, unsigned long drawable), glXDestroyContext(void *display, void *context);
void (*glXGetProcAddressARB(const char *name))(void);
void *eglGetDisplay(void *native), (*eglGetProcAddress(const char *name))(void);
unsigned eglInitialize(void *, int *, int *), eglBindAPI(unsigned), eglSwapBuffers(void *, void *);
unsigned eglChooseConfig(void *, const int *, void **, int, int *), eglMakeCurrent(void *, void *, void *, void *);
void *eglCreateContext(void *, void *, void *, const int *), *eglCreateWindowSurface(void *, void *, unsigned long, const int *);

static int (*get_error)(void);
static void (*clear_color)(float, float, float, float), (*clear)(unsigned), (*scissor)(int, int, int, int), (*enable)(unsigned);
static void (*get_integer)(unsigned, int *), (*pixel_store)(unsigned, int), (*viewport)(int, int, int, int);
static void (*gen_buffers)(int, unsigned *), (*bind_buffer)(unsigned, unsigned);
static void (*gen_framebuffers)(int, unsigned *), (*bind_framebuffer)(unsigned, unsigned);

struct canvas {
    void *display, *context, *surface;
    unsigned long window;
    int width, height, egl, state; /* state: the version has what is set below */
    void (*glx_swap)(void *, unsigned long);
    unsigned buffer, framebuffer;
};

static void load(void *(*find)(const char *)) {
    get_error = (int (*)(void))find("glGetError");
    clear_color = (void (*)(float, float, float, float))find("glClearColor");
    clear = (void (*)(unsigned))find("glClear");
    scissor = (void (*)(int, int, int, int))find("glScissor");
    viewport = (void (*)(int, int, int, int))find("glViewport");
    enable = (void (*)(unsigned))find("glEnable");
    get_integer = (void (*)(unsigned, int *))find("glGetIntegerv");
    pixel_store = (void (*)(unsigned, int))find("glPixelStorei");
    gen_buffers = (void (*)(int, unsigned *))find("glGenBuffers");
    bind_buffer = (void (*)(unsigned, unsigned))find("glBindBuffer");
    gen_framebuffers = (void (*)(int, unsigned *))find("glGenFramebuffers");
    bind_framebuffer = (void (*)(unsigned, unsigned))find("glBindFramebuffer");
}

static void *by_glx(const char *name) { return (void *)glXGetProcAddressARB(name); }
static void *by_egl(const char *name) { return (void *)eglGetProcAddress(name); }

static void open_window(struct canvas *c) {
    c->display = XOpenDisplay(NULL);
    CHECK(c->display);
    c->window = XCreateSimpleWindow(c->display, XDefaultRootWindow(c->display), 0, 0, (unsigned)c->width, (unsigned)c->height, 0, 0, 0);
    XMapWindow(c->display, c->window);
    XSync(c->display, 0);
}

static void open_glx(struct canvas *c, const char *mode) {
    int attributes[] = {4 /* RGBA */, 5 /* DOUBLEBUFFER */, 8, 8, 9, 8, 10, 8, 0};
    XVisualInfo *visual = glXChooseVisual(c->display, 0, attributes);
    CHECK(visual);
    c->context = glXCreateContext(c->display, visual, NULL, 1);
    CHECK(c->context && glXMakeCurrent(c->display, c->window, c->context));
    load(by_glx);
    c->glx_swap = glXSwapBuffers;
    if (!strcmp(mode, "found")) {
        void *library = dlopen("libGL.so.1", RTLD_NOW | RTLD_LOCAL);
        CHECK(library);
        c->glx_swap = (void (*)(void *, unsigned long))dlsym(library, "glXSwapBuffers");
    }
    if (!strcmp(mode, "asked")) c->glx_swap = (void (*)(void *, unsigned long))glXGetProcAddressARB("glXSwapBuffers");
    c->state = 1;
}

static void open_egl(struct canvas *c, const char *mode) {
    int count, es = mode[0] == 'e' ? mode[2] - '0' : 0;
    int wanted[] = {0x3040 /* RENDERABLE_TYPE */, es == 2 ? 4 : es == 3 ? 0x40 : 8, 0x3033 /* SURFACE_TYPE */, 4, 0x3024, 8, 0x3023, 8, 0x3022, 8, 0x3038};
    int version[] = {0x3098 /* CONTEXT_CLIENT_VERSION */, es, 0x3038};
    void *config;
    c->egl = 1;
    void *display = eglGetDisplay(c->display);
    CHECK(display && eglInitialize(display, NULL, NULL) && eglBindAPI(es ? 0x30A0 : 0x30A2));
    CHECK(eglChooseConfig(display, wanted, &config, 1, &count) && count == 1);
    c->context = eglCreateContext(display, config, NULL, es ? version : version + 2);
    c->surface = eglCreateWindowSurface(display, config, c->window, NULL);
    CHECK(c->context && c->surface && eglMakeCurrent(display, c->surface, c->surface, c->context));
    load(by_egl);
    c->state = es != 2;
}

/* What a program may have set and must find again after a swap. */
static void unusual(struct canvas *c) {
    pixel_store(0x0D05 /* PACK_ALIGNMENT */, 1);
    if (!c->state) return;
    pixel_store(0x0D02 /* PACK_ROW_LENGTH */, 7);
    gen_buffers(1, &c->buffer);
    bind_buffer(0x88EB /* PIXEL_PACK_BUFFER */, c->buffer);
    gen_framebuffers(1, &c->framebuffer);
    bind_framebuffer(0x8CA8 /* READ_FRAMEBUFFER */, c->framebuffer);
}

static void as_before(const struct canvas *c) {
    int value;
    CHECK(get_error() == 0);
    get_integer(0x0D05, &value);
    CHECK(value == 1);
    if (!c->state) return;
    get_integer(0x0D02, &value);
    CHECK(value == 7);
    get_integer(0x88ED /* PIXEL_PACK_BUFFER_BINDING */, &value);
    CHECK((unsigned)value == c->buffer);
    get_integer(0x8CAA /* READ_FRAMEBUFFER_BINDING */, &value);
    CHECK((unsigned)value == c->framebuffer);
}

static void fill(const struct canvas *c, int x, int y, int red, int green, int blue) {
    scissor(x, y, c->width / 2, c->height / 2);
    clear_color((float)red / 255, (float)green / 255, (float)blue / 255, 0); /* no alpha: the screen has none */
    clear(0x4000);
}

/* A quarter each; test.c knows the same colours. OpenGL counts rows from below. */
static void paint(const struct canvas *c, int n) {
    enable(0x0C11 /* SCISSOR_TEST */);
    fill(c, 0, c->height / 2, n, 10, 200);
    fill(c, c->width / 2, c->height / 2, 20, n, 30);
    fill(c, 0, 0, 255, 128, n);
    fill(c, c->width / 2, 0, 0, 255 - n, 255);
    if (c->egl) CHECK(eglSwapBuffers(eglGetDisplay(c->display), c->surface));
    else c->glx_swap(c->display, c->window);
}

static atomic_bool over;
static void *endless(void *canvas) {
    struct canvas *c = canvas;
    open_window(c);
    open_glx(c, "linked");
    for (int n = 0; !over; n = (n + 1) % 256) paint(c, n);
    return NULL;
}

int main(int count, char **arguments) {
    CHECK(count == 4);
    const char *mode = arguments[1];
    struct canvas c = {.width = atoi(arguments[2]), .height = atoi(arguments[3])};
    XInitThreads();
    if (!strcmp(mode, "two")) {
        struct canvas small = {.width = c.width / 2, .height = c.height / 2};
        pthread_t threads[2];
        CHECK(!pthread_create(&threads[0], NULL, endless, &c) && !pthread_create(&threads[1], NULL, endless, &small));
        CHECK(getchar() == EOF);
        over = true;
        for (int i = 0; i < 2; i++) CHECK(!pthread_join(threads[i], NULL));
        return 0;
    }
    open_window(&c);
    if (!strcmp(mode, "linked") || !strcmp(mode, "found") || !strcmp(mode, "asked")) open_glx(&c, mode);
    else open_egl(&c, mode);
    unusual(&c);
    char word[16];
    int a, b;
    while (scanf("%15s %d", word, &a) == 2) {
        if (!strcmp(word, "paint")) paint(&c, a);
        for (int n = 0; !strcmp(word, "spin") && n < a; n++) paint(&c, n % 256);
        if (!strcmp(word, "resize")) {
            CHECK(scanf("%d", &b) == 1);
            c.width = a;
            c.height = b;
            XResizeWindow(c.display, c.window, (unsigned)a, (unsigned)b);
            XSync(c.display, 0);
            viewport(0, 0, a, b);
        }
        as_before(&c);
        printf("done\n");
        fflush(stdout);
    }
    if (!c.egl) glXDestroyContext(c.display, c.context);
    return 0;
}
