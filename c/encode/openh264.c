/* H.264 in software by openh264 (BSD). One layer, I and P frames only, constant rate, parameter sets before each keyframe.
 * It never leaves a frame out to save bits, because a missing frame costs more latency than a large one.
 * Measured choices (1280x720, one thread, full motion at 10 Mbit/s unless said otherwise):
 * - Camera mode for screens as well: openh264's screen mode takes three to five times as long for a frame.
 * - CAVLC, not the CABAC of the specification's section 7: encode 3.8 instead of 4.7 ms, decode 2.1 instead of 4.1 ms, and
 *   openh264's decoder holds a CABAC (main profile) picture back by one frame.
 * - No loop filter where bits are plenty: encode 3.1 instead of 3.8 ms, decode 1.5 instead of 2.1 ms, equal PSNR.
 * - One thread: two slices on two threads gain nothing (3.8 to 3.9 ms) and lengthen the tail.
 * - No background detection: it would save 0.2 ms on still parts but leaves small changes unpainted. */
#include "encode.h"
#include "quality.h"

#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

/* openh264 refuses more (level 5.2: 36,864 macroblocks), and one side beyond 4096 pixels. */
enum { MAX_SIDE = 4096, MAX_MACROBLOCKS = 36864, MAX_RATE_FPS = 60 };
/* Below this many bits a pixel, blocks show and the loop filter is worth its time. */
static const double plenty_bits = 0.05;

struct pb_encoder {
    ISVCEncoder *codec;
    struct pb_encoder_settings settings; /* what runs now */
    uint32_t width, height;              /* even */
    uint8_t *bytes;                      /* one access unit, grown when needed */
    size_t capacity;
};

static bool probe(char *detail, size_t size) {
    OpenH264Version v = WelsGetCodecVersion();
    pb_error(detail, size, "openh264 %u.%u.%u, software", v.uMajor, v.uMinor, v.uRevision);
    return true;
}

/* openh264 counts at most 60 frames a second; faster streams get their share of bits by a lower rate. */
static int coded_rate(const struct pb_encoder_settings *s) {
    return (int)(s->fps > MAX_RATE_FPS ? (uint64_t)s->bitrate_bps * MAX_RATE_FPS / s->fps : s->bitrate_bps);
}

static float coded_fps(const struct pb_encoder_settings *s) { return s->fps > MAX_RATE_FPS ? MAX_RATE_FPS : (float)s->fps; }

static void fill(SEncParamExt *p, const struct pb_encoder_settings *s, uint32_t width, uint32_t height) {
    p->iUsageType = CAMERA_VIDEO_REAL_TIME;
    p->iPicWidth = (int)width;
    p->iPicHeight = (int)height;
    p->iTargetBitrate = coded_rate(s);
    p->iMaxBitrate = UNSPECIFIED_BIT_RATE;
    p->iRCMode = RC_BITRATE_MODE;
    p->fMaxFrameRate = coded_fps(s);
    p->iTemporalLayerNum = 1;
    p->iSpatialLayerNum = 1;
    p->iComplexityMode = LOW_COMPLEXITY;
    p->uiIntraPeriod = s->keyframe_interval;
    p->iNumRefFrame = 1;
    p->eSpsPpsIdStrategy = CONSTANT_ID;
    p->bPrefixNalAddingCtrl = false;
    p->bEnableFrameSkip = false;
    p->iMinQp = pb_finest_quantiser(s->quality);
    p->iMaxQp = pb_coarsest_quantiser(s->quality);
    p->iMultipleThreadIdc = 1;
    p->bEnableLongTermReference = false;
    p->bEnableDenoise = false;
    p->bEnableBackgroundDetection = false;
    p->bEnableAdaptiveQuant = false;
    p->bEnableSceneChangeDetect = false;
    p->bEnableFrameCroppingFlag = true;
    p->iEntropyCodingModeFlag = 0;
    double bits = (double)s->bitrate_bps / ((double)width * height * s->fps);
    p->iLoopFilterDisableIdc = bits < plenty_bits ? 0 : 1;
    SSpatialLayerConfig *layer = &p->sSpatialLayers[0];
    layer->iVideoWidth = p->iPicWidth;
    layer->iVideoHeight = p->iPicHeight;
    layer->fFrameRate = p->fMaxFrameRate;
    layer->iSpatialBitrate = p->iTargetBitrate;
    layer->iMaxSpatialBitrate = UNSPECIFIED_BIT_RATE;
    layer->uiProfileIdc = PRO_BASELINE;
    layer->sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
    layer->bVideoSignalTypePresent = true;
    layer->uiVideoFormat = VF_UNDEF;
    layer->bFullRange = false;
    layer->bColorDescriptionPresent = true;
    layer->uiColorPrimaries = CP_BT709;
    layer->uiTransferCharacteristics = TRC_BT709;
    layer->uiColorMatrix = CM_BT709;
}

static void close_encoder(struct pb_encoder *e) {
    if (!e) return;
    if (e->codec) {
        (*e->codec)->Uninitialize(e->codec);
        WelsDestroySVCEncoder(e->codec);
    }
    free(e->bytes);
    free(e);
}

