/* The VA-API decoder's surfaces and context, and the turn of one picture through the driver. */
#include "vaapi.h"

#include <string.h>

enum { MOST_UNKNOWN = 200 };

void pb_vd_stop(struct pb_decoder *d) {
    pb_vd_release(d);
    pb_vd_forget_image(d);
    pb_vd_drop(d);
    if (d->context != VA_INVALID_ID) d->va->DestroyContext(d->va->display, d->context);
    if (d->surface_count) d->va->DestroySurfaces(d->va->display, d->surfaces, (int)d->surface_count);
    d->context = VA_INVALID_ID;
    d->surface_count = 0;
}

bool pb_vd_start(struct pb_decoder *d, uint32_t width, uint32_t height, uint32_t surfaces) {
    struct pb_va *va = d->va;
    if (d->context != VA_INVALID_ID && d->width == width && d->height == height && d->surface_count >= surfaces) return true;
    pb_vd_stop(d);
    if (surfaces > PB_VD_SURFACES) surfaces = PB_VD_SURFACES;
    VASurfaceAttrib format = {.type = VASurfaceAttribPixelFormat,
                              .flags = VA_SURFACE_ATTRIB_SETTABLE,
                              .value = {.type = VAGenericValueTypeInteger, .value.i = VA_FOURCC_NV12}};
    VAStatus status = va->CreateSurfaces(va->display, VA_RT_FORMAT_YUV420, width, height, d->surfaces, surfaces, &format, 1);
    if (!pb_va_ok(va, status, "vaCreateSurfaces")) return false;
    d->surface_count = surfaces;
    d->width = width;
    d->height = height;
    status = va->CreateContext(va->display, d->config, (int)width, (int)height, VA_PROGRESSIVE, d->surfaces, (int)surfaces, &d->context);
    if (pb_va_ok(va, status, "vaCreateContext")) return true;
    d->context = VA_INVALID_ID;
    return false;
}

bool pb_vd_add(struct pb_decoder *d, VABufferType type, const void *data, size_t size, const char *what) {
    char call[96];
    snprintf(call, sizeof call, "vaCreateBuffer (%s)", what);
    if (d->buffer_count == PB_VD_BUFFERS) {
        pb_va_fail(d->va, "VA-API: a picture of more slices than are decoded here");
        d->va->status = VA_STATUS_ERROR_DECODING_ERROR;
        return false;
    }
    VAStatus status = d->va->CreateBuffer(d->va->display, d->context, type, (unsigned)size, 1, (void *)(uintptr_t)data,
                                          &d->buffers[d->buffer_count]);
    if (!pb_va_ok(d->va, status, call)) return false;
    d->buffer_count++;
    return true;
}

void pb_vd_drop(struct pb_decoder *d) {
    for (uint32_t i = 0; i < d->buffer_count; i++) d->va->DestroyBuffer(d->va->display, d->buffers[i]);
    d->buffer_count = 0;
}

bool pb_vd_run(struct pb_decoder *d, VASurfaceID target) {
    struct pb_va *va = d->va;
    if (!pb_va_ok(va, va->BeginPicture(va->display, d->context, target), "vaBeginPicture")) return false;
    bool done = pb_va_ok(va, va->RenderPicture(va->display, d->context, d->buffers, (int)d->buffer_count), "vaRenderPicture");
    VAStatus ended = va->EndPicture(va->display, d->context);
    return done && pb_va_ok(va, ended, "vaEndPicture") && pb_va_sync(va, target);
}

enum pb_status pb_vd_blame(struct pb_decoder *d) { return d->va->status == VA_STATUS_ERROR_DECODING_ERROR ? PB_ERROR : PB_LOST; }

enum pb_status pb_vd_unknown(struct pb_decoder *d, const char *what) {
    pb_va_fail(d->va, "VA-API on %s: the stream has %.*s, which is not decoded here; choose openh264, or change the encoder",
               d->va->device, MOST_UNKNOWN, what);
    return PB_LOST;
}

enum pb_status pb_vd_damaged(struct pb_decoder *d, const char *what) {
    pb_va_fail(d->va, "VA-API on %s: the stream is damaged: %.*s", d->va->device, MOST_UNKNOWN, what);
    return PB_ERROR;
}
