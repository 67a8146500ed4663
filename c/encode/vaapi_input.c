/* Pixels into the surface that is encoded: NV12 from memory, copied once; or a picture that lies in the memory of a GPU, which
 * the driver reads there and converts to NV12 by its video processor (va_vpp.h) without a copy of ours. Each is imported for
 * one picture only: descriptors are used again for other buffers, so that nothing about them can be remembered. */
#include "vaapi.h"

#include <libdrm/drm_fourcc.h>
#include <string.h>
#include <unistd.h>

/* Fills what lies beyond the picture up to the coded size with its border: sharp edges there would cost bits. */
static void copy_plane(uint8_t *to, size_t pitch, const uint8_t *from, size_t stride, uint32_t bytes, uint32_t rows, uint32_t all_bytes,
                       uint32_t all_rows, uint32_t step) {
    for (uint32_t y = 0; y < all_rows; y++) {
        const uint8_t *row = from + (size_t)(y < rows ? y : rows - 1) * stride;
        uint8_t *out = to + y * pitch;
        memcpy(out, row, bytes);
        for (uint32_t x = bytes; x < all_bytes; x++) out[x] = out[x - step];
    }
}

static void fill(struct pb_encoder *e, const struct pb_picture *p, uint8_t *to, const VAImage *image) {
    copy_plane(to + image->offsets[0], image->pitches[0], p->plane[0], p->stride[0], e->width, e->height, e->coded_width,
               e->coded_height, 1);
    copy_plane(to + image->offsets[1], image->pitches[1], p->plane[1], p->stride[1], e->width, e->height / 2, e->coded_width,
               e->coded_height / 2, 2);
}

static bool write_image(struct pb_encoder *e, const struct pb_picture *p, const VAImage *image) {
    struct pb_va *va = e->va;
    void *mapped = NULL;
    if (!pb_va_image_fits(va, image, e->coded_width, e->coded_height)) return false;
    if (!pb_va_ok(va, va->MapBuffer(va->display, image->buf, &mapped), "vaMapBuffer (picture)")) return false;
    if (mapped) fill(e, p, mapped, image);
    else pb_va_fail(va, "VA-API on %s (%s): vaMapBuffer (picture): the driver gave no memory; update it, or choose openh264", va->device, va->vendor);
    return pb_va_ok(va, va->UnmapBuffer(va->display, image->buf), "vaUnmapBuffer (picture)") && mapped;
}

bool pb_va_upload(struct pb_encoder *e, const struct pb_picture *p) {
    struct pb_va *va = e->va;
    VAImage image;
    memset(&image, 0, sizeof image);
    if (!p->plane[0] || !p->plane[1]) {
        pb_va_fail(va, "VA-API: the picture has no pixels in memory");
        return false;
    }
    if (!e->put_image) {
        VAStatus status = va->DeriveImage(va->display, e->input, &image);
        if (status == VA_STATUS_SUCCESS && image.format.fourcc == VA_FOURCC_NV12) {
            bool done = write_image(e, p, &image);
            return pb_va_ok(va, va->DestroyImage(va->display, image.image_id), "vaDestroyImage") && done;
        }
        if (status == VA_STATUS_SUCCESS) va->DestroyImage(va->display, image.image_id);
        e->put_image = true;
    }
    VAImageFormat format = {.fourcc = VA_FOURCC_NV12, .byte_order = VA_LSB_FIRST, .bits_per_pixel = 12};
    VAStatus status = va->CreateImage(va->display, &format, (int)e->coded_width, (int)e->coded_height, &image);
    if (!pb_va_ok(va, status, "vaCreateImage")) return false;
    bool done = write_image(e, p, &image) &&
                pb_va_ok(va, va->PutImage(va->display, e->input, image.image_id, 0, 0, e->coded_width, e->coded_height, 0, 0,
                                          e->coded_width, e->coded_height), "vaPutImage");
    return pb_va_ok(va, va->DestroyImage(va->display, image.image_id), "vaDestroyImage") && done;
}

static const struct { uint32_t drm, va, rt; } formats[] = {
    {DRM_FORMAT_XRGB8888, VA_FOURCC_BGRX, VA_RT_FORMAT_RGB32}, {DRM_FORMAT_ARGB8888, VA_FOURCC_BGRA, VA_RT_FORMAT_RGB32},
    {DRM_FORMAT_XBGR8888, VA_FOURCC_RGBX, VA_RT_FORMAT_RGB32}, {DRM_FORMAT_ABGR8888, VA_FOURCC_RGBA, VA_RT_FORMAT_RGB32},
    {DRM_FORMAT_XRGB2101010, VA_FOURCC_X2R10G10B10, VA_RT_FORMAT_RGB32_10}, {DRM_FORMAT_RGB565, VA_FOURCC_RGB565, VA_RT_FORMAT_RGB16},
};

