/* The VA-API decoder's parts: vaapi.c (the vtable), vaapi_session.c (surfaces, context, the turn of a picture), vaapi_output.c
 * (pixels out of a surface), vaapi_h264.c with vaapi_h264_frames.c and vaapi_hevc.c (what the driver must know of a picture). */
#ifndef PB_DECODE_VAAPI_H
#define PB_DECODE_VAAPI_H
#include "../vaapi/vaapi.h"
#include "decode.h"

enum { PB_VD_SURFACES = 18, PB_VD_BUFFERS = 2 + 2 * 128 };

struct pb_crop {
    uint32_t left, right, top, bottom; /* pixels that are not shown, even */
};

struct pb_vd_codec {
    void *(*open)(void);
    /* Decodes one access unit. PB_OK: *surface has the picture. PB_AGAIN: there was none. */
    enum pb_status (*decode)(struct pb_decoder *d, const uint8_t *data, uint32_t size, VASurfaceID *surface, struct pb_crop *crop);
};

struct pb_decoder {
    struct pb_va *va;
    const struct pb_vd_codec *codec;
    void *stream; /* the codec's state */
    VAConfigID config;
    VAContextID context;
    uint32_t width, height;        /* coded pixels of the surfaces */
    VASurfaceID surfaces[PB_VD_SURFACES];
    uint32_t surface_count;
    VABufferID buffers[PB_VD_BUFFERS];
    uint32_t buffer_count;
    VAImage image;                 /* image_id VA_INVALID_ID: none */
    bool derived, mapped, derive;  /* the image is a surface's own; it is mapped; the driver copies no images out */
    bool broken;                   /* nothing can be decoded up to the next keyframe */
};

/* Surfaces and context for pictures of this size; those that run already are kept. */
bool pb_vd_start(struct pb_decoder *d, uint32_t width, uint32_t height, uint32_t surfaces);
void pb_vd_stop(struct pb_decoder *d);
bool pb_vd_add(struct pb_decoder *d, VABufferType type, const void *data, size_t size, const char *what);
/* Decodes what was added into `target` and waits for it. */
bool pb_vd_run(struct pb_decoder *d, VASurfaceID target);
void pb_vd_drop(struct pb_decoder *d);
/* After a call that failed: damaged bytes, or is the device to blame? */
enum pb_status pb_vd_blame(struct pb_decoder *d);
/* The stream needs what is not decoded here. */
enum pb_status pb_vd_unknown(struct pb_decoder *d, const char *what);
enum pb_status pb_vd_damaged(struct pb_decoder *d, const char *what);

bool pb_vd_output(struct pb_decoder *d, VASurfaceID surface, const struct pb_crop *crop, struct pb_picture *picture);
void pb_vd_release(struct pb_decoder *d); /* the memory of the last output */
void pb_vd_forget_image(struct pb_decoder *d);

extern const struct pb_vd_codec pb_vd_h264, pb_vd_hevc;
#endif
