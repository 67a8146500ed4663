/* Decodes HEVC for the VA stand-in by libde265, from what the parameters say: SPS and PPS are written anew from them, so that a
 * stream that was misread comes out wrong. Streams whose sets of references stand in the SPS cannot be written so: those sets
 * are not among the parameters. */
#include "hevc.h"
#include "va_hevc.h"
#include "va_standin.h"

#define NEED(o, ...) do { if (!(o)) return violation(d, VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture (HEVC decoding): " __VA_ARGS__); } while (0)

struct state {
    struct hevc_picturer *codec;
    struct bytes sets;
    uint64_t decoded;
    int32_t poc;
    VASurfaceID last;
};

static void free_state(void *codec) {
    struct state *s = codec;
    hevc_picturer_close(s->codec);
    free(s->sets.data);
    free(s);
}

static void profile(struct bits *b) {
    put(b, 1, 8);
    put(b, 0x60000000, 32);
    put(b, 9, 4);
    put(b, 0, 32);
    put(b, 0, 12);
    put(b, 186, 8);
}

static void write_sets(const VAPictureParameterBufferHEVC *p, uint32_t pps, struct bytes *out) {
    struct bits b = {0};
    put(&b, 32 << 9 | 1, 16);
    put(&b, 3, 6);
    put(&b, 0, 9);
    put(&b, 0x1ffff, 17);
    profile(&b);
    put(&b, 1, 1);
    put_ue(&b, p->sps_max_dec_pic_buffering_minus1);
    put_ue(&b, 0);
    put_ue(&b, 0);
    put(&b, 0, 6);
    put_ue(&b, 0);
    put(&b, 0, 2);
    put_stop(&b);
    append_nal(out, &b);
    bits_free(&b);
    put(&b, 33 << 9 | 1, 16);
    put(&b, 1, 8);
    profile(&b);
    put_ue(&b, 0);
    put_ue(&b, p->pic_fields.bits.chroma_format_idc);
    put_ue(&b, p->pic_width_in_luma_samples);
    put_ue(&b, p->pic_height_in_luma_samples);
    put(&b, 0, 1);
    put_ue(&b, p->bit_depth_luma_minus8);
    put_ue(&b, p->bit_depth_chroma_minus8);
    put_ue(&b, p->log2_max_pic_order_cnt_lsb_minus4);
    put(&b, 1, 1);
    put_ue(&b, p->sps_max_dec_pic_buffering_minus1);
    put_ue(&b, 0);
    put_ue(&b, 0);
    put_ue(&b, p->log2_min_luma_coding_block_size_minus3);
    put_ue(&b, p->log2_diff_max_min_luma_coding_block_size);
    put_ue(&b, p->log2_min_transform_block_size_minus2);
    put_ue(&b, p->log2_diff_max_min_transform_block_size);
    put_ue(&b, p->max_transform_hierarchy_depth_inter);
    put_ue(&b, p->max_transform_hierarchy_depth_intra);
    put(&b, 0, 1);
    put(&b, p->pic_fields.bits.amp_enabled_flag, 1);
    put(&b, p->slice_parsing_fields.bits.sample_adaptive_offset_enabled_flag, 1);
    put(&b, 0, 1);
    put_ue(&b, 0);
    put(&b, 0, 1);
    put(&b, p->slice_parsing_fields.bits.sps_temporal_mvp_enabled_flag, 1);
    put(&b, p->pic_fields.bits.strong_intra_smoothing_enabled_flag, 1);
    put(&b, 0, 2);
    put_stop(&b);
    append_nal(out, &b);
    bits_free(&b);
    put(&b, 34 << 9 | 1, 16);
    put_ue(&b, pps);
    put_ue(&b, 0);
    put(&b, p->slice_parsing_fields.bits.dependent_slice_segments_enabled_flag, 1);
    put(&b, p->slice_parsing_fields.bits.output_flag_present_flag, 1);
    put(&b, p->num_extra_slice_header_bits, 3);
    put(&b, p->pic_fields.bits.sign_data_hiding_enabled_flag, 1);
    put(&b, p->slice_parsing_fields.bits.cabac_init_present_flag, 1);
    put_ue(&b, p->num_ref_idx_l0_default_active_minus1);
    put_ue(&b, p->num_ref_idx_l1_default_active_minus1);
    put_se(&b, p->init_qp_minus26);
    put(&b, p->pic_fields.bits.constrained_intra_pred_flag, 1);
    put(&b, p->pic_fields.bits.transform_skip_enabled_flag, 1);
    put(&b, p->pic_fields.bits.cu_qp_delta_enabled_flag, 1);
    if (p->pic_fields.bits.cu_qp_delta_enabled_flag) put_ue(&b, p->diff_cu_qp_delta_depth);
    put_se(&b, p->pps_cb_qp_offset);
    put_se(&b, p->pps_cr_qp_offset);
    put(&b, p->slice_parsing_fields.bits.pps_slice_chroma_qp_offsets_present_flag, 1);
    put(&b, p->pic_fields.bits.weighted_pred_flag, 1);
    put(&b, p->pic_fields.bits.weighted_bipred_flag, 1);
    put(&b, p->pic_fields.bits.transquant_bypass_enabled_flag, 1);
    put(&b, 0, 1);
    put(&b, p->pic_fields.bits.entropy_coding_sync_enabled_flag, 1);
    put(&b, p->pic_fields.bits.pps_loop_filter_across_slices_enabled_flag, 1);
    bool off = p->slice_parsing_fields.bits.pps_disable_deblocking_filter_flag;
    bool control = off || p->pps_beta_offset_div2 || p->pps_tc_offset_div2 || p->slice_parsing_fields.bits.deblocking_filter_override_enabled_flag;
    put(&b, control, 1);
    if (control) {
        put(&b, p->slice_parsing_fields.bits.deblocking_filter_override_enabled_flag, 1);
        put(&b, off, 1);
        if (!off) put_se(&b, p->pps_beta_offset_div2), put_se(&b, p->pps_tc_offset_div2);
    }
    put(&b, 0, 1);
    put(&b, p->slice_parsing_fields.bits.lists_modification_present_flag, 1);
    put_ue(&b, p->log2_parallel_merge_level_minus2);
    put(&b, p->slice_parsing_fields.bits.slice_segment_header_extension_present_flag, 1);
    put(&b, 0, 1);
    put_stop(&b);
    append_nal(out, &b);
    bits_free(&b);
}

