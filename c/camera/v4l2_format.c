/* Sets a camera's format and rate and judges what the driver made of it: a driver may change any number, and some return
 * nonsense. What passes here is what the rest relies on. */
#include "v4l2.h"

#include <errno.h>
#include <string.h>

/* The numbers of either interface. */
struct answer {
    uint32_t fourcc, width, height, stride, image_bytes, colorspace, encoding, quantization, planes;
};

static bool set(const struct v4l2_device *d, const struct v4l2_choice *c, struct answer *a) {
    struct v4l2_format f = {.type = d->type};
    if (d->mplane) {
        f.fmt.pix_mp = (struct v4l2_pix_format_mplane){
            .width = c->width, .height = c->height, .pixelformat = c->fourcc, .field = V4L2_FIELD_ANY, .num_planes = 1};
        if (v4l2_call(d, VIDIOC_S_FMT, &f) < 0) return false;
        const struct v4l2_pix_format_mplane *p = &f.fmt.pix_mp;
        *a = (struct answer){p->pixelformat,
                             p->width,
                             p->height,
                             p->plane_fmt[0].bytesperline,
                             p->plane_fmt[0].sizeimage,
                             p->colorspace,
                             p->ycbcr_enc,
                             p->quantization,
                             p->num_planes};
        return true;
    }
    f.fmt.pix = (struct v4l2_pix_format){
        .width = c->width, .height = c->height, .pixelformat = c->fourcc, .field = V4L2_FIELD_ANY};
    if (v4l2_call(d, VIDIOC_S_FMT, &f) < 0) return false;
    const struct v4l2_pix_format *p = &f.fmt.pix;
    /* The fields behind it count only with this mark. */
    bool extended = p->priv == V4L2_PIX_FMT_PRIV_MAGIC;
    *a = (struct answer){p->pixelformat,
                         p->width,
                         p->height,
                         p->bytesperline,
                         p->sizeimage,
                         p->colorspace,
                         extended ? p->ycbcr_enc : V4L2_YCBCR_ENC_DEFAULT,
                         extended ? p->quantization : V4L2_QUANTIZATION_DEFAULT,
                         1};
    return true;
}

/* What the default means is written in the kernel's documentation of each colour space. Grey has no colour space to speak of:
 * sensors give all 256 values. */
static void colours(const struct answer *a, struct camera_format *format) {
    uint32_t encoding = a->encoding;
    if (encoding == V4L2_YCBCR_ENC_DEFAULT) encoding = V4L2_MAP_YCBCR_ENC_DEFAULT(a->colorspace);
    uint32_t range = a->quantization;
    if (range == V4L2_QUANTIZATION_DEFAULT && a->fourcc == V4L2_PIX_FMT_GREY) range = V4L2_QUANTIZATION_FULL_RANGE;
    if (range == V4L2_QUANTIZATION_DEFAULT) range = V4L2_MAP_QUANTIZATION_DEFAULT(false, a->colorspace, encoding);
    format->matrix = encoding;
    format->full_range = range == V4L2_QUANTIZATION_FULL_RANGE;
}

static void set_rate(const struct v4l2_device *d, const struct v4l2_choice *c, struct camera_format *format) {
    struct v4l2_streamparm p = {.type = d->type};
    format->interval_num = format->interval_den = 0;
    if (v4l2_call(d, VIDIOC_G_PARM, &p) < 0) return;
    if (c->interval_num && p.parm.capture.capability & V4L2_CAP_TIMEPERFRAME) {
        p.parm.capture.timeperframe = (struct v4l2_fract){c->interval_num, c->interval_den};
        /* A driver that refuses keeps its own rate, which it then tells. */
        if (v4l2_call(d, VIDIOC_S_PARM, &p) < 0 && v4l2_call(d, VIDIOC_G_PARM, &p) < 0) return;
    }
    if (!p.parm.capture.timeperframe.numerator || !p.parm.capture.timeperframe.denominator) return;
    format->interval_num = p.parm.capture.timeperframe.numerator;
    format->interval_den = p.parm.capture.timeperframe.denominator;
}

bool v4l2_set_format(const struct v4l2_device *d, const struct v4l2_choice *c, struct camera_format *format,
                     uint32_t *image_bytes, char *error, size_t error_size) {
    struct answer a;
    if (!set(d, c, &a)) {
        v4l2_explain(error, error_size, d->path, "VIDIOC_S_FMT", errno);
        return false;
    }
    char fourcc[8];
    v4l2_fourcc_text(a.fourcc, fourcc);
    if (!a.width || !a.height || a.width > PB_MAX_WIDTH || a.height > PB_MAX_HEIGHT) {
        pb_error(error, error_size, "camera %s: VIDIOC_S_FMT: its pictures are %ux%u, and 1x1 to %ux%u can be used; choose another "
                 "size by --size", d->path, a.width, a.height, PB_MAX_WIDTH, PB_MAX_HEIGHT);
        return false;
    }
    if (a.planes != 1 || !camera_conversion_cost(a.fourcc)) {
        pb_error(error, error_size, "camera %s: VIDIOC_S_FMT: it gives %s in %u parts, which cannot be converted; choose another "
                 "format by format=FOURCC", d->path, fourcc, a.planes);
        return false;
    }
    *format = (struct camera_format){.fourcc = a.fourcc, .width = a.width, .height = a.height};
    *image_bytes = a.image_bytes;
    if (!camera_is_jpeg(a.fourcc)) {
        uint32_t least = camera_raw_stride(a.fourcc, a.width);
        format->stride = a.stride ? a.stride : least;
        uint64_t bytes = camera_raw_bytes(a.fourcc, a.width, a.height, format->stride);
        if (format->stride < least || !bytes) {
            pb_error(error, error_size, "camera %s: VIDIOC_S_FMT: %u bytes for a row of %u pixels in %s cannot be; its driver is "
                     "broken", d->path, a.stride, a.width, fourcc);
            return false;
        }
        if (bytes > *image_bytes) *image_bytes = (uint32_t)bytes;
    }
    colours(&a, format);
    set_rate(d, c, format);
    return true;
}
