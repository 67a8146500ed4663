/* Another library that stands before glXSwapBuffers, as overlays and recorders do, for test.c: it goes on to the next one. */
#include <dlfcn.h>
#include <stddef.h>

__attribute__((visibility("default"))) void glXSwapBuffers(void *display, unsigned long drawable);
void glXSwapBuffers(void *display, unsigned long drawable) {
    void (*next)(void *, unsigned long) = (void (*)(void *, unsigned long))dlsym(RTLD_NEXT, "glXSwapBuffers");
    if (next) next(display, drawable);
}
