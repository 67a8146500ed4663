/* What the files of the NVENC encoder share: one open session with what its GPU can do and how it is configured. Follows
 * NVIDIA's Video Codec SDK 11.1; every driver since 470 knows that version. */
#ifndef PB_NVENC_H
#define PB_NVENC_H
#include "../nvidia/cuda.h"
#include "encode.h"

#include <ffnvcodec/nvEncodeAPI.h>

/* What nvEncGetEncodeCaps says of one codec. */
struct pb_nvenc_limits {
    int min_width, min_height, max_width, max_height, rate_controls, custom_vbv, cabac, dynamic_rate;
};

struct pb_encoder {
    struct pb_cuda cuda;
    NV_ENCODE_API_FUNCTION_LIST api;
    void *session;
    struct pb_nvenc_limits limits;
    struct pb_encoder_settings settings; /* what runs now */
    uint32_t width, height;              /* even */
    NV_ENC_INITIALIZE_PARAMS init;
    NV_ENC_CONFIG config;
    NV_ENC_INPUT_PTR input;
    uint32_t pitch; /* bytes from row to row of `input`, as the driver said last */
    NV_ENC_OUTPUT_PTR output;
    uint64_t frames, since_keyframe; /* pictures encoded, in all and since the last keyframe was asked for */
    uint8_t *bytes;                  /* one access unit, grown when needed */
    size_t capacity;
    bool entered;      /* the GPU's context is this thread's current one */
    char failure[384]; /* of the last call that failed */
};

/* Opens the libraries and checks that the driver knows this version of the interface. */
bool pb_nvenc_load(struct pb_encoder *e, char *error, size_t size);
/* The GPU's context becomes the thread's current one, for the calls until pb_nvenc_leave; false with `failure` set. */
bool pb_nvenc_enter(struct pb_encoder *e);
void pb_nvenc_leave(struct pb_encoder *e);
/* Opens a session for `codec` on the first GPU that has an encoder for it, and stays entered. */
bool pb_nvenc_open_session(struct pb_encoder *e, enum pb_codec codec, char *error, size_t size);
/* Does the session's GPU encode it? */
bool pb_nvenc_knows(struct pb_encoder *e, enum pb_codec codec);
/* Ends the session, leaves, and lets the GPU go. */
void pb_nvenc_close_session(struct pb_encoder *e);
/* Notes in `failure` that `call` answered `status`: GPU, call, reason, remedy. */
void pb_nvenc_fail(struct pb_encoder *e, const char *call, NVENCSTATUS status);
const GUID *pb_nvenc_codec(enum pb_codec codec);
const char *pb_nvenc_codec_name(enum pb_codec codec);

/* Fills `init` and `config` from the preset and `settings`. */
NVENCSTATUS pb_nvenc_configure(struct pb_encoder *e);
/* The part that may change while running: rate, frame rate, quality. */
void pb_nvenc_set_rate(NV_ENC_INITIALIZE_PARAMS *init, NV_ENC_CONFIG *config, const struct pb_nvenc_limits *limits,
                       const struct pb_encoder_settings *settings);
#endif
