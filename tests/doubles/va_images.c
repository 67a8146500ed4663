/* Surfaces, images and the video processor of the VA stand-in. A surface is NV12 or 32 bits a pixel, in memory of its own or
 * mapped from a descriptor that it was imported from. */
#include "va_standin.h"

#include <sys/mman.h>
#include <unistd.h>

#define NEED(o, status, ...) do { if (!(o)) return violation(d, status, __VA_ARGS__); } while (0)
#define FAILS(call) do { if (misbehaves(d, call)) return VA_STATUS_ERROR_OPERATION_FAILED; } while (0)

uint8_t *chroma_of(struct object *s) { return s->data + (size_t)s->pitch * ((s->height + 31) & ~31u); }

static bool is_rgb(uint32_t fourcc) { return fourcc == VA_FOURCC_BGRX || fourcc == VA_FOURCC_BGRA || fourcc == VA_FOURCC_RGBX || fourcc == VA_FOURCC_RGBA; }

static VAStatus import(struct driver *d, struct object *s, const VADRMPRIMESurfaceDescriptor *p) {
    NEED(p->fourcc == s->fourcc && p->width == s->width && p->height == s->height, VA_STATUS_ERROR_INVALID_PARAMETER,
         "vaCreateSurfaces: the descriptor tells of another picture");
    NEED(p->num_objects == 1 && p->num_layers == 1 && p->layers[0].num_planes == 1, VA_STATUS_ERROR_INVALID_PARAMETER,
         "vaCreateSurfaces: %u objects, %u layers", p->num_objects, p->num_layers);
    if (p->objects[0].drm_format_modifier) return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE; /* only linear ones */
    uint64_t end = p->layers[0].offset[0] + (uint64_t)p->layers[0].pitch[0] * p->height;
    NEED(p->layers[0].pitch[0] >= p->width * 4 && end <= p->objects[0].size, VA_STATUS_ERROR_INVALID_PARAMETER,
         "vaCreateSurfaces: the picture does not lie in its object of %u bytes", p->objects[0].size);
    s->map = mmap(NULL, p->objects[0].size, PROT_READ, MAP_SHARED, p->objects[0].fd, 0);
    if (s->map == MAP_FAILED) {
        s->map = NULL;
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    s->map_size = p->objects[0].size;
    s->data = (uint8_t *)s->map + p->layers[0].offset[0];
    s->pitch = p->layers[0].pitch[0];
    return VA_STATUS_SUCCESS;
}

static VAStatus create_surfaces(VADriverContextP ctx, unsigned format, unsigned width, unsigned height, VASurfaceID *ids, unsigned count,
                                VASurfaceAttrib *list, unsigned attributes) {
    struct driver *d = driver_of(ctx);
    const VADRMPRIMESurfaceDescriptor *external = NULL;
    uint32_t fourcc = format == VA_RT_FORMAT_RGB32 ? VA_FOURCC_BGRX : VA_FOURCC_NV12, memory = VA_SURFACE_ATTRIB_MEM_TYPE_VA;
    FAILS("vaCreateSurfaces");
    for (unsigned i = 0; i < attributes; i++) {
        if (list[i].type == VASurfaceAttribPixelFormat) fourcc = (uint32_t)list[i].value.value.i;
        if (list[i].type == VASurfaceAttribMemoryType) memory = (uint32_t)list[i].value.value.i;
        if (list[i].type == VASurfaceAttribExternalBufferDescriptor) external = list[i].value.value.p;
    }
    if (memory != VA_SURFACE_ATTRIB_MEM_TYPE_VA && (memory != VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2 || told(d, "no-import")))
        return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
    NEED((memory != VA_SURFACE_ATTRIB_MEM_TYPE_VA) == (external != NULL) && (!external || count == 1), VA_STATUS_ERROR_INVALID_PARAMETER,
         "vaCreateSurfaces: memory type and descriptor disagree");
    if (external && !is_rgb(fourcc)) return VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
    NEED(format == VA_RT_FORMAT_YUV420 ? fourcc == VA_FOURCC_NV12 : format == VA_RT_FORMAT_RGB32 && is_rgb(fourcc),
         VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT, "vaCreateSurfaces: format %#x with %.4s", format, (const char *)&fourcc);
    NEED(width && height && width <= 16384 && height <= 16384, VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED, "vaCreateSurfaces: %ux%u", width, height);
    for (unsigned i = 0; i < count; i++) {
        struct object *s = make(d, SURFACE);
        s->width = width;
        s->height = height;
        s->fourcc = fourcc;
        ids[i] = s->id;
        if (external) {
            VAStatus status = import(d, s, external);
            if (status != VA_STATUS_SUCCESS) {
                destroy(d, s);
                return status;
            }
            continue;
        }
        uint32_t pixel = is_rgb(fourcc) ? 4 : 1;
        s->pitch = (width * pixel + 127) & ~63u; /* wider than the picture, as drivers have it */
        s->size = (size_t)s->pitch * ((height + 31) & ~31u) * 3 / 2;
        s->data = malloc(s->size);
        if (!s->data) abort();
        memset(s->data, 0x80, s->size);
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus create_surfaces_old(VADriverContextP ctx, int width, int height, int format, int count, VASurfaceID *ids) {
    return create_surfaces(ctx, (unsigned)format, (unsigned)width, (unsigned)height, ids, (unsigned)count, NULL, 0);
}

static VAStatus destroy_surfaces(VADriverContextP ctx, VASurfaceID *ids, int count) {
    struct driver *d = driver_of(ctx);
    for (int i = 0; i < count; i++) {
        struct object *s = find(d, ids[i], SURFACE);
        NEED(s, VA_STATUS_ERROR_INVALID_SURFACE, "vaDestroySurfaces: there is no surface %08x", ids[i]);
        for (unsigned k = 0; k < MOST_OBJECTS; k++) {
            struct object *o = d->objects[k];
            NEED(!o || o->kind != IMAGE || o->derived != ids[i], VA_STATUS_ERROR_INVALID_SURFACE, "vaDestroySurfaces: an image of it lives");
            NEED(!o || o->kind != CONTEXT || !o->begun || o->target != ids[i], VA_STATUS_ERROR_INVALID_SURFACE, "vaDestroySurfaces: it is being drawn into");
        }
        destroy(d, s);
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus surface_attributes(VADriverContextP ctx, VAConfigID config, VASurfaceAttrib *list, unsigned *count) {
    (void)ctx, (void)config;
    if (list && *count < 2) return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    *count = 2;
    if (!list) return VA_STATUS_SUCCESS;
    list[0] = (VASurfaceAttrib){VASurfaceAttribPixelFormat, VA_SURFACE_ATTRIB_GETTABLE | VA_SURFACE_ATTRIB_SETTABLE,
                                {VAGenericValueTypeInteger, {.i = VA_FOURCC_NV12}}};
    list[1] = (VASurfaceAttrib){VASurfaceAttribMemoryType, VA_SURFACE_ATTRIB_GETTABLE | VA_SURFACE_ATTRIB_SETTABLE,
                                {VAGenericValueTypeInteger, {.i = VA_SURFACE_ATTRIB_MEM_TYPE_VA}}};
    return VA_STATUS_SUCCESS;
}

static const VAImageFormat nv12 = {.fourcc = VA_FOURCC_NV12, .byte_order = VA_LSB_FIRST, .bits_per_pixel = 12};

static VAStatus image_formats(VADriverContextP ctx, VAImageFormat *list, int *count) {
    (void)ctx;
    list[0] = nv12;
    *count = 1;
    return VA_STATUS_SUCCESS;
}

static void describe(struct driver *d, struct object *o, VAImage *image, uint32_t pitch, uint32_t chroma, uint32_t size) {
    memset(image, 0, sizeof *image);
    image->image_id = o->id;
    image->format = nv12;
    image->buf = o->buffer;
    image->width = (uint16_t)o->width;
    image->height = (uint16_t)o->height;
    image->data_size = size;
    image->num_planes = 2;
    image->pitches[0] = image->pitches[1] = pitch;
    image->offsets[1] = chroma;
    if (told(d, "image=pitch")) image->pitches[0] = 0x7fffffff;
    if (told(d, "image=size")) image->data_size = 17;
    if (told(d, "image=narrow")) image->pitches[1] = 1;
}

static VAStatus create_image(VADriverContextP ctx, VAImageFormat *format, int width, int height, VAImage *image) {
    struct driver *d = driver_of(ctx);
    FAILS("vaCreateImage");
    NEED(format->fourcc == VA_FOURCC_NV12 && width > 0 && height > 0, VA_STATUS_ERROR_INVALID_IMAGE_FORMAT, "vaCreateImage: %dx%d", width, height);
    struct object *o = make(d, IMAGE), *b = make(d, BUFFER);
    uint32_t pitch = ((uint32_t)width + 63) & ~63u, chroma = pitch * (uint32_t)height;
    o->width = (uint32_t)width;
    o->height = (uint32_t)height;
    o->pitch = pitch;
    o->buffer = b->id;
    b->type = VAImageBufferType;
    b->size = (size_t)pitch * (((uint32_t)height + 1) & ~1u) * 3 / 2;
    b->data = calloc(1, b->size);
    if (!b->data) abort();
    describe(d, o, image, pitch, chroma, (uint32_t)b->size);
    return VA_STATUS_SUCCESS;
}

static VAStatus derive_image(VADriverContextP ctx, VASurfaceID id, VAImage *image) {
    struct driver *d = driver_of(ctx);
    FAILS("vaDeriveImage");
    struct object *s = find(d, id, SURFACE);
    NEED(s, VA_STATUS_ERROR_INVALID_SURFACE, "vaDeriveImage: there is no surface %08x", id);
    if (told(d, "no-derive") || s->fourcc != VA_FOURCC_NV12) return VA_STATUS_ERROR_OPERATION_FAILED;
    NEED(!s->pending, VA_STATUS_ERROR_SURFACE_BUSY, "vaDeriveImage: the surface was not waited for");
    struct object *o = make(d, IMAGE), *b = make(d, BUFFER);
    o->width = s->width;
    o->height = s->height;
    o->derived = b->derived = id;
    o->buffer = b->id;
    b->type = VAImageBufferType;
    b->data = s->data;
    b->size = s->size;
    describe(d, o, image, s->pitch, (uint32_t)(chroma_of(s) - s->data), (uint32_t)s->size);
    return VA_STATUS_SUCCESS;
}

static VAStatus destroy_image(VADriverContextP ctx, VAImageID id) {
    struct driver *d = driver_of(ctx);
    struct object *o = find(d, id, IMAGE);
    NEED(o, VA_STATUS_ERROR_INVALID_IMAGE, "vaDestroyImage: there is no image %08x", id);
    struct object *b = find(d, o->buffer, BUFFER);
    NEED(b && !b->mapped, VA_STATUS_ERROR_INVALID_IMAGE, "vaDestroyImage: it is mapped");
    destroy(d, b);
    o->derived = 0;
    destroy(d, o);
    return VA_STATUS_SUCCESS;
}

static VAStatus transfer(struct driver *d, VASurfaceID surface, VAImageID image, const char *call, uint32_t width, uint32_t height, bool into_surface) {
    struct object *s = find(d, surface, SURFACE), *i = find(d, image, IMAGE);
    FAILS(call);
    NEED(s && s->fourcc == VA_FOURCC_NV12, VA_STATUS_ERROR_INVALID_SURFACE, "%s: there is no surface %08x", call, surface);
    NEED(i && !i->derived, VA_STATUS_ERROR_INVALID_IMAGE, "%s: there is no image %08x", call, image);
    NEED(width <= s->width && height <= s->height && width <= i->width && height <= i->height, VA_STATUS_ERROR_INVALID_PARAMETER,
         "%s: %ux%u of a surface of %ux%u and an image of %ux%u", call, width, height, s->width, s->height, i->width, i->height);
    struct object *b = find(d, i->buffer, BUFFER);
    NEED(b && !b->mapped && !s->pending, VA_STATUS_ERROR_SURFACE_BUSY, "%s: image mapped, or surface not waited for", call);
    for (uint32_t y = 0; y < height + (height + 1) / 2; y++) {
        uint8_t *in_image = b->data + (y < height ? (size_t)y : i->height + (size_t)(y - height)) * i->pitch;
        uint8_t *in_surface = y < height ? s->data + (size_t)y * s->pitch : chroma_of(s) + (size_t)(y - height) * s->pitch;
        memcpy(into_surface ? in_surface : in_image, into_surface ? in_image : in_surface, (width + 1) & ~1u);
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus get_image(VADriverContextP ctx, VASurfaceID surface, int x, int y, unsigned width, unsigned height, VAImageID image) {
    struct driver *d = driver_of(ctx);
    if (told(d, "no-getimage")) return VA_STATUS_ERROR_UNIMPLEMENTED;
    NEED(!x && !y, VA_STATUS_ERROR_INVALID_PARAMETER, "vaGetImage: at %d, %d", x, y);
    return transfer(d, surface, image, "vaGetImage", width, height, false);
}

static VAStatus put_image(VADriverContextP ctx, VASurfaceID surface, VAImageID image, int sx, int sy, unsigned sw, unsigned sh, int dx, int dy,
                          unsigned dw, unsigned dh) {
    struct driver *d = driver_of(ctx);
    NEED(!sx && !sy && !dx && !dy && sw == dw && sh == dh, VA_STATUS_ERROR_INVALID_PARAMETER, "vaPutImage: a part, or scaled");
    return transfer(d, surface, image, "vaPutImage", sw, sh, true);
}

static VAStatus pipeline_caps(VADriverContextP ctx, VAContextID id, VABufferID *filters, unsigned count, VAProcPipelineCaps *caps) {
    static VAProcColorStandardType standards[] = {VAProcColorStandardBT601, VAProcColorStandardBT709, VAProcColorStandardSRGB};
    struct driver *d = driver_of(ctx);
    (void)filters;
    NEED(find(d, id, CONTEXT) && !count, VA_STATUS_ERROR_INVALID_CONTEXT, "vaQueryVideoProcPipelineCaps: there is no context %08x", id);
    memset(caps, 0, sizeof *caps);
    caps->input_color_standards = caps->output_color_standards = standards;
    caps->num_input_color_standards = caps->num_output_color_standards = 3;
    return VA_STATUS_SUCCESS;
}

static uint8_t rounded(double value) { return (uint8_t)(value + 0.5); }

VAStatus process_picture(struct driver *d, struct object *c) {
    struct object *b = find(d, c->rendered[0], BUFFER), *to = find(d, c->target, SURFACE);
    NEED(c->rendered_count == 1 && b->type == VAProcPipelineParameterBufferType, VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture: no pipeline");
    const VAProcPipelineParameterBuffer *p = (const void *)b->data;
    struct object *from = find(d, p->surface, SURFACE);
    NEED(from && is_rgb(from->fourcc), VA_STATUS_ERROR_INVALID_SURFACE, "vaEndPicture: no picture to convert");
    NEED(p->output_color_standard == VAProcColorStandardBT709 && p->output_color_properties.color_range == VA_SOURCE_RANGE_REDUCED,
         VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture: not to BT.709 in limited range");
    const VARectangle *in = p->surface_region, *out = p->output_region;
    NEED(in && out && in->width == out->width && in->height == out->height && !in->x && !in->y && !out->x && !out->y, VA_STATUS_ERROR_INVALID_PARAMETER,
         "vaEndPicture: regions scale");
    NEED(in->width <= from->width && in->height <= from->height && out->width <= to->width && out->height <= to->height,
         VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture: a region beyond its surface");
    bool red_first = from->fourcc == VA_FOURCC_RGBX || from->fourcc == VA_FOURCC_RGBA;
    for (uint32_t y = 0; y < out->height; y++)
        for (uint32_t x = 0; x < out->width; x++) {
            const uint8_t *q = from->data + (size_t)y * from->pitch + x * 4;
            double red = q[red_first ? 0 : 2], green = q[1], blue = q[red_first ? 2 : 0];
            double luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            to->data[(size_t)y * to->pitch + x] = rounded(16 + luma * 219 / 255);
            if (y % 2 || x % 2) continue;
            uint8_t *uv = chroma_of(to) + (size_t)(y / 2) * to->pitch + x;
            uv[0] = rounded(128 + (blue - luma) / 1.8556 * 224 / 255);
            uv[1] = rounded(128 + (red - luma) / 1.5748 * 224 / 255);
        }
    d->converted++;
    return VA_STATUS_SUCCESS;
}

void image_functions(struct VADriverVTable *v, struct VADriverVTableVPP *p) {
    v->vaCreateSurfaces = create_surfaces_old;
    v->vaCreateSurfaces2 = create_surfaces;
    v->vaDestroySurfaces = destroy_surfaces;
    v->vaQuerySurfaceAttributes = surface_attributes;
    v->vaQueryImageFormats = image_formats;
    v->vaCreateImage = create_image;
    v->vaDeriveImage = derive_image;
    v->vaDestroyImage = destroy_image;
    v->vaGetImage = get_image;
    v->vaPutImage = put_image;
    if (p) p->vaQueryVideoProcPipelineCaps = pipeline_caps;
}
