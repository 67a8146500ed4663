/* One HEVC access unit for VA-API (va_dec_hevc.h): its parameter sets are remembered, its slices become one picture, and the
 * pictures that the stream keeps are told by each slice. */
#include "hevc_parse.h"
#include "vaapi.h"

#include <stdlib.h>
#include <string.h>

enum { NAL_BLA_FIRST = 16, NAL_IDR_LAST = 20, NAL_CRA = 21, NAL_RESERVED_FIRST = 10, NAL_RESERVED_LAST = 15, NAL_SPS = 33, NAL_PPS = 34 };

struct frame {
    VASurfaceID surface;
    int32_t poc;
    uint32_t flags; /* VA_PICTURE_HEVC_RPS_*, 0 for one that only later pictures need */
};

struct stream {
    struct pb_hevc_sps sps[PB_HEVC_SPS], active;
    struct pb_hevc_pps pps[PB_HEVC_PPS];
    struct frame frame[PB_HEVC_REFERENCES];
    uint32_t count;
    int32_t poc_high, poc_low;
    bool starts; /* the present picture needs none before it: of IDR and BLA pictures each, of CRA pictures one that comes first */
    struct pb_hevc_slice first, slice;
    struct pb_bit_reader reader;
    VASliceParameterBufferHEVC last; /* the slice that is not added yet: only the next one tells whether it was the last */
    const uint8_t *last_nal;
    size_t last_size;
};

struct unit {
    bool begun;
    unsigned nal_type;
    VASurfaceID surface;
    int32_t poc;
    uint32_t address;
};

static void *open_stream(void) { return calloc(1, sizeof(struct stream)); }

static VAPictureHEVC nothing(void) { return (VAPictureHEVC){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_HEVC_INVALID}; }

static int32_t order(struct stream *t, unsigned nal_type, uint32_t temporal) {
    int32_t most = 1 << t->active.poc_bits, low = (int32_t)t->slice.poc_lsb, high = t->starts ? 0 : t->poc_high;
    if (!t->starts && low < t->poc_low && t->poc_low - low >= most / 2) high += most;
    else if (!t->starts && low > t->poc_low && low - t->poc_low > most / 2) high -= most;
    if (high > INT32_MAX / 2 || high < INT32_MIN / 2) high = 0;
    /* Pictures that others may be decoded without (even types below 16, and RADL and RASL) are no anchor. */
    if (!temporal && (nal_type >= 16 || (nal_type & 1 && nal_type < 6))) {
        t->poc_high = high;
        t->poc_low = low;
    }
    return high + low;
}

/* Keeps what the slice says is kept. False when a picture that it needs is not there. */
static bool keep(struct stream *t, int32_t poc) {
    const struct pb_hevc_set *s = &t->slice.set;
    uint32_t kept = 0, needed = 0;
    struct frame next[PB_HEVC_REFERENCES];
    if (t->starts) {
        t->count = 0;
        return true;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t k = 0;
        while (k < t->count && t->frame[k].poc != poc + s->distance[i]) k++;
        needed += s->used[i];
        if (k == t->count && s->used[i]) return false;
        if (k == t->count || kept == PB_HEVC_REFERENCES) continue;
        next[kept] = t->frame[k];
        next[kept++].flags = !s->used[i] ? 0 : i < s->before ? VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE : VA_PICTURE_HEVC_RPS_ST_CURR_AFTER;
    }
    memcpy(t->frame, next, kept * sizeof next[0]);
    t->count = kept;
    return t->slice.intra || needed;
}