static VAStatus check(struct driver *d, struct object *c, struct state *s, const VAPictureParameterBufferHEVC *p, const VASliceParameterBufferHEVC *q,
                      const struct object *data, bool idr, bool last) {
    NEED(p->CurrPic.picture_id == c->target, "CurrPic is not the target");
    NEED(p->pic_width_in_luma_samples == c->width && p->pic_height_in_luma_samples == c->height, "%ux%u", p->pic_width_in_luma_samples, p->pic_height_in_luma_samples);
    NEED(p->slice_parsing_fields.bits.IdrPicFlag == idr && (p->CurrPic.pic_order_cnt == (idr ? 0 : s->poc + 1) || !s->decoded), "picture %d after %d", p->CurrPic.pic_order_cnt, s->poc);
    unsigned current = 0;
    for (unsigned i = 0; i < 15; i++) {
        const VAPictureHEVC *r = &p->ReferenceFrames[i];
        if (r->flags & VA_PICTURE_HEVC_INVALID) continue;
        struct object *o = find(d, r->picture_id, SURFACE);
        NEED(o && o->picture && o->id != c->target && r->pic_order_cnt < p->CurrPic.pic_order_cnt, "reference %u is no decoded picture", i);
        current += r->flags & VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE ? 1 : 0;
    }
    NEED(q->slice_data_flag == VA_SLICE_DATA_FLAG_ALL && q->slice_data_offset + (uint64_t)q->slice_data_size <= data->size && q->slice_data_size > 4 &&
             q->slice_data_byte_offset < q->slice_data_size, "slice data");
    NEED(q->LongSliceFlags.fields.LastSliceOfPic == last, "the last slice is not told to be so");
    if (q->LongSliceFlags.fields.slice_type == 2) return VA_STATUS_SUCCESS;
    NEED(q->LongSliceFlags.fields.slice_type == 1 && current, "a slice of type %u with %u references", q->LongSliceFlags.fields.slice_type, current);
    for (unsigned i = 0; i <= q->num_ref_idx_l0_active_minus1 && i < 15; i++)
        NEED(q->RefPicList[0][i] < 15 && p->ReferenceFrames[q->RefPicList[0][i]].flags & VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE, "RefPicList[0][%u] is no reference", i);
    NEED(p->slice_parsing_fields.bits.lists_modification_present_flag || p->ReferenceFrames[q->RefPicList[0][0]].picture_id == s->last, "RefPicList[0][0] is not the picture before");
    return VA_STATUS_SUCCESS;
}

