/* What a camera offers: formats, frame sizes and rates, each kind (discrete, stepwise, continuous) as the driver tells it.
 * Values that no picture can have are left out; lists end after a stated count, whatever the driver says. */
#include "v4l2.h"

#include <string.h>

unsigned v4l2_each_format(const struct v4l2_device *d, v4l2_format_visitor visit, void *context) {
    unsigned told = 0;
    for (uint32_t i = 0; i < V4L2_MOST_FORMATS; i++) {
        struct v4l2_fmtdesc f = {.index = i, .type = d->type};
        if (v4l2_call(d, VIDIOC_ENUM_FMT, &f) < 0) break;
        if (!f.pixelformat) continue;
        told++;
        if (!visit(context, &f)) break;
    }
    return told;
}

static bool fits(uint32_t width, uint32_t height) {
    return width && height && width <= PB_MAX_WIDTH && height <= PB_MAX_HEIGHT;
}

/* Makes steps and bounds usable, or says that they are not. */
static bool check_stepwise(struct v4l2_frmsize_stepwise *s) {
    if (!s->step_width) s->step_width = 1;
    if (!s->step_height) s->step_height = 1;
    if (!s->min_width) s->min_width = s->step_width;
    if (!s->min_height) s->min_height = s->step_height;
    if (s->max_width > PB_MAX_WIDTH) s->max_width = PB_MAX_WIDTH;
    if (s->max_height > PB_MAX_HEIGHT) s->max_height = PB_MAX_HEIGHT;
    return s->min_width <= s->max_width && s->min_height <= s->max_height;
}

unsigned v4l2_each_size(const struct v4l2_device *d, uint32_t fourcc, v4l2_size_visitor visit, void *context) {
    unsigned told = 0;
    for (uint32_t i = 0; i < V4L2_MOST_SIZES; i++) {
        struct v4l2_frmsizeenum s = {.index = i, .pixel_format = fourcc};
        if (v4l2_call(d, VIDIOC_ENUM_FRAMESIZES, &s) < 0) break;
        bool discrete = s.type == V4L2_FRMSIZE_TYPE_DISCRETE;
        bool usable = discrete ? fits(s.discrete.width, s.discrete.height)
                               : (s.type == V4L2_FRMSIZE_TYPE_STEPWISE || s.type == V4L2_FRMSIZE_TYPE_CONTINUOUS) &&
                                     check_stepwise(&s.stepwise);
        if (usable) {
            told++;
            if (!visit(context, &s)) break;
        }
        if (!discrete) break; /* one tells all sizes */
    }
    return told;
}

static bool is_time(const struct v4l2_fract *f) { return f->numerator && f->denominator; }

unsigned v4l2_each_rate(const struct v4l2_device *d, uint32_t fourcc, uint32_t width, uint32_t height, v4l2_rate_visitor visit,
                        void *context) {
    unsigned told = 0;
    for (uint32_t i = 0; i < V4L2_MOST_RATES; i++) {
        struct v4l2_frmivalenum r = {.index = i, .pixel_format = fourcc, .width = width, .height = height};
        if (v4l2_call(d, VIDIOC_ENUM_FRAMEINTERVALS, &r) < 0) break;
        bool discrete = r.type == V4L2_FRMIVAL_TYPE_DISCRETE;
        bool usable = discrete ? is_time(&r.discrete) : is_time(&r.stepwise.min) && is_time(&r.stepwise.max);
        if (usable) {
            told++;
            if (!visit(context, &r)) break;
        }
        if (!discrete) break;
    }
    return told;
}

struct telling {
    const struct v4l2_device *device;
    struct v4l2_lines *lines;
    uint32_t fourcc;
};

/* rate: seconds from frame to frame, as fractions: kind, least, and for ranges most and step. */
static bool tell_rate(void *context, const struct v4l2_frmivalenum *r) {
    struct telling *t = context;
    const struct v4l2_frmival_stepwise *s = &r->stepwise;
    if (r->type == V4L2_FRMIVAL_TYPE_DISCRETE)
        v4l2_line(t->lines, "rate\tdiscrete\t%u\t%u", r->discrete.numerator, r->discrete.denominator);
    else
        v4l2_line(t->lines, "rate\t%s\t%u\t%u\t%u\t%u\t%u\t%u", r->type == V4L2_FRMIVAL_TYPE_STEPWISE ? "stepwise" : "continuous",
                  s->min.numerator, s->min.denominator, s->max.numerator, s->max.denominator, s->step.numerator,
                  s->step.denominator);
    return !t->lines->cut;
}

static bool tell_size(void *context, const struct v4l2_frmsizeenum *f) {
    struct telling *t = context;
    const struct v4l2_frmsize_stepwise *s = &f->stepwise;
    bool discrete = f->type == V4L2_FRMSIZE_TYPE_DISCRETE;
    uint32_t width = discrete ? f->discrete.width : s->max_width, height = discrete ? f->discrete.height : s->max_height;
    if (discrete)
        v4l2_line(t->lines, "size\tdiscrete\t%u\t%u", width, height);
    else
        v4l2_line(t->lines, "size\t%s\t%u\t%u\t%u\t%u\t%u\t%u", f->type == V4L2_FRMSIZE_TYPE_STEPWISE ? "stepwise" : "continuous",
                  s->min_width, s->max_width, s->step_width, s->min_height, s->max_height, s->step_height);
    v4l2_each_rate(t->device, t->fourcc, width, height, tell_rate, t);
    return !t->lines->cut;
}

static bool tell_format(void *context, const struct v4l2_fmtdesc *f) {
    struct telling *t = context;
    char fourcc[8], description[33];
    v4l2_fourcc_text(f->pixelformat, fourcc);
    v4l2_text(description, sizeof description, f->description, sizeof f->description);
    const char *use = camera_is_jpeg(f->pixelformat) ? "jpeg" : camera_conversion_cost(f->pixelformat) ? "raw" : "no";
    v4l2_line(t->lines, "format\t%s\t%s\t%u\t%s", fourcc, description, f->flags, use);
    t->fourcc = f->pixelformat;
    v4l2_each_size(t->device, f->pixelformat, tell_size, t);
    return !t->lines->cut;
}

void v4l2_tell_formats(const struct v4l2_device *d, struct v4l2_lines *lines) {
    struct telling t = {d, lines, 0};
    v4l2_each_format(d, tell_format, &t);
}
