/* Buffers and the turn of a picture in the VA stand-in: begin, render, end, wait. */
#include "va_standin.h"

#define FAILS(call) do { if (misbehaves(d, call)) return VA_STATUS_ERROR_OPERATION_FAILED; } while (0)
#define NEED(o, status, ...) do { if (!(o)) return violation(d, status, __VA_ARGS__); } while (0)

/* Sizes that each type must have, for one element; 0 for any. */
static size_t size_of(const struct object *context, VABufferType type) {
    bool encodes = context->config->entrypoint != VAEntrypointVLD, hevc = context->config->profile == VAProfileHEVCMain;
    switch (type) {
    case VAEncSequenceParameterBufferType: return hevc ? sizeof(VAEncSequenceParameterBufferHEVC) : sizeof(VAEncSequenceParameterBufferH264);
    case VAEncPictureParameterBufferType: return hevc ? sizeof(VAEncPictureParameterBufferHEVC) : sizeof(VAEncPictureParameterBufferH264);
    case VAEncSliceParameterBufferType: return hevc ? sizeof(VAEncSliceParameterBufferHEVC) : sizeof(VAEncSliceParameterBufferH264);
    case VAEncPackedHeaderParameterBufferType: return sizeof(VAEncPackedHeaderParameterBuffer);
    case VAPictureParameterBufferType: return hevc ? sizeof(VAPictureParameterBufferHEVC) : sizeof(VAPictureParameterBufferH264);
    case VASliceParameterBufferType: return hevc ? sizeof(VASliceParameterBufferHEVC) : sizeof(VASliceParameterBufferH264);
    case VAIQMatrixBufferType: return hevc ? sizeof(VAIQMatrixBufferHEVC) : sizeof(VAIQMatrixBufferH264);
    case VAProcPipelineParameterBufferType: return sizeof(VAProcPipelineParameterBuffer);
    default: (void)encodes; return 0;
    }
}

static bool fits_entrypoint(const struct object *context, VABufferType type) {
    VAEntrypoint e = context->config->entrypoint;
    bool encoding = type == VAEncCodedBufferType || type == VAEncSequenceParameterBufferType || type == VAEncPictureParameterBufferType ||
                    type == VAEncSliceParameterBufferType || type == VAEncPackedHeaderParameterBufferType ||
                    type == VAEncPackedHeaderDataBufferType || type == VAEncMiscParameterBufferType;
    if (type == VAImageBufferType) return true;
    if (e == VAEntrypointVideoProc) return type == VAProcPipelineParameterBufferType;
    if (e == VAEntrypointVLD)
        return type == VAPictureParameterBufferType || type == VASliceParameterBufferType || type == VASliceDataBufferType || type == VAIQMatrixBufferType;
    return encoding;
}

static VAStatus create_buffer(VADriverContextP ctx, VAContextID context, VABufferType type, unsigned size, unsigned elements, void *data, VABufferID *id) {
    struct driver *d = driver_of(ctx);
    FAILS("vaCreateBuffer");
    struct object *c = find(d, context, CONTEXT);
    NEED(c, VA_STATUS_ERROR_INVALID_CONTEXT, "vaCreateBuffer: there is no context %08x", context);
    NEED(fits_entrypoint(c, type), VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE, "vaCreateBuffer: type %d in a context of entry point %d", type, c->config->entrypoint);
    size_t wanted = size_of(c, type);
    NEED(size && elements && (!wanted || wanted == size), VA_STATUS_ERROR_INVALID_PARAMETER, "vaCreateBuffer: type %d with %u bytes instead of %zu", type, size, wanted);
    NEED(elements == 1 || type == VASliceParameterBufferType, VA_STATUS_ERROR_INVALID_PARAMETER, "vaCreateBuffer: %u elements", elements);
    NEED((type == VAEncCodedBufferType) == !data, VA_STATUS_ERROR_INVALID_PARAMETER, "vaCreateBuffer: type %d with%s data", type, data ? "" : "out");
    struct object *o = make(d, BUFFER);
    o->context = context;
    o->type = type;
    o->elements = elements;
    o->size = (size_t)size * elements;
    o->data = calloc(1, o->size);
    if (!o->data) abort();
    if (data) memcpy(o->data, data, o->size);
    *id = o->id;
    return VA_STATUS_SUCCESS;
}

