/* H.264 and HEVC by the GPU through VA-API (docs of libva: va_enc_h264.h, va_enc_hevc.h): constant rate, I and P pictures of one
 * reference, no reordering, CABAC, one slice or more, one picture at a time and waited for, because a picture in the pipeline
 * is a picture late. Rate, frame rate and quality change while it runs. A call that fails costs the picture and makes the next
 * one a keyframe; a second failure in a row, or a picture that is no answer to the question, means that the device is lost.
 * It never goes on with another device. */
#include "vaapi.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FAILURES = 2 };

static bool probe(char *detail, size_t size) { return pb_va_probe(PB_VA_ENCODE, detail, size); }

static void close_encoder(struct pb_encoder *e) {
    if (!e) return;
    if (e->va) pb_va_session_close(e);
    pb_va_close(e->va);
    free(e->bytes);
    free(e);
}

static struct pb_encoder *open_encoder(const struct pb_encoder_settings *s, char *error, size_t error_size) {
    if ((s->width & ~1u) < 16 || (s->height & ~1u) < 16 || s->width > PB_MAX_WIDTH || s->height > PB_MAX_HEIGHT) {
        pb_error(error, error_size, "VA-API encodes 16x16 to %ux%u pixels here, the picture has %ux%u", PB_MAX_WIDTH, PB_MAX_HEIGHT,
                 s->width, s->height);
        return NULL;
    }
    if (!s->fps || !s->bitrate_bps || (s->codec != PB_H264 && s->codec != PB_HEVC)) {
        pb_error(error, error_size, "VA-API encodes H.264 and HEVC at a rate above 0, not codec %u at %u fps and %u bit/s",
                 (unsigned)s->codec, s->fps, s->bitrate_bps);
        return NULL;
    }
    struct pb_encoder *e = calloc(1, sizeof *e);
    if (!e) {
        pb_error(error, error_size, "no memory for a VA-API encoder");
        return NULL;
    }
    e->settings = *s;
    e->width = s->width & ~1u;
    e->height = s->height & ~1u;
    e->codec = s->codec == PB_HEVC ? &pb_va_hevc : &pb_va_h264;
    e->va = pb_va_open(PB_VA_ENCODE, s->codec, error, error_size);
    if (e->va && pb_va_session_open(e)) return e;
    if (e->va) pb_error(error, error_size, "%s", e->va->failure);
    close_encoder(e);
    return NULL;
}

static enum pb_status reconfigure(struct pb_encoder *e, const struct pb_encoder_settings *s) {
    if (s->width != e->settings.width || s->height != e->settings.height || s->codec != e->settings.codec) return PB_REINIT;
    if (s->slices != e->settings.slices) return PB_REINIT;
    if (!s->fps || !s->bitrate_bps) return PB_ERROR;
    if (s->fps != e->settings.fps || s->bitrate_bps != e->settings.bitrate_bps || s->quality != e->settings.quality)
        e->rate_changed = true;
    e->settings = *s;
    return PB_OK;
}

bool pb_va_add(struct pb_encoder *e, VABufferType type, const void *data, size_t size, const char *what) {
    char call[96];
    snprintf(call, sizeof call, "vaCreateBuffer (%s)", what);
    if (e->buffer_count == PB_VA_BUFFERS) {
        pb_va_fail(e->va, "VA-API: too many buffers for one picture");
        return false;
    }
    VABufferID *buffer = &e->buffers[e->buffer_count];
    VAStatus status = e->va->CreateBuffer(e->va->display, e->context, type, (unsigned)size, 1, (void *)(uintptr_t)data, buffer);
    if (!pb_va_ok(e->va, status, call)) return false;
    e->buffer_count++;
    return true;
}

bool pb_va_add_header(struct pb_encoder *e, uint32_t type, const struct pb_nal *nal) {
    VAEncPackedHeaderParameterBuffer parameter = {.type = type, .bit_length = nal->bits, .has_emulation_bytes = 1};
    return pb_va_add(e, VAEncPackedHeaderParameterBufferType, &parameter, sizeof parameter, "packed header") &&
           pb_va_add(e, VAEncPackedHeaderDataBufferType, nal->data, pb_nal_bytes(nal), "packed header's bytes");
}

static bool render(struct pb_encoder *e) {
    struct pb_va *va = e->va;
    if (!pb_va_ok(va, va->BeginPicture(va->display, e->context, e->input), "vaBeginPicture")) return false;
    bool rendered = pb_va_ok(va, va->RenderPicture(va->display, e->context, e->buffers, (int)e->buffer_count), "vaRenderPicture");
    /* Also after a failure: a picture that was begun is ended, or the context stays unusable. */
    VAStatus ended = va->EndPicture(va->display, e->context);
    return rendered && pb_va_ok(va, ended, "vaEndPicture") && pb_va_sync(va, e->input);
}

static bool encode_picture(struct pb_encoder *e, bool idr, struct pb_access_unit *out) {
    struct pb_va *va = e->va;
    if (idr) e->since_idr = 0;
    bool done = e->codec->picture(e, idr) && render(e);
    for (uint32_t i = 0; i < e->buffer_count; i++) {
        bool destroyed = va->DestroyBuffer(va->display, e->buffers[i]) == VA_STATUS_SUCCESS;
        if (done && !destroyed) done = pb_va_ok(va, VA_STATUS_ERROR_INVALID_BUFFER, "vaDestroyBuffer");
    }
    e->buffer_count = 0;
    return done && pb_va_take_output(e, idr, out);
}

static enum pb_status encode(struct pb_encoder *e, const struct pb_picture *picture, uint64_t capture_us, bool keyframe,
                             struct pb_access_unit *out) {
    (void)capture_us;
    memset(out, 0, sizeof *out);
    if ((picture->width & ~1u) != e->width || (picture->height & ~1u) != e->height) return PB_REINIT;
    /* What failed may still be at work on the surface. */
    if (e->failures && !pb_va_sync(e->va, e->input)) return PB_LOST;
    bool imported = picture->format != PB_NV12;
    if (imported && (picture->format != PB_BGRA || !picture->dmabuf)) {
        pb_va_fail(e->va, "VA-API takes NV12 pictures, or such in device memory");
        return PB_UNSUPPORTED;
    }
    enum pb_status status = imported ? pb_va_import(e, picture) : pb_va_upload(e, picture) ? PB_OK : PB_ERROR;
    if (status == PB_UNSUPPORTED) return status;
    uint32_t interval = e->settings.keyframe_interval;
    bool idr = keyframe || e->needs_idr || (interval && e->since_idr >= interval);
    if (status == PB_OK && encode_picture(e, idr, out)) {
        VASurfaceID before = e->kept[0];
        e->kept[0] = e->kept[1];
        e->kept[1] = before;
        e->since_idr++;
        e->idrs += idr;
        e->needs_idr = e->rate_changed = false;
        e->failures = 0;
        return PB_OK;
    }
    memset(out, 0, sizeof *out);
    e->needs_idr = e->rate_changed = true;
    return ++e->failures < MOST_FAILURES ? PB_ERROR : PB_LOST;
}

static void failure(const struct pb_encoder *e, char *out, size_t size) { pb_error(out, size, "%s", e->va->failure); }

const struct pb_encoder_backend pb_encoder_vaapi = {
    .name = "vaapi",
    .input = PB_NV12,
    .codecs = 1u << PB_H264 | 1u << PB_HEVC,
    .imports = true,
    .probe = probe,
    .open = open_encoder,
    .reconfigure = reconfigure,
    .encode = encode,
    .failure = failure,
    .close = close_encoder,
};
