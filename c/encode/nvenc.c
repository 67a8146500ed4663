/* H.264 and HEVC by an NVIDIA GPU (NVENC). One picture in flight: it is copied into a buffer of the driver's, encoded, and its
 * bytes are taken before encode() returns, because a queue would only add latency. Each call makes the GPU's context current
 * for its time. What the driver returns is checked, and its bytes are copied, before anybody else sees them. */
#include "nvenc.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PITCH = 65536, BUSY_TRIES = 100, BUSY_PAUSE_NS = 1000000 };

static bool probe(char *detail, size_t size) {
    struct pb_encoder *e = calloc(1, sizeof *e);
    if (!e) return false;
    bool ok = pb_nvenc_load(e, detail, size) && pb_nvenc_open_session(e, PB_H264, detail, size);
    if (ok) {
        int width = e->limits.max_width, height = e->limits.max_height;
        bool hevc = pb_nvenc_knows(e, PB_HEVC);
        pb_error(detail, size, "%s, H.264 up to %dx%d%s", e->cuda.name, width, height, hevc ? ", HEVC" : "");
        pb_nvenc_close_session(e);
    }
    free(e);
    return ok;
}

/* Everything that a session holds; after a failure too, since a driver frees nothing by itself. */
static void close_encoder(struct pb_encoder *e) {
    if (!e) return;
    if (e->session) {
        pb_nvenc_enter(e);
        if (e->input) e->api.nvEncDestroyInputBuffer(e->session, e->input);
        if (e->output) e->api.nvEncDestroyBitstreamBuffer(e->session, e->output);
        pb_nvenc_close_session(e);
    }
    free(e->bytes);
    free(e);
}

static bool suits(const struct pb_encoder *e, char *error, size_t size) {
    const struct pb_nvenc_limits *l = &e->limits;
    int width = (int)e->width, height = (int)e->height;
    if (!e->settings.fps || !e->settings.bitrate_bps) {
        pb_error(error, size, "NVENC needs a frame rate and a bit rate");
        return false;
    }
    if (!(l->rate_controls & NV_ENC_PARAMS_RC_CBR)) {
        pb_error(error, size, "%s cannot encode %s at a constant rate; use another encoder", e->cuda.name,
                 pb_nvenc_codec_name(e->settings.codec));
        return false;
    }
    if (width < l->min_width || height < l->min_height || width > l->max_width || height > l->max_height) {
        pb_error(error, size, "%s encodes %s from %dx%d to %dx%d pixels, the picture has %ux%u; choose another mode", e->cuda.name,
                 pb_nvenc_codec_name(e->settings.codec), l->min_width, l->min_height, l->max_width, l->max_height,
                 e->settings.width, e->settings.height);
        return false;
    }
    return true;
}

static bool create_buffers(struct pb_encoder *e) {
    NV_ENC_CREATE_INPUT_BUFFER input;
    memset(&input, 0, sizeof input);
    input.version = NV_ENC_CREATE_INPUT_BUFFER_VER;
    input.width = e->width;
    input.height = e->height;
    input.bufferFmt = NV_ENC_BUFFER_FORMAT_NV12;
    NVENCSTATUS status = e->api.nvEncCreateInputBuffer(e->session, &input);
    e->input = status ? NULL : input.inputBuffer;
    if (!e->input) {
        pb_nvenc_fail(e, "nvEncCreateInputBuffer", status ? status : NV_ENC_ERR_GENERIC);
        return false;
    }
    NV_ENC_CREATE_BITSTREAM_BUFFER output;
    memset(&output, 0, sizeof output);
    output.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER;
    status = e->api.nvEncCreateBitstreamBuffer(e->session, &output);
    e->output = status ? NULL : output.bitstreamBuffer;
    if (!e->output) pb_nvenc_fail(e, "nvEncCreateBitstreamBuffer", status ? status : NV_ENC_ERR_GENERIC);
    return e->output != NULL;
}

static struct pb_encoder *open_encoder(const struct pb_encoder_settings *s, char *error, size_t error_size) {
    struct pb_encoder *e = calloc(1, sizeof *e);
    if (!e) {
        pb_error(error, error_size, "no memory");
        return NULL;
    }
    e->settings = *s;
    e->width = s->width & ~1u;
    e->height = s->height & ~1u;
    if (!pb_nvenc_load(e, error, error_size) || !pb_nvenc_open_session(e, s->codec, error, error_size)) goto fail;
    bool ready = suits(e, e->failure, sizeof e->failure);
    if (ready) {
        const char *call = "nvEncGetEncodePresetConfigEx";
        NVENCSTATUS status = pb_nvenc_configure(e);
        if (!status) status = e->api.nvEncInitializeEncoder(e->session, &e->init), call = "nvEncInitializeEncoder";
        if (status) pb_nvenc_fail(e, call, status);
        ready = !status && create_buffers(e);
    }
    pb_nvenc_leave(e);
    if (ready) return e;
    pb_error(error, error_size, "%s", e->failure);
fail:
    close_encoder(e);
    return NULL;
}