static bool import_surface(struct pb_encoder *e, const struct pb_dmabuf *d, VASurfaceID *surface) {
    struct pb_va *va = e->va;
    unsigned f = 0;
    while (f < sizeof formats / sizeof *formats && formats[f].drm != d->fourcc) f++;
    if (f == sizeof formats / sizeof *formats || !d->planes || d->planes > 4 || d->width < e->width || d->height < e->height ||
        d->width > 2 * PB_MAX_WIDTH || d->height > 2 * PB_MAX_HEIGHT) {
        pb_va_fail(va, "VA-API cannot import a picture of format %.4s, %u planes and %ux%u", (const char *)&d->fourcc, d->planes,
                   d->width, d->height);
        return false;
    }
    VADRMPRIMESurfaceDescriptor described = {.fourcc = formats[f].va, .width = d->width, .height = d->height, .num_layers = 1};
    described.layers[0].drm_format = d->fourcc;
    described.layers[0].num_planes = d->planes;
    for (uint32_t i = 0; i < d->planes; i++) {
        /* Planes of one buffer often share a descriptor. */
        uint32_t object = 0;
        while (object < described.num_objects && described.objects[object].fd != d->fd[i]) object++;
        if (object == described.num_objects) {
            off_t size = lseek(d->fd[i], 0, SEEK_END);
            if (size <= 0) size = (off_t)d->stride[i] * d->height;
            described.objects[described.num_objects].fd = d->fd[i];
            described.objects[described.num_objects].size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
            described.objects[described.num_objects++].drm_format_modifier = d->modifier;
        }
        described.layers[0].object_index[i] = object;
        described.layers[0].offset[i] = d->offset[i];
        described.layers[0].pitch[i] = d->stride[i];
    }
    VASurfaceAttrib attributes[3] = {
        {VASurfaceAttribPixelFormat, VA_SURFACE_ATTRIB_SETTABLE, {VAGenericValueTypeInteger, {.i = (int)formats[f].va}}},
        {VASurfaceAttribMemoryType, VA_SURFACE_ATTRIB_SETTABLE,
         {VAGenericValueTypeInteger, {.i = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2}}},
        {VASurfaceAttribExternalBufferDescriptor, VA_SURFACE_ATTRIB_SETTABLE, {VAGenericValueTypePointer, {.p = &described}}},
    };
    return pb_va_ok(va, va->CreateSurfaces(va->display, formats[f].rt, d->width, d->height, surface, 1, attributes, 3),
                    "vaCreateSurfaces (import)");
}

/* The video processor must know BT.709: colours that are off are worse than a copy. */
static bool knows_bt709(struct pb_encoder *e) {
    VAProcPipelineCaps caps;
    VAProcColorStandardType in[VAProcColorStandardCount], out[VAProcColorStandardCount];
    memset(&caps, 0, sizeof caps);
    caps.input_color_standards = in;
    caps.output_color_standards = out;
    caps.num_input_color_standards = caps.num_output_color_standards = VAProcColorStandardCount;
    struct pb_va *va = e->va;
    VAStatus status = va->QueryVideoProcPipelineCaps(va->display, e->import_context, NULL, 0, &caps);
    if (!pb_va_ok(va, status, "vaQueryVideoProcPipelineCaps")) return false;
    for (uint32_t i = 0; caps.output_color_standards && i < caps.num_output_color_standards && i < VAProcColorStandardCount; i++)
        if (caps.output_color_standards[i] == VAProcColorStandardBT709) return true;
    pb_va_fail(va, "VA-API on %s (%s): the video processor does not know BT.709", va->device, va->vendor);
    return false;
}

static bool prepare_import(struct pb_encoder *e) {
    struct pb_va *va = e->va;
    if (e->import_context != VA_INVALID_ID) return true;
    VAStatus status = va->CreateConfig(va->display, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &e->import_config);
    if (!pb_va_ok(va, status, "vaCreateConfig (video processor)")) return false;
    status = va->CreateContext(va->display, e->import_config, (int)e->coded_width, (int)e->coded_height, 0, &e->input, 1,
                               &e->import_context);
    return pb_va_ok(va, status, "vaCreateContext (video processor)") && knows_bt709(e);
}

static bool convert(struct pb_encoder *e, VASurfaceID from) {
    struct pb_va *va = e->va;
    VARectangle picture = {0, 0, (uint16_t)e->width, (uint16_t)e->height};
    VAProcPipelineParameterBuffer p = {
        .surface = from,
        .surface_region = &picture,
        .surface_color_standard = VAProcColorStandardSRGB,
        .output_region = &picture,
        .output_background_color = 0xff000000,
        .output_color_standard = VAProcColorStandardBT709,
        .input_color_properties = {.color_range = VA_SOURCE_RANGE_FULL},
        .output_color_properties = {.color_range = VA_SOURCE_RANGE_REDUCED},
    };
    VABufferID buffer;
    VAStatus status = va->CreateBuffer(va->display, e->import_context, VAProcPipelineParameterBufferType, sizeof p, 1, &p, &buffer);
    if (!pb_va_ok(va, status, "vaCreateBuffer (video processor)")) return false;
    bool done = pb_va_ok(va, va->BeginPicture(va->display, e->import_context, e->input), "vaBeginPicture (video processor)");
    if (done) {
        done = pb_va_ok(va, va->RenderPicture(va->display, e->import_context, &buffer, 1), "vaRenderPicture (video processor)");
        status = va->EndPicture(va->display, e->import_context);
        done = done && pb_va_ok(va, status, "vaEndPicture (video processor)");
    }
    va->DestroyBuffer(va->display, buffer);
    /* Waited for, because whoever captured may change the picture once this returns. */
    return done && pb_va_sync(va, e->input);
}

enum pb_status pb_va_import(struct pb_encoder *e, const struct pb_picture *p) {
    VASurfaceID surface;
    if (e->import_impossible) return PB_UNSUPPORTED;
    if (!prepare_import(e)) {
        e->import_impossible = true;
        return PB_UNSUPPORTED;
    }
    if (!import_surface(e, p->dmabuf, &surface)) return PB_UNSUPPORTED;
    bool done = convert(e, surface);
    e->va->DestroySurfaces(e->va->display, &surface, 1);
    return done ? PB_OK : PB_UNSUPPORTED;
}
