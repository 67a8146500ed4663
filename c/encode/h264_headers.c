/* Parameter sets and slice headers of H.264 (ITU-T H.264, 7.3.2 and 7.3.3), for encoders that leave them to the application. */
#include "h26x_headers.h"

/* Table A-1: macroblocks a second, macroblocks a picture, kbit/s of the main profile. */
static const struct { uint32_t idc, rate, size, kbit; } levels[] = {
    {10, 1485, 99, 64}, {11, 3000, 396, 192}, {12, 6000, 396, 384}, {13, 11880, 396, 768}, {20, 11880, 396, 2000},
    {21, 19800, 792, 4000}, {22, 20250, 1620, 4000}, {30, 40500, 1620, 10000}, {31, 108000, 3600, 14000},
    {32, 216000, 5120, 20000}, {40, 245760, 8192, 20000}, {41, 245760, 8192, 50000}, {42, 522240, 8704, 50000},
    {50, 589824, 22080, 135000}, {51, 983040, 36864, 240000}, {52, 2073600, 36864, 240000}, {60, 4177920, 139264, 240000},
    {61, 8355840, 139264, 480000}, {62, 16711680, 139264, 800000},
};

uint32_t pb_h264_level(uint32_t macroblocks, uint32_t fps, uint32_t bitrate_bps) {
    for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].size >= macroblocks && levels[i].rate >= (uint64_t)macroblocks * fps && levels[i].kbit >= bitrate_bps / 1000)
            return levels[i].idc;
    return 62;
}

static void vui(struct pb_nal *n, const struct pb_h264_stream *s) {
    pb_put(n, 0, 2);      /* no aspect ratio, no overscan */
    pb_put(n, 1, 1);      /* video signal: */
    pb_put(n, 5, 3);      /* unspecified format */
    pb_put(n, 0, 1);      /* limited range */
    pb_put(n, 1, 1);
    pb_put(n, 0x010101, 24); /* BT.709 thrice */
    pb_put(n, 0, 1);      /* no chroma location */
    pb_put(n, 1, 1);      /* timing: two ticks a frame */
    pb_put(n, 1, 32);
    pb_put(n, s->fps * 2, 32);
    pb_put(n, 0, 1);      /* the rate is not fixed */
    pb_put(n, 0, 3);      /* no hypothetical decoders, no picture structure */
    pb_put(n, 1, 1);      /* restrictions, so that no decoder waits: */
    pb_put(n, 1, 1);      /* vectors over the border */
    pb_put_ue(n, 0);
    pb_put_ue(n, 0);
    pb_put_ue(n, 15);
    pb_put_ue(n, 15);
    pb_put_ue(n, 0);      /* no picture is reordered */
    pb_put_ue(n, 1);      /* one picture is kept */
}

void pb_h264_sps(struct pb_nal *n, const struct pb_h264_stream *s) {
    uint32_t right = (s->wide * 16 - s->width) / 2, bottom = (s->high * 16 - s->height) / 2;
    pb_nal_begin(n, 3u << 5 | PB_NAL_H264_SPS, 1);
    pb_put(n, s->profile_idc, 8);
    pb_put(n, s->profile_idc == 66 ? 0xc0 : s->profile_idc == 77 ? 0x40 : 0, 8);
    pb_put(n, s->level_idc, 8);
    pb_put_ue(n, 0);
    if (s->profile_idc == 100) {
        pb_put_ue(n, 1); /* 4:2:0, */
        pb_put_ue(n, 0); /* 8 bits */
        pb_put_ue(n, 0);
        pb_put(n, 0, 2);
    }
    pb_put_ue(n, PB_H264_FRAME_NUM_BITS - 4);
    pb_put_ue(n, 2); /* pictures are shown in the order of decoding */
    pb_put_ue(n, 1); /* one reference */
    pb_put(n, 0, 1);
    pb_put_ue(n, s->wide - 1);
    pb_put_ue(n, s->high - 1);
    pb_put(n, 1, 1); /* frames only */
    pb_put(n, 1, 1); /* direct_8x8_inference_flag */
    pb_put(n, right || bottom, 1);
    if (right || bottom) {
        pb_put_ue(n, 0);
        pb_put_ue(n, right);
        pb_put_ue(n, 0);
        pb_put_ue(n, bottom);
    }
    pb_put(n, 1, 1);
    vui(n, s);
    pb_nal_align(n);
}

void pb_h264_pps(struct pb_nal *n, const struct pb_h264_stream *s) {
    pb_nal_begin(n, 3u << 5 | PB_NAL_H264_PPS, 1);
    pb_put_ue(n, 0);
    pb_put_ue(n, 0);
    pb_put(n, s->profile_idc != 66, 1); /* CABAC where the profile has it */
    pb_put(n, 0, 1);
    pb_put_ue(n, 0); /* one slice group */
    pb_put_ue(n, 0); /* one reference in either list */
    pb_put_ue(n, 0);
    pb_put(n, 0, 3); /* no weights */
    pb_put_se(n, PB_INITIAL_QP - 26);
    pb_put_se(n, 0);
    pb_put_se(n, 0);
    pb_put(n, 1, 1); /* slices tell of their loop filter */
    pb_put(n, 0, 2);
    pb_nal_align(n);
}

void pb_h264_slice_header(struct pb_nal *n, const struct pb_h264_stream *s, const struct pb_h264_slice_start *slice) {
    pb_nal_begin(n, 3u << 5 | (slice->idr ? PB_NAL_H264_IDR : PB_NAL_H264_SLICE), 1);
    pb_put_ue(n, slice->first_macroblock);
    pb_put_ue(n, slice->idr ? 7 : 5);
    pb_put_ue(n, 0);
    pb_put(n, slice->frame_num, PB_H264_FRAME_NUM_BITS);
    if (slice->idr) pb_put_ue(n, slice->idr_pic_id);
    if (!slice->idr) pb_put(n, 0, 2); /* as many references as the PPS says, in the usual order */
    pb_put(n, 0, slice->idr ? 2 : 1); /* marking: nothing special */
    if (!slice->idr && s->profile_idc != 66) pb_put_ue(n, 0); /* cabac_init_idc */
    pb_put_se(n, 0); /* slice_qp_delta, which the rate control of the driver overwrites */
    pb_put_ue(n, 0); /* loop filter on */
    pb_put_se(n, 0);
    pb_put_se(n, 0);
}
