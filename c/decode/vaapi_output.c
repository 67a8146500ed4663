/* Decoded pixels into memory: copied by the driver into an image that the processor reads fast (vaGetImage), or, where the
 * driver knows no such copy, the surface itself mapped (vaDeriveImage). They stay until the next picture. */
#include "vaapi.h"

#include <string.h>

void pb_vd_forget_image(struct pb_decoder *d) {
    if (d->image.image_id != VA_INVALID_ID) d->va->DestroyImage(d->va->display, d->image.image_id);
    d->image.image_id = VA_INVALID_ID;
    d->derived = false;
}

void pb_vd_release(struct pb_decoder *d) {
    if (d->mapped) d->va->UnmapBuffer(d->va->display, d->image.buf);
    d->mapped = false;
    if (d->derived) pb_vd_forget_image(d);
}

static bool copy_out(struct pb_decoder *d, VASurfaceID surface) {
    struct pb_va *va = d->va;
    if (d->image.image_id == VA_INVALID_ID) {
        VAImageFormat format = {.fourcc = VA_FOURCC_NV12, .byte_order = VA_LSB_FIRST, .bits_per_pixel = 12};
        VAImage made;
        memset(&made, 0, sizeof made);
        VAStatus status = va->CreateImage(va->display, &format, (int)d->width, (int)d->height, &made);
        if (!pb_va_ok(va, status, "vaCreateImage")) return false;
        d->image = made;
    }
    VAStatus status = va->GetImage(va->display, surface, 0, 0, d->width, d->height, d->image.image_id);
    return pb_va_ok(va, status, "vaGetImage");
}

static bool derive(struct pb_decoder *d, VASurfaceID surface) {
    VAImage made;
    memset(&made, 0, sizeof made);
    if (!pb_va_ok(d->va, d->va->DeriveImage(d->va->display, surface, &made), "vaDeriveImage")) return false;
    d->image = made;
    d->derived = true;
    return true;
}

bool pb_vd_output(struct pb_decoder *d, VASurfaceID surface, const struct pb_crop *crop, struct pb_picture *picture) {
    struct pb_va *va = d->va;
    if (!d->derive && !copy_out(d, surface)) {
        pb_vd_forget_image(d);
        d->derive = true;
    }
    if (d->derive && !derive(d, surface)) return false;
    void *memory = NULL;
    if (!pb_va_image_fits(va, &d->image, d->width, d->height)) return false;
    if (!pb_va_ok(va, va->MapBuffer(va->display, d->image.buf, &memory), "vaMapBuffer (picture)")) return false;
    d->mapped = true;
    if (!memory) {
        pb_va_fail(va, "VA-API on %s (%s): vaMapBuffer (picture): the driver gave no memory; update it, or choose openh264",
                   va->device, va->vendor);
        return false;
    }
    uint8_t *pixels = memory;
    *picture = (struct pb_picture){
        .format = PB_NV12,
        .width = d->width - crop->left - crop->right,
        .height = d->height - crop->top - crop->bottom,
        .plane = {pixels + d->image.offsets[0] + (size_t)crop->top * d->image.pitches[0] + crop->left,
                  pixels + d->image.offsets[1] + (size_t)(crop->top / 2) * d->image.pitches[1] + crop->left},
        .stride = {d->image.pitches[0], d->image.pitches[1]},
    };
    return true;
}
