/* What the VA stand-in demands of an H.264 encoder's parameters, and of the rate control of either codec. */
#include "va_encode_h264.h"

VAStatus check_misc(struct driver *d, const struct object *b, uint32_t *bitrate, uint32_t *fps, uint32_t *min_qp, uint32_t *max_qp) {
    const VAEncMiscParameterBuffer *m = (const void *)b->data;
    size_t size = b->size - sizeof *m;
    NEED(b->size > sizeof *m, "a misc buffer of %zu bytes", b->size);
    if (m->type == VAEncMiscParameterTypeRateControl) {
        const VAEncMiscParameterRateControl *r = (const void *)m->data;
        NEED(size == sizeof *r && r->bits_per_second && r->target_percentage <= 100, "rate control of %u bit/s", r->bits_per_second);
        NEED(r->min_qp <= 51 && r->max_qp <= 51 && (!r->max_qp || r->min_qp <= r->max_qp), "quantisers %u to %u", r->min_qp, r->max_qp);
        *bitrate = r->bits_per_second;
        *min_qp = r->min_qp;
        *max_qp = r->max_qp ? r->max_qp : 51;
    } else if (m->type == VAEncMiscParameterTypeFrameRate) {
        const VAEncMiscParameterFrameRate *r = (const void *)m->data;
        uint32_t under = r->framerate >> 16 ? r->framerate >> 16 : 1;
        NEED(size == sizeof *r && (r->framerate & 0xffff) >= under, "a frame rate of %#x", r->framerate);
        *fps = (r->framerate & 0xffff) / under;
    } else if (m->type == VAEncMiscParameterTypeHRD) {
        const VAEncMiscParameterHRD *h = (const void *)m->data;
        NEED(size == sizeof *h && h->buffer_size && h->initial_buffer_fullness <= h->buffer_size, "a buffer of %u bits, %u full",
             h->buffer_size, h->initial_buffer_fullness);
    } else {
        NEED(m->type == VAEncMiscParameterTypeQualityLevel, "misc parameters of type %d", m->type);
    }
    return VA_STATUS_SUCCESS;
}

VAStatus check_coded(struct driver *d, VABufferID id, struct object **coded, uint32_t width, uint32_t height) {
    *coded = find(d, id, BUFFER);
    NEED(*coded && (*coded)->type == VAEncCodedBufferType, "coded_buf %08x is no coded buffer", id);
    NEED(!(*coded)->mapped && !(*coded)->pending, "the coded buffer is mapped, or its last picture was not waited for");
    NEED((*coded)->size >= (size_t)width * height * 3 / 2, "a coded buffer of %zu bytes for %ux%u", (*coded)->size, width, height);
    return VA_STATUS_SUCCESS;
}

VAStatus h264_check_sequence(struct driver *d, struct object *c, const VAEncSequenceParameterBufferH264 *q) {
    NEED(q->picture_width_in_mbs * 16u == c->width && q->picture_height_in_mbs * 16u == c->height, "a sequence of %ux%u macroblocks in a context of %ux%u",
         q->picture_width_in_mbs, q->picture_height_in_mbs, c->width, c->height);
    NEED(q->ip_period == 1 && q->max_num_ref_frames == 1, "ip_period %u and %u references: B pictures are not made", q->ip_period, q->max_num_ref_frames);
    NEED(q->intra_period && q->intra_idr_period >= q->intra_period, "periods %u and %u", q->intra_period, q->intra_idr_period);
    NEED(q->bits_per_second || c->config->rate_control == VA_RC_CQP, "no bit rate");
    NEED(q->level_idc >= 10 && q->level_idc <= 62 && !q->seq_parameter_set_id, "level %u", q->level_idc);
    NEED(q->seq_fields.bits.chroma_format_idc == 1 && q->seq_fields.bits.frame_mbs_only_flag && !q->seq_fields.bits.seq_scaling_matrix_present_flag &&
             q->seq_fields.bits.direct_8x8_inference_flag && q->seq_fields.bits.pic_order_cnt_type != 1 && !q->bit_depth_luma_minus8 && !q->bit_depth_chroma_minus8,
         "sequence fields %#x", q->seq_fields.value);
    NEED(!q->vui_fields.bits.timing_info_present_flag || (q->num_units_in_tick && q->time_scale), "timing of %u/%u", q->num_units_in_tick, q->time_scale);
    return VA_STATUS_SUCCESS;
}