static VAStatus destroy_buffer(VADriverContextP ctx, VABufferID id) {
    struct driver *d = driver_of(ctx);
    struct object *o = find(d, id, BUFFER);
    NEED(o, VA_STATUS_ERROR_INVALID_BUFFER, "vaDestroyBuffer: there is no buffer %08x", id);
    NEED(!o->mapped, VA_STATUS_ERROR_INVALID_BUFFER, "vaDestroyBuffer: it is mapped");
    struct object *c = find(d, o->context, CONTEXT);
    NEED(!c || !c->begun, VA_STATUS_ERROR_INVALID_BUFFER, "vaDestroyBuffer: within a picture");
    destroy(d, o);
    return VA_STATUS_SUCCESS;
}

static VAStatus map_buffer(VADriverContextP ctx, VABufferID id, void **memory) {
    struct driver *d = driver_of(ctx);
    struct object *o = find(d, id, BUFFER);
    FAILS("vaMapBuffer");
    NEED(o, VA_STATUS_ERROR_INVALID_BUFFER, "vaMapBuffer: there is no buffer %08x", id);
    NEED(!o->mapped, VA_STATUS_ERROR_OPERATION_FAILED, "vaMapBuffer: it is mapped already");
    NEED(o->type != VAEncCodedBufferType || !o->pending, VA_STATUS_ERROR_OPERATION_FAILED, "vaMapBuffer: the picture was not waited for");
    NEED(o->type != VAEncCodedBufferType || o->segments, VA_STATUS_ERROR_OPERATION_FAILED, "vaMapBuffer: nothing was encoded into it");
    o->mapped = true;
    *memory = o->type == VAEncCodedBufferType ? (void *)o->segments : o->data;
    if (told(d, "coded=null") && o->type == VAEncCodedBufferType) *memory = NULL;
    if (told(d, "image=null") && o->type == VAImageBufferType) *memory = NULL;
    return VA_STATUS_SUCCESS;
}

static VAStatus unmap_buffer(VADriverContextP ctx, VABufferID id) {
    struct driver *d = driver_of(ctx);
    struct object *o = find(d, id, BUFFER);
    NEED(o && o->mapped, VA_STATUS_ERROR_INVALID_BUFFER, "vaUnmapBuffer: buffer %08x is not mapped", id);
    o->mapped = false;
    return VA_STATUS_SUCCESS;
}

static VAStatus begin_picture(VADriverContextP ctx, VAContextID id, VASurfaceID target) {
    struct driver *d = driver_of(ctx);
    uint32_t lose = told_number(d, "lose=");
    if (lose && ++d->pictures >= lose) d->lost = true;
    FAILS("vaBeginPicture");
    struct object *o = find(d, id, CONTEXT), *s = find(d, target, SURFACE);
    NEED(o, VA_STATUS_ERROR_INVALID_CONTEXT, "vaBeginPicture: there is no context %08x", id);
    NEED(s, VA_STATUS_ERROR_INVALID_SURFACE, "vaBeginPicture: there is no surface %08x", target);
    NEED(!o->begun, VA_STATUS_ERROR_OPERATION_FAILED, "vaBeginPicture: a picture is begun already");
    NEED(s->width >= o->width && s->height >= o->height, VA_STATUS_ERROR_INVALID_SURFACE, "vaBeginPicture: the surface is too small");
    o->begun = true;
    o->target = target;
    o->rendered_count = 0;
    return VA_STATUS_SUCCESS;
}

