/* library: standin_drv_video.so sources: tests/doubles/va_pictures.c tests/doubles/va_images.c tests/doubles/va_h264.c tests/doubles/va_check_h264.c tests/doubles/va_encode_h264.c tests/doubles/va_decode_h264.c tests/doubles/va_hevc.c tests/doubles/va_encode_hevc.c tests/doubles/va_decode_hevc.c tests/doubles/hevc.c libs: -lopenh264 -lx265 -lde265 -Wl,-z,nodelete */
/* The VA stand-in's objects and calls (see va_standin.h). Words in VA_STANDIN:
 *   fail=CALL:N      the N-th call of that name fails (vaEndPicture, vaMapBuffer, ...), e.g. fail=vaEndPicture:3
 *   lose=N           from the N-th vaBeginPicture on, every call fails
 *   image=pitch|size|null   what it says of images is nonsense
 *   coded=size|cycle|null|empty|overflow|split   coded buffers: bad sizes, a ring of segments, no memory, nothing, too small, several
 *   no-packed no-lp no-cbr no-derive no-getimage no-import no-vpp no-slices no-hevc baseline   what is not offered
 *   three-slices   HEVC pictures must come in three
 *   ignore-idr       makes no keyframe when told to */
#include "va_standin.h"

#include <stdarg.h>
#include <unistd.h>
#include <sys/mman.h>

VAStatus violation(struct driver *d, VAStatus status, const char *format, ...) {
    va_list args;
    char text[512];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->violations++;
    if (d->report) fprintf(d->report, "violation: %s\n", text), fflush(d->report);
    if (d->context->error_callback) d->context->error_callback(d->context, text);
    return status;
}

bool told(const struct driver *d, const char *word) {
    size_t length = strlen(word);
    for (const char *at = d->options; (at = strstr(at, word)); at += length)
        if ((at == d->options || at[-1] == ' ') && (!at[length] || at[length] == ' ')) return true;
    return false;
}

uint32_t told_number(const struct driver *d, const char *word) {
    const char *at = strstr(d->options, word);
    return at ? (uint32_t)strtoul(at + strlen(word), NULL, 10) : 0;
}

bool misbehaves(struct driver *d, const char *call) {
    char word[96];
    snprintf(word, sizeof word, "fail=%s:", call);
    uint32_t nth = told_number(d, word);
    return d->lost || (nth && ++d->calls_failing_at == nth);
}

struct object *find(struct driver *d, VAGenericID id, enum kind kind) {
    if (id == VA_INVALID_ID) return NULL;
    struct object *o = d->objects[(id & 0xffffff) % MOST_OBJECTS];
    return o && o->id == id && o->kind == kind ? o : NULL;
}

struct object *make(struct driver *d, enum kind kind) {
    while (d->objects[++d->made % MOST_OBJECTS]) {}
    struct object *o = calloc(1, sizeof *o);
    if (!o) abort();
    o->kind = kind;
    /* Numbers are never given twice, so that what is gone is known to be gone. */
    o->id = (VAGenericID)kind << 24 | (d->made & 0xffffff);
    return d->objects[d->made % MOST_OBJECTS] = o;
}

void destroy(struct driver *d, struct object *o) {
    d->objects[(o->id & 0xffffff) % MOST_OBJECTS] = NULL;
    if (o->codec) o->free_codec(o->codec);
    if (o->map) munmap(o->map, o->map_size);
    else if (!o->derived) free(o->data);
    free(o->segments);
    free(o);
}

#define FAILS(call) do { if (misbehaves(d, call)) return VA_STATUS_ERROR_OPERATION_FAILED; } while (0)
#define NEED(o, status, ...) do { if (!(o)) return violation(d, status, __VA_ARGS__); } while (0)

