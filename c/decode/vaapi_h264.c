/* One H.264 access unit for VA-API (va.h, "H.264/AVC data structures"): its parameter sets are remembered, its slices become
 * one picture. */
#include "vaapi.h"
#include "vaapi_h264.h"

#include <stdlib.h>
#include <string.h>

enum { NAL_SLICE = 1, NAL_PARTITION_A = 2, NAL_PARTITION_C = 4, NAL_IDR = 5, NAL_SPS = 7, NAL_PPS = 8 };

struct stream {
    struct pb_h264_sps sps[PB_H264_SPS], active;
    struct pb_h264_pps pps[PB_H264_PPS];
    struct pb_h264_frames frames;
    struct pb_h264_slice first, slice; /* of the picture; the present one */
    struct pb_bit_reader reader;
};

struct unit { /* the picture at work */
    bool begun;
    VASurfaceID surface;
    int32_t poc;
    uint32_t last; /* first macroblock of the last slice */
};

static void *open_stream(void) { return calloc(1, sizeof(struct stream)); }

static VAPictureH264 nothing(void) { return (VAPictureH264){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_H264_INVALID}; }

static VAPictureH264 reference(const struct pb_h264_frame *f) {
    if (f->surface == VA_INVALID_SURFACE) return nothing();
    return (VAPictureH264){.picture_id = f->surface,
                           .frame_idx = f->long_term ? f->long_index : f->frame_num,
                           .flags = f->long_term ? VA_PICTURE_H264_LONG_TERM_REFERENCE : VA_PICTURE_H264_SHORT_TERM_REFERENCE,
                           .TopFieldOrderCnt = f->poc,
                           .BottomFieldOrderCnt = f->poc};
}

static VASurfaceID free_surface(const struct pb_decoder *d, const struct pb_h264_frames *f) {
    for (uint32_t i = 0; i < d->surface_count; i++) {
        bool used = false;
        for (uint32_t k = 0; k < f->count; k++) used |= f->frame[k].surface == d->surfaces[i];
        if (!used) return d->surfaces[i];
    }
    return VA_INVALID_SURFACE;
}

static bool add_picture(struct pb_decoder *d, const struct stream *t, const struct unit *u) {
    const struct pb_h264_sps *q = &t->active;
    const struct pb_h264_pps *p = &t->pps[t->first.pps];
    VAPictureParameterBufferH264 b = {
        .CurrPic = {.picture_id = u->surface, .frame_idx = t->first.frame_num, .TopFieldOrderCnt = u->poc,
                    .BottomFieldOrderCnt = u->poc + t->first.delta_bottom,
                    .flags = t->first.nal_ref ? VA_PICTURE_H264_SHORT_TERM_REFERENCE : 0},
        .picture_width_in_mbs_minus1 = (uint16_t)(q->wide - 1),
        .picture_height_in_mbs_minus1 = (uint16_t)(q->high - 1),
        .num_ref_frames = (uint8_t)q->references,
        .seq_fields.bits = {.chroma_format_idc = 1,
                            .gaps_in_frame_num_value_allowed_flag = q->gaps,
                            .frame_mbs_only_flag = 1,
                            .direct_8x8_inference_flag = q->direct_8x8,
                            .MinLumaBiPredSize8x8 = q->level >= 31,
                            .log2_max_frame_num_minus4 = q->frame_num_bits - 4,
                            .pic_order_cnt_type = q->poc_type,
                            .log2_max_pic_order_cnt_lsb_minus4 = q->poc_type ? 0 : q->poc_bits - 4},
        .pic_init_qp_minus26 = (int8_t)p->init_qp,
        .pic_init_qs_minus26 = (int8_t)p->init_qs,
        .chroma_qp_index_offset = (int8_t)p->chroma_offset,
        .second_chroma_qp_index_offset = (int8_t)p->second_chroma_offset,
        .pic_fields.bits = {.entropy_coding_mode_flag = p->cabac,
                            .weighted_pred_flag = p->weighted,
                            .weighted_bipred_idc = p->weighted_bi,
                            .transform_8x8_mode_flag = p->transform_8x8,
                            .constrained_intra_pred_flag = p->constrained_intra,
                            .pic_order_present_flag = p->bottom_order,
                            .deblocking_filter_control_present_flag = p->loop_control,
                            .redundant_pic_cnt_present_flag = p->redundant,
                            .reference_pic_flag = t->first.nal_ref != 0},
        .frame_num = (uint16_t)t->first.frame_num,
    };
    for (uint32_t i = 0; i < 16; i++) b.ReferenceFrames[i] = i < t->frames.count ? reference(&t->frames.frame[i]) : nothing();
    VAIQMatrixBufferH264 flat;
    memset(&flat, 0, sizeof flat);
    memset(flat.ScalingList4x4, 16, sizeof flat.ScalingList4x4);
    memset(flat.ScalingList8x8, 16, sizeof flat.ScalingList8x8);
    return pb_vd_add(d, VAPictureParameterBufferType, &b, sizeof b, "picture") &&
           pb_vd_add(d, VAIQMatrixBufferType, &flat, sizeof flat, "matrices");
}

