/* What tests see of the stand-in for NVENC beside its interface: how the newest session was configured. */
#ifndef NV_ENCODE_DOUBLE_H
#define NV_ENCODE_DOUBLE_H
#include <stdbool.h>
#include <stdint.h>

#include <ffnvcodec/nvEncodeAPI.h>

struct nv_session_seen {
    NV_ENC_INITIALIZE_PARAMS init; /* as initialized or reconfigured last */
    NV_ENC_CONFIG config;
    uint32_t encoded, keyframes, reconfigured, sessions;
};

__attribute__((visibility("default"))) const struct nv_session_seen *nv_session_seen(void);
#endif
