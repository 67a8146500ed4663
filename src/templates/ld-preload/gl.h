/* The few OpenGL, GLX and EGL declarations that are needed here, so that building asks for no development packages. Values
 * are those of the Khronos registry. */
#ifndef GL_H
#define GL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GL_PACK_SWAP_BYTES = 0x0D00,
    GL_PACK_LSB_FIRST = 0x0D01,
    GL_PACK_ROW_LENGTH = 0x0D02,
    GL_PACK_SKIP_ROWS = 0x0D03,
    GL_PACK_SKIP_PIXELS = 0x0D04,
    GL_PACK_ALIGNMENT = 0x0D05,
    GL_DOUBLEBUFFER = 0x0C32,
    GL_READ_BUFFER = 0x0C02,
    GL_BACK_LEFT = 0x0402,
    GL_BACK = 0x0405,
    GL_UNSIGNED_BYTE = 0x1401,
    GL_RGBA = 0x1908,
    GL_VERSION = 0x1F02,
    GL_PIXEL_PACK_BUFFER = 0x88EB,
    GL_PIXEL_PACK_BUFFER_BINDING = 0x88ED,
    GL_STREAM_READ = 0x88E1,
    GL_FRAMEBUFFER = 0x8D40,
    GL_FRAMEBUFFER_BINDING = 0x8CA6,
    GL_READ_FRAMEBUFFER = 0x8CA8,
    GL_READ_FRAMEBUFFER_BINDING = 0x8CAA,
    GL_MAP_READ_BIT = 1,
    GL_SYNC_GPU_COMMANDS_COMPLETE = 0x9117,
    GL_SYNC_FLUSH_COMMANDS_BIT = 1,
    GL_ALREADY_SIGNALED = 0x911A,
    GL_CONDITION_SATISFIED = 0x911C,
    GLX_WIDTH = 0x801D,
    GLX_HEIGHT = 0x801E,
    EGL_HEIGHT = 0x3056,
    EGL_WIDTH = 0x3057,
    EGL_READ = 0x305A
};

/* name, result, parameters; those of OpenGL itself, looked up once for GLX and once for EGL. */
#define GL_FUNCTIONS(f)                                                                         \
    f(GetString, const uint8_t *, (uint32_t))                                                   \
    f(GetIntegerv, void, (uint32_t, int32_t *))                                                 \
    f(PixelStorei, void, (uint32_t, int32_t))                                                   \
    f(ReadBuffer, void, (uint32_t))                                                             \
    f(ReadPixels, void, (int32_t, int32_t, int32_t, int32_t, uint32_t, uint32_t, void *))       \
    f(BindFramebuffer, void, (uint32_t, uint32_t))                                              \
    f(GenBuffers, void, (int32_t, uint32_t *))                                                  \
    f(BindBuffer, void, (uint32_t, uint32_t))                                                   \
    f(BufferData, void, (uint32_t, intptr_t, const void *, uint32_t))                           \
    f(MapBufferRange, void *, (uint32_t, intptr_t, intptr_t, uint32_t))                         \
    f(UnmapBuffer, uint8_t, (uint32_t))                                                         \
    f(FenceSync, void *, (uint32_t, uint32_t))                                                  \
    f(ClientWaitSync, uint32_t, (void *, uint32_t, uint64_t))                                   \
    f(DeleteSync, void, (void *))

struct gl {
#define DECLARE(name, result, parameters) result(*name) parameters;
    GL_FUNCTIONS(DECLARE)
#undef DECLARE
};

/* `find` is glXGetProcAddressARB or eglGetProcAddress. What is missing stays NULL. */
void gl_load(struct gl *gl, void *(*find)(const char *name));
#endif