static bool add_slice(struct pb_decoder *d, const struct stream *t, const uint8_t list[32], const uint8_t *nal, size_t size) {
    const struct pb_h264_slice *s = &t->slice;
    VASliceParameterBufferH264 b = {
        .slice_data_size = (uint32_t)size,
        .slice_data_flag = VA_SLICE_DATA_FLAG_ALL,
        .slice_data_bit_offset = (uint16_t)s->data_bit,
        .first_mb_in_slice = (uint16_t)s->first,
        .slice_type = s->intra ? 2 : 0,
        .num_ref_idx_l0_active_minus1 = (uint8_t)(s->intra ? 0 : s->references - 1),
        .cabac_init_idc = (uint8_t)s->cabac_init,
        .slice_qp_delta = (int8_t)s->qp_delta,
        .disable_deblocking_filter_idc = (uint8_t)s->loop,
        .slice_alpha_c0_offset_div2 = (int8_t)s->alpha,
        .slice_beta_offset_div2 = (int8_t)s->beta,
        .luma_log2_weight_denom = (uint8_t)s->luma_denominator,
        .chroma_log2_weight_denom = (uint8_t)s->chroma_denominator,
        .luma_weight_l0_flag = s->luma_weights,
        .chroma_weight_l0_flag = s->chroma_weights,
    };
    for (uint32_t i = 0; i < 32; i++) {
        b.RefPicList0[i] = list[i] == 0xff ? nothing() : reference(&t->frames.frame[list[i]]);
        b.RefPicList1[i] = nothing();
    }
    memcpy(b.luma_weight_l0, s->luma_weight, sizeof b.luma_weight_l0);
    memcpy(b.luma_offset_l0, s->luma_offset, sizeof b.luma_offset_l0);
    memcpy(b.chroma_weight_l0, s->chroma_weight, sizeof b.chroma_weight_l0);
    memcpy(b.chroma_offset_l0, s->chroma_offset, sizeof b.chroma_offset_l0);
    return pb_vd_add(d, VASliceParameterBufferType, &b, sizeof b, "slice") &&
           pb_vd_add(d, VASliceDataBufferType, nal, size, "slice's bytes");
}

static enum pb_status begin(struct pb_decoder *d, struct stream *t, struct unit *u) {
    t->first = t->slice;
    if (t->slice.idr) {
        t->active = t->sps[t->pps[t->slice.pps].sps];
        t->frames = (struct pb_h264_frames){.count = 0};
        d->broken = false;
        if (!pb_vd_start(d, t->active.wide * 16, t->active.high * 16, (t->active.references ? t->active.references : 1) + 2)) return PB_LOST;
    }
    if (!pb_h264_fill_gap(&t->frames, &t->active, &t->slice)) return pb_vd_damaged(d, "a picture is missing");
    u->poc = pb_h264_order(&t->frames, &t->active, &t->slice);
    pb_h264_number(&t->frames, &t->active, t->slice.frame_num);
    u->surface = free_surface(d, &t->frames);
    if (u->surface == VA_INVALID_SURFACE) return pb_vd_damaged(d, "more references than it announced");
    u->begun = true;
    return add_picture(d, t, u) ? PB_OK : pb_vd_blame(d);
}

