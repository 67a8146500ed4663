/* The functions that stand before the window systems' own, and how the real ones are found. */
#ifndef LOOKUP_H
#define LOOKUP_H
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
typedef void (*function)(void);

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

enum { GLX_SWAP, GLX_DESTROY, GLX_FIND, GLX_FIND_ARB, EGL_SWAP, EGL_SWAP_KHR, EGL_SWAP_EXT, EGL_DESTROY, EGL_FIND, DLSYM, WRAPPED };
/* The one that ours stands before: what a lookup of the program's gave, else the next in the order of loading, else that of a
 * library that is loaded. NULL when there is none. */
function real(int which);
/* dlsym itself, without ours. */
void *real_symbol(void *handle, const char *name);
#endif
