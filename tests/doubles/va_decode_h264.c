/* Decodes H.264 for the VA stand-in by openh264, from what the parameters say: SPS and PPS are written anew from them, so that
 * a stream that was misread comes out wrong. Slice parameters must agree with the slices' own headers. */
#include "va_h264.h"
#include "va_standin.h"

#include <wels/codec_api.h>

#define NEED(o, ...) do { if (!(o)) return violation(d, VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture (H.264 decoding): " __VA_ARGS__); } while (0)

struct state {
    ISVCDecoder *codec;
    struct bytes sets; /* as they were sent last */
    uint64_t decoded;
    VASurfaceID last; /* reference */
    uint32_t references;
    bool broken;
};

static void free_state(void *codec) {
    struct state *s = codec;
    if (s->codec) {
        (*s->codec)->Uninitialize(s->codec);
        WelsDestroyDecoder(s->codec);
    }
    free(s->sets.data);
    free(s);
}

static struct state *state_of(struct object *c) {
    if (c->codec) return c->codec;
    struct state *s = calloc(1, sizeof *s);
    c->codec = s;
    c->free_codec = free_state;
    WelsCreateDecoder(&s->codec);
    int silent = WELS_LOG_QUIET;
    (*s->codec)->SetOption(s->codec, DECODER_OPTION_TRACE_LEVEL, &silent);
    SDecodingParam p = {.uiTargetDqLayer = UINT8_MAX, .eEcActiveIdc = ERROR_CON_DISABLE, .sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC};
    (*s->codec)->Initialize(s->codec, &p);
    return s;
}

static void write_sets(const struct object *c, const VAPictureParameterBufferH264 *p, uint32_t pps, uint32_t references, struct bytes *out) {
    struct bits b = {0};
    bool high = c->config->profile == VAProfileH264High;
    put(&b, 0x67, 8);
    put(&b, high ? 100 : c->config->profile == VAProfileH264Main ? 77 : 66, 8);
    put(&b, c->config->profile == VAProfileH264ConstrainedBaseline ? 0xc0 : 0, 8);
    put(&b, 52, 8);
    put_ue(&b, 0);
    if (high) {
        put_ue(&b, p->seq_fields.bits.chroma_format_idc);
        put_ue(&b, p->bit_depth_luma_minus8);
        put_ue(&b, p->bit_depth_chroma_minus8);
        put(&b, 0, 2);
    }
    put_ue(&b, p->seq_fields.bits.log2_max_frame_num_minus4);
    put_ue(&b, p->seq_fields.bits.pic_order_cnt_type);
    if (!p->seq_fields.bits.pic_order_cnt_type) put_ue(&b, p->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4);
    put_ue(&b, p->num_ref_frames);
    put(&b, p->seq_fields.bits.gaps_in_frame_num_value_allowed_flag, 1);
    put_ue(&b, p->picture_width_in_mbs_minus1);
    put_ue(&b, p->picture_height_in_mbs_minus1);
    put(&b, 1, 1);
    put(&b, p->seq_fields.bits.direct_8x8_inference_flag, 1);
    put(&b, 0, 2);
    put_stop(&b);
    append_nal(out, &b);
    bits_free(&b);
    put(&b, 0x68, 8);
    put_ue(&b, pps);
    put_ue(&b, 0);
    put(&b, p->pic_fields.bits.entropy_coding_mode_flag, 1);
    put(&b, p->pic_fields.bits.pic_order_present_flag, 1);
    put_ue(&b, 0);
    put_ue(&b, references); /* the PPS's own is not among the parameters, but slices that do not override it tell */
    put_ue(&b, 0);
    put(&b, p->pic_fields.bits.weighted_pred_flag, 1);
    put(&b, p->pic_fields.bits.weighted_bipred_idc, 2);
    put_se(&b, p->pic_init_qp_minus26);
    put_se(&b, p->pic_init_qs_minus26);
    put_se(&b, p->chroma_qp_index_offset);
    put(&b, p->pic_fields.bits.deblocking_filter_control_present_flag, 1);
    put(&b, p->pic_fields.bits.constrained_intra_pred_flag, 1);
    put(&b, p->pic_fields.bits.redundant_pic_cnt_present_flag, 1);
    if (high) {
        put(&b, p->pic_fields.bits.transform_8x8_mode_flag, 1);
        put(&b, 0, 1);
        put_se(&b, p->second_chroma_qp_index_offset);
    }
    put_stop(&b);
    append_nal(out, &b);
    bits_free(&b);
}

