/* A stand-in for a GPU's VA-API driver, for tests on machines without one: a software driver that libva loads like any other
 * (standin_drv_video.so). It checks every call against what va.h and its kin demand, more strictly than drivers do: identifiers,
 * lifetimes, order, sizes, values, what packed headers say against what parameters say. What it finds it writes into the file
 * named by VA_STANDIN_REPORT as "violation: ...", and what lives at the end as "leak: ...". Pictures are really encoded and
 * decoded: H.264 by openh264, HEVC by x265 and libde265, whose own headers are thrown away and written anew from the
 * parameters, so that wrong parameters give a stream or a picture that is wrong.
 * VA_STANDIN, a list of words, makes it misbehave: see va_driver.c. Never shipped. */
#ifndef VA_STANDIN_H
#define VA_STANDIN_H
#include "va_bits.h"

#include <stdio.h>
#include <va/va.h>
#include <va/va_backend.h>
#include <va/va_backend_vpp.h>
#include <va/va_drmcommon.h>
#include <va/va_vpp.h>

enum kind { CONFIG = 1, CONTEXT, SURFACE, BUFFER, IMAGE };
enum { MOST_OBJECTS = 4096, MOST_RENDERED = 512 };

struct object {
    enum kind kind;
    VAGenericID id;
    struct object *config;    /* of a context */
    VAProfile profile;        /* config */
    VAEntrypoint entrypoint;
    uint32_t rate_control, packed;
    uint32_t width, height;   /* surface, context, image: pixels */
    uint32_t fourcc, pitch;   /* surface */
    uint8_t *data;            /* surface, buffer */
    size_t size;              /* bytes of data */
    void *map;                /* memory of another that a surface was imported from, and its size */
    size_t map_size;
    bool pending;             /* surface: given work and not waited for. buffer (coded): its picture likewise */
    uint64_t picture;         /* surface: number of the picture whose reconstruction it holds, from 1 */
    uint32_t elements;        /* buffer */
    VABufferType type;
    VAContextID context;
    bool mapped;
    VACodedBufferSegment *segments;
    VASurfaceID derived;      /* image, its buffer: the surface whose memory it is; the buffer owns none then */
    VASurfaceID awaits;       /* coded buffer: the surface to wait for */
    VABufferID buffer;
    bool begun;               /* context */
    VASurfaceID target;
    VASurfaceID targets[32];
    int target_count;
    VABufferID rendered[MOST_RENDERED];
    unsigned rendered_count;
    void *codec;              /* context: state of the real encoder or decoder */
    void (*free_codec)(void *codec);
};

struct driver {
    struct object *objects[MOST_OBJECTS];
    uint32_t made, calls_failing_at, encoded, decoded, converted, violations, pictures;
    bool lost;
    char options[256];
    FILE *report;
    VADriverContextP context;
};

static inline struct driver *driver_of(VADriverContextP ctx) { return ctx->pDriverData; }

/* Writes down a broken rule; the result is for returning. */
__attribute__((format(printf, 3, 4))) VAStatus violation(struct driver *d, VAStatus status, const char *format, ...);
struct object *find(struct driver *d, VAGenericID id, enum kind kind);
struct object *make(struct driver *d, enum kind kind);
void destroy(struct driver *d, struct object *o);
bool told(const struct driver *d, const char *word);
/* Number behind "word=", or 0. */
uint32_t told_number(const struct driver *d, const char *word);
/* True when this call is to fail: counts those of its name. */
bool misbehaves(struct driver *d, const char *call);

/* va_pictures.c */
void picture_functions(struct VADriverVTable *v);

/* va_images.c */
void image_functions(struct VADriverVTable *v, struct VADriverVTableVPP *p);
uint8_t *chroma_of(struct object *surface);
VAStatus process_picture(struct driver *d, struct object *context);

/* Encoders: the whole picture at vaEndPicture. `fill_coded` puts bytes into the coded buffer as segments. */
VAStatus encode_h264(struct driver *d, struct object *context);
VAStatus encode_hevc(struct driver *d, struct object *context);
VAStatus fill_coded(struct driver *d, struct object *coded, const struct bytes *out);
/* What is checked in either codec: slices' and sequences' shared rules. */
VAStatus check_misc(struct driver *d, const struct object *buffer, uint32_t *bitrate, uint32_t *fps, uint32_t *min_qp, uint32_t *max_qp);
VAStatus check_coded(struct driver *d, VABufferID id, struct object **coded, uint32_t width, uint32_t height);

VAStatus decode_h264(struct driver *d, struct object *context);
VAStatus decode_hevc(struct driver *d, struct object *context);
#endif