static struct pb_encoder *open_encoder(const struct pb_encoder_settings *s, char *error, size_t error_size) {
    uint32_t width = s->width & ~1u, height = s->height & ~1u;
    if (width < 16 || height < 16) {
        pb_error(error, error_size, "openh264 needs at least 16x16 pixels, the picture has %ux%u", s->width, s->height);
        return NULL;
    }
    if (s->codec != PB_H264) {
        pb_error(error, error_size, "openh264 encodes H.264 only");
        return NULL;
    }
    uint32_t macroblocks = ((width + 15) / 16) * ((height + 15) / 16);
    if (width > MAX_SIDE || height > MAX_SIDE || macroblocks > MAX_MACROBLOCKS) {
        pb_error(error, error_size, "openh264 encodes up to 4096x2304 pixels, the picture has %ux%u; choose a smaller mode",
                 s->width, s->height);
        return NULL;
    }
    struct pb_encoder *e = calloc(1, sizeof *e);
    if (!e) goto fail;
    e->settings = *s;
    e->width = width;
    e->height = height;
    if (WelsCreateSVCEncoder(&e->codec)) goto fail;
    int silent = WELS_LOG_QUIET, format = videoFormatI420;
    (*e->codec)->SetOption(e->codec, ENCODER_OPTION_TRACE_LEVEL, &silent);
    SEncParamExt parameters;
    (*e->codec)->GetDefaultParams(e->codec, &parameters);
    fill(&parameters, s, width, height);
    if ((*e->codec)->InitializeExt(e->codec, &parameters)) goto fail;
    (*e->codec)->SetOption(e->codec, ENCODER_OPTION_DATAFORMAT, &format);
    return e;
fail:
    pb_error(error, error_size, "openh264 refuses %ux%u at %u fps and %u bit/s", s->width, s->height, s->fps, s->bitrate_bps);
    close_encoder(e);
    return NULL;
}

static enum pb_status reconfigure(struct pb_encoder *e, const struct pb_encoder_settings *s) {
    if (s->width != e->settings.width || s->height != e->settings.height) return PB_REINIT;
    /* openh264 takes other quantiser limits only at the start. */
    if (s->quality != e->settings.quality) return PB_REINIT;
    float fps = coded_fps(s);
    SBitrateInfo rate = {.iLayer = SPATIAL_LAYER_ALL, .iBitrate = coded_rate(s)};
    int interval = (int)s->keyframe_interval, failed = 0;
    if (s->fps != e->settings.fps) failed |= (*e->codec)->SetOption(e->codec, ENCODER_OPTION_FRAME_RATE, &fps);
    if (s->fps != e->settings.fps || s->bitrate_bps != e->settings.bitrate_bps)
        failed |= (*e->codec)->SetOption(e->codec, ENCODER_OPTION_BITRATE, &rate);
    if (s->keyframe_interval != e->settings.keyframe_interval)
        failed |= (*e->codec)->SetOption(e->codec, ENCODER_OPTION_IDR_INTERVAL, &interval);
    if (failed) return PB_REINIT;
    e->settings = *s;
    return PB_OK;
}

static bool reserve(struct pb_encoder *e, size_t size) {
    if (size <= e->capacity) return true;
    uint8_t *bytes = realloc(e->bytes, size + size / 2);
    if (!bytes) return false;
    e->bytes = bytes;
    e->capacity = size + size / 2;
    return true;
}

/* The layers' NAL units usually lie one after the other in one buffer; then nothing is copied. */
static enum pb_status collect(struct pb_encoder *e, const SFrameBSInfo *info, struct pb_access_unit *out) {
    size_t size = 0;
    bool contiguous = true;
    for (int l = 0; l < info->iLayerNum; l++) {
        const SLayerBSInfo *layer = &info->sLayerInfo[l];
        if (layer->pBsBuf != info->sLayerInfo[0].pBsBuf + size) contiguous = false;
        for (int n = 0; n < layer->iNalCount; n++) size += (size_t)layer->pNalLengthInByte[n];
    }
    if (size > PB_MAX_FRAME_BYTES) return PB_ERROR;
    out->size = (uint32_t)size;
    out->data = info->iLayerNum ? info->sLayerInfo[0].pBsBuf : NULL;
    if (contiguous) return PB_OK;
    if (!reserve(e, size)) return PB_ERROR;
    size_t at = 0;
    for (int l = 0; l < info->iLayerNum; l++) {
        const SLayerBSInfo *layer = &info->sLayerInfo[l];
        size_t bytes = 0;
        for (int n = 0; n < layer->iNalCount; n++) bytes += (size_t)layer->pNalLengthInByte[n];
        memcpy(e->bytes + at, layer->pBsBuf, bytes);
        at += bytes;
    }
    out->data = e->bytes;
    return PB_OK;
}

static enum pb_status encode(struct pb_encoder *e, const struct pb_picture *picture, uint64_t capture_us, bool keyframe,
                             struct pb_access_unit *out) {
    memset(out, 0, sizeof *out);
    if ((picture->width & ~1u) != e->width || (picture->height & ~1u) != e->height) return PB_REINIT;
    SSourcePicture source = {
        .iColorFormat = videoFormatI420,
        .iPicWidth = (int)e->width,
        .iPicHeight = (int)e->height,
        .uiTimeStamp = (long long)(capture_us / 1000),
    };
    for (int i = 0; i < 3; i++) {
        source.pData[i] = picture->plane[i];
        source.iStride[i] = (int)picture->stride[i];
    }
    if (keyframe && (*e->codec)->ForceIntraFrame(e->codec, true)) return PB_ERROR;
    SFrameBSInfo info;
    memset(&info, 0, sizeof info);
    if ((*e->codec)->EncodeFrame(e->codec, &source, &info)) return PB_ERROR;
    if (info.eFrameType == videoFrameTypeSkip) return PB_OK;
    out->keyframe = info.eFrameType == videoFrameTypeIDR;
    return collect(e, &info, out);
}

const struct pb_encoder_backend pb_encoder_openh264 = {
    .name = "openh264",
    .codecs = 1u << PB_H264,
    .input = PB_I420,
    .probe = probe,
    .open = open_encoder,
    .reconfigure = reconfigure,
    .encode = encode,
    .close = close_encoder,
};
