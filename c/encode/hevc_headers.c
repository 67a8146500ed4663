/* Parameter sets and slice headers of HEVC's main profile (ITU-T H.265, 7.3.2 and 7.3.6), for encoders that leave them to the
 * application. */
#include "h26x_headers.h"

/* Tables A.8 and A.9: luma samples a second and a picture, kbit/s of the main tier. */
static const struct { uint32_t idc; uint64_t rate; uint32_t size, kbit; } levels[] = {
    {30, 552960, 36864, 128}, {60, 3686400, 122880, 1500}, {63, 7372800, 245760, 3000}, {90, 16588800, 552960, 6000},
    {93, 33177600, 983040, 10000}, {120, 66846720, 2228224, 12000}, {123, 133693440, 2228224, 20000},
    {150, 267386880, 8912896, 25000}, {153, 534773760, 8912896, 40000}, {156, 1069547520, 8912896, 60000},
    {180, 1069547520, 35651584, 60000}, {183, 2139095040, 35651584, 120000}, {186, 4278190080, 35651584, 240000},
};

uint32_t pb_hevc_level(uint32_t pixels, uint32_t fps, uint32_t bitrate_bps) {
    for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].size >= pixels && levels[i].rate >= (uint64_t)pixels * fps && levels[i].kbit >= bitrate_bps / 1000)
            return levels[i].idc;
    return 186;
}

static uint32_t header(uint32_t type) { return type << 9 | 1; }

static void profile_tier_level(struct pb_nal *n, const struct pb_hevc_stream *s) {
    pb_put(n, 1, 8);          /* main profile, main tier */
    pb_put(n, 0x60000000, 32); /* what decoders of main and of main 10 can decode */
    pb_put(n, 0x9, 4);        /* progressive, frames only */
    pb_put(n, 0, 32);
    pb_put(n, 0, 12);
    pb_put(n, s->level_idc, 8);
}

/* One picture besides the present one is kept, none waits. */
static void buffering(struct pb_nal *n) {
    pb_put(n, 1, 1);
    pb_put_ue(n, 1);
    pb_put_ue(n, 0);
    pb_put_ue(n, 0);
}

void pb_hevc_vps(struct pb_nal *n, const struct pb_hevc_stream *s) {
    pb_nal_begin(n, header(PB_NAL_HEVC_VPS), 2);
    pb_put(n, 0x3, 6); /* id 0, base layer of its own */
    pb_put(n, 0, 9);   /* one layer, one sub-layer */
    pb_put(n, 1, 1);   /* nested */
    pb_put(n, 0xffff, 16);
    profile_tier_level(n, s);
    buffering(n);
    pb_put(n, 0, 6);
    pb_put_ue(n, 0);
    pb_put(n, 0, 2); /* no timing, no extension */
    pb_nal_align(n);
}

static void vui(struct pb_nal *n, const struct pb_hevc_stream *s) {
    pb_put(n, 0, 2); /* no aspect ratio, no overscan */
    pb_put(n, 1, 1);
    pb_put(n, 5, 3); /* unspecified format */
    pb_put(n, 0, 1); /* limited range */
    pb_put(n, 1, 1);
    pb_put(n, 0x010101, 24); /* BT.709 thrice */
    pb_put(n, 0, 5); /* chroma location, neutral chroma, fields, frame information, display window */
    pb_put(n, 1, 1); /* timing */
    pb_put(n, 1, 32);
    pb_put(n, s->fps, 32);
    pb_put(n, 0, 2);
    pb_put(n, 0, 1); /* no further restrictions */
}

