/* The inside of the stand-in for NVENC: a session and its buffers, and how each function begins. */
#ifndef NV_SESSION_DOUBLE_H
#define NV_SESSION_DOUBLE_H
#include "coder.h"
#include "nv.h"
#include "nv_encode.h"

#include <stdlib.h>

enum { MIN_SIDE = 16, MAX_SIDE = 4096, MAX_BUFFERS = 64 };

struct input {
    uint32_t width, height, pitch;
    uint8_t *memory;
    bool locked;
};

struct output {
    uint8_t *bytes;
    size_t size, capacity;
    bool full, locked, keyframe;
    uint64_t timestamp;
    uint32_t index;
};

struct session {
    CUcontext context;
    bool initialized;
    struct coder *coder;
    uint8_t *i420;
    unsigned buffers;
    struct nv_session_seen seen;
};

static inline unsigned option(const char *name, unsigned otherwise) {
    const char *value = nv_option(name);
    return value ? (unsigned)strtoul(value, NULL, 0) : otherwise;
}

static inline bool option_is(const char *name, const char *wanted) {
    const char *value = nv_option(name);
    return value && !strcmp(value, wanted);
}

static inline NVENCSTATUS refuse(NVENCSTATUS status, const char *function, const char *why) {
    nv_complain("%s: %s", function, why);
    return status;
}

static inline bool same(const GUID *a, const GUID *b) { return !memcmp(a, b, sizeof *a); }

/* Everything but the opening begins so. */
#define BEGIN(function) \
    struct session *s = encoder; \
    int answer; \
    if (nv_misbehaves(function, &answer)) return (NVENCSTATUS)answer; \
    if (!nv_is(s, "encode session")) return refuse(NV_ENC_ERR_INVALID_ENCODERDEVICE, function, "no session");

/* Questions may be asked from anywhere; what touches the GPU is done in its context. */
#define IN_CONTEXT(function) \
    if (nv_current() != s->context) nv_complain("%s: the session's context is not current", function);

#define BEGIN_INITIALIZED(function) \
    BEGIN(function) \
    IN_CONTEXT(function) \
    if (!s->initialized) return refuse(NV_ENC_ERR_ENCODER_NOT_INITIALIZED, function, "before nvEncInitializeEncoder");

#define VERSION(function, p, wanted) \
    if (!(p)) return refuse(NV_ENC_ERR_INVALID_PTR, function, "NULL"); \
    if ((p)->version != (wanted)) return refuse(NV_ENC_ERR_INVALID_VERSION, function, "another version of the struct");

#define RESERVED(function, field) \
    if (!nv_zeros(&(field), sizeof(field))) return refuse(NV_ENC_ERR_INVALID_PARAM, function, "reserved " #field " is not zero");

/* nv_setup.c: what the GPU offers, and what is wrong with a configuration, or NULL. */
NVENCSTATUS nv_guid_count(void *encoder, uint32_t *count);
NVENCSTATUS nv_guids(void *encoder, GUID *list, uint32_t size, uint32_t *count);
NVENCSTATUS nv_caps(void *encoder, GUID codec, NV_ENC_CAPS_PARAM *p, int *value);
NVENCSTATUS nv_preset_config(void *encoder, GUID codec, GUID wanted, NV_ENC_TUNING_INFO tuning, NV_ENC_PRESET_CONFIG *p);
const char *nv_objection(const NV_ENC_INITIALIZE_PARAMS *p, const NV_ENC_CONFIG *c);
#endif
