/* See hevc.h. One picture in, one access unit out; one access unit in, one picture out: nothing is held back. A picture is one slice, whatever
 * was asked: x265 makes several only with threads. */
#include "hevc.h"

#include <libde265/de265.h>
#include <stdlib.h>
#include <string.h>
#include <x265.h>

/* Both libraries lose memory of their own (x265 at each end, libde265 at damage); in a program that counts leaks, theirs are
 * left out. */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);
static void begin_foreign(void) {
    if (__lsan_disable) __lsan_disable();
}
static void end_foreign(void) {
    if (__lsan_enable) __lsan_enable();
}

struct hevc_coder {
    x265_encoder *encoder;
    x265_param *param;
    x265_picture *picture;
    uint8_t *bytes;
    size_t capacity;
    int64_t pts;
};

struct hevc_coder *hevc_coder_open(const struct coder_settings *s) {
    begin_foreign();
    struct hevc_coder *c = calloc(1, sizeof *c);
    c->param = x265_param_alloc();
    x265_param *p = c->param;
    x265_param_default_preset(p, "ultrafast", "zerolatency");
    p->logLevel = X265_LOG_NONE;
    p->sourceWidth = (int)s->width;
    p->sourceHeight = (int)s->height;
    p->internalCsp = X265_CSP_I420;
    p->fpsNum = s->fps;
    p->fpsDenom = 1;
    p->keyframeMax = s->interval ? (int)s->interval : -1;
    p->bframes = 0;
    p->maxNumReferences = 1;
    p->bRepeatHeaders = 1;
    p->bAnnexB = 1;
    p->bEmitInfoSEI = 0;
    p->frameNumThreads = 1;
    p->bEnableWavefront = 0;
    p->lookaheadSlices = p->lookaheadThreads = 0; /* no pool of threads, which would outlive the encoder */
    p->scenecutThreshold = 0;
    p->rc.rateControlMode = X265_RC_ABR;
    p->rc.bitrate = (int)(s->bitrate_bps / 1000);
    p->rc.vbvMaxBitrate = p->rc.bitrate;
    p->rc.vbvBufferSize = p->rc.bitrate;
    p->rc.qpMin = (int)s->finest;
    p->vui.bEnableVideoSignalTypePresentFlag = p->vui.bEnableColorDescriptionPresentFlag = s->colours;
    p->vui.bEnableVideoFullRangeFlag = s->full_range;
    p->vui.colorPrimaries = s->primaries;
    p->vui.transferCharacteristics = s->transfer;
    p->vui.matrixCoeffs = s->matrix;
    p->rc.qpMax = (int)s->coarsest;
    c->encoder = x265_encoder_open(p);
    c->picture = x265_picture_alloc();
    x265_picture_init(p, c->picture);
    end_foreign();
    if (c->encoder) return c;
    hevc_coder_close(c);
    return NULL;
}

void hevc_coder_close(struct hevc_coder *c) {
    if (!c) return;
    if (c->encoder) x265_encoder_close(c->encoder);
    x265_picture_free(c->picture);
    x265_param_free(c->param);
    free(c->bytes);
    free(c);
}

bool hevc_coder_set_rate(struct hevc_coder *c, uint32_t bitrate_bps) {
    c->param->rc.bitrate = c->param->rc.vbvMaxBitrate = c->param->rc.vbvBufferSize = (int)(bitrate_bps / 1000);
    return x265_encoder_reconfig(c->encoder, c->param) == 0;
}

bool hevc_coder_encode(struct hevc_coder *c, const struct coder_planes *picture, bool keyframe, const uint8_t **data,
                       size_t *size, bool *was_keyframe) {
    for (int i = 0; i < 3; i++) {
        c->picture->planes[i] = (void *)(uintptr_t)picture->plane[i];
        c->picture->stride[i] = (int)picture->stride[i];
    }
    c->picture->sliceType = keyframe ? X265_TYPE_IDR : X265_TYPE_AUTO;
    c->picture->pts = c->pts++;
    x265_nal *nals;
    uint32_t count = 0;
    x265_picture out;
    x265_picture_init(c->param, &out);
    begin_foreign();
    int made = x265_encoder_encode(c->encoder, &nals, &count, c->picture, &out);
    end_foreign();
    if (made != 1) return false;
    *size = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (*size + nals[i].sizeBytes > c->capacity) {
            c->capacity = (*size + nals[i].sizeBytes) * 2;
            c->bytes = realloc(c->bytes, c->capacity);
        }
        memcpy(c->bytes + *size, nals[i].payload, nals[i].sizeBytes);
        *size += nals[i].sizeBytes;
    }
    *data = c->bytes;
    *was_keyframe = out.sliceType == X265_TYPE_IDR;
    return true;
}

struct hevc_picturer {
    de265_decoder_context *decoder;
};

struct hevc_picturer *hevc_picturer_open(void) {
    struct hevc_picturer *p = calloc(1, sizeof *p);
    begin_foreign();
    p->decoder = de265_new_decoder();
    end_foreign();
    /* A damaged picture is an error, as in hardware that conceals nothing. */
    de265_set_parameter_bool(p->decoder, DE265_DECODER_PARAM_SUPPRESS_FAULTY_PICTURES, 1);
    return p;
}

/* Decodes the unit. False when it is damaged. */
static bool feed(struct hevc_picturer *p, const uint8_t *data, size_t size) {
    de265_release_next_picture(p->decoder);
    if (de265_push_data(p->decoder, data, (int)size, 0, NULL) != DE265_OK) return false;
    de265_push_end_of_frame(p->decoder);
    /* It always claims to have more to do; a few calls without a unit waiting are enough to finish the picture. */
    bool sound = true;
    for (int more = 1, idle = 0; more && idle < 4;) {
        if (!de265_get_number_of_NAL_units_pending(p->decoder)) idle++;
        de265_error error = de265_decode(p->decoder, &more);
        if (error == DE265_ERROR_WAITING_FOR_INPUT_DATA) break;
        if (error != DE265_OK) sound = false, more = 0;
    }
    while (de265_get_warning(p->decoder) != DE265_OK) sound = false;
    return sound;
}

bool hevc_picturer_decode(struct hevc_picturer *p, const uint8_t *data, size_t size, struct coder_planes *out) {
    begin_foreign();
    bool sound = feed(p, data, size);
    end_foreign();
    const struct de265_image *image = de265_peek_next_picture(p->decoder);
    if (!image || !sound) return false;
    *out = (struct coder_planes){.width = (uint32_t)de265_get_image_width(image, 0),
                                 .height = (uint32_t)de265_get_image_height(image, 0)};
    for (int i = 0; i < 3; i++) {
        int stride = 0;
        out->plane[i] = de265_get_image_plane(image, i, &stride);
        out->stride[i] = (uint32_t)stride;
    }
    return true;
}

void hevc_picturer_close(struct hevc_picturer *p) {
    if (!p) return;
    de265_free_decoder(p->decoder);
    free(p);
}
