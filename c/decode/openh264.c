/* H.264 in software by openh264 (BSD), one thread, no frame held back. Concealment is off: a damaged picture is an error,
 * because a keyframe is one round trip away and smeared pictures are worse than a short stop.
 * The bytes come from the network: scalable-coding units, which this project never sends, are refused unread. */
#include "decode.h"

#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

enum { NAL_SUBSET_SPS = 15, NAL_SLICE_EXTENSION = 20 };

struct pb_decoder {
    ISVCDecoder *codec;
};

static bool probe(char *detail, size_t size) {
    OpenH264Version v = WelsGetCodecVersion();
    pb_error(detail, size, "openh264 %u.%u.%u, software", v.uMajor, v.uMinor, v.uRevision);
    return true;
}

static void close_decoder(struct pb_decoder *d) {
    if (!d) return;
    if (d->codec) {
        (*d->codec)->Uninitialize(d->codec);
        WelsDestroyDecoder(d->codec);
    }
    free(d);
}

static struct pb_decoder *open_decoder(enum pb_codec codec, char *error, size_t error_size) {
    if (codec != PB_H264) {
        pb_error(error, error_size, "openh264 decodes H.264 only");
        return NULL;
    }
    struct pb_decoder *d = calloc(1, sizeof *d);
    if (!d || WelsCreateDecoder(&d->codec)) goto fail;
    int silent = WELS_LOG_QUIET, threads = 0;
    (*d->codec)->SetOption(d->codec, DECODER_OPTION_TRACE_LEVEL, &silent);
    (*d->codec)->SetOption(d->codec, DECODER_OPTION_NUM_OF_THREADS, &threads);
    SDecodingParam parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.uiTargetDqLayer = UINT8_MAX;
    parameters.eEcActiveIdc = ERROR_CON_DISABLE;
    parameters.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
    if ((*d->codec)->Initialize(d->codec, &parameters)) goto fail;
    return d;
fail:
    pb_error(error, error_size, "openh264 cannot start: no memory");
    close_decoder(d);
    return NULL;
}

/* True when the bytes begin with a start code and hold nothing of the scalable extension. */
static bool acceptable(const uint8_t *data, uint32_t size) {
    if (size < 5 || data[0] || data[1] || !(data[2] == 1 || (!data[2] && data[3] == 1))) return false;
    const uint8_t *end = data + size;
    for (const uint8_t *at = data + 2; at + 1 < end && (at = memchr(at, 1, (size_t)(end - at - 1))); at++) {
        if (at[-1] || at[-2]) continue;
        unsigned type = at[1] & 31u;
        if (type == NAL_SUBSET_SPS || type == NAL_SLICE_EXTENSION) return false;
    }
    return true;
}

static bool fill(struct pb_picture *picture, uint8_t *const planes[3], const SSysMEMBuffer *info) {
    if (info->iFormat != videoFormatI420 || info->iWidth <= 0 || info->iHeight <= 0) return false;
    if ((uint32_t)info->iWidth > PB_MAX_WIDTH || (uint32_t)info->iHeight > PB_MAX_HEIGHT) return false;
    if (info->iStride[0] < info->iWidth || info->iStride[1] < (info->iWidth + 1) / 2) return false;
    picture->format = PB_I420;
    picture->width = (uint32_t)info->iWidth;
    picture->height = (uint32_t)info->iHeight;
    for (int i = 0; i < 3; i++) {
        if (!planes[i]) return false;
        picture->plane[i] = planes[i];
        picture->stride[i] = (uint32_t)info->iStride[i ? 1 : 0];
    }
    return true;
}

/* openh264 holds back a first picture of the main and high profiles, because another might have to be shown before it. No
 * stream here reorders pictures, so it is told that nothing follows, and gives the picture away. */
static void give_away(struct pb_decoder *d, uint8_t *planes[3], SBufferInfo *info) {
    int end = 1;
    (*d->codec)->SetOption(d->codec, DECODER_OPTION_END_OF_STREAM, &end);
    memset(info, 0, sizeof *info);
    (*d->codec)->FlushFrame(d->codec, planes, info);
    end = 0;
    (*d->codec)->SetOption(d->codec, DECODER_OPTION_END_OF_STREAM, &end);
}

static enum pb_status decode(struct pb_decoder *d, const uint8_t *data, uint32_t size, struct pb_picture *picture) {
    if (!data || size > PB_MAX_FRAME_BYTES || !acceptable(data, size)) return PB_ERROR;
    uint8_t *planes[3] = {NULL, NULL, NULL};
    SBufferInfo info;
    memset(&info, 0, sizeof info);
    if ((*d->codec)->DecodeFrameNoDelay(d->codec, data, (int)size, planes, &info) != dsErrorFree) return PB_ERROR;
    if (info.iBufferStatus != 1) give_away(d, planes, &info);
    if (info.iBufferStatus != 1) return PB_AGAIN;
    return fill(picture, planes, &info.UsrData.sSystemBuffer) ? PB_OK : PB_ERROR;
}

const struct pb_decoder_backend pb_decoder_openh264 = {
    .name = "openh264",
    .codecs = 1u << PB_H264,
    .probe = probe,
    .open = open_decoder,
    .decode = decode,
    .close = close_decoder,
};
