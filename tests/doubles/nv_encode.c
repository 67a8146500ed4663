/* library: libnvidia-encode.so.1 sources: tests/doubles/nv_setup.c tests/doubles/coder.c tests/doubles/hevc.c libs: -l:libcuda.so.1 -lopenh264 -lx265 -lde265 */
/* A stand-in for NVIDIA's encoder: checks each call (nv.h), encodes in software (coder.h). It knows NV12 pictures in buffers of
 * its own, H.264 and HEVC, constant and variable rates, no B pictures. Options of the script:
 *   chip=none      opening a session fails, as on a GPU without an encoder    codecs=hevc|none   only those are offered
 *   api=N          the newest version known, 16 * major + minor              max=N      largest side, in pixels
 *   pitch=N size=N what it claims of input rows and of encoded bytes         null=input|output|bytes   a NULL where none may be
 *   bytes=junk     an access unit that is none                               idr=never  makes no keyframe but the first */
#include "nv_session.h"

static struct nv_session_seen newest;
const struct nv_session_seen *nv_session_seen(void) { return &newest; }

static NVENCSTATUS open_session(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *p, void **encoder) {
    const char *name = "nvEncOpenEncodeSessionEx";
    int answer;
    if (nv_misbehaves(name, &answer)) return (NVENCSTATUS)answer;
    VERSION(name, p, NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER)
    RESERVED(name, p->reserved1)
    RESERVED(name, p->reserved2)
    if (p->apiVersion != NVENCAPI_VERSION) return refuse(NV_ENC_ERR_INVALID_VERSION, name, "another version of the interface");
    if (p->deviceType != NV_ENC_DEVICE_TYPE_CUDA || !p->device) return refuse(NV_ENC_ERR_INVALID_DEVICE, name, "no CUDA context");
    if (option_is("chip", "none")) return NV_ENC_ERR_UNSUPPORTED_DEVICE;
    struct session *s = calloc(1, sizeof *s);
    s->context = p->device;
    nv_add(s, "encode session");
    newest.sessions++;
    *encoder = s;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS old_open(void *device, uint32_t type, void **encoder) {
    (void)device, (void)type, (void)encoder;
    return refuse(NV_ENC_ERR_UNIMPLEMENTED, "nvEncOpenEncodeSession", "is obsolete");
}

static NVENCSTATUS initialize(void *encoder, NV_ENC_INITIALIZE_PARAMS *p) {
    const char *name = "nvEncInitializeEncoder";
    BEGIN(name)
    IN_CONTEXT(name)
    VERSION(name, p, NV_ENC_INITIALIZE_PARAMS_VER)
    if (s->initialized) return refuse(NV_ENC_ERR_INVALID_CALL, name, "a second time");
    if (!p->encodeConfig) return refuse(NV_ENC_ERR_INVALID_PARAM, name, "without a config");
    const char *why = nv_objection(p, p->encodeConfig);
    if (why) return refuse(NV_ENC_ERR_INVALID_PARAM, name, why);
    const NV_ENC_CONFIG *c = p->encodeConfig;
    bool hevc = same(&p->encodeGUID, &NV_ENC_CODEC_HEVC_GUID);
    const NV_ENC_CONFIG_H264 *h = &c->encodeCodecConfig.h264Config;
    const NV_ENC_CONFIG_HEVC *v = &c->encodeCodecConfig.hevcConfig;
    const NV_ENC_CONFIG_H264_VUI_PARAMETERS *vui = hevc ? &v->hevcVUIParameters : &h->h264VUIParameters;
    uint32_t mode = hevc ? v->sliceMode : h->sliceMode, slices = hevc ? v->sliceModeData : h->sliceModeData;
    struct coder_settings settings = {
        .hevc = hevc,
        .cabac = !hevc && h->entropyCodingMode != NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC,
        .width = p->encodeWidth,
        .height = p->encodeHeight,
        .fps = p->frameRateNum / p->frameRateDen,
        .bitrate_bps = c->rcParams.averageBitRate,
        .interval = c->gopLength == NVENC_INFINITE_GOPLENGTH ? 0 : c->gopLength,
        .finest = c->rcParams.enableMinQP ? c->rcParams.minQP.qpInterP : 12,
        .coarsest = c->rcParams.enableMaxQP ? c->rcParams.maxQP.qpInterP : 51,
        .slices = mode == 3 && slices ? slices : 1,
        .colours = vui->colourDescriptionPresentFlag && vui->videoSignalTypePresentFlag,
        .full_range = vui->videoFullRangeFlag,
        .primaries = (uint8_t)vui->colourPrimaries,
        .transfer = (uint8_t)vui->transferCharacteristics,
        .matrix = (uint8_t)vui->colourMatrix,
    };
    s->coder = coder_open(&settings);
    if (!s->coder) return refuse(NV_ENC_ERR_GENERIC, name, "the software encoder does not start");
    s->i420 = malloc((size_t)p->encodeWidth * p->encodeHeight * 3 / 2);
    s->initialized = true;
    s->seen = (struct nv_session_seen){.init = *p, .config = *c, .sessions = newest.sessions};
    newest = s->seen;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS reconfigure(void *encoder, NV_ENC_RECONFIGURE_PARAMS *p) {
    const char *name = "nvEncReconfigureEncoder";
    BEGIN_INITIALIZED(name)
    VERSION(name, p, NV_ENC_RECONFIGURE_PARAMS_VER)
    const NV_ENC_INITIALIZE_PARAMS *next = &p->reInitEncodeParams, *now = &s->seen.init;
    VERSION(name, next, NV_ENC_INITIALIZE_PARAMS_VER)
    if (!next->encodeConfig) return refuse(NV_ENC_ERR_INVALID_PARAM, name, "without a config");
    const char *why = nv_objection(next, next->encodeConfig);
    if (why) return refuse(NV_ENC_ERR_INVALID_PARAM, name, why);
    const NV_ENC_CONFIG *c = next->encodeConfig;
    if (next->encodeWidth > now->maxEncodeWidth || next->encodeHeight > now->maxEncodeHeight || next->maxEncodeWidth != now->maxEncodeWidth)
        return refuse(NV_ENC_ERR_INVALID_PARAM, name, "another size than was announced");
    if (c->gopLength != s->seen.config.gopLength || c->frameIntervalP != s->seen.config.frameIntervalP)
        return refuse(NV_ENC_ERR_UNSUPPORTED_PARAM, name, "another group of pictures");
    if (!coder_set_rate(s->coder, c->rcParams.averageBitRate, next->frameRateNum / next->frameRateDen)) return NV_ENC_ERR_GENERIC;
    s->seen.init = *next;
    s->seen.config = *c;
    s->seen.reconfigured++;
    newest = s->seen;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS create_input(void *encoder, NV_ENC_CREATE_INPUT_BUFFER *p) {
    const char *name = "nvEncCreateInputBuffer";
    BEGIN_INITIALIZED(name)
    VERSION(name, p, NV_ENC_CREATE_INPUT_BUFFER_VER)
    RESERVED(name, p->reserved)
    RESERVED(name, p->reserved1)
    RESERVED(name, p->reserved2)
    if (p->bufferFmt != NV_ENC_BUFFER_FORMAT_NV12) return refuse(NV_ENC_ERR_INVALID_PARAM, name, "another format than NV12");
    if (p->width < s->seen.init.encodeWidth || p->height < s->seen.init.encodeHeight || p->width > MAX_SIDE || p->height > MAX_SIDE)
        return refuse(NV_ENC_ERR_INVALID_PARAM, name, "a size that is not the picture's");
    if (s->buffers == MAX_BUFFERS) return refuse(NV_ENC_ERR_OUT_OF_MEMORY, name, "too many buffers");
    if (option_is("null", "input")) return NV_ENC_SUCCESS;
    struct input *b = calloc(1, sizeof *b);
    *b = (struct input){.width = p->width, .height = p->height, .pitch = ((p->width + 255) & ~255u) + 256};
    b->memory = malloc((size_t)b->pitch * b->height * 3 / 2);
    nv_add(b, "input buffer");
    s->buffers++;
    p->inputBuffer = b;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS destroy_input(void *encoder, NV_ENC_INPUT_PTR buffer) {
    BEGIN_INITIALIZED("nvEncDestroyInputBuffer")
    struct input *b = buffer;
    if (!nv_remove(b, "input buffer")) return NV_ENC_ERR_INVALID_PTR;
    if (b->locked) nv_complain("nvEncDestroyInputBuffer: it is locked");
    free(b->memory);
    free(b);
    s->buffers--;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS create_output(void *encoder, NV_ENC_CREATE_BITSTREAM_BUFFER *p) {
    const char *name = "nvEncCreateBitstreamBuffer";
    BEGIN_INITIALIZED(name)
    VERSION(name, p, NV_ENC_CREATE_BITSTREAM_BUFFER_VER)
    RESERVED(name, p->reserved)
    RESERVED(name, p->reserved1)
    RESERVED(name, p->reserved2)
    if (s->buffers == MAX_BUFFERS * 2) return refuse(NV_ENC_ERR_OUT_OF_MEMORY, name, "too many buffers");
    if (option_is("null", "output")) return NV_ENC_SUCCESS;
    p->bitstreamBuffer = calloc(1, sizeof(struct output));
    nv_add(p->bitstreamBuffer, "bitstream buffer");
    s->buffers++;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS destroy_output(void *encoder, NV_ENC_OUTPUT_PTR buffer) {
    BEGIN_INITIALIZED("nvEncDestroyBitstreamBuffer")
    struct output *b = buffer;
    if (!nv_remove(b, "bitstream buffer")) return NV_ENC_ERR_INVALID_PTR;
    if (b->locked) nv_complain("nvEncDestroyBitstreamBuffer: it is locked");
    free(b->bytes);
    free(b);
    s->buffers--;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS lock_input(void *encoder, NV_ENC_LOCK_INPUT_BUFFER *p) {
    const char *name = "nvEncLockInputBuffer";
    BEGIN_INITIALIZED(name)
    VERSION(name, p, NV_ENC_LOCK_INPUT_BUFFER_VER)
    RESERVED(name, p->reserved1)
    RESERVED(name, p->reserved2)
    struct input *b = p->inputBuffer;
    if (!nv_is(b, "input buffer")) return refuse(NV_ENC_ERR_INVALID_PTR, name, "no input buffer");
    if (b->locked) return refuse(NV_ENC_ERR_INVALID_CALL, name, "it is locked already");
    b->locked = true;
    p->bufferDataPtr = option_is("null", "input-data") ? NULL : b->memory;
    p->pitch = option("pitch", b->pitch);
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS unlock_input(void *encoder, NV_ENC_INPUT_PTR buffer) {
    const char *name = "nvEncUnlockInputBuffer";
    BEGIN_INITIALIZED(name)
    struct input *b = buffer;
    if (!nv_is(b, "input buffer")) return refuse(NV_ENC_ERR_INVALID_PTR, name, "no input buffer");
    if (!b->locked) return refuse(NV_ENC_ERR_INVALID_CALL, name, "it is not locked");
    b->locked = false;
    return NV_ENC_SUCCESS;
}

/* Copies the units, parameter sets only when they were asked for. */
static void store(struct output *b, const uint8_t *data, size_t size, bool hevc, bool sets) {
    if (size > b->capacity) b->bytes = realloc(b->bytes, b->capacity = size * 2);
    b->size = 0;
    for (size_t at = 0; at < size;) {
        size_t next = at + 4;
        while (next + 3 < size && (data[next] || data[next + 1] || data[next + 2] > 1 || (data[next + 2] == 0 && data[next + 3] != 1))) next++;
        if (next + 3 >= size) next = size;
        size_t head = at + (data[at + 2] == 1 ? 3 : 4);
        unsigned type = hevc ? (data[head] >> 1 & 63u) : (data[head] & 31u);
        bool is_set = hevc ? type >= 32 && type <= 34 : type == 7 || type == 8;
        if (sets || !is_set) {
            memcpy(b->bytes + b->size, data + at, next - at);
            b->size += next - at;
        }
        at = next;
    }
}

static NVENCSTATUS encode_picture(void *encoder, NV_ENC_PIC_PARAMS *p) {
    const char *name = "nvEncEncodePicture";
    BEGIN_INITIALIZED(name)
    VERSION(name, p, NV_ENC_PIC_PARAMS_VER)
    RESERVED(name, p->reserved1)
    RESERVED(name, p->reserved2)
    RESERVED(name, p->reserved3)
    RESERVED(name, p->reserved4)
    if (p->encodePicFlags & NV_ENC_PIC_FLAG_EOS) return NV_ENC_SUCCESS;
    struct input *in = p->inputBuffer;
    struct output *out = p->outputBitstream;
    if (!nv_is(in, "input buffer") || !nv_is(out, "bitstream buffer")) return refuse(NV_ENC_ERR_INVALID_PTR, name, "no such buffers");
    if (in->locked) return refuse(NV_ENC_ERR_INVALID_CALL, name, "the input is locked");
    if (out->locked || out->full) return refuse(NV_ENC_ERR_INVALID_CALL, name, "the output has not been taken");
    if (p->bufferFmt != NV_ENC_BUFFER_FORMAT_NV12 || p->pictureStruct != NV_ENC_PIC_STRUCT_FRAME)
        return refuse(NV_ENC_ERR_INVALID_PARAM, name, "another format than whole NV12 pictures");
    if (p->inputWidth != s->seen.init.encodeWidth || p->inputHeight != s->seen.init.encodeHeight)
        return refuse(NV_ENC_ERR_INVALID_PARAM, name, "another size");
    if (p->inputPitch != in->pitch) nv_complain("%s: rows of %u bytes in a buffer that has %u", name, p->inputPitch, in->pitch);
    uint32_t width = p->inputWidth, height = p->inputHeight;
    coder_from_nv12(in->memory, in->memory + (size_t)in->pitch * height, in->pitch, width, height, s->i420);
    size_t luma = (size_t)width * height;
    struct coder_planes planes = {{s->i420, s->i420 + luma, s->i420 + luma * 5 / 4}, {width, width / 2, width / 2}, width, height};
    bool keyframe = p->encodePicFlags & NV_ENC_PIC_FLAG_FORCEIDR && !(option_is("idr", "never") && s->seen.encoded);
    const uint8_t *data;
    size_t size;
    if (!coder_encode(s->coder, &planes, keyframe, &data, &size, &out->keyframe)) return refuse(NV_ENC_ERR_GENERIC, name, "the software encoder failed");
    bool hevc = same(&s->seen.init.encodeGUID, &NV_ENC_CODEC_HEVC_GUID);
    const NV_ENC_CODEC_CONFIG *codec = &s->seen.config.encodeCodecConfig;
    bool never = hevc ? codec->hevcConfig.disableSPSPPS : codec->h264Config.disableSPSPPS;
    bool always = hevc ? codec->hevcConfig.repeatSPSPPS : codec->h264Config.repeatSPSPPS;
    store(out, data, size, hevc, !never && (always || !s->seen.encoded || p->encodePicFlags & NV_ENC_PIC_FLAG_OUTPUT_SPSPPS));
    out->full = true;
    out->timestamp = p->inputTimeStamp;
    out->index = p->frameIdx;
    s->seen.encoded++;
    s->seen.keyframes += out->keyframe;
    newest = s->seen;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS lock_output(void *encoder, NV_ENC_LOCK_BITSTREAM *p) {
    const char *name = "nvEncLockBitstream";
    BEGIN_INITIALIZED(name)
    VERSION(name, p, NV_ENC_LOCK_BITSTREAM_VER)
    RESERVED(name, p->reserved)
    RESERVED(name, p->reserved2)
    struct output *b = p->outputBitstream;
    if (!nv_is(b, "bitstream buffer")) return refuse(NV_ENC_ERR_INVALID_PTR, name, "no bitstream buffer");
    if (b->locked || !b->full) return refuse(NV_ENC_ERR_INVALID_CALL, name, "nothing to take");
    static const uint8_t junk[64] = {1, 2, 3, 4};
    b->locked = true;
    p->bitstreamBufferPtr = option_is("null", "bytes") ? NULL : option_is("bytes", "junk") ? (void *)(uintptr_t)junk : b->bytes;
    p->bitstreamSizeInBytes = option_is("bytes", "junk") ? sizeof junk : option("size", (unsigned)b->size);
    p->pictureType = b->keyframe ? NV_ENC_PIC_TYPE_IDR : NV_ENC_PIC_TYPE_P;
    p->pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
    p->outputTimeStamp = b->timestamp;
    p->frameIdx = b->index;
    p->frameAvgQP = 30;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS unlock_output(void *encoder, NV_ENC_OUTPUT_PTR buffer) {
    const char *name = "nvEncUnlockBitstream";
    BEGIN_INITIALIZED(name)
    struct output *b = buffer;
    if (!nv_is(b, "bitstream buffer")) return refuse(NV_ENC_ERR_INVALID_PTR, name, "no bitstream buffer");
    if (!b->locked) return refuse(NV_ENC_ERR_INVALID_CALL, name, "it is not locked");
    b->locked = b->full = false;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS destroy(void *encoder) {
    BEGIN("nvEncDestroyEncoder")
    if (s->initialized) IN_CONTEXT("nvEncDestroyEncoder")
    if (s->buffers) nv_complain("nvEncDestroyEncoder: %u buffers are still there", s->buffers);
    nv_remove(s, "encode session");
    coder_close(s->coder);
    free(s->i420);
    free(s);
    return NV_ENC_SUCCESS;
}

/* Everything is done when a call returns, so that it does not matter in which stream. */
static NVENCSTATUS set_streams(void *encoder, NV_ENC_CUSTREAM_PTR input, NV_ENC_CUSTREAM_PTR output) {
    BEGIN("nvEncSetIOCudaStreams")
    if (!input || !output) return refuse(NV_ENC_ERR_INVALID_PTR, "nvEncSetIOCudaStreams", "NULL");
    return NV_ENC_SUCCESS;
}

static const char *last_error(void *encoder) { return nv_is(encoder, "encode session") ? "told to fail by a test" : NULL; }

NV_EXPORT NVENCSTATUS NvEncodeAPIGetMaxSupportedVersion(uint32_t *version) {
    int answer;
    if (nv_misbehaves("NvEncodeAPIGetMaxSupportedVersion", &answer)) return (NVENCSTATUS)answer;
    *version = option("api", 12 << 4 | 1);
    return NV_ENC_SUCCESS;
}

NV_EXPORT NVENCSTATUS NvEncodeAPICreateInstance(NV_ENCODE_API_FUNCTION_LIST *list) {
    int answer;
    if (nv_misbehaves("NvEncodeAPICreateInstance", &answer)) return (NVENCSTATUS)answer;
    VERSION("NvEncodeAPICreateInstance", list, NV_ENCODE_API_FUNCTION_LIST_VER)
    *list = (NV_ENCODE_API_FUNCTION_LIST){
        .version = list->version,
        .nvEncOpenEncodeSession = old_open,
        .nvEncOpenEncodeSessionEx = open_session,
        .nvEncGetEncodeGUIDCount = nv_guid_count,
        .nvEncGetEncodeGUIDs = nv_guids,
        .nvEncGetEncodeCaps = nv_caps,
        .nvEncGetEncodePresetConfigEx = nv_preset_config,
        .nvEncInitializeEncoder = initialize,
        .nvEncReconfigureEncoder = reconfigure,
        .nvEncCreateInputBuffer = create_input,
        .nvEncDestroyInputBuffer = destroy_input,
        .nvEncCreateBitstreamBuffer = create_output,
        .nvEncDestroyBitstreamBuffer = destroy_output,
        .nvEncLockInputBuffer = lock_input,
        .nvEncUnlockInputBuffer = unlock_input,
        .nvEncEncodePicture = encode_picture,
        .nvEncLockBitstream = lock_output,
        .nvEncUnlockBitstream = unlock_output,
        .nvEncDestroyEncoder = destroy,
        .nvEncSetIOCudaStreams = set_streams,
        .nvEncGetLastErrorString = last_error,
    };
    return NV_ENC_SUCCESS;
}
