/* The parameters of H.264 for VA-API (va_enc_h264.h), all from the stream's description that the headers are written from. */
#include "vaapi.h"

#include <string.h>

static bool describe(struct pb_encoder *e) {
    e->coded_width = (e->width + 15) & ~15u;
    e->coded_height = (e->height + 15) & ~15u;
    e->rows = e->coded_height / 16;
    e->h264 = (struct pb_h264_stream){
        .width = e->width,
        .height = e->height,
        .wide = e->coded_width / 16,
        .high = e->coded_height / 16,
        .profile_idc = e->va->profile == VAProfileH264Main ? 77 : e->va->profile == VAProfileH264High ? 100 : 66,
    };
    return true;
}

static uint32_t parameter_sets(struct pb_encoder *e, struct pb_nal sets[3]) {
    pb_h264_sps(&sets[0], &e->h264);
    pb_h264_pps(&sets[1], &e->h264);
    return 2;
}

static unsigned kind(const uint8_t *nal) {
    unsigned type = nal[0] & 31u;
    return type == PB_NAL_H264_SPS || type == PB_NAL_H264_PPS ? 1 : type == PB_NAL_H264_IDR ? 3 : type == PB_NAL_H264_SLICE ? 2 : 0;
}

static bool add_sequence(struct pb_encoder *e) {
    const struct pb_h264_stream *h = &e->h264;
    uint32_t interval = e->settings.keyframe_interval ? e->settings.keyframe_interval : 0x7fff;
    VAEncSequenceParameterBufferH264 p = {
        .level_idc = (uint8_t)h->level_idc,
        .intra_period = interval,
        .intra_idr_period = interval,
        .ip_period = 1,
        .bits_per_second = e->settings.bitrate_bps,
        .max_num_ref_frames = 1,
        .picture_width_in_mbs = (uint16_t)h->wide,
        .picture_height_in_mbs = (uint16_t)h->high,
        .seq_fields.bits = {.chroma_format_idc = 1,
                            .frame_mbs_only_flag = 1,
                            .direct_8x8_inference_flag = 1,
                            .log2_max_frame_num_minus4 = PB_H264_FRAME_NUM_BITS - 4,
                            .pic_order_cnt_type = 2},
        .frame_cropping_flag = h->wide * 16 != h->width || h->high * 16 != h->height,
        .frame_crop_right_offset = (h->wide * 16 - h->width) / 2,
        .frame_crop_bottom_offset = (h->high * 16 - h->height) / 2,
        .vui_parameters_present_flag = 1,
        .vui_fields.bits = {.timing_info_present_flag = 1,
                            .bitstream_restriction_flag = 1,
                            .log2_max_mv_length_horizontal = 15,
                            .log2_max_mv_length_vertical = 15,
                            .motion_vectors_over_pic_boundaries_flag = 1},
        .num_units_in_tick = 1,
        .time_scale = h->fps * 2,
    };
    return pb_va_add(e, VAEncSequenceParameterBufferType, &p, sizeof p, "sequence");
}

static void no_picture(VAPictureH264 *list, unsigned count) {
    for (unsigned i = 0; i < count; i++) list[i] = (VAPictureH264){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_H264_INVALID};
}

/* Every picture is a reference for the next, numbered since the last IDR picture. */
static VAPictureH264 picture_at(VASurfaceID surface, uint32_t since_idr) {
    return (VAPictureH264){.picture_id = surface,
                           .frame_idx = since_idr % (1u << PB_H264_FRAME_NUM_BITS),
                           .flags = VA_PICTURE_H264_SHORT_TERM_REFERENCE,
                           .TopFieldOrderCnt = (int32_t)since_idr * 2,
                           .BottomFieldOrderCnt = (int32_t)since_idr * 2};
}

static bool add_picture(struct pb_encoder *e, bool idr) {
    VAEncPictureParameterBufferH264 p = {
        .CurrPic = picture_at(e->kept[1], e->since_idr),
        .coded_buf = e->coded,
        .frame_num = (uint16_t)(e->since_idr % (1u << PB_H264_FRAME_NUM_BITS)),
        .pic_init_qp = PB_INITIAL_QP,
        .pic_fields.bits = {.idr_pic_flag = idr,
                            .reference_pic_flag = 1,
                            .entropy_coding_mode_flag = e->h264.profile_idc != 66,
                            .deblocking_filter_control_present_flag = 1},
    };
    p.CurrPic.flags = 0;
    no_picture(p.ReferenceFrames, 16);
    if (!idr) p.ReferenceFrames[0] = picture_at(e->kept[0], e->since_idr - 1);
    return pb_va_add(e, VAEncPictureParameterBufferType, &p, sizeof p, "picture");
}

static bool add_slice(struct pb_encoder *e, bool idr, uint32_t index) {
    uint32_t first = index * e->slice_rows, rows = e->rows - first < e->slice_rows ? e->rows - first : e->slice_rows;
    struct pb_h264_slice_start slice = {.first_macroblock = first * e->h264.wide,
                                  .frame_num = e->since_idr % (1u << PB_H264_FRAME_NUM_BITS),
                                  .idr_pic_id = e->idrs % 2,
                                  .idr = idr};
    VAEncSliceParameterBufferH264 p = {
        .macroblock_address = slice.first_macroblock,
        .num_macroblocks = rows * e->h264.wide,
        .macroblock_info = VA_INVALID_ID,
        .slice_type = idr ? 2 : 0,
        .idr_pic_id = (uint16_t)slice.idr_pic_id,
    };
    no_picture(p.RefPicList0, 32);
    no_picture(p.RefPicList1, 32);
    if (!idr) p.RefPicList0[0] = picture_at(e->kept[0], e->since_idr - 1);
    struct pb_nal header;
    pb_h264_slice_header(&header, &e->h264, &slice);
    if (e->packed & VA_ENC_PACKED_HEADER_SLICE && !pb_va_add_header(e, VAEncPackedHeaderH264_Slice, &header)) return false;
    return pb_va_add(e, VAEncSliceParameterBufferType, &p, sizeof p, "slice");
}

static bool picture(struct pb_encoder *e, bool idr) {
    struct pb_nal sets[3];
    if (idr) {
        e->h264.fps = e->settings.fps;
        e->h264.level_idc = pb_h264_level(e->h264.wide * e->h264.high, e->settings.fps, e->settings.bitrate_bps);
        if (!add_sequence(e)) return false;
    }
    if ((idr || e->rate_changed) && !pb_va_add_rate(e)) return false;
    parameter_sets(e, sets);
    if (idr && e->packed & VA_ENC_PACKED_HEADER_SEQUENCE && !pb_va_add_header(e, VAEncPackedHeaderH264_SPS, &sets[0])) return false;
    if (idr && e->packed & VA_ENC_PACKED_HEADER_PICTURE && !pb_va_add_header(e, VAEncPackedHeaderH264_PPS, &sets[1])) return false;
    if (!add_picture(e, idr)) return false;
    for (uint32_t i = 0; i < e->slices; i++)
        if (!add_slice(e, idr, i)) return false;
    return true;
}

const struct pb_va_codec pb_va_h264 = {
    .describe = describe, .picture = picture, .parameter_sets = parameter_sets, .kind = kind, .sets = 2};