static VAStatus render_picture(VADriverContextP ctx, VAContextID id, VABufferID *buffers, int count) {
    struct driver *d = driver_of(ctx);
    FAILS("vaRenderPicture");
    struct object *o = find(d, id, CONTEXT);
    NEED(o && o->begun, VA_STATUS_ERROR_INVALID_CONTEXT, "vaRenderPicture: no picture was begun");
    for (int i = 0; i < count; i++) {
        struct object *b = find(d, buffers[i], BUFFER);
        NEED(b && b->context == id, VA_STATUS_ERROR_INVALID_BUFFER, "vaRenderPicture: buffer %08x is not of this context", buffers[i]);
        NEED(!b->mapped && b->type != VAEncCodedBufferType, VA_STATUS_ERROR_INVALID_BUFFER, "vaRenderPicture: a mapped or coded buffer");
        NEED(o->rendered_count < MOST_RENDERED, VA_STATUS_ERROR_MAX_NUM_EXCEEDED, "vaRenderPicture: too many buffers");
        for (unsigned k = 0; k < o->rendered_count; k++)
            NEED(o->rendered[k] != buffers[i], VA_STATUS_ERROR_INVALID_BUFFER, "vaRenderPicture: a buffer twice");
        o->rendered[o->rendered_count++] = buffers[i];
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus end_picture(VADriverContextP ctx, VAContextID id) {
    struct driver *d = driver_of(ctx);
    struct object *o = find(d, id, CONTEXT);
    NEED(o && o->begun, VA_STATUS_ERROR_INVALID_CONTEXT, "vaEndPicture: no picture was begun");
    o->begun = false;
    FAILS("vaEndPicture");
    if (told_number(d, "fail=vaRenderPicture:") && !o->rendered_count) return VA_STATUS_ERROR_INVALID_PARAMETER;
    NEED(o->rendered_count, VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture: nothing was rendered");
    struct object *target = find(d, o->target, SURFACE);
    NEED(target, VA_STATUS_ERROR_INVALID_SURFACE, "vaEndPicture: the surface is gone");
    target->pending = true;
    bool hevc = o->config->profile == VAProfileHEVCMain;
    if (o->config->entrypoint == VAEntrypointVideoProc) return process_picture(d, o);
    if (o->config->entrypoint == VAEntrypointVLD) return hevc ? decode_hevc(d, o) : decode_h264(d, o);
    return hevc ? encode_hevc(d, o) : encode_h264(d, o);
}

static VAStatus sync_surface(VADriverContextP ctx, VASurfaceID id) {
    struct driver *d = driver_of(ctx);
    FAILS("vaSyncSurface");
    struct object *s = find(d, id, SURFACE);
    NEED(s, VA_STATUS_ERROR_INVALID_SURFACE, "vaSyncSurface: there is no surface %08x", id);
    if (told(d, "hang")) return VA_STATUS_ERROR_TIMEDOUT;
    s->pending = false;
    for (unsigned i = 0; i < MOST_OBJECTS; i++) {
        struct object *o = d->objects[i];
        if (o && o->kind == BUFFER && o->pending && o->awaits == id) o->pending = false;
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus sync2(VADriverContextP ctx, VASurfaceID id, uint64_t timeout_ns) {
    (void)timeout_ns;
    return sync_surface(ctx, id);
}

static VAStatus status_of(VADriverContextP ctx, VASurfaceID id, VASurfaceStatus *status) {
    (void)ctx, (void)id;
    *status = VASurfaceReady;
    return VA_STATUS_SUCCESS;
}

void picture_functions(struct VADriverVTable *v) {
    v->vaCreateBuffer = create_buffer;
    v->vaDestroyBuffer = destroy_buffer;
    v->vaMapBuffer = map_buffer;
    v->vaUnmapBuffer = unmap_buffer;
    v->vaBeginPicture = begin_picture;
    v->vaRenderPicture = render_picture;
    v->vaEndPicture = end_picture;
    v->vaSyncSurface = sync_surface;
    v->vaSyncSurface2 = sync2;
    v->vaQuerySurfaceStatus = status_of;
}
