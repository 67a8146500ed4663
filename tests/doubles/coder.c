/* See coder.h: H.264 here, HEVC in hevc.c behind the same functions. */
#include "coder.h"
#include "hevc.h"

#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

struct coder {
    ISVCEncoder *h264;
    struct hevc_coder *hevc;
    uint32_t width, height;
    uint8_t *bytes;
    size_t capacity;
};

static bool open_h264(struct coder *c, const struct coder_settings *s) {
    if (WelsCreateSVCEncoder(&c->h264)) return false;
    int silent = WELS_LOG_QUIET, format = videoFormatI420;
    (*c->h264)->SetOption(c->h264, ENCODER_OPTION_TRACE_LEVEL, &silent);
    SEncParamExt p;
    (*c->h264)->GetDefaultParams(c->h264, &p);
    p.iUsageType = CAMERA_VIDEO_REAL_TIME;
    p.iPicWidth = (int)s->width;
    p.iPicHeight = (int)s->height;
    p.iTargetBitrate = (int)s->bitrate_bps;
    p.iRCMode = RC_BITRATE_MODE;
    p.fMaxFrameRate = s->fps > 60 ? 60 : (float)s->fps;
    p.uiIntraPeriod = s->interval;
    p.iNumRefFrame = 1;
    p.eSpsPpsIdStrategy = CONSTANT_ID;
    p.bEnableFrameSkip = false;
    p.bEnableSceneChangeDetect = false;
    p.bEnableAdaptiveQuant = false;
    p.bEnableBackgroundDetection = false;
    p.iMinQp = (int)s->finest;
    p.iMaxQp = (int)s->coarsest;
    p.iMultipleThreadIdc = 1;
    p.iEntropyCodingModeFlag = s->cabac;
    SSpatialLayerConfig *layer = &p.sSpatialLayers[0];
    layer->iVideoWidth = p.iPicWidth;
    layer->iVideoHeight = p.iPicHeight;
    layer->fFrameRate = p.fMaxFrameRate;
    layer->iSpatialBitrate = p.iTargetBitrate;
    layer->uiProfileIdc = s->cabac ? PRO_MAIN : PRO_BASELINE;
    layer->sSliceArgument.uiSliceMode = s->slices > 1 ? SM_FIXEDSLCNUM_SLICE : SM_SINGLE_SLICE;
    layer->sSliceArgument.uiSliceNum = s->slices;
    layer->bVideoSignalTypePresent = layer->bColorDescriptionPresent = s->colours;
    layer->uiVideoFormat = VF_UNDEF;
    layer->bFullRange = s->full_range;
    layer->uiColorPrimaries = s->primaries;
    layer->uiTransferCharacteristics = s->transfer;
    layer->uiColorMatrix = s->matrix;
    if ((*c->h264)->InitializeExt(c->h264, &p)) return false;
    (*c->h264)->SetOption(c->h264, ENCODER_OPTION_DATAFORMAT, &format);
    return true;
}

struct coder *coder_open(const struct coder_settings *s) {
    struct coder *c = calloc(1, sizeof *c);
    c->width = s->width;
    c->height = s->height;
    if (s->hevc ? (c->hevc = hevc_coder_open(s)) != NULL : open_h264(c, s)) return c;
    coder_close(c);
    return NULL;
}

void coder_close(struct coder *c) {
    if (!c) return;
    if (c->h264) {
        (*c->h264)->Uninitialize(c->h264);
        WelsDestroySVCEncoder(c->h264);
    }
    hevc_coder_close(c->hevc);
    free(c->bytes);
    free(c);
}

bool coder_set_rate(struct coder *c, uint32_t bitrate_bps, uint32_t fps) {
    if (c->hevc) return hevc_coder_set_rate(c->hevc, bitrate_bps);
    float rate = fps > 60 ? 60 : (float)fps;
    SBitrateInfo bits = {.iLayer = SPATIAL_LAYER_ALL, .iBitrate = (int)bitrate_bps};
    return !(*c->h264)->SetOption(c->h264, ENCODER_OPTION_FRAME_RATE, &rate) &&
           !(*c->h264)->SetOption(c->h264, ENCODER_OPTION_BITRATE, &bits);
}