static VAStatus check_picture(struct driver *d, struct object *c, struct state *s, const VAPictureParameterBufferH264 *p, bool idr) {
    NEED(p->CurrPic.picture_id == c->target && !(p->CurrPic.flags & VA_PICTURE_H264_INVALID), "CurrPic is not the target");
    NEED((p->picture_width_in_mbs_minus1 + 1) * 16u == c->width && (p->picture_height_in_mbs_minus1 + 1) * 16u == c->height, "%u x %u macroblocks",
         p->picture_width_in_mbs_minus1 + 1, p->picture_height_in_mbs_minus1 + 1);
    NEED(p->seq_fields.bits.chroma_format_idc == 1 && p->seq_fields.bits.frame_mbs_only_flag && p->num_ref_frames <= 16, "sequence fields %#x", p->seq_fields.value);
    unsigned count = 0;
    for (unsigned i = 0; i < 16; i++) {
        const VAPictureH264 *r = &p->ReferenceFrames[i];
        if (r->flags & VA_PICTURE_H264_INVALID) {
            NEED(r->picture_id == VA_INVALID_SURFACE, "an invalid reference with a surface");
            continue;
        }
        struct object *o = find(d, r->picture_id, SURFACE);
        count++;
        NEED(o && o->picture && o->id != c->target, "reference %u is no decoded picture, or the target", i);
        for (unsigned k = 0; k < i; k++) NEED(p->ReferenceFrames[k].picture_id != r->picture_id, "a reference twice");
    }
    NEED(count <= (p->num_ref_frames ? p->num_ref_frames : 1u) && (!idr || !count), "%u references of %u", count, p->num_ref_frames);
    (void)s;
    return VA_STATUS_SUCCESS;
}

static VAStatus check_slice(struct driver *d, struct state *s, const VAPictureParameterBufferH264 *p, const VASliceParameterBufferH264 *q, const struct object *data,
                            struct slice *own) {
    NEED(q->slice_data_flag == VA_SLICE_DATA_FLAG_ALL && q->slice_data_offset + (uint64_t)q->slice_data_size <= data->size && q->slice_data_size > 2, "slice data of %u bytes in %zu",
         q->slice_data_size, data->size);
    const uint8_t *nal = data->data + q->slice_data_offset;
    NEED((nal[0] & 31) == 1 || (nal[0] & 31) == 5, "slice data that begin with %#x", nal[0]);
    struct sps sps = {.frame_num_bits = p->seq_fields.bits.log2_max_frame_num_minus4 + 4u, .poc_type = p->seq_fields.bits.pic_order_cnt_type,
                      .poc_bits = p->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4u};
    struct pps pps = {.cabac = p->pic_fields.bits.entropy_coding_mode_flag, .bottom = p->pic_fields.bits.pic_order_present_flag,
                      .loop_control = p->pic_fields.bits.deblocking_filter_control_present_flag, .redundant = p->pic_fields.bits.redundant_pic_cnt_present_flag,
                      .weighted = p->pic_fields.bits.weighted_pred_flag, .default_l0 = q->num_ref_idx_l0_active_minus1};
    struct bits b = unescape(nal + 1, q->slice_data_size - 1);
    bool read = read_slice(&b, nal[0], &sps, &pps, own);
    size_t offset = b.at + 8;
    bits_free(&b);
    if (!read) return VA_STATUS_ERROR_DECODING_ERROR;
    NEED(offset == q->slice_data_bit_offset, "slice_data_bit_offset %u instead of %zu", q->slice_data_bit_offset, offset);
    NEED(own->first == q->first_mb_in_slice && own->type % 5 == q->slice_type % 5u && own->qp_delta == q->slice_qp_delta && own->cabac_init == q->cabac_init_idc &&
             own->loop == q->disable_deblocking_filter_idc && own->alpha == q->slice_alpha_c0_offset_div2 && own->beta == q->slice_beta_offset_div2 &&
             own->frame_num == p->frame_num,
         "slice parameters are not what the slice says");
    if (own->type % 5) return VA_STATUS_SUCCESS;
    NEED(own->l0 == q->num_ref_idx_l0_active_minus1 || !own->override, "%u references instead of %u", q->num_ref_idx_l0_active_minus1 + 1, own->l0 + 1);
    for (unsigned i = 0; i <= q->num_ref_idx_l0_active_minus1 && i < 32; i++) {
        bool known = false;
        for (unsigned k = 0; k < 16; k++) known |= p->ReferenceFrames[k].picture_id == q->RefPicList0[i].picture_id && !(p->ReferenceFrames[k].flags & VA_PICTURE_H264_INVALID);
        NEED(known, "RefPicList0[%u] is not among the references", i);
    }
    NEED(own->modified || q->RefPicList0[0].picture_id == s->last, "RefPicList0[0] is not the reference before");
    return VA_STATUS_SUCCESS;
}

