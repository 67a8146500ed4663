/* A video decoder backend: one file, one vtable. Used by one thread only. Input is hostile until decoded. */
#ifndef PB_DECODE_H
#define PB_DECODE_H
#include "../media/picture.h"
#include "../shim.h"

struct pb_decoder;

struct pb_decoder_backend {
    const char *name;
    uint32_t codecs; /* bit 1 << codec for each that it may be able to decode */
    bool (*probe)(char *detail, size_t size);
    struct pb_decoder *(*open)(enum pb_codec codec, char *error, size_t error_size);
    /* PB_OK: `picture` holds the decoded picture until the next call. PB_AGAIN: needs more.
     * PB_ERROR: damaged; the caller asks for a keyframe and goes on. PB_LOST: the device is gone or broken for good; the
     * caller goes on with another backend from the next keyframe. Pictures are I420 or NV12. */
    enum pb_status (*decode)(struct pb_decoder *decoder, const uint8_t *data, uint32_t size, struct pb_picture *picture);
    /* Why the last call failed: device, call, what it said, remedy. May be NULL. */
    void (*failure)(const struct pb_decoder *decoder, char *out, size_t size);
    void (*close)(struct pb_decoder *decoder);
};

extern const struct pb_decoder_backend *const pb_decoder_backends[];
#endif