static VAStatus terminate(VADriverContextP ctx) {
    static const char *const names[] = {"", "config", "context", "surface", "buffer", "image"};
    struct driver *d = driver_of(ctx);
    for (unsigned i = 0; i < MOST_OBJECTS; i++) {
        struct object *o = d->objects[i];
        if (!o) continue;
        if (d->report) fprintf(d->report, "leak: %s %08x\n", names[o->kind], o->id);
    }
    for (unsigned i = 0; i < MOST_OBJECTS; i++)
        if (d->objects[i]) destroy(d, d->objects[i]);
    if (d->report) {
        fprintf(d->report, "end: %u violations, %u encoded, %u decoded, %u converted\n", d->violations, d->encoded, d->decoded, d->converted);
        fclose(d->report);
    }
    free(d);
    ctx->pDriverData = NULL;
    return VA_STATUS_SUCCESS;
}

static const VAProfile profiles[] = {VAProfileH264ConstrainedBaseline, VAProfileH264Main, VAProfileH264High, VAProfileHEVCMain, VAProfileNone};

static bool offers(struct driver *d, VAProfile profile, VAEntrypoint entrypoint) {
    if (profile == VAProfileNone) return entrypoint == VAEntrypointVideoProc && !told(d, "no-vpp");
    if (profile == VAProfileHEVCMain && told(d, "no-hevc")) return false;
    if (profile == VAProfileH264Main && told(d, "baseline")) return false;
    if (entrypoint == VAEntrypointVLD) return true;
    if (profile == VAProfileH264High) return false; /* no 8x8 transform to encode with */
    if (entrypoint == VAEntrypointEncSliceLP) return profile != VAProfileHEVCMain && !told(d, "no-lp");
    return entrypoint == VAEntrypointEncSlice;
}