static bool add_picture(struct pb_decoder *d, const struct stream *t, const struct unit *u) {
    const struct pb_hevc_sps *q = &t->active;
    const struct pb_hevc_pps *p = &t->pps[t->first.pps];
    VAPictureParameterBufferHEVC b = {
        .CurrPic = {.picture_id = u->surface, .pic_order_cnt = u->poc},
        .pic_width_in_luma_samples = (uint16_t)q->width,
        .pic_height_in_luma_samples = (uint16_t)q->height,
        .pic_fields.bits = {.chroma_format_idc = 1,
                            .pcm_enabled_flag = q->pcm,
                            .transform_skip_enabled_flag = p->transform_skip,
                            .amp_enabled_flag = q->amp,
                            .strong_intra_smoothing_enabled_flag = q->strong_intra,
                            .sign_data_hiding_enabled_flag = p->sign_hiding,
                            .constrained_intra_pred_flag = p->constrained_intra,
                            .cu_qp_delta_enabled_flag = p->cu_qp_delta,
                            .weighted_pred_flag = p->weighted,
                            .weighted_bipred_flag = p->weighted_bi,
                            .transquant_bypass_enabled_flag = p->bypass,
                            .entropy_coding_sync_enabled_flag = p->sync,
                            .pps_loop_filter_across_slices_enabled_flag = p->across_slices,
                            .loop_filter_across_tiles_enabled_flag = 1,
                            .pcm_loop_filter_disabled_flag = q->pcm_loop_off,
                            .NoPicReorderingFlag = 1,
                            .NoBiPredFlag = 1},
        .sps_max_dec_pic_buffering_minus1 = (uint8_t)q->buffering,
        .pcm_sample_bit_depth_luma_minus1 = (uint8_t)q->pcm_luma,
        .pcm_sample_bit_depth_chroma_minus1 = (uint8_t)q->pcm_chroma,
        .log2_min_luma_coding_block_size_minus3 = (uint8_t)(q->log2_min_cb - 3),
        .log2_diff_max_min_luma_coding_block_size = (uint8_t)q->log2_diff_cb,
        .log2_min_transform_block_size_minus2 = (uint8_t)(q->log2_min_tb - 2),
        .log2_diff_max_min_transform_block_size = (uint8_t)q->log2_diff_tb,
        .log2_min_pcm_luma_coding_block_size_minus3 = (uint8_t)(q->pcm ? q->log2_min_pcm - 3 : 0),
        .log2_diff_max_min_pcm_luma_coding_block_size = (uint8_t)q->log2_diff_pcm,
        .max_transform_hierarchy_depth_intra = (uint8_t)q->depth_intra,
        .max_transform_hierarchy_depth_inter = (uint8_t)q->depth_inter,
        .init_qp_minus26 = (int8_t)p->init_qp,
        .diff_cu_qp_delta_depth = (uint8_t)p->qp_delta_depth,
        .pps_cb_qp_offset = (int8_t)p->cb_offset,
        .pps_cr_qp_offset = (int8_t)p->cr_offset,
        .log2_parallel_merge_level_minus2 = (uint8_t)p->merge_level,
        .slice_parsing_fields.bits = {.lists_modification_present_flag = p->lists,
                                      .sps_temporal_mvp_enabled_flag = q->tmvp,
                                      .cabac_init_present_flag = p->cabac_init,
                                      .output_flag_present_flag = p->output_flag,
                                      .dependent_slice_segments_enabled_flag = p->dependent,
                                      .pps_slice_chroma_qp_offsets_present_flag = p->slice_chroma_offsets,
                                      .sample_adaptive_offset_enabled_flag = q->sao,
                                      .deblocking_filter_override_enabled_flag = p->deblock_override,
                                      .pps_disable_deblocking_filter_flag = p->deblock_off,
                                      .slice_segment_header_extension_present_flag = p->extension,
                                      .RapPicFlag = t->first.irap,
                                      .IdrPicFlag = t->first.idr,
                                      .IntraPicFlag = t->first.intra},
        .log2_max_pic_order_cnt_lsb_minus4 = (uint8_t)(q->poc_bits - 4),
        .num_short_term_ref_pic_sets = (uint8_t)q->sets,
        .num_ref_idx_l0_default_active_minus1 = (uint8_t)(p->references - 1),
        .num_ref_idx_l1_default_active_minus1 = (uint8_t)(p->references_l1 - 1),
        .pps_beta_offset_div2 = (int8_t)p->beta,
        .pps_tc_offset_div2 = (int8_t)p->tc,
        .num_extra_slice_header_bits = (uint8_t)p->extra_bits,
        .st_rps_bits = t->first.set_bits,
    };
    for (uint32_t i = 0; i < PB_HEVC_REFERENCES; i++)
        b.ReferenceFrames[i] = i < t->count ? (VAPictureHEVC){.picture_id = t->frame[i].surface, .pic_order_cnt = t->frame[i].poc, .flags = t->frame[i].flags}
                                            : nothing();
    return pb_vd_add(d, VAPictureParameterBufferType, &b, sizeof b, "picture");
}