VAStatus h264_check_picture(struct driver *d, struct object *c, struct h264_state *s, const struct h264_job *job) {
    const VAEncPictureParameterBufferH264 *p = job->picture;
    bool idr = p->pic_fields.bits.idr_pic_flag;
    uint32_t most = 1u << (s->sequence.seq_fields.bits.log2_max_frame_num_minus4 + 4);
    struct object *kept = find(d, p->CurrPic.picture_id, SURFACE);
    NEED(kept && kept->fourcc == VA_FOURCC_NV12 && kept->width >= c->width && kept->height >= c->height, "CurrPic is no surface");
    NEED(kept->id != c->target, "CurrPic is the picture to encode");
    NEED(!(p->CurrPic.flags & VA_PICTURE_H264_INVALID), "CurrPic is marked invalid");
    NEED(p->frame_num == (idr ? 0 : (s->frame_num + 1) % most), "frame_num %u after %u", p->frame_num, s->frame_num);
    NEED(p->pic_fields.bits.reference_pic_flag, "not a reference, so the next picture has none");
    NEED(!p->pic_fields.bits.transform_8x8_mode_flag && !p->pic_fields.bits.weighted_pred_flag && !p->pic_fields.bits.weighted_bipred_idc &&
             !p->pic_fields.bits.pic_scaling_matrix_present_flag && !p->pic_fields.bits.constrained_intra_pred_flag && !p->pic_fields.bits.redundant_pic_cnt_present_flag,
         "picture fields %#x ask for what is not offered", p->pic_fields.value);
    NEED(!p->pic_fields.bits.entropy_coding_mode_flag || c->config->profile != VAProfileH264ConstrainedBaseline, "CABAC in the baseline profile");
    NEED(p->pic_init_qp <= 51 && !p->num_ref_idx_l0_active_minus1, "pic_init_qp %u, %u references", p->pic_init_qp, p->num_ref_idx_l0_active_minus1 + 1);
    unsigned references = 0;
    for (unsigned i = 0; i < 16; i++) {
        const VAPictureH264 *r = &p->ReferenceFrames[i];
        if (r->flags & VA_PICTURE_H264_INVALID || r->picture_id == VA_INVALID_SURFACE) continue;
        struct object *o = find(d, r->picture_id, SURFACE);
        references++;
        NEED(o, "reference %u is no surface", i);
        NEED(o != kept, "CurrPic is also a reference");
        NEED(o->picture == s->made && s->made, "reference %u is not the picture before", i);
        NEED(r->flags & VA_PICTURE_H264_SHORT_TERM_REFERENCE, "reference %u is not marked as one", i);
        NEED(r->frame_idx == s->frame_num, "reference %u has frame_idx %u, not %u", i, r->frame_idx, s->frame_num);
    }
    NEED(references == (idr ? 0 : 1), "%u references", references);
    return VA_STATUS_SUCCESS;
}

VAStatus h264_check_slices(struct driver *d, struct object *c, const struct h264_job *job) {
    bool idr = job->picture->pic_fields.bits.idr_pic_flag;
    uint32_t next = 0, wide = c->width / 16;
    for (unsigned i = 0; i < job->slices; i++) {
        const VAEncSliceParameterBufferH264 *p = job->slice[i];
        NEED(p->macroblock_address == next && p->num_macroblocks && p->num_macroblocks % wide == 0, "slice %u begins at %u instead of %u, or is no rows", i, p->macroblock_address, next);
        next += p->num_macroblocks;
        NEED(p->macroblock_info == VA_INVALID_ID, "macroblock_info must be VA_INVALID_ID");
        NEED(p->slice_type % 5 == (idr ? 2 : 0), "slice type %u", p->slice_type);
        NEED(p->idr_pic_id == job->slice[0]->idr_pic_id && p->disable_deblocking_filter_idc <= 2 && p->cabac_init_idc <= 2, "slice %u differs", i);
        NEED(idr || p->RefPicList0[0].picture_id == job->picture->ReferenceFrames[0].picture_id, "RefPicList0[0] is not the reference");
    }
    NEED(next == wide * (c->height / 16), "the slices end at %u of %u macroblocks", next, wide * (c->height / 16));
    return VA_STATUS_SUCCESS;
}