void pb_hevc_sps(struct pb_nal *n, const struct pb_hevc_stream *s) {
    uint32_t right = (s->coded_width - s->width) / 2, bottom = (s->coded_height - s->height) / 2;
    pb_nal_begin(n, header(PB_NAL_HEVC_SPS), 2);
    pb_put(n, 1, 8); /* VPS 0, one sub-layer, nested */
    profile_tier_level(n, s);
    pb_put_ue(n, 0);
    pb_put_ue(n, 1); /* 4:2:0 */
    pb_put_ue(n, s->coded_width);
    pb_put_ue(n, s->coded_height);
    pb_put(n, right || bottom, 1);
    if (right || bottom) {
        pb_put_ue(n, 0);
        pb_put_ue(n, right);
        pb_put_ue(n, 0);
        pb_put_ue(n, bottom);
    }
    pb_put_ue(n, 0); /* 8 bits */
    pb_put_ue(n, 0);
    pb_put_ue(n, PB_HEVC_POC_BITS - 4);
    buffering(n);
    pb_put_ue(n, s->log2_min_cb - 3);
    pb_put_ue(n, s->log2_ctb - s->log2_min_cb);
    pb_put_ue(n, s->log2_min_tb - 2);
    pb_put_ue(n, s->log2_max_tb - s->log2_min_tb);
    pb_put_ue(n, s->depth_inter);
    pb_put_ue(n, s->depth_intra);
    pb_put(n, 0, 1); /* no scaling lists */
    pb_put(n, s->amp, 1);
    pb_put(n, s->sao, 1);
    pb_put(n, 0, 1);  /* no PCM */
    pb_put_ue(n, 0);  /* reference sets stand in the slices */
    pb_put(n, 0, 2);  /* no long-term references, no temporal vectors */
    pb_put(n, s->strong_intra, 1);
    pb_put(n, 1, 1);
    vui(n, s);
    pb_put(n, 0, 1);
    pb_nal_align(n);
}

void pb_hevc_pps(struct pb_nal *n, const struct pb_hevc_stream *s) {
    pb_nal_begin(n, header(PB_NAL_HEVC_PPS), 2);
    pb_put_ue(n, 0);
    pb_put_ue(n, 0);
    pb_put(n, 0, 5); /* no dependent slices, output flags or extra bits */
    pb_put(n, s->sign_hiding, 1);
    pb_put(n, 0, 1);
    pb_put_ue(n, 0); /* one reference in either list */
    pb_put_ue(n, 0);
    pb_put_se(n, PB_INITIAL_QP - 26);
    pb_put(n, 0, 1);
    pb_put(n, s->transform_skip, 1);
    pb_put(n, s->cu_qp_delta, 1);
    if (s->cu_qp_delta) pb_put_ue(n, 0);
    pb_put_se(n, 0);
    pb_put_se(n, 0);
    pb_put(n, 0, 6); /* chroma offsets in slices, weights, bypass, tiles, wavefronts */
    pb_put(n, 1, 1); /* the loop filter crosses slices */
    pb_put(n, 0, 3); /* loop filter as usual, no scaling lists, no list changes */
    pb_put_ue(n, 0);
    pb_put(n, 0, 2);
    pb_nal_align(n);
}

void pb_hevc_slice_header(struct pb_nal *n, const struct pb_hevc_stream *s, const struct pb_hevc_slice_start *slice) {
    uint32_t ctb = 1u << s->log2_ctb;
    uint32_t blocks = ((s->coded_width + ctb - 1) / ctb) * ((s->coded_height + ctb - 1) / ctb), bits = 0;
    while (1u << bits < blocks) bits++;
    pb_nal_begin(n, header(slice->idr ? PB_NAL_HEVC_IDR : PB_NAL_HEVC_TRAIL_R), 2);
    pb_put(n, slice->address == 0, 1);
    if (slice->idr) pb_put(n, 0, 1);
    pb_put_ue(n, 0);
    if (slice->address) pb_put(n, slice->address, bits);
    pb_put_ue(n, slice->idr ? 2 : 1);
    if (!slice->idr) {
        pb_put(n, slice->poc, PB_HEVC_POC_BITS);
        pb_put(n, 0, 1);  /* this set of references: the picture just before */
        pb_put_ue(n, 1);
        pb_put_ue(n, 0);
        pb_put_ue(n, 0);
        pb_put(n, 1, 1);
    }
    if (s->sao) pb_put(n, 3, 2);
    if (!slice->idr) {
        pb_put(n, 0, 1);
        pb_put_ue(n, 0); /* five candidates to merge with */
    }
    pb_put_se(n, 0); /* slice_qp_delta, which the rate control of the driver overwrites */
    pb_put(n, 1, 1);
    pb_nal_align(n);
}