static enum pb_status take_slice(struct pb_decoder *d, struct stream *t, struct unit *u, const uint8_t *nal, size_t size) {
    bool idr = (nal[0] & 31) == NAL_IDR;
    if (!idr && d->broken) return pb_vd_damaged(d, "there is no keyframe yet");
    pb_read_begin(&t->reader, nal + 1, size - 1);
    enum pb_parsed parsed = pb_h264_read_slice(&t->reader, nal[0], t->sps, t->pps, idr ? NULL : &t->active, &t->slice);
    if (parsed == PB_PARSED_UNKNOWN) return pb_vd_unknown(d, "B slices or redundant ones");
    if (parsed != PB_PARSED || t->slice.data_bit > UINT16_MAX) return pb_vd_damaged(d, "a slice's header");
    if (u->begun) {
        const struct pb_h264_slice *a = &t->first, *b = &t->slice;
        if (a->idr != b->idr || a->frame_num != b->frame_num || a->pps != b->pps || !a->nal_ref != !b->nal_ref || b->first <= u->last)
            return pb_vd_damaged(d, "slices of several pictures");
    } else {
        if (t->slice.first) return pb_vd_damaged(d, "the first slice is missing");
        enum pb_status status = begin(d, t, u);
        if (status != PB_OK) return status;
    }
    u->last = t->slice.first;
    uint8_t list[32];
    if (!pb_h264_list(&t->frames, &t->active, &t->slice, list)) return pb_vd_damaged(d, "a reference is missing");
    return add_slice(d, t, list, nal, size) ? PB_OK : pb_vd_blame(d);
}

static enum pb_status take_set(struct pb_decoder *d, struct stream *t, const uint8_t *nal, size_t size) {
    pb_read_begin(&t->reader, nal + 1, size - 1);
    bool sps = (nal[0] & 31) == NAL_SPS;
    enum pb_parsed parsed = sps ? pb_h264_read_sps(&t->reader, t->sps) : pb_h264_read_pps(&t->reader, t->pps);
    if (parsed == PB_PARSED) return PB_OK;
    return parsed == PB_PARSED_UNKNOWN ? pb_vd_unknown(d, "fields, scaling lists, slice groups or a format other than 4:2:0 of 8 bits")
                                       : pb_vd_damaged(d, "a parameter set");
}

static enum pb_status decode(struct pb_decoder *d, const uint8_t *data, uint32_t size, VASurfaceID *surface, struct pb_crop *crop) {
    struct stream *t = d->stream;
    struct unit u = {.begun = false, .surface = VA_INVALID_SURFACE};
    const uint8_t *at = data, *end = data + size, *nal;
    size_t length;
    while ((nal = pb_next_nal(&at, end, &length))) {
        unsigned type = length ? nal[0] & 31u : 0;
        enum pb_status status = PB_OK;
        if (type == NAL_SLICE || type == NAL_IDR) status = take_slice(d, t, &u, nal, length);
        if (type == NAL_SPS || type == NAL_PPS) status = u.begun ? pb_vd_damaged(d, "a parameter set within a picture") : take_set(d, t, nal, length);
        if (type >= NAL_PARTITION_A && type <= NAL_PARTITION_C) status = pb_vd_unknown(d, "data partitions");
        if (status != PB_OK) return status;
    }
    if (!u.begun) return PB_AGAIN;
    if (!pb_vd_run(d, u.surface)) return pb_vd_blame(d);
    pb_h264_mark(&t->frames, &t->active, &t->first, u.surface, u.poc);
    *surface = u.surface;
    *crop = (struct pb_crop){t->active.left, t->active.right, t->active.top, t->active.bottom};
    return PB_OK;
}

const struct pb_vd_codec pb_vd_h264 = {.open = open_stream, .decode = decode};