/* The slice's list of references, as indexes into `frame`: earlier ones, later ones, and again from the start. */
static void list(const struct stream *t, uint8_t out[15]) {
    uint8_t current[PB_HEVC_REFERENCES];
    uint32_t count = 0;
    memset(out, 0xff, 15);
    for (uint32_t later = 0; later < 2; later++)
        for (uint32_t i = 0; i < t->count; i++)
            if (t->frame[i].flags == (later ? VA_PICTURE_HEVC_RPS_ST_CURR_AFTER : VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE)) current[count++] = (uint8_t)i;
    for (uint32_t i = 0; count && !t->slice.intra && i < t->slice.references; i++)
        out[i] = current[t->slice.modified ? t->slice.entry[i] % count : i % count];
}

static void describe_slice(struct stream *t, const uint8_t *nal, size_t size) {
    const struct pb_hevc_slice *s = &t->slice;
    VASliceParameterBufferHEVC *b = &t->last;
    *b = (VASliceParameterBufferHEVC){
        .slice_data_size = (uint32_t)size,
        .slice_data_flag = VA_SLICE_DATA_FLAG_ALL,
        .slice_data_byte_offset = s->data_byte,
        .slice_segment_address = s->address,
        .LongSliceFlags.fields = {.slice_type = s->type,
                                  .slice_sao_luma_flag = s->sao_luma,
                                  .slice_sao_chroma_flag = s->sao_chroma,
                                  .cabac_init_flag = s->cabac_init,
                                  .slice_temporal_mvp_enabled_flag = s->tmvp,
                                  .slice_deblocking_filter_disabled_flag = s->deblock_off,
                                  .collocated_from_l0_flag = 1,
                                  .slice_loop_filter_across_slices_enabled_flag = s->across},
        .collocated_ref_idx = s->tmvp && !s->intra ? (uint8_t)s->collocated : 0xff,
        .num_ref_idx_l0_active_minus1 = (uint8_t)(s->intra ? 0 : s->references - 1),
        .slice_qp_delta = (int8_t)s->qp_delta,
        .slice_cb_qp_offset = (int8_t)s->cb_offset,
        .slice_cr_qp_offset = (int8_t)s->cr_offset,
        .slice_beta_offset_div2 = (int8_t)s->beta,
        .slice_tc_offset_div2 = (int8_t)s->tc,
        .luma_log2_weight_denom = (uint8_t)s->luma_denominator,
        .delta_chroma_log2_weight_denom = (int8_t)s->chroma_denominator_delta,
        .five_minus_max_num_merge_cand = (uint8_t)s->merge,
        .num_entry_point_offsets = (uint16_t)s->entry_points,
        .slice_data_num_emu_prevn_bytes = (uint16_t)s->emulation,
    };
    list(t, b->RefPicList[0]);
    memset(b->RefPicList[1], 0xff, sizeof b->RefPicList[1]);
    memcpy(b->delta_luma_weight_l0, s->luma_weight, sizeof b->delta_luma_weight_l0);
    memcpy(b->luma_offset_l0, s->luma_offset, sizeof b->luma_offset_l0);
    memcpy(b->delta_chroma_weight_l0, s->chroma_weight, sizeof b->delta_chroma_weight_l0);
    memcpy(b->ChromaOffsetL0, s->chroma_offset, sizeof b->ChromaOffsetL0);
    t->last_nal = nal;
    t->last_size = size;
}

static bool add_last(struct pb_decoder *d, struct stream *t, bool of_picture) {
    t->last.LongSliceFlags.fields.LastSliceOfPic = of_picture;
    return pb_vd_add(d, VASliceParameterBufferType, &t->last, sizeof t->last, "slice") &&
           pb_vd_add(d, VASliceDataBufferType, t->last_nal, t->last_size, "slice's bytes");
}

static VASurfaceID free_surface(const struct pb_decoder *d, const struct stream *t) {
    for (uint32_t i = 0; i < d->surface_count; i++) {
        bool used = false;
        for (uint32_t k = 0; k < t->count; k++) used |= t->frame[k].surface == d->surfaces[i];
        if (!used) return d->surfaces[i];
    }
    return VA_INVALID_SURFACE;
}

static enum pb_status begin(struct pb_decoder *d, struct stream *t, struct unit *u, uint32_t temporal) {
    t->first = t->slice;
    if (t->starts) {
        t->active = t->sps[t->pps[t->slice.pps].sps];
        t->count = 0;
        d->broken = false;
        if (!pb_vd_start(d, t->active.width, t->active.height, t->active.buffering + 3)) return PB_LOST;
    }
    u->poc = order(t, u->nal_type, temporal);
    if (!keep(t, u->poc)) return pb_vd_damaged(d, "a reference is missing");
    u->surface = free_surface(d, t);
    if (u->surface == VA_INVALID_SURFACE) return pb_vd_damaged(d, "more references than it announced");
    u->begun = true;
    return add_picture(d, t, u) ? PB_OK : pb_vd_blame(d);
}

