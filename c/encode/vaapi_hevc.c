/* The parameters of HEVC's main profile for VA-API (va_enc_hevc.h), all from the stream's description that the headers are
 * written from. What the driver says of blocks and tools is followed; older drivers say nothing and get what they all know. */
#include "vaapi.h"

#include <string.h>

/* Of the two bits that a driver gives each tool: 0 it cannot, 1 it can, 2 it must. A tool is used where it must be, or where it
 * can be and is wanted. */
static bool tool(uint32_t value, bool wanted) { return value == 2 || value == 3 || (value == 1 && wanted); }

static void follow_blocks(struct pb_hevc_stream *h, uint32_t value) {
    VAConfigAttribValEncHEVCBlockSizes blocks = {.value = value};
    h->log2_ctb = blocks.bits.log2_max_coding_tree_block_size_minus3 + 3;
    h->log2_min_cb = blocks.bits.log2_min_luma_coding_block_size_minus3 + 3;
    h->log2_max_tb = blocks.bits.log2_max_luma_transform_block_size_minus2 + 2;
    h->log2_min_tb = blocks.bits.log2_min_luma_transform_block_size_minus2 + 2;
    h->depth_inter = blocks.bits.max_max_transform_hierarchy_depth_inter;
    h->depth_intra = blocks.bits.max_max_transform_hierarchy_depth_intra;
}

static bool describe(struct pb_encoder *e) {
    struct pb_hevc_stream *h = &e->hevc;
    *h = (struct pb_hevc_stream){.width = e->width, .height = e->height, .log2_min_cb = 4, .log2_ctb = 5, .log2_min_tb = 2,
                                 .log2_max_tb = 5, .depth_inter = 3, .depth_intra = 3, .amp = true, .cu_qp_delta = true};
    uint32_t blocks = pb_va_attribute(e->va, VAConfigAttribEncHEVCBlockSizes, 0);
    VAConfigAttribValEncHEVCFeatures f = {.value = pb_va_attribute(e->va, VAConfigAttribEncHEVCFeatures, 0)};
    if (blocks) follow_blocks(h, blocks);
    if (h->log2_max_tb > h->log2_ctb) h->log2_max_tb = h->log2_ctb;
    if (f.value) {
        h->amp = tool(f.bits.amp, true);
        h->sao = tool(f.bits.sao, false);
        h->strong_intra = tool(f.bits.strong_intra_smoothing, false);
        h->sign_hiding = tool(f.bits.sign_data_hiding, false);
        h->transform_skip = tool(f.bits.transform_skip, false);
        h->cu_qp_delta = tool(f.bits.cu_qp_delta, true);
    }
    if (h->log2_min_cb > h->log2_ctb || h->log2_min_tb >= h->log2_min_cb || h->log2_max_tb < h->log2_min_tb || h->log2_max_tb > 5 ||
        h->log2_ctb < 4) {
        pb_va_fail(e->va, "VA-API on %s (%s): vaGetConfigAttributes: the driver names impossible block sizes (%#x); update the driver",
                   e->va->device, e->va->vendor, blocks);
        return false;
    }
    uint32_t mask = (1u << h->log2_min_cb) - 1, ctb = 1u << h->log2_ctb;
    e->coded_width = h->coded_width = (e->width + mask) & ~mask;
    e->coded_height = h->coded_height = (e->height + mask) & ~mask;
    e->rows = (e->coded_height + ctb - 1) / ctb;
    return true;
}

static uint32_t parameter_sets(struct pb_encoder *e, struct pb_nal sets[3]) {
    pb_hevc_vps(&sets[0], &e->hevc);
    pb_hevc_sps(&sets[1], &e->hevc);
    pb_hevc_pps(&sets[2], &e->hevc);
    return 3;
}

static unsigned kind(const uint8_t *nal) {
    unsigned type = nal[0] >> 1 & 63u;
    if (type >= PB_NAL_HEVC_VPS && type <= PB_NAL_HEVC_PPS) return 1;
    return type == PB_NAL_HEVC_IDR || type == PB_NAL_HEVC_IDR + 1 ? 3 : type < 10 ? 2 : 0;
}

static bool add_sequence(struct pb_encoder *e) {
    const struct pb_hevc_stream *h = &e->hevc;
    uint32_t interval = e->settings.keyframe_interval ? e->settings.keyframe_interval : 0x7fff;
    VAEncSequenceParameterBufferHEVC p = {
        .general_profile_idc = 1,
        .general_level_idc = (uint8_t)h->level_idc,
        .intra_period = interval,
        .intra_idr_period = interval,
        .ip_period = 1,
        .bits_per_second = e->settings.bitrate_bps,
        .pic_width_in_luma_samples = (uint16_t)h->coded_width,
        .pic_height_in_luma_samples = (uint16_t)h->coded_height,
        .seq_fields.bits = {.chroma_format_idc = 1,
                            .strong_intra_smoothing_enabled_flag = h->strong_intra,
                            .amp_enabled_flag = h->amp,
                            .sample_adaptive_offset_enabled_flag = h->sao,
                            .low_delay_seq = 1},
        .log2_min_luma_coding_block_size_minus3 = (uint8_t)(h->log2_min_cb - 3),
        .log2_diff_max_min_luma_coding_block_size = (uint8_t)(h->log2_ctb - h->log2_min_cb),
        .log2_min_transform_block_size_minus2 = (uint8_t)(h->log2_min_tb - 2),
        .log2_diff_max_min_transform_block_size = (uint8_t)(h->log2_max_tb - h->log2_min_tb),
        .max_transform_hierarchy_depth_inter = (uint8_t)h->depth_inter,
        .max_transform_hierarchy_depth_intra = (uint8_t)h->depth_intra,
        .vui_parameters_present_flag = 1,
        .vui_fields.bits = {.vui_timing_info_present_flag = 1},
        .vui_num_units_in_tick = 1,
        .vui_time_scale = h->fps,
    };
    return pb_va_add(e, VAEncSequenceParameterBufferType, &p, sizeof p, "sequence");
}

