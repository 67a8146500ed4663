/* H.264 and HEVC by the GPU through VA-API: headers are read here (hostile bytes), slices are decoded there, pictures come back
 * as NV12 at once, in the order of decoding. Streams that reorder pictures, of fields or of other formats are refused with
 * PB_LOST, so that the caller goes on with another decoder; so is a device that fails. Damaged ones are PB_ERROR. */
#include "vaapi.h"

#include <stdlib.h>
#include <string.h>

static bool probe(char *detail, size_t size) { return pb_va_probe(PB_VA_DECODE, detail, size); }

static void close_decoder(struct pb_decoder *d) {
    if (!d) return;
    if (d->va) pb_vd_stop(d);
    if (d->config != VA_INVALID_ID) d->va->DestroyConfig(d->va->display, d->config);
    pb_va_close(d->va);
    free(d->stream);
    free(d);
}

static struct pb_decoder *open_decoder(enum pb_codec codec, char *error, size_t error_size) {
    struct pb_decoder *d = calloc(1, sizeof *d);
    if (!d) goto no_memory;
    d->config = d->context = d->image.image_id = VA_INVALID_ID;
    d->codec = codec == PB_HEVC ? &pb_vd_hevc : &pb_vd_h264;
    d->broken = true;
    d->stream = d->codec->open();
    if (!d->stream) goto no_memory;
    d->va = pb_va_open(PB_VA_DECODE, codec, error, error_size);
    if (!d->va) goto fail;
    VAConfigAttrib format = {VAConfigAttribRTFormat, VA_RT_FORMAT_YUV420};
    VAStatus status = d->va->CreateConfig(d->va->display, d->va->profile, d->va->entrypoint, &format, 1, &d->config);
    if (pb_va_ok(d->va, status, "vaCreateConfig")) return d;
    d->config = VA_INVALID_ID;
    pb_error(error, error_size, "%s", d->va->failure);
    goto fail;
no_memory:
    pb_error(error, error_size, "no memory for a VA-API decoder");
fail:
    close_decoder(d);
    return NULL;
}

static enum pb_status decode(struct pb_decoder *d, const uint8_t *data, uint32_t size, struct pb_picture *picture) {
    VASurfaceID surface = VA_INVALID_SURFACE;
    struct pb_crop crop = {0, 0, 0, 0};
    pb_vd_release(d);
    if (!data || size < 5 || size > PB_MAX_FRAME_BYTES) return pb_vd_damaged(d, "no access unit");
    enum pb_status status = d->codec->decode(d, data, size, &surface, &crop);
    pb_vd_drop(d);
    if (status == PB_OK && !pb_vd_output(d, surface, &crop, picture)) status = PB_LOST;
    if (status != PB_OK && status != PB_AGAIN) d->broken = true;
    return status;
}

static void failure(const struct pb_decoder *d, char *out, size_t size) { pb_error(out, size, "%s", d->va->failure); }

const struct pb_decoder_backend pb_decoder_vaapi = {
    .name = "vaapi",
    .codecs = 1u << PB_H264 | 1u << PB_HEVC,
    .probe = probe,
    .open = open_decoder,
    .decode = decode,
    .failure = failure,
    .close = close_decoder,
};
