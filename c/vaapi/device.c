/* Finds the device that can encode or decode a codec, and says of one what it can. A driver's answers are checked: counts,
 * profiles and entry points that it names, sizes of images. */
#include "vaapi.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_NODE = 128, NODES = 8, MOST = 256 };

/* Best first. Main before high: what high adds (8x8 transforms) is not used, and every decoder of high knows main. */
static const VAProfile h264_encode[] = {VAProfileH264Main, VAProfileH264High, VAProfileH264ConstrainedBaseline, VAProfileNone};
static const VAProfile h264_decode[] = {VAProfileH264High, VAProfileH264Main, VAProfileH264ConstrainedBaseline, VAProfileNone};
static const VAProfile hevc[] = {VAProfileHEVCMain, VAProfileNone};

static const char *codec_name(enum pb_codec codec) { return codec == PB_HEVC ? "HEVC" : "H.264"; }

static bool has_entrypoint(struct pb_va *va, VAProfile profile, VAEntrypoint wanted) {
    VAEntrypoint list[MOST];
    int count = 0, most = va->MaxNumEntrypoints(va->display);
    if (most < 1 || most > MOST) return false;
    if (va->QueryConfigEntrypoints(va->display, profile, list, &count) != VA_STATUS_SUCCESS) return false;
    for (int i = 0; i < count && i < most; i++)
        if (list[i] == wanted) return true;
    return false;
}

uint32_t pb_va_attribute(struct pb_va *va, VAConfigAttribType type, uint32_t otherwise) {
    VAConfigAttrib attribute = {type, VA_ATTRIB_NOT_SUPPORTED};
    if (va->GetConfigAttributes(va->display, va->profile, va->entrypoint, &attribute, 1) != VA_STATUS_SUCCESS) return otherwise;
    return attribute.value == VA_ATTRIB_NOT_SUPPORTED ? otherwise : attribute.value;
}

/* An entry point without a constant or limited rate (the low-power one, where its firmware is missing) is none for a stream. */
static bool usable(struct pb_va *va, VAProfile profile, VAEntrypoint entrypoint, enum pb_va_use use) {
    if (!has_entrypoint(va, profile, entrypoint)) return false;
    va->profile = profile;
    va->entrypoint = entrypoint;
    if (!(pb_va_attribute(va, VAConfigAttribRTFormat, 0) & VA_RT_FORMAT_YUV420)) return false;
    return use == PB_VA_DECODE || (pb_va_attribute(va, VAConfigAttribRateControl, 0) & (VA_RC_CBR | VA_RC_VBR));
}

static bool choose(struct pb_va *va, enum pb_va_use use, enum pb_codec codec) {
    VAProfile offered[MOST];
    int count = 0, most = va->MaxNumProfiles(va->display);
    if (most < 1 || most > MOST || va->QueryConfigProfiles(va->display, offered, &count) != VA_STATUS_SUCCESS) return false;
    const VAProfile *wanted = codec == PB_HEVC ? hevc : use == PB_VA_ENCODE ? h264_encode : h264_decode;
    for (; *wanted != VAProfileNone; wanted++)
        for (int i = 0; i < count && i < most; i++) {
            if (offered[i] != *wanted) continue;
            if (use == PB_VA_DECODE ? usable(va, *wanted, VAEntrypointVLD, use)
                                    : usable(va, *wanted, VAEntrypointEncSliceLP, use) || usable(va, *wanted, VAEntrypointEncSlice, use))
                return true;
        }
    va->profile = VAProfileNone;
    return false;
}

static struct pb_va *try_device(const char *device, enum pb_va_use use, enum pb_codec codec, char *error, size_t size) {
    struct pb_va *va = pb_va_load(device, error, size);
    if (!va || choose(va, use, codec)) return va;
    pb_error(error, size, "%s (%s): the GPU or its driver cannot %s %s at a set rate (see `vainfo`)", va->device, va->vendor,
             use == PB_VA_ENCODE ? "encode" : "decode", codec_name(codec));
    pb_va_close(va);
    return NULL;
}

struct pb_va *pb_va_open(enum pb_va_use use, enum pb_codec codec, char *error, size_t size) {
    const char *named = getenv("PATCHBAY_VA_DEVICE"), *screen = getenv("DISPLAY");
    if (named && *named) return try_device(named, use, codec, error, size);
    /* The first device that is there has the say in what goes wrong: it is the one that a person expects to work. */
    bool said = false;
    for (int i = 0; i < NODES; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/dri/renderD%d", FIRST_NODE + i);
        if (access(path, F_OK)) continue;
        struct pb_va *va = try_device(path, use, codec, said ? NULL : error, size);
        if (va) return va;
        said = true;
    }
    /* Some drivers work over X11 only. Without any GPU that is not worth a connection, unless somebody names a driver. */
    if (screen && *screen && (said || getenv("LIBVA_DRIVER_NAME"))) return try_device(screen, use, codec, said ? NULL : error, size);
    if (!said)
        pb_error(error, size, "no GPU: there is no /dev/dri/renderD%d; a GPU's kernel driver makes it, and "
                 "`apt install va-driver-all` brings the rest", FIRST_NODE);
    return NULL;
}

bool pb_va_probe(enum pb_va_use use, char *detail, size_t size) {
    struct pb_va *va = pb_va_open(use, PB_H264, detail, size);
    bool h264 = va != NULL;
    if (!va) va = pb_va_open(use, PB_HEVC, NULL, 0);
    if (!va) return false;
    bool hevc_too = choose(va, use, PB_HEVC);
    pb_error(detail, size, "%s on %s: %s%s%s", va->vendor, va->device, h264 ? "H.264" : "", h264 && hevc_too ? ", " : "",
             hevc_too ? "HEVC" : "");
    pb_va_close(va);
    return true;
}

bool pb_va_sync(struct pb_va *va, VASurfaceID surface) {
    if (va->SyncSurface2) {
        VAStatus status = va->SyncSurface2(va->display, surface, PB_VA_SYNC_MS * 1000000ull);
        if (status != VA_STATUS_ERROR_UNIMPLEMENTED) return pb_va_ok(va, status, "vaSyncSurface2");
    }
    return pb_va_ok(va, va->SyncSurface(va->display, surface), "vaSyncSurface");
}

bool pb_va_image_fits(struct pb_va *va, const VAImage *image, uint32_t width, uint32_t height) {
    const uint64_t rows[2] = {height, (height + 1) / 2};
    bool fits = image->format.fourcc == VA_FOURCC_NV12 && image->num_planes == 2 && image->width >= width && image->height >= height;
    for (int i = 0; fits && i < 2; i++)
        fits = image->pitches[i] >= ((width + 1) & ~1u) && image->pitches[i] <= 4 * PB_MAX_WIDTH &&
               image->offsets[i] + (rows[i] - 1) * image->pitches[i] + ((width + 1) & ~1u) <= image->data_size;
    if (!fits)
        pb_va_fail(va, "VA-API on %s (%s): the driver describes a picture of %ux%u that does not lie within its memory "
                   "(%ux%u, pitch %u, %u bytes); update the driver, or choose openh264", va->device, va->vendor, width, height,
                   image->width, image->height, image->pitches[0], image->data_size);
    return fits;
}