static void no_picture(VAPictureHEVC *list, unsigned count) {
    for (unsigned i = 0; i < count; i++) list[i] = (VAPictureHEVC){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_HEVC_INVALID};
}

static VAPictureHEVC before(const struct pb_encoder *e) {
    return (VAPictureHEVC){.picture_id = e->kept[0], .pic_order_cnt = (int32_t)e->since_idr - 1, .flags = VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE};
}

static bool add_picture(struct pb_encoder *e, bool idr) {
    VAEncPictureParameterBufferHEVC p = {
        .decoded_curr_pic = {.picture_id = e->kept[1], .pic_order_cnt = (int32_t)e->since_idr},
        .coded_buf = e->coded,
        .collocated_ref_pic_index = 0xff,
        .pic_init_qp = PB_INITIAL_QP,
        .nal_unit_type = idr ? PB_NAL_HEVC_IDR : PB_NAL_HEVC_TRAIL_R,
        .pic_fields.bits = {.idr_pic_flag = idr,
                            .coding_type = idr ? 1 : 2,
                            .reference_pic_flag = 1,
                            .sign_data_hiding_enabled_flag = e->hevc.sign_hiding,
                            .transform_skip_enabled_flag = e->hevc.transform_skip,
                            .cu_qp_delta_enabled_flag = e->hevc.cu_qp_delta,
                            .pps_loop_filter_across_slices_enabled_flag = 1},
    };
    no_picture(p.reference_frames, 15);
    if (!idr) p.reference_frames[0] = before(e);
    return pb_va_add(e, VAEncPictureParameterBufferType, &p, sizeof p, "picture");
}

static bool add_slice(struct pb_encoder *e, bool idr, uint32_t index) {
    uint32_t ctb = 1u << e->hevc.log2_ctb, wide = (e->coded_width + ctb - 1) / ctb, first = index * e->slice_rows;
    uint32_t rows = e->rows - first < e->slice_rows ? e->rows - first : e->slice_rows;
    struct pb_hevc_slice_start slice = {.address = first * wide, .poc = e->since_idr % (1u << PB_HEVC_POC_BITS), .idr = idr};
    VAEncSliceParameterBufferHEVC p = {
        .slice_segment_address = slice.address,
        .num_ctu_in_slice = rows * wide,
        .slice_type = idr ? 2 : 1,
        .max_num_merge_cand = 5,
        .slice_fields.bits = {.last_slice_of_pic_flag = index + 1 == e->slices,
                              .slice_sao_luma_flag = e->hevc.sao,
                              .slice_sao_chroma_flag = e->hevc.sao,
                              .slice_loop_filter_across_slices_enabled_flag = 1,
                              .collocated_from_l0_flag = 1},
    };
    no_picture(p.ref_pic_list0, 15);
    no_picture(p.ref_pic_list1, 15);
    if (!idr) p.ref_pic_list0[0] = before(e);
    struct pb_nal header;
    pb_hevc_slice_header(&header, &e->hevc, &slice);
    if (e->packed & VA_ENC_PACKED_HEADER_SLICE && !pb_va_add_header(e, VAEncPackedHeaderHEVC_Slice, &header)) return false;
    return pb_va_add(e, VAEncSliceParameterBufferType, &p, sizeof p, "slice");
}

static bool picture(struct pb_encoder *e, bool idr) {
    struct pb_nal sets[3];
    if (idr) {
        e->hevc.fps = e->settings.fps;
        e->hevc.level_idc = pb_hevc_level(e->coded_width * e->coded_height, e->settings.fps, e->settings.bitrate_bps);
        if (!add_sequence(e)) return false;
    }
    if ((idr || e->rate_changed) && !pb_va_add_rate(e)) return false;
    parameter_sets(e, sets);
    if (idr && e->packed & VA_ENC_PACKED_HEADER_SEQUENCE &&
        (!pb_va_add_header(e, VAEncPackedHeaderHEVC_VPS, &sets[0]) || !pb_va_add_header(e, VAEncPackedHeaderHEVC_SPS, &sets[1])))
        return false;
    if (idr && e->packed & VA_ENC_PACKED_HEADER_PICTURE && !pb_va_add_header(e, VAEncPackedHeaderHEVC_PPS, &sets[2])) return false;
    if (!add_picture(e, idr)) return false;
    for (uint32_t i = 0; i < e->slices; i++)
        if (!add_slice(e, idr, i)) return false;
    return true;
}

const struct pb_va_codec pb_va_hevc = {
    .describe = describe, .picture = picture, .parameter_sets = parameter_sets, .kind = kind, .sets = 3};