static enum pb_status take_slice(struct pb_decoder *d, struct stream *t, struct unit *u, const uint8_t *nal, size_t size) {
    unsigned type = nal[0] >> 1 & 63u;
    if (!u->begun) t->starts = type >= NAL_BLA_FIRST && (type <= NAL_IDR_LAST || d->broken);
    if (!t->starts && d->broken) return pb_vd_damaged(d, "there is no keyframe yet");
    pb_read_begin(&t->reader, nal + 2, size - 2);
    enum pb_parsed parsed = pb_hevc_read_slice(&t->reader, type, t->sps, t->pps, t->starts ? NULL : &t->active, &t->slice);
    if (parsed == PB_PARSED_UNKNOWN) return pb_vd_unknown(d, "B slices, dependent slices or pictures that are not shown");
    if (parsed != PB_PARSED) return pb_vd_damaged(d, "a slice's header");
    if (u->begun) {
        if (t->slice.first || type != u->nal_type || t->slice.pps != t->first.pps || t->slice.poc_lsb != t->first.poc_lsb ||
            t->slice.address <= u->address || memcmp(&t->slice.set, &t->first.set, sizeof t->slice.set))
            return pb_vd_damaged(d, "slices of several pictures");
        if (!add_last(d, t, false)) return pb_vd_blame(d);
    } else {
        if (!t->slice.first) return pb_vd_damaged(d, "the first slice is missing");
        u->nal_type = type;
        enum pb_status status = begin(d, t, u, (nal[1] & 7u) - 1);
        if (status != PB_OK) return status;
    }
    u->address = t->slice.address;
    describe_slice(t, nal, size);
    if (!t->slice.intra && t->last.RefPicList[0][0] == 0xff) return pb_vd_damaged(d, "a reference is missing");
    return PB_OK;
}

static enum pb_status take_set(struct pb_decoder *d, struct stream *t, const uint8_t *nal, size_t size) {
    pb_read_begin(&t->reader, nal + 2, size - 2);
    bool sps = (nal[0] >> 1 & 63u) == NAL_SPS;
    enum pb_parsed parsed = sps ? pb_hevc_read_sps(&t->reader, t->sps) : pb_hevc_read_pps(&t->reader, t->pps);
    if (parsed == PB_PARSED) return PB_OK;
    return parsed == PB_PARSED_UNKNOWN ? pb_vd_unknown(d, "tiles, scaling lists, long-term or reordered pictures, or a profile other than main")
                                       : pb_vd_damaged(d, "a parameter set");
}

static enum pb_status decode(struct pb_decoder *d, const uint8_t *data, uint32_t size, VASurfaceID *surface, struct pb_crop *crop) {
    struct stream *t = d->stream;
    struct unit u = {.begun = false, .surface = VA_INVALID_SURFACE};
    const uint8_t *at = data, *end = data + size, *nal;
    size_t length;
    while ((nal = pb_next_nal(&at, end, &length))) {
        if (length < 3 || nal[0] & 1 || nal[1] >> 3 || !(nal[1] & 7)) continue; /* layers of other kinds of stream */
        unsigned type = nal[0] >> 1 & 63u;
        enum pb_status status = PB_OK;
        if (type <= NAL_CRA && (type < NAL_RESERVED_FIRST || type > NAL_RESERVED_LAST)) status = take_slice(d, t, &u, nal, length);
        if (type == NAL_SPS || type == NAL_PPS) status = u.begun ? pb_vd_damaged(d, "a parameter set within a picture") : take_set(d, t, nal, length);
        if (status != PB_OK) return status;
    }
    if (!u.begun) return PB_AGAIN;
    if (!add_last(d, t, true) || !pb_vd_run(d, u.surface)) return pb_vd_blame(d);
    if (t->count == PB_HEVC_REFERENCES) t->count--;
    t->frame[t->count++] = (struct frame){.surface = u.surface, .poc = u.poc};
    *surface = u.surface;
    *crop = (struct pb_crop){t->active.left, t->active.right, t->active.top, t->active.bottom};
    return PB_OK;
}

const struct pb_vd_codec pb_vd_hevc = {.open = open_stream, .decode = decode};