/* The header of a slice says where its data begin: checked where the stand-in reads such headers. */
static VAStatus check_header(struct driver *d, const VAPictureParameterBufferHEVC *p, const VASliceParameterBufferHEVC *q, const uint8_t *nal) {
    struct hevc_sets sets = {.poc_bits = p->log2_max_pic_order_cnt_lsb_minus4 + 4u, .sao = p->slice_parsing_fields.bits.sample_adaptive_offset_enabled_flag,
                             .tmvp = p->slice_parsing_fields.bits.sps_temporal_mvp_enabled_flag, .cabac_init = p->slice_parsing_fields.bits.cabac_init_present_flag,
                             .across = p->pic_fields.bits.pps_loop_filter_across_slices_enabled_flag, .default_l0 = p->num_ref_idx_l0_default_active_minus1,
                             .chroma_offsets = p->slice_parsing_fields.bits.pps_slice_chroma_qp_offsets_present_flag, .blocks = 1u << 20};
    struct hevc_slice own;
    if (p->pic_fields.bits.weighted_pred_flag || p->pic_fields.bits.entropy_coding_sync_enabled_flag || q->slice_segment_address) return VA_STATUS_SUCCESS;
    struct bits b = unescape(nal, q->slice_data_size);
    bool read = hevc_read_slice(&b, &sets, &own);
    size_t at = b.at / 8;
    bits_free(&b);
    if (!read) return VA_STATUS_SUCCESS;
    NEED(at == q->slice_data_byte_offset && own.qp_delta == q->slice_qp_delta && own.type == q->LongSliceFlags.fields.slice_type &&
             own.sao_luma == q->LongSliceFlags.fields.slice_sao_luma_flag && (own.type == 2 || own.merge == 5u - q->five_minus_max_num_merge_cand),
         "slice parameters are not what the slice says: data at %u instead of %zu", q->slice_data_byte_offset, at);
    return VA_STATUS_SUCCESS;
}

VAStatus decode_hevc(struct driver *d, struct object *c) {
    if (!c->codec) {
        struct state *made = calloc(1, sizeof *made);
        made->codec = hevc_picturer_open();
        c->codec = made;
        c->free_codec = free_state;
    }
    struct state *s = c->codec;
    const VAPictureParameterBufferHEVC *p = NULL;
    const VASliceParameterBufferHEVC *slice = NULL;
    struct bytes in = {0}, sets = {0};
    unsigned slices = 0;
    bool idr = false;
    VAStatus status = VA_STATUS_SUCCESS;
    for (unsigned i = 0; i < c->rendered_count && status == VA_STATUS_SUCCESS; i++) {
        struct object *b = find(d, c->rendered[i], BUFFER);
        if (b->type == VAPictureParameterBufferType) p = (const void *)b->data;
        if (b->type == VASliceParameterBufferType) slice = (const void *)b->data;
        if (b->type != VASliceDataBufferType) continue;
        if (!p || !slice) {
            status = violation(d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice data before picture and slice parameters");
            break;
        }
        if (p->num_short_term_ref_pic_sets || p->pic_fields.bits.pcm_enabled_flag) {
            status = VA_STATUS_ERROR_UNIMPLEMENTED;
            break;
        }
        const uint8_t *nal = b->data + slice->slice_data_offset;
        idr = (nal[0] >> 1 & 63) == 19 || (nal[0] >> 1 & 63) == 20;
        status = check(d, c, s, p, slice, b, idr, i + 1 == c->rendered_count);
        if (status == VA_STATUS_SUCCESS) status = check_header(d, p, slice, nal);
        if (status != VA_STATUS_SUCCESS) break;
        if (!slices++) {
            struct bits head = unescape(nal + 2, 8);
            get(&head, (nal[0] >> 1 & 63) >= 16 ? 2 : 1);
            write_sets(p, get_ue(&head), &sets);
            bits_free(&head);
            bool changed = sets.size != s->sets.size || memcmp(sets.data, s->sets.data, sets.size);
            if (idr || changed) append(&in, sets.data, sets.size);
            if (changed) {
                s->sets.size = 0;
                append(&s->sets, sets.data, sets.size);
            }
        }
        static const uint8_t start[4] = {0, 0, 0, 1};
        append(&in, start, 4);
        append(&in, nal, slice->slice_data_size);
        slice = NULL;
    }
    if (status == VA_STATUS_SUCCESS && !slices) status = violation(d, VA_STATUS_ERROR_INVALID_PARAMETER, "a picture without slices");
    struct coder_planes planes;
    if (status == VA_STATUS_SUCCESS && !hevc_picturer_decode(s->codec, in.data, in.size, &planes)) status = VA_STATUS_ERROR_DECODING_ERROR;
    if (status == VA_STATUS_SUCCESS && (planes.width != c->width || planes.height != c->height)) status = VA_STATUS_ERROR_DECODING_ERROR;
    if (status == VA_STATUS_SUCCESS) {
        struct object *to = find(d, c->target, SURFACE);
        for (uint32_t y = 0; y < c->height; y++) memcpy(to->data + (size_t)y * to->pitch, planes.plane[0] + (size_t)y * planes.stride[0], c->width);
        for (uint32_t y = 0; y < c->height / 2; y++)
            for (uint32_t x = 0; x < c->width / 2; x++)
                for (unsigned k = 0; k < 2; k++) chroma_of(to)[(size_t)y * to->pitch + x * 2 + k] = planes.plane[1 + k][(size_t)y * planes.stride[1 + k] + x];
        to->picture = ++s->decoded;
        s->poc = p->CurrPic.pic_order_cnt;
        s->last = c->target;
        d->decoded++;
    }
    free(in.data);
    free(sets.data);
    return status;
}