/* The preset stays that of the start: a better one for higher quality is worth no break in the stream. */
static enum pb_status reconfigure(struct pb_encoder *e, const struct pb_encoder_settings *s) {
    const struct pb_encoder_settings *now = &e->settings;
    if (s->width != now->width || s->height != now->height || s->codec != now->codec || s->slices != now->slices) return PB_REINIT;
    bool rate = s->fps != now->fps || s->bitrate_bps != now->bitrate_bps || s->quality != now->quality;
    if (!rate) {
        e->settings = *s;
        return PB_OK;
    }
    if (!e->limits.dynamic_rate || !s->fps) return PB_REINIT;
    NV_ENC_CONFIG config = e->config;
    NV_ENC_RECONFIGURE_PARAMS change;
    memset(&change, 0, sizeof change);
    change.version = NV_ENC_RECONFIGURE_PARAMS_VER;
    change.reInitEncodeParams = e->init;
    change.reInitEncodeParams.encodeConfig = &config;
    pb_nvenc_set_rate(&change.reInitEncodeParams, &config, &e->limits, s);
    if (!pb_nvenc_enter(e)) return PB_LOST;
    NVENCSTATUS status = e->api.nvEncReconfigureEncoder(e->session, &change);
    if (status) pb_nvenc_fail(e, "nvEncReconfigureEncoder", status);
    pb_nvenc_leave(e);
    if (status) return PB_REINIT;
    e->config = config;
    e->init = change.reInitEncodeParams;
    e->init.encodeConfig = &e->config;
    e->settings = *s;
    return PB_OK;
}

static bool busy(NVENCSTATUS status) { return status == NV_ENC_ERR_ENCODER_BUSY || status == NV_ENC_ERR_LOCK_BUSY; }

/* Tries again while the encoder says that it is busy, for a tenth of a second at most. */
#define PATIENTLY(status, call) \
    do { \
        static const struct timespec pause = {0, BUSY_PAUSE_NS}; \
        status = (call); \
        for (int tries = 0; busy(status) && tries < BUSY_TRIES; tries++) { \
            nanosleep(&pause, NULL); \
            status = (call); \
        } \
    } while (0)

static void copy_rows(uint8_t *to, size_t pitch, const uint8_t *from, size_t stride, uint32_t width, uint32_t rows) {
    for (uint32_t y = 0; y < rows; y++) memcpy(to + y * pitch, from + y * stride, width);
}

static bool put_picture(struct pb_encoder *e, const struct pb_picture *picture) {
    NV_ENC_LOCK_INPUT_BUFFER lock;
    memset(&lock, 0, sizeof lock);
    lock.version = NV_ENC_LOCK_INPUT_BUFFER_VER;
    lock.inputBuffer = e->input;
    NVENCSTATUS status;
    PATIENTLY(status, e->api.nvEncLockInputBuffer(e->session, &lock));
    if (status) {
        pb_nvenc_fail(e, "nvEncLockInputBuffer", status);
        return false;
    }
    uint8_t *to = lock.bufferDataPtr;
    e->pitch = lock.pitch;
    bool sane = to && lock.pitch >= e->width && lock.pitch <= MAX_PITCH;
    if (sane) {
        copy_rows(to, lock.pitch, picture->plane[0], picture->stride[0], e->width, e->height);
        copy_rows(to + (size_t)lock.pitch * e->height, lock.pitch, picture->plane[1], picture->stride[1], e->width, e->height / 2);
    }
    status = e->api.nvEncUnlockInputBuffer(e->session, e->input);
    if (status)
        pb_nvenc_fail(e, "nvEncUnlockInputBuffer", status);
    else if (!sane)
        pb_error(e->failure, sizeof e->failure,
                 "%s: nvEncLockInputBuffer gave rows of %u bytes for %u pixels: a fault of the driver", e->cuda.name, lock.pitch, e->width);
    return sane && !status;
}

