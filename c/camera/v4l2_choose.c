/* Chooses format, size and rate among what a camera offers. The size nearest to the wanted one goes first, then the rate (no
 * more than wanted counts), then the cheapest conversion: so MJPEG wins exactly where raw pixels come too slowly. */
#include "v4l2.h"

#include <stdlib.h>

enum { DEFAULT_WIDTH = 1280, DEFAULT_HEIGHT = 720, DEFAULT_FPS = 30 };

struct candidate {
    struct v4l2_choice choice;
    uint64_t distance; /* of the size, pixels */
    double fps;        /* at most the wanted rate; that when the device does not say */
    uint32_t cost;
};

struct search {
    const struct v4l2_device *device;
    struct v4l2_wish wish;
    struct candidate here, best;
    bool found;
};

static uint64_t apart(uint32_t a, uint32_t b) { return a > b ? a - b : b - a; }

static uint32_t nearest_step(uint32_t wanted, uint32_t least, uint32_t most, uint32_t step) {
    if (wanted <= least) return least;
    if (wanted >= most) wanted = most;
    uint32_t below = least + (wanted - least) / step * step;
    return wanted - below > step / 2 && below + step <= most ? below + step : below;
}

static void offer_size(struct search *s, uint32_t width, uint32_t height) {
    uint64_t distance = apart(width, s->wish.width) + apart(height, s->wish.height);
    if (s->here.choice.width && distance >= s->here.distance) return;
    s->here.choice.width = width;
    s->here.choice.height = height;
    s->here.distance = distance;
}

static bool visit_size(void *context, const struct v4l2_frmsizeenum *f) {
    struct search *s = context;
    const struct v4l2_frmsize_stepwise *r = &f->stepwise;
    if (f->type == V4L2_FRMSIZE_TYPE_DISCRETE)
        offer_size(s, f->discrete.width, f->discrete.height);
    else
        offer_size(s, nearest_step(s->wish.width, r->min_width, r->max_width, r->step_width),
                   nearest_step(s->wish.height, r->min_height, r->max_height, r->step_height));
    return true;
}

/* Nearer to the wanted rate from below, or the slowest that is not below. */
static void offer_rate(struct search *s, struct v4l2_fract interval) {
    double fps = (double)interval.denominator / interval.numerator, wanted = s->wish.fps;
    double known = s->here.choice.interval_num ? (double)s->here.choice.interval_den / s->here.choice.interval_num : 0;
    bool better = !known || (known < wanted * 0.98 ? fps > known : fps >= wanted * 0.98 && fps < known);
    if (!better) return;
    s->here.choice.interval_num = interval.numerator;
    s->here.choice.interval_den = interval.denominator;
}

static bool visit_rate(void *context, const struct v4l2_frmivalenum *r) {
    struct search *s = context;
    if (r->type == V4L2_FRMIVAL_TYPE_DISCRETE) {
        offer_rate(s, r->discrete);
        return true;
    }
    offer_rate(s, r->stepwise.min);
    offer_rate(s, r->stepwise.max);
    double shortest = (double)r->stepwise.min.numerator / r->stepwise.min.denominator;
    double longest = (double)r->stepwise.max.numerator / r->stepwise.max.denominator;
    double wanted = 1.0 / s->wish.fps;
    if (wanted > shortest && wanted < longest) offer_rate(s, (struct v4l2_fract){1, s->wish.fps});
    return true;
}

/* What a driver without a list of sizes would make of the wanted one. */
static void try_size(struct search *s) {
    struct v4l2_format f = {.type = s->device->type};
    const struct v4l2_choice *c = &s->here.choice;
    if (s->device->mplane)
        f.fmt.pix_mp = (struct v4l2_pix_format_mplane){
            .width = s->wish.width, .height = s->wish.height, .pixelformat = c->fourcc, .num_planes = 1};
    else
        f.fmt.pix = (struct v4l2_pix_format){.width = s->wish.width, .height = s->wish.height, .pixelformat = c->fourcc};
    if (v4l2_call(s->device, VIDIOC_TRY_FMT, &f) < 0 && v4l2_call(s->device, VIDIOC_G_FMT, &f) < 0) return;
    uint32_t fourcc = s->device->mplane ? f.fmt.pix_mp.pixelformat : f.fmt.pix.pixelformat;
    uint32_t width = s->device->mplane ? f.fmt.pix_mp.width : f.fmt.pix.width;
    uint32_t height = s->device->mplane ? f.fmt.pix_mp.height : f.fmt.pix.height;
    if (fourcc == c->fourcc && width && height && width <= PB_MAX_WIDTH && height <= PB_MAX_HEIGHT) offer_size(s, width, height);
}

static bool beats(const struct candidate *a, const struct candidate *b) {
    if (a->distance != b->distance) return a->distance < b->distance;
    if (a->fps > b->fps * 1.02 || b->fps > a->fps * 1.02) return a->fps > b->fps;
    return a->cost < b->cost;
}

static bool visit_format(void *context, const struct v4l2_fmtdesc *f) {
    struct search *s = context;
    uint32_t cost = camera_conversion_cost(f->pixelformat);
    if (!cost || (s->wish.fourcc && s->wish.fourcc != f->pixelformat)) return true;
    s->here = (struct candidate){.choice.fourcc = f->pixelformat, .cost = cost};
    if (!v4l2_each_size(s->device, f->pixelformat, visit_size, s)) try_size(s);
    struct v4l2_choice *c = &s->here.choice;
    if (!c->width) return true;
    v4l2_each_rate(s->device, f->pixelformat, c->width, c->height, visit_rate, s);
    double fps = c->interval_num ? (double)c->interval_den / c->interval_num : s->wish.fps;
    s->here.fps = fps < s->wish.fps ? fps : s->wish.fps;
    if (!s->found || beats(&s->here, &s->best)) s->best = s->here;
    s->found = true;
    return true;
}

bool v4l2_choose(const struct v4l2_device *d, const struct v4l2_wish *wish, struct v4l2_choice *choice, char *error,
                 size_t error_size) {
    struct search s = {.device = d, .wish = *wish};
    if (!s.wish.width || !s.wish.height) s.wish.width = DEFAULT_WIDTH, s.wish.height = DEFAULT_HEIGHT;
    if (!s.wish.fps) s.wish.fps = DEFAULT_FPS;
    unsigned offered = v4l2_each_format(d, visit_format, &s);
    if (s.found) {
        *choice = s.best.choice;
        return true;
    }
    char fourcc[8];
    v4l2_fourcc_text(wish->fourcc, fourcc);
    if (!offered)
        pb_error(error, error_size, "camera %s: VIDIOC_ENUM_FMT: it offers no format; nothing feeds it, or its driver is broken",
                 d->path);
    else if (wish->fourcc)
        pb_error(error, error_size,
                 "camera %s does not offer %s in a size up to %ux%u, or it cannot be converted; `patchbay camera info %s` shows "
                 "what it offers",
                 d->path, fourcc, PB_MAX_WIDTH, PB_MAX_HEIGHT, d->path);
    else
        pb_error(error, error_size,
                 "camera %s: none of its %u formats can be converted in a size up to %ux%u; `patchbay camera info %s` shows them",
                 d->path, offered, PB_MAX_WIDTH, PB_MAX_HEIGHT, d->path);
    return false;
}
