/* A video decoder backend: one file, one vtable. Used by one thread only. Input is hostile until decoded. */
#ifndef PB_DECODE_H
#define PB_DECODE_H
#include "../media/picture.h"
#include "../shim.h"

struct pb_decoder;

struct pb_decoder_backend {
    const char *name;
    bool (*probe)(char *detail, size_t size);
    struct pb_decoder *(*open)(char *error, size_t error_size);
    /* PB_OK: `picture` holds the decoded picture until the next call. PB_AGAIN: needs more.
     * PB_ERROR: damaged; the caller asks for a keyframe and goes on. */
    enum pb_status (*decode)(struct pb_decoder *decoder, const uint8_t *data, uint32_t size, struct pb_picture *picture);
    void (*close)(struct pb_decoder *decoder);
};

extern const struct pb_decoder_backend *const pb_decoder_backends[];
#endif