static bool keep(struct pb_encoder *e, const NV_ENC_LOCK_BITSTREAM *lock) {
    size_t size = lock->bitstreamSizeInBytes;
    const uint8_t *from = lock->bitstreamBufferPtr;
    bool sane = size <= PB_MAX_FRAME_BYTES && (!size || (from && size > 4 && !from[0] && !from[1] && from[2] <= 1));
    if (!sane) {
        pb_error(e->failure, sizeof e->failure, "%s: nvEncLockBitstream gave %zu bytes that are no picture: a fault of the driver",
                 e->cuda.name, size);
        return false;
    }
    if (size > e->capacity) {
        uint8_t *bytes = realloc(e->bytes, size + size / 2);
        if (!bytes) {
            pb_error(e->failure, sizeof e->failure, "no memory for a picture of %zu bytes", size);
            return false;
        }
        e->bytes = bytes;
        e->capacity = size + size / 2;
    }
    if (size) memcpy(e->bytes, from, size);
    return true;
}

static bool take_bytes(struct pb_encoder *e, struct pb_access_unit *out) {
    NV_ENC_LOCK_BITSTREAM lock;
    memset(&lock, 0, sizeof lock);
    lock.version = NV_ENC_LOCK_BITSTREAM_VER;
    lock.outputBitstream = e->output;
    NVENCSTATUS status;
    PATIENTLY(status, e->api.nvEncLockBitstream(e->session, &lock));
    if (status) {
        pb_nvenc_fail(e, "nvEncLockBitstream", status);
        return false;
    }
    bool kept = keep(e, &lock);
    status = e->api.nvEncUnlockBitstream(e->session, e->output);
    if (status) pb_nvenc_fail(e, "nvEncUnlockBitstream", status);
    out->data = e->bytes;
    out->size = kept ? lock.bitstreamSizeInBytes : 0;
    out->keyframe = out->size && lock.pictureType == NV_ENC_PIC_TYPE_IDR;
    return kept && !status;
}

static bool submit(struct pb_encoder *e, uint64_t capture_us, bool keyframe) {
    NV_ENC_PIC_PARAMS p;
    memset(&p, 0, sizeof p);
    p.version = NV_ENC_PIC_PARAMS_VER;
    p.inputWidth = e->width;
    p.inputHeight = e->height;
    p.inputPitch = e->pitch;
    p.inputBuffer = e->input;
    p.outputBitstream = e->output;
    p.bufferFmt = NV_ENC_BUFFER_FORMAT_NV12;
    p.pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
    p.frameIdx = (uint32_t)e->frames;
    p.inputTimeStamp = capture_us;
    if (keyframe) p.encodePicFlags = NV_ENC_PIC_FLAG_FORCEIDR | NV_ENC_PIC_FLAG_OUTPUT_SPSPPS;
    NVENCSTATUS status;
    PATIENTLY(status, e->api.nvEncEncodePicture(e->session, &p));
    if (status) pb_nvenc_fail(e, "nvEncEncodePicture", status);
    return !status;
}

static enum pb_status encode(struct pb_encoder *e, const struct pb_picture *picture, uint64_t capture_us, bool keyframe,
                             struct pb_access_unit *out) {
    memset(out, 0, sizeof *out);
    if ((picture->width & ~1u) != e->width || (picture->height & ~1u) != e->height) return PB_REINIT;
    if (picture->format != PB_NV12 || !picture->plane[0] || !picture->plane[1] || picture->stride[0] < e->width ||
        picture->stride[1] < e->width) {
        pb_error(e->failure, sizeof e->failure, "NVENC takes NV12 pictures in memory");
        return PB_UNSUPPORTED;
    }
    if (!pb_nvenc_enter(e)) return PB_LOST;
    uint32_t interval = e->settings.keyframe_interval;
    bool wanted = keyframe || !e->frames || (interval && e->since_keyframe >= interval);
    bool done = put_picture(e, picture) && submit(e, capture_us, wanted) && take_bytes(e, out);
    pb_nvenc_leave(e);
    /* Nothing that fails here gets better by itself: what passes was waited for. */
    if (!done) return PB_LOST;
    e->frames++;
    e->since_keyframe = out->keyframe ? 1 : e->since_keyframe + 1;
    return PB_OK;
}

static void failure(const struct pb_encoder *e, char *out, size_t size) { pb_error(out, size, "%s", e->failure); }

const struct pb_encoder_backend pb_encoder_nvenc = {
    .name = "nvenc",
    .codecs = 1u << PB_H264 | 1u << PB_HEVC,
    .input = PB_NV12,
    .probe = probe,
    .open = open_encoder,
    .reconfigure = reconfigure,
    .encode = encode,
    .failure = failure,
    .close = close_encoder,
};
