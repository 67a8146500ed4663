/* A video encoder backend: one file, one vtable. Used by one thread only. */
#ifndef PB_ENCODE_H
#define PB_ENCODE_H
#include "../media/picture.h"
#include "../shim.h"

struct pb_encoder;

struct pb_encoder_settings {
    uint32_t width, height;      /* pixels; odd sizes are the encoder's to pad */
    uint32_t fps;                /* frames per second */
    uint32_t bitrate_bps;        /* bits per second, constant rate */
    uint32_t keyframe_interval;  /* frames from keyframe to keyframe, 0 for only on demand */
    uint32_t quality;            /* 0-100: share of detail the rate control may keep; 50 is neutral */
    enum pb_codec codec;
    uint32_t slices;             /* of a picture, 0 for the encoder's own choice */
};

struct pb_access_unit {
    const uint8_t *data; /* Annex B; the encoder's, valid until its next call */
    uint32_t size;       /* bytes; 0 when rate control skipped the frame */
    bool keyframe;
};

struct pb_encoder_backend {
    const char *name;
    enum pb_format input;
    uint32_t codecs; /* bit 1 << codec for each that it may be able to encode; open() tells for sure */
    bool imports;    /* encode() may be given a BGRA picture with `dmabuf`; it answers PB_UNSUPPORTED when it cannot read that one */
    bool (*probe)(char *detail, size_t size);
    struct pb_encoder *(*open)(const struct pb_encoder_settings *settings, char *error, size_t error_size);
    /* New bitrate, fps or quality while running; another size needs a new encoder. */
    enum pb_status (*reconfigure)(struct pb_encoder *encoder, const struct pb_encoder_settings *settings);
    /* PB_LOST: the device is gone or broken for good; the caller goes on with another backend and a keyframe. */
    enum pb_status (*encode)(struct pb_encoder *encoder, const struct pb_picture *picture, uint64_t capture_us, bool keyframe,
                             struct pb_access_unit *out);
    /* Why the last call failed: device, call, what it said, remedy. May be NULL. */
    void (*failure)(const struct pb_encoder *encoder, char *out, size_t size);
    void (*close)(struct pb_encoder *encoder);
};

extern const struct pb_encoder_backend *const pb_encoder_backends[];
#endif
