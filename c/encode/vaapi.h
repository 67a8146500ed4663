/* The VA-API encoder's parts: vaapi.c (the vtable, the turn of a picture), vaapi_session.c (what is made at the start and
 * destroyed at the end), vaapi_input.c (pixels into the surface), vaapi_rate.c (rate control), vaapi_output.c (bytes out of the
 * driver's buffer), vaapi_h264.c and vaapi_hevc.c (the codecs' parameters). */
#ifndef PB_ENCODE_VAAPI_H
#define PB_ENCODE_VAAPI_H
#include "../vaapi/vaapi.h"
#include "encode.h"
#include "h26x_headers.h"

enum { PB_VA_SLICES = 32, PB_VA_BUFFERS = 16 + 2 * 2 * PB_VA_SLICES };

struct pb_va_codec {
    /* Fills the stream's description from settings and attributes. False with `failure` set. */
    bool (*describe)(struct pb_encoder *e);
    /* Adds the buffers of one picture, in the order of rendering. */
    bool (*picture)(struct pb_encoder *e, bool idr);
    /* Writes the parameter sets as the stream needs them before a keyframe; returns their number. */
    uint32_t (*parameter_sets)(struct pb_encoder *e, struct pb_nal sets[3]);
    /* 0 for what is no parameter set or slice, 1 for a parameter set, 2 for a slice, 3 for one of an IDR picture. */
    unsigned (*kind)(const uint8_t *nal);
    uint32_t sets;  /* parameter sets before a keyframe */
};

struct pb_encoder {
    struct pb_va *va;
    const struct pb_va_codec *codec;
    struct pb_encoder_settings settings; /* what runs now */
    uint32_t width, height;              /* even */
    uint32_t coded_width, coded_height;  /* multiples of the codec's blocks */
    struct pb_h264_stream h264;
    struct pb_hevc_stream hevc;
    uint32_t rate_control, packed;       /* VA_RC_*, VA_ENC_PACKED_HEADER_* in use */
    uint32_t slices, slice_rows, rows;   /* rows of blocks: of a slice, of the picture */
    VAConfigID config;
    VAContextID context;
    VASurfaceID input, kept[2];          /* what is encoded; the last picture as decoders have it, and the present one */
    VABufferID coded;
    uint32_t coded_capacity;
    VABufferID buffers[PB_VA_BUFFERS];
    uint32_t buffer_count;
    uint32_t since_idr, idrs, failures;  /* pictures since the last IDR picture; failed calls of encode in a row */
    bool needs_idr, rate_changed;
    uint8_t *bytes;                      /* one access unit */
    size_t capacity;
    VAConfigID import_config;            /* of the conversion of imported pictures; VA_INVALID_ID until it is needed */
    VAContextID import_context;
    bool import_impossible, put_image;   /* put_image: the driver lets no surface be mapped */
};

bool pb_va_session_open(struct pb_encoder *e);
void pb_va_session_close(struct pb_encoder *e);

/* Creates a parameter buffer that is rendered with this picture. */
bool pb_va_add(struct pb_encoder *e, VABufferType type, const void *data, size_t size, const char *what);
/* A header of ours for the driver to put into the stream, when it takes such. */
bool pb_va_add_header(struct pb_encoder *e, uint32_t type, const struct pb_nal *nal);
bool pb_va_add_rate(struct pb_encoder *e);

bool pb_va_upload(struct pb_encoder *e, const struct pb_picture *picture);
/* PB_UNSUPPORTED when the driver cannot read this one. */
enum pb_status pb_va_import(struct pb_encoder *e, const struct pb_picture *picture);
bool pb_va_take_output(struct pb_encoder *e, bool idr, struct pb_access_unit *out);

extern const struct pb_va_codec pb_va_h264, pb_va_hevc;
#endif