bool coder_encode(struct coder *c, const struct coder_planes *picture, bool keyframe, const uint8_t **data, size_t *size,
                  bool *was_keyframe) {
    if (c->hevc) return hevc_coder_encode(c->hevc, picture, keyframe, data, size, was_keyframe);
    SSourcePicture source = {.iColorFormat = videoFormatI420, .iPicWidth = (int)c->width, .iPicHeight = (int)c->height};
    for (int i = 0; i < 3; i++) {
        source.pData[i] = (unsigned char *)(uintptr_t)picture->plane[i];
        source.iStride[i] = (int)picture->stride[i];
    }
    if (keyframe) (*c->h264)->ForceIntraFrame(c->h264, true);
    SFrameBSInfo info;
    memset(&info, 0, sizeof info);
    if ((*c->h264)->EncodeFrame(c->h264, &source, &info)) return false;
    *size = 0;
    for (int l = 0; l < info.iLayerNum; l++) {
        const SLayerBSInfo *layer = &info.sLayerInfo[l];
        size_t bytes = 0;
        for (int n = 0; n < layer->iNalCount; n++) bytes += (size_t)layer->pNalLengthInByte[n];
        if (*size + bytes > c->capacity) {
            c->capacity = (*size + bytes) * 2;
            c->bytes = realloc(c->bytes, c->capacity);
        }
        memcpy(c->bytes + *size, layer->pBsBuf, bytes);
        *size += bytes;
    }
    *data = c->bytes;
    *was_keyframe = info.eFrameType == videoFrameTypeIDR;
    return true;
}

struct picturer {
    ISVCDecoder *h264;
    struct hevc_picturer *hevc;
};

struct picturer *picturer_open(bool hevc) {
    struct picturer *p = calloc(1, sizeof *p);
    if (hevc) {
        p->hevc = hevc_picturer_open();
        return p;
    }
    if (WelsCreateDecoder(&p->h264)) goto fail;
    int silent = WELS_LOG_QUIET;
    (*p->h264)->SetOption(p->h264, DECODER_OPTION_TRACE_LEVEL, &silent);
    SDecodingParam parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.uiTargetDqLayer = UINT8_MAX;
    parameters.eEcActiveIdc = ERROR_CON_DISABLE;
    parameters.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
    if (!(*p->h264)->Initialize(p->h264, &parameters)) return p;
fail:
    picturer_close(p);
    return NULL;
}

void picturer_close(struct picturer *p) {
    if (!p) return;
    if (p->h264) {
        (*p->h264)->Uninitialize(p->h264);
        WelsDestroyDecoder(p->h264);
    }
    hevc_picturer_close(p->hevc);
    free(p);
}

bool picturer_decode(struct picturer *p, const uint8_t *data, size_t size, struct coder_planes *out) {
    if (p->hevc) return hevc_picturer_decode(p->hevc, data, size, out);
    uint8_t *planes[3] = {NULL, NULL, NULL};
    SBufferInfo info;
    memset(&info, 0, sizeof info);
    if ((*p->h264)->DecodeFrameNoDelay(p->h264, data, (int)size, planes, &info) != dsErrorFree) return false;
    if (info.iBufferStatus != 1) {
        /* A picture of the main profile is held back until it hears that nothing follows. */
        int end = 1;
        (*p->h264)->SetOption(p->h264, DECODER_OPTION_END_OF_STREAM, &end);
        (*p->h264)->FlushFrame(p->h264, planes, &info);
        end = 0;
        (*p->h264)->SetOption(p->h264, DECODER_OPTION_END_OF_STREAM, &end);
    }
    if (info.iBufferStatus != 1) return false;
    const SSysMEMBuffer *b = &info.UsrData.sSystemBuffer;
    *out = (struct coder_planes){.width = (uint32_t)b->iWidth, .height = (uint32_t)b->iHeight};
    for (int i = 0; i < 3; i++) {
        out->plane[i] = planes[i];
        out->stride[i] = (uint32_t)b->iStride[i ? 1 : 0];
    }
    return true;
}