static VAStatus query_profiles(VADriverContextP ctx, VAProfile *list, int *count) {
    struct driver *d = driver_of(ctx);
    FAILS("vaQueryConfigProfiles");
    *count = 0;
    for (unsigned i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (offers(d, profiles[i], profiles[i] == VAProfileNone ? VAEntrypointVideoProc : VAEntrypointVLD)) list[(*count)++] = profiles[i];
    return VA_STATUS_SUCCESS;
}

static VAStatus query_entrypoints(VADriverContextP ctx, VAProfile profile, VAEntrypoint *list, int *count) {
    static const VAEntrypoint all[] = {VAEntrypointVLD, VAEntrypointEncSliceLP, VAEntrypointEncSlice, VAEntrypointVideoProc};
    struct driver *d = driver_of(ctx);
    *count = 0;
    for (unsigned i = 0; i < 4; i++)
        if (all[i] == VAEntrypointVideoProc ? profile == VAProfileNone && offers(d, profile, all[i]) : profile != VAProfileNone && offers(d, profile, all[i]))
            list[(*count)++] = all[i];
    return *count ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
}

static uint32_t attribute(struct driver *d, VAProfile profile, VAEntrypoint entrypoint, VAConfigAttribType type) {
    bool encodes = entrypoint == VAEntrypointEncSlice || entrypoint == VAEntrypointEncSliceLP;
    if (type == VAConfigAttribRTFormat) return VA_RT_FORMAT_YUV420 | (profile == VAProfileNone ? VA_RT_FORMAT_RGB32 : 0);
    if (type == VAConfigAttribMaxPictureWidth) return 4096;
    if (type == VAConfigAttribMaxPictureHeight) return 2304;
    if (!encodes) return VA_ATTRIB_NOT_SUPPORTED;
    /* Low power without its firmware knows fixed quantisers only. */
    if (type == VAConfigAttribRateControl) return VA_RC_CQP | (entrypoint == VAEntrypointEncSliceLP && told(d, "no-cbr") ? 0 : VA_RC_CBR | VA_RC_VBR);
    if (type == VAConfigAttribEncPackedHeaders)
        return told(d, "no-packed") ? VA_ENC_PACKED_HEADER_NONE
                                    : VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE | VA_ENC_PACKED_HEADER_SLICE |
                                          VA_ENC_PACKED_HEADER_MISC | VA_ENC_PACKED_HEADER_RAW_DATA;
    if (type == VAConfigAttribEncMaxRefFrames) return 1;
    if (type == VAConfigAttribEncMaxSlices) return told(d, "no-slices") ? 1 : 32;
    if (type == VAConfigAttribEncSliceStructure) return VA_ENC_SLICE_STRUCTURE_ARBITRARY_ROWS | VA_ENC_SLICE_STRUCTURE_EQUAL_ROWS;
    return VA_ATTRIB_NOT_SUPPORTED;
}

static VAStatus get_attributes(VADriverContextP ctx, VAProfile profile, VAEntrypoint entrypoint, VAConfigAttrib *list, int count) {
    for (int i = 0; i < count; i++) list[i].value = attribute(driver_of(ctx), profile, entrypoint, list[i].type);
    return VA_STATUS_SUCCESS;
}

static VAStatus create_config(VADriverContextP ctx, VAProfile profile, VAEntrypoint entrypoint, VAConfigAttrib *list, int count, VAConfigID *id) {
    struct driver *d = driver_of(ctx);
    FAILS("vaCreateConfig");
    if (!offers(d, profile, entrypoint)) return VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT;
    for (int i = 0; i < count; i++) {
        uint32_t can = attribute(d, profile, entrypoint, list[i].type);
        NEED(can != VA_ATTRIB_NOT_SUPPORTED && !(list[i].value & ~can), VA_STATUS_ERROR_ATTR_NOT_SUPPORTED,
             "vaCreateConfig: attribute %d = %#x, of what is offered: %#x", list[i].type, list[i].value, can);
        if (list[i].type == VAConfigAttribRateControl)
            NEED(__builtin_popcount(list[i].value) == 1, VA_STATUS_ERROR_INVALID_VALUE, "vaCreateConfig: not one kind of rate control");
    }
    struct object *o = make(d, CONFIG);
    o->profile = profile;
    o->entrypoint = entrypoint;
    o->rate_control = VA_RC_CQP;
    for (int i = 0; i < count; i++) {
        if (list[i].type == VAConfigAttribRateControl) o->rate_control = list[i].value;
        if (list[i].type == VAConfigAttribEncPackedHeaders) o->packed = list[i].value;
    }
    *id = o->id;
    return VA_STATUS_SUCCESS;
}

static VAStatus destroy_config(VADriverContextP ctx, VAConfigID id) {
    struct driver *d = driver_of(ctx);
    struct object *o = find(d, id, CONFIG);
    NEED(o, VA_STATUS_ERROR_INVALID_CONFIG, "vaDestroyConfig: there is no config %08x", id);
    for (unsigned i = 0; i < MOST_OBJECTS; i++)
        NEED(!d->objects[i] || d->objects[i]->config != o, VA_STATUS_ERROR_INVALID_CONFIG, "vaDestroyConfig: a context still uses it");
    destroy(d, o);
    return VA_STATUS_SUCCESS;
}

static VAStatus query_config(VADriverContextP ctx, VAConfigID id, VAProfile *profile, VAEntrypoint *entrypoint, VAConfigAttrib *list, int *count) {
    struct driver *d = driver_of(ctx);
    struct object *o = find(d, id, CONFIG);
    NEED(o, VA_STATUS_ERROR_INVALID_CONFIG, "vaQueryConfigAttributes: there is no config %08x", id);
    *profile = o->profile;
    *entrypoint = o->entrypoint;
    *count = 1;
    list[0] = (VAConfigAttrib){VAConfigAttribRTFormat, VA_RT_FORMAT_YUV420};
    return VA_STATUS_SUCCESS;
}

static VAStatus create_context(VADriverContextP ctx, VAConfigID config, int width, int height, int flag, VASurfaceID *targets, int count, VAContextID *id) {
    struct driver *d = driver_of(ctx);
    (void)flag;
    FAILS("vaCreateContext");
    struct object *c = find(d, config, CONFIG);
    NEED(c, VA_STATUS_ERROR_INVALID_CONFIG, "vaCreateContext: there is no config %08x", config);
    NEED(c->profile == VAProfileNone || (width > 0 && height > 0 && width <= 4096 && height <= 2304), VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED,
         "vaCreateContext: %dx%d", width, height);
    NEED(count >= 0 && count <= 32, VA_STATUS_ERROR_MAX_NUM_EXCEEDED, "vaCreateContext: %d surfaces", count);
    for (int i = 0; i < count; i++) {
        struct object *s = find(d, targets[i], SURFACE);
        NEED(s && s->fourcc == VA_FOURCC_NV12, VA_STATUS_ERROR_INVALID_SURFACE, "vaCreateContext: surface %08x is no NV12 surface", targets[i]);
        NEED(c->profile == VAProfileNone || (s->width >= (uint32_t)width && s->height >= (uint32_t)height), VA_STATUS_ERROR_INVALID_SURFACE,
             "vaCreateContext: a surface of %ux%u for %dx%d", s->width, s->height, width, height);
    }
    struct object *o = make(d, CONTEXT);
    o->config = c;
    o->width = (uint32_t)width;
    o->height = (uint32_t)height;
    o->target_count = count;
    if (count) memcpy(o->targets, targets, (size_t)count * sizeof *targets);
    *id = o->id;
    return VA_STATUS_SUCCESS;
}

static VAStatus destroy_context(VADriverContextP ctx, VAContextID id) {
    struct driver *d = driver_of(ctx);
    struct object *o = find(d, id, CONTEXT);
    NEED(o, VA_STATUS_ERROR_INVALID_CONTEXT, "vaDestroyContext: there is no context %08x", id);
    NEED(!o->begun, VA_STATUS_ERROR_OPERATION_FAILED, "vaDestroyContext: a picture was begun and never ended");
    destroy(d, o);
    return VA_STATUS_SUCCESS;
}

static VAStatus unimplemented(void) { return VA_STATUS_ERROR_UNIMPLEMENTED; }

__attribute__((visibility("default"))) VAStatus __vaDriverInit_1_0(VADriverContextP ctx) {
    struct VADriverVTable *v = ctx->vtable;
    /* libva insists that every entry of the table up to the reserved ones is there. */
    for (size_t i = 0; i < offsetof(struct VADriverVTable, reserved) / sizeof(void *); i++) ((void **)v)[i] = (void *)unimplemented;
    v->vaTerminate = terminate;
    v->vaQueryConfigProfiles = query_profiles;
    v->vaQueryConfigEntrypoints = query_entrypoints;
    v->vaGetConfigAttributes = get_attributes;
    v->vaCreateConfig = create_config;
    v->vaDestroyConfig = destroy_config;
    v->vaQueryConfigAttributes = query_config;
    v->vaCreateContext = create_context;
    v->vaDestroyContext = destroy_context;
    picture_functions(v);
    image_functions(v, ctx->vtable_vpp);
    ctx->version_major = 1;
    ctx->version_minor = 17;
    ctx->max_profiles = 8;
    ctx->max_entrypoints = 8;
    ctx->max_attributes = 32;
    ctx->max_image_formats = 4;
    ctx->max_subpic_formats = 1;
    ctx->max_display_attributes = 1;
    ctx->str_vendor = "Stand-in for a VA driver, in software, for tests";
    struct driver *d = calloc(1, sizeof *d);
    if (!d) return VA_STATUS_ERROR_ALLOCATION_FAILED;
    const char *report = getenv("VA_STANDIN_REPORT"), *options = getenv("VA_STANDIN");
    snprintf(d->options, sizeof d->options, "%s", options ? options : "");
    if (report) d->report = fopen(report, "ae");
    d->context = ctx;
    ctx->pDriverData = d;
    if (told(d, "no-init")) {
        terminate(ctx);
        return VA_STATUS_ERROR_UNKNOWN;
    }
    return VA_STATUS_SUCCESS;
}
