/* VA-API, opened at run time: libva is the user's, with the driver of the GPU that is there, and nothing of it is linked.
 * One struct pb_va is one opened device with what it offers for one codec. Used by one thread only. It never chooses between
 * encoders; whoever has a device calls its functions through the table here, as `va->CreateConfig(va->display, ...)`. */
#ifndef PB_VA_H
#define PB_VA_H
#include "../media/picture.h"
#include "../shim.h"

#include <va/va.h>
#include <va/va_drmcommon.h>
#include <va/va_vpp.h>

#define PB_VA_FUNCTIONS(F) \
    F(Initialize) F(Terminate) F(QueryVendorString) F(ErrorStr) F(SetErrorCallback) F(SetInfoCallback) \
    F(MaxNumProfiles) F(MaxNumEntrypoints) F(MaxNumImageFormats) F(QueryConfigProfiles) F(QueryConfigEntrypoints) \
    F(QueryImageFormats) F(GetConfigAttributes) F(CreateConfig) F(DestroyConfig) F(CreateSurfaces) F(DestroySurfaces) \
    F(CreateContext) F(DestroyContext) F(CreateBuffer) F(DestroyBuffer) F(MapBuffer) F(UnmapBuffer) F(BeginPicture) \
    F(RenderPicture) F(EndPicture) F(SyncSurface) F(CreateImage) F(DestroyImage) F(DeriveImage) F(GetImage) F(PutImage) \
    F(QueryVideoProcPipelineCaps)

enum pb_va_use { PB_VA_ENCODE, PB_VA_DECODE };

enum { PB_VA_PROFILES = 4, PB_VA_SYNC_MS = 2000 };

struct pb_va {
    void *library, *system, *xlib; /* libva; libva-drm or libva-x11; libX11 with the latter */
    int node;                      /* descriptor of the render node, or -1 */
    void *x11;                     /* the connection, or NULL */
    VADisplay display;
    bool initialized;
    VAProfile profile;
    VAEntrypoint entrypoint;
    char device[64], vendor[96];
    char said[160];   /* what libva or the driver last complained about, "" for nothing */
    char failure[512]; /* of the last call that failed: device, call, reason, remedy */
    VAStatus status;   /* and what it returned; VA_STATUS_SUCCESS when the calls went well and their results were wrong */
#define F(name) __typeof__(va##name) *name;
    PB_VA_FUNCTIONS(F)
#undef F
    __typeof__(vaSyncSurface2) *SyncSurface2; /* NULL before libva 2.9 */
};

/* The first device that can do it: the render nodes in turn, then the X11 display; PATCHBAY_VA_DEVICE names one, by path or as
 * an X11 display (":0"). NULL with a sentence that names what is missing and how to get it. */
struct pb_va *pb_va_open(enum pb_va_use use, enum pb_codec codec, char *error, size_t size);
void pb_va_close(struct pb_va *va);

/* For probes: true with device and driver in `detail` when some codec can be had. */
bool pb_va_probe(enum pb_va_use use, char *detail, size_t size);

/* True on success; else `failure` says what failed. */
bool pb_va_ok(struct pb_va *va, VAStatus status, const char *call);
__attribute__((format(printf, 2, 3))) void pb_va_fail(struct pb_va *va, const char *format, ...);

/* Waits for a surface, with a limit where libva knows one: a hung GPU must not take the thread with it. */
bool pb_va_sync(struct pb_va *va, VASurfaceID surface);

/* Value of one attribute of the device's profile and entry point; `otherwise` where the driver does not say. */
uint32_t pb_va_attribute(struct pb_va *va, VAConfigAttribType type, uint32_t otherwise);

/* A driver's word for where an NV12 picture lies in `image`'s buffer, believed only when it all fits. Else false with
 * `failure` set. */
bool pb_va_image_fits(struct pb_va *va, const VAImage *image, uint32_t width, uint32_t height);

/* device.c's, for library.c's callers: one device, by path or X11 display. */
struct pb_va *pb_va_load(const char *device, char *error, size_t size);
#endif