static VAStatus run(struct object *c, struct object *to, struct state *s, struct bytes *in) {
    uint8_t *planes[3] = {0};
    SBufferInfo info;
    memset(&info, 0, sizeof info);
    if ((*s->codec)->DecodeFrameNoDelay(s->codec, in->data, (int)in->size, planes, &info)) return VA_STATUS_ERROR_DECODING_ERROR;
    if (info.iBufferStatus != 1) {
        int end = 1;
        (*s->codec)->SetOption(s->codec, DECODER_OPTION_END_OF_STREAM, &end);
        memset(&info, 0, sizeof info);
        (*s->codec)->FlushFrame(s->codec, planes, &info);
        end = 0;
        (*s->codec)->SetOption(s->codec, DECODER_OPTION_END_OF_STREAM, &end);
    }
    if (info.iBufferStatus != 1) return VA_STATUS_ERROR_DECODING_ERROR;
    const SSysMEMBuffer *m = &info.UsrData.sSystemBuffer;
    if ((uint32_t)m->iWidth != c->width || (uint32_t)m->iHeight != c->height) return VA_STATUS_ERROR_DECODING_ERROR;
    for (uint32_t y = 0; y < c->height; y++) memcpy(to->data + (size_t)y * to->pitch, planes[0] + (size_t)y * (size_t)m->iStride[0], c->width);
    for (uint32_t y = 0; y < c->height / 2; y++)
        for (uint32_t x = 0; x < c->width / 2; x++) {
            chroma_of(to)[(size_t)y * to->pitch + x * 2] = planes[1][(size_t)y * (size_t)m->iStride[1] + x];
            chroma_of(to)[(size_t)y * to->pitch + x * 2 + 1] = planes[2][(size_t)y * (size_t)m->iStride[1] + x];
        }
    return VA_STATUS_SUCCESS;
}

VAStatus decode_h264(struct driver *d, struct object *c) {
    struct state *s = state_of(c);
    const VAPictureParameterBufferH264 *p = NULL;
    const VASliceParameterBufferH264 *slice = NULL;
    struct bytes in = {0}, sets = {0};
    struct slice own;
    bool matrices = false, reference = false;
    unsigned slices = 0;
    VAStatus status = VA_STATUS_SUCCESS;
    for (unsigned i = 0; i < c->rendered_count && status == VA_STATUS_SUCCESS; i++) {
        struct object *b = find(d, c->rendered[i], BUFFER);
        if (b->type == VAPictureParameterBufferType) p = (const void *)b->data;
        if (b->type == VAIQMatrixBufferType) matrices = true;
        if (b->type == VASliceParameterBufferType) {
            slice = (const void *)b->data;
            if (b->elements != 1) status = violation(d, VA_STATUS_ERROR_INVALID_PARAMETER, "several slices in one buffer");
        }
        if (b->type != VASliceDataBufferType) continue;
        if (!p || !slice || !matrices) {
            status = violation(d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice data before picture, matrices and slice parameters");
            break;
        }
        const uint8_t *nal = b->data + slice->slice_data_offset;
        status = check_slice(d, s, p, slice, b, &own);
        if (status != VA_STATUS_SUCCESS) break;
        if (!slices++) {
            status = check_picture(d, c, s, p, own.idr);
            reference = own.nal_ref != 0;
            if (!(own.type % 5) && !own.override) s->references = slice->num_ref_idx_l0_active_minus1;
            write_sets(c, p, own.pps, s->references, &sets);
            bool changed = sets.size != s->sets.size || memcmp(sets.data, s->sets.data, sets.size);
            if (own.idr || changed) append(&in, sets.data, sets.size);
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
    if (status == VA_STATUS_SUCCESS) status = run(c, find(d, c->target, SURFACE), s, &in);
    if (status == VA_STATUS_SUCCESS) {
        find(d, c->target, SURFACE)->picture = ++s->decoded;
        if (reference) s->last = c->target;
        d->decoded++;
    }
    free(in.data);
    free(sets.data);
    return status;
}
