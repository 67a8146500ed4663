/* What a VA-API encoder makes at the start: the configuration with what the driver offers, surfaces, context and the buffer for
 * the encoded bytes; and their end. */
#include "vaapi.h"

#include <string.h>

static uint32_t at_most(uint32_t value, uint32_t most) { return value < most ? value : most; }

/* Slices of whole rows of blocks, in the structures that drivers know: the last one may be smaller. */
static void plan_slices(struct pb_encoder *e) {
    uint32_t structure = pb_va_attribute(e->va, VAConfigAttribEncSliceStructure, 0);
    uint32_t most = at_most(pb_va_attribute(e->va, VAConfigAttribEncMaxSlices, 1), PB_VA_SLICES);
    uint32_t wanted = at_most(e->settings.slices ? e->settings.slices : 1, at_most(most ? most : 1, e->rows));
    if (!structure) wanted = 1;
    e->slice_rows = (e->rows + wanted - 1) / wanted;
    if (structure == VA_ENC_SLICE_STRUCTURE_POWER_OF_TWO_ROWS)
        while (e->slice_rows & (e->slice_rows - 1)) e->slice_rows++;
    e->slices = (e->rows + e->slice_rows - 1) / e->slice_rows;
}

static bool check_size(struct pb_encoder *e) {
    uint32_t width = pb_va_attribute(e->va, VAConfigAttribMaxPictureWidth, PB_MAX_WIDTH);
    uint32_t height = pb_va_attribute(e->va, VAConfigAttribMaxPictureHeight, PB_MAX_HEIGHT);
    if (e->coded_width <= width && e->coded_height <= height) return true;
    pb_va_fail(e->va, "VA-API on %s (%s): the GPU encodes up to %ux%u pixels, the picture has %ux%u; choose a smaller mode",
               e->va->device, e->va->vendor, width, height, e->width, e->height);
    return false;
}

static bool make_config(struct pb_encoder *e) {
    uint32_t rates = pb_va_attribute(e->va, VAConfigAttribRateControl, 0);
    e->rate_control = rates & VA_RC_CBR ? VA_RC_CBR : VA_RC_VBR;
    e->packed = pb_va_attribute(e->va, VAConfigAttribEncPackedHeaders, 0) &
                (VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE | VA_ENC_PACKED_HEADER_SLICE);
    VAConfigAttrib attributes[3] = {
        {VAConfigAttribRTFormat, VA_RT_FORMAT_YUV420},
        {VAConfigAttribRateControl, e->rate_control},
        {VAConfigAttribEncPackedHeaders, e->packed},
    };
    VAStatus status = e->va->CreateConfig(e->va->display, e->va->profile, e->va->entrypoint, attributes, e->packed ? 3 : 2, &e->config);
    return pb_va_ok(e->va, status, "vaCreateConfig");
}

static bool make_surfaces(struct pb_encoder *e) {
    VASurfaceID made[3];
    VASurfaceAttrib format = {.type = VASurfaceAttribPixelFormat,
                              .flags = VA_SURFACE_ATTRIB_SETTABLE,
                              .value = {.type = VAGenericValueTypeInteger, .value.i = VA_FOURCC_NV12}};
    VAStatus status =
        e->va->CreateSurfaces(e->va->display, VA_RT_FORMAT_YUV420, e->coded_width, e->coded_height, made, 3, &format, 1);
    if (!pb_va_ok(e->va, status, "vaCreateSurfaces")) return false;
    e->input = made[0];
    e->kept[0] = made[1];
    e->kept[1] = made[2];
    status = e->va->CreateContext(e->va->display, e->config, (int)e->coded_width, (int)e->coded_height, VA_PROGRESSIVE, made, 3,
                                  &e->context);
    return pb_va_ok(e->va, status, "vaCreateContext");
}

static bool make_coded_buffer(struct pb_encoder *e) {
    /* More than the raw picture, because incompressible blocks have headers as well; never more than a frame may have. */
    uint64_t size = (uint64_t)e->coded_width * e->coded_height * 2 + 65536;
    e->coded_capacity = (uint32_t)(size < PB_MAX_FRAME_BYTES ? size : PB_MAX_FRAME_BYTES);
    VAStatus status = e->va->CreateBuffer(e->va->display, e->context, VAEncCodedBufferType, e->coded_capacity, 1, NULL, &e->coded);
    return pb_va_ok(e->va, status, "vaCreateBuffer (coded)");
}

bool pb_va_session_open(struct pb_encoder *e) {
    e->config = e->context = e->coded = e->input = e->kept[0] = e->kept[1] = VA_INVALID_ID;
    e->import_config = e->import_context = VA_INVALID_ID;
    if (!e->codec->describe(e) || !check_size(e)) return false;
    plan_slices(e);
    e->needs_idr = e->rate_changed = true;
    return make_config(e) && make_surfaces(e) && make_coded_buffer(e);
}

void pb_va_session_close(struct pb_encoder *e) {
    struct pb_va *va = e->va;
    VASurfaceID surfaces[3] = {e->input, e->kept[0], e->kept[1]};
    if (e->coded != VA_INVALID_ID) va->DestroyBuffer(va->display, e->coded);
    if (e->context != VA_INVALID_ID) va->DestroyContext(va->display, e->context);
    if (e->import_context != VA_INVALID_ID) va->DestroyContext(va->display, e->import_context);
    if (e->input != VA_INVALID_ID) va->DestroySurfaces(va->display, surfaces, 3);
    if (e->config != VA_INVALID_ID) va->DestroyConfig(va->display, e->config);
    if (e->import_config != VA_INVALID_ID) va->DestroyConfig(va->display, e->import_config);
}
