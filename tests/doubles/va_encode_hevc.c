/* Encodes HEVC for the VA stand-in by x265 (tests only: it is GPL). Of what x265 writes only the coding tree is kept: each slice
 * gets a header made from the parameters, and the parameter sets are the application's packed ones, which must say what the
 * parameters say. What is asked of several slices is checked, and one is made: x265 makes several only together with wavefronts. */
#include "va_hevc.h"
#include "va_standin.h"

#include <x265.h>

#define NEED(o, ...) do { if (!(o)) return violation(d, VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture (HEVC): " __VA_ARGS__); } while (0)

struct state {
    x265_encoder *codec;
    x265_param *param;
    VAEncSequenceParameterBufferHEVC sequence;
    bool started;
    uint32_t bitrate, fps, min_qp, max_qp, qp;
    uint64_t made;
    int32_t poc;
    struct hevc_sets from, to;
    struct bytes packed_sets;
    uint8_t *i420;
};

struct job {
    const VAEncSequenceParameterBufferHEVC *sequence;
    const VAEncPictureParameterBufferHEVC *picture;
    const VAEncSliceParameterBufferHEVC *slice[32];
    unsigned slices, headers;
    struct { const VAEncPackedHeaderParameterBuffer *about; const uint8_t *data; size_t size; } header[48];
};

static void free_state(void *codec) {
    struct state *s = codec;
    if (s->codec) x265_encoder_close(s->codec);
    if (s->param) x265_param_free(s->param);
    free(s->packed_sets.data);
    free(s->i420);
    free(s);
}

static VAStatus collect(struct driver *d, struct object *c, struct state *s, struct job *job) {
    const VAEncPackedHeaderParameterBuffer *about = NULL;
    memset(job, 0, sizeof *job);
    for (unsigned i = 0; i < c->rendered_count; i++) {
        struct object *b = find(d, c->rendered[i], BUFFER);
        NEED(!about || b->type == VAEncPackedHeaderDataBufferType, "a packed header without its bytes");
        if (b->type == VAEncSequenceParameterBufferType) job->sequence = (const void *)b->data;
        if (b->type == VAEncPictureParameterBufferType) job->picture = (const void *)b->data;
        if (b->type == VAEncSliceParameterBufferType) {
            NEED(job->slices < 32, "more slices than are offered");
            job->slice[job->slices++] = (const void *)b->data;
        }
        if (b->type == VAEncPackedHeaderParameterBufferType) about = (const void *)b->data;
        if (b->type == VAEncPackedHeaderDataBufferType) {
            NEED(about && (about->bit_length + 7) / 8 <= b->size && job->headers < 48, "bytes of a packed header");
            job->header[job->headers].about = about;
            job->header[job->headers].data = b->data;
            job->header[job->headers++].size = b->size;
            about = NULL;
        }
        if (b->type == VAEncMiscParameterBufferType) {
            VAStatus status = check_misc(d, b, &s->bitrate, &s->fps, &s->min_qp, &s->max_qp);
            if (status != VA_STATUS_SUCCESS) return status;
        }
    }
    NEED(!told(d, "three-slices") || job->slices == 3, "%u slices where three are expected", job->slices);
    NEED(job->picture && job->slices && (job->slices == 1 || !told(d, "no-slices")) && !about, "%u slices", job->slices);
    return VA_STATUS_SUCCESS;
}

static VAStatus check_sequence(struct driver *d, struct object *c, const VAEncSequenceParameterBufferHEVC *q) {
    uint32_t min = 1u << (q->log2_min_luma_coding_block_size_minus3 + 3);
    NEED(q->pic_width_in_luma_samples == c->width && q->pic_height_in_luma_samples == c->height && c->width % min == 0 && c->height % min == 0,
         "a sequence of %ux%u in a context of %ux%u", q->pic_width_in_luma_samples, q->pic_height_in_luma_samples, c->width, c->height);
    NEED(q->general_profile_idc == 1 && q->general_level_idc >= 30 && q->general_level_idc <= 186 && q->general_level_idc % 3 == 0, "level %u", q->general_level_idc);
    NEED(q->ip_period == 1 && q->intra_period && q->intra_idr_period >= q->intra_period, "periods %u, %u, %u", q->intra_period, q->intra_idr_period, q->ip_period);
    NEED(q->bits_per_second && q->seq_fields.bits.chroma_format_idc == 1 && !q->seq_fields.bits.scaling_list_enabled_flag && !q->seq_fields.bits.pcm_enabled_flag &&
             !q->seq_fields.bits.reserved_bits && !q->seq_fields.bits.separate_colour_plane_flag,
         "sequence fields %#x", q->seq_fields.value);
    NEED(q->log2_min_luma_coding_block_size_minus3 + q->log2_diff_max_min_luma_coding_block_size <= 3 &&
             q->log2_min_transform_block_size_minus2 + q->log2_diff_max_min_transform_block_size <= 3, "block sizes");
    return VA_STATUS_SUCCESS;
}

static VAStatus check_picture(struct driver *d, struct object *c, struct state *s, const struct job *job) {
    const VAEncPictureParameterBufferHEVC *p = job->picture;
    bool idr = p->pic_fields.bits.idr_pic_flag;
    struct object *kept = find(d, p->decoded_curr_pic.picture_id, SURFACE);
    NEED(kept && kept->id != c->target && kept->width >= c->width && kept->height >= c->height, "decoded_curr_pic is no surface of its own");
    NEED(p->decoded_curr_pic.pic_order_cnt == (idr ? 0 : s->poc + 1), "picture %d after %d", p->decoded_curr_pic.pic_order_cnt, s->poc);
    NEED(p->pic_fields.bits.coding_type == (idr ? 1u : 2u) && p->pic_fields.bits.reference_pic_flag && p->nal_unit_type == (idr ? 19 : 1) && !p->pic_fields.bits.reserved,
         "picture fields %#x", p->pic_fields.value);
    NEED(!p->pic_fields.bits.tiles_enabled_flag && !p->pic_fields.bits.entropy_coding_sync_enabled_flag && !p->pic_fields.bits.weighted_pred_flag &&
             !p->pic_fields.bits.dependent_slice_segments_enabled_flag && !p->pic_fields.bits.transquant_bypass_enabled_flag, "tools that are not offered");
    unsigned references = 0;
    for (unsigned i = 0; i < 15; i++) {
        const VAPictureHEVC *r = &p->reference_frames[i];
        if (r->flags & VA_PICTURE_HEVC_INVALID) continue;
        struct object *o = find(d, r->picture_id, SURFACE);
        references++;
        NEED(o && o != kept && o->picture == s->made && s->made && r->pic_order_cnt == s->poc, "reference %u is not the picture before", i);
    }
    NEED(references == (idr ? 0 : 1), "%u references", references);
    uint32_t next = 0, row = (c->width + (1u << s->to.ctb) - 1) >> s->to.ctb;
    for (unsigned i = 0; i < job->slices; i++) {
        const VAEncSliceParameterBufferHEVC *q = job->slice[i];
        bool last = i + 1 == job->slices;
        NEED(q->slice_fields.bits.slice_temporal_mvp_enabled_flag || p->collocated_ref_pic_index == 0xff, "collocated_ref_pic_index must be 0xff");
        NEED(q->slice_segment_address == next && q->num_ctu_in_slice && q->num_ctu_in_slice % row == 0 && q->slice_fields.bits.last_slice_of_pic_flag == last,
             "slice %u begins at %u instead of %u, is no rows or not as last as it says", i, q->slice_segment_address, next);
        NEED(q->slice_type == (idr ? 2 : 1) && q->max_num_merge_cand >= 1 && q->max_num_merge_cand <= 5 && !q->num_ref_idx_l0_active_minus1, "slice type %u", q->slice_type);
        NEED(idr || q->ref_pic_list0[0].picture_id == p->reference_frames[0].picture_id, "ref_pic_list0[0] is not the reference");
        next += q->num_ctu_in_slice;
    }
    NEED(next == s->to.blocks, "the slices end at %u of %u blocks", next, s->to.blocks);
    return VA_STATUS_SUCCESS;
}

/* What the parameters say of the stream. */
static struct hevc_sets described(const VAEncSequenceParameterBufferHEVC *q, const VAEncPictureParameterBufferHEVC *p) {
    struct hevc_sets s;
    memset(&s, 0, sizeof s);
    s.poc_bits = 8;
    s.min_cb = q->log2_min_luma_coding_block_size_minus3 + 3u;
    s.ctb = s.min_cb + q->log2_diff_max_min_luma_coding_block_size;
    s.min_tb = q->log2_min_transform_block_size_minus2 + 2u;
    s.max_tb = s.min_tb + q->log2_diff_max_min_transform_block_size;
    s.depth_inter = q->max_transform_hierarchy_depth_inter;
    s.depth_intra = q->max_transform_hierarchy_depth_intra;
    s.level = q->general_level_idc;
    s.wide = q->pic_width_in_luma_samples;
    s.high = q->pic_height_in_luma_samples;
    s.blocks = ((s.wide + (1u << s.ctb) - 1) >> s.ctb) * ((s.high + (1u << s.ctb) - 1) >> s.ctb);
    s.amp = q->seq_fields.bits.amp_enabled_flag;
    s.sao = q->seq_fields.bits.sample_adaptive_offset_enabled_flag;
    s.tmvp = q->seq_fields.bits.sps_temporal_mvp_enabled_flag;
    s.strong = q->seq_fields.bits.strong_intra_smoothing_enabled_flag;
    s.sign_hiding = p->pic_fields.bits.sign_data_hiding_enabled_flag;
    s.transform_skip = p->pic_fields.bits.transform_skip_enabled_flag;
    s.qp_delta = p->pic_fields.bits.cu_qp_delta_enabled_flag;
    s.qp_delta_depth = p->diff_cu_qp_delta_depth;
    s.across = p->pic_fields.bits.pps_loop_filter_across_slices_enabled_flag;
    s.init_qp = p->pic_init_qp;
    return s;
}

static VAStatus read_packed(struct driver *d, struct object *c, struct state *s, const struct job *job) {
    NEED(c->config->packed & VA_ENC_PACKED_HEADER_SEQUENCE, "this driver writes no headers of HEVC: packed ones are needed");
    struct hevc_sets got;
    memset(&got, 0, sizeof got);
    unsigned seen = 0;
    s->packed_sets.size = 0;
    for (unsigned i = 0; i < job->headers; i++) {
        if (job->header[i].about->type == VAEncPackedHeaderSlice) continue;
        const uint8_t *at = job->header[i].data, *end = at + job->header[i].about->bit_length / 8, *nal;
        append(&s->packed_sets, at, (size_t)(end - at));
        for (size_t size; (nal = next_nal(&at, end, &size));) {
            struct bits b = unescape(nal, size);
            unsigned type = nal[0] >> 1 & 63;
            bool read = type == 33 ? hevc_read_sps(&b, &got) : type == 34 ? hevc_read_pps(&b, &got) : true;
            bits_free(&b);
            NEED(read, "a packed parameter set of type %u with what the parameters do not say", type);
            seen |= type == 32 ? 1 : type == 33 ? 2 : type == 34 ? 4 : 0;
        }
    }
    NEED(seen == 7, "the packed headers are not VPS, SPS and PPS");
    struct hevc_sets said = s->to;
    said.poc_bits = s->to.poc_bits = got.poc_bits;
    NEED(!memcmp(&got, &said, sizeof got), "the packed parameter sets are not what the parameters say");
    return VA_STATUS_SUCCESS;
}

static VAStatus start(struct driver *d, struct state *s, const struct job *job) {
    if (s->codec) return VA_STATUS_SUCCESS;
    s->qp = 30;
    x265_param *p = s->param = x265_param_alloc();
    x265_param_default_preset(p, "ultrafast", "zerolatency");
    p->logLevel = X265_LOG_NONE;
    p->sourceWidth = (int)s->to.wide;
    p->sourceHeight = (int)s->to.high;
    p->internalCsp = X265_CSP_I420;
    p->fpsNum = s->fps ? s->fps : 30;
    p->fpsDenom = 1;
    p->keyframeMax = -1;
    p->bframes = 0;
    p->maxNumReferences = 1;
    p->bRepeatHeaders = p->bAnnexB = 1;
    p->bEmitInfoSEI = 0;
    p->frameNumThreads = 1;
    p->bEnableWavefront = 0;
    p->lookaheadSlices = p->lookaheadThreads = 0;
    p->scenecutThreshold = 0;
    p->rc.rateControlMode = X265_RC_ABR;
    p->rc.bitrate = (int)(s->bitrate / 1000);
    p->rc.aqMode = s->to.qp_delta ? 1 : 0;
    p->rc.aqStrength = 1;
    p->rc.qgSize = p->maxCUSize = 1u << s->to.ctb;
    p->minCUSize = 1u << s->to.min_cb;
    p->maxTUSize = 1u << s->to.max_tb;
    p->tuQTMaxInterDepth = s->to.depth_inter + 1;
    p->tuQTMaxIntraDepth = s->to.depth_intra + 1;
    p->bEnableAMP = p->bEnableRectInter = s->to.amp;
    p->bEnableSAO = s->to.sao;
    p->bEnableTemporalMvp = s->to.tmvp;
    p->bEnableStrongIntraSmoothing = s->to.strong;
    p->bEnableSignHiding = s->to.sign_hiding;
    p->bEnableTransformSkip = s->to.transform_skip;
    p->bEnableWeightedPred = 0;
    p->maxNumMergeCand = job->slice[0]->max_num_merge_cand;
    s->codec = x265_encoder_open(p);
    if (!s->codec) return violation(d, VA_STATUS_ERROR_ENCODING_ERROR, "the stand-in itself: x265 does not start");
    return VA_STATUS_SUCCESS;
}

static struct hevc_slice said(const struct state *s, const struct job *job, const VAEncSliceParameterBufferHEVC *p) {
    return (struct hevc_slice){.nal = job->picture->nal_unit_type, .address = p->slice_segment_address, .type = p->slice_type,
                               .idr = job->picture->pic_fields.bits.idr_pic_flag, .merge = p->max_num_merge_cand, .l0 = 0,
                               .poc = (uint32_t)job->picture->decoded_curr_pic.pic_order_cnt % (1u << s->to.poc_bits), .sao_luma = p->slice_fields.bits.slice_sao_luma_flag,
                               .sao_chroma = p->slice_fields.bits.slice_sao_chroma_flag, .qp_delta = p->slice_qp_delta,
                               .across = p->slice_fields.bits.slice_loop_filter_across_slices_enabled_flag,
                               .override = p->slice_fields.bits.num_ref_idx_active_override_flag};
}

static VAStatus one_slice(struct driver *d, struct state *s, const struct job *job, const uint8_t *nal, size_t size, struct bytes *out) {
    struct hevc_slice from, to = said(s, job, job->slice[0]);
    unsigned packed_slices = 0;
    for (unsigned i = 0; i < job->headers; i++) {
        if (job->header[i].about->type != VAEncPackedHeaderSlice) continue;
        const uint8_t *at = job->header[i].data, *end = at + (job->header[i].about->bit_length + 7) / 8;
        size_t length = 0;
        const uint8_t *packed = next_nal(&at, end, &length);
        NEED(packed, "a packed slice header without start code");
        struct bits own = unescape(packed, (size_t)(end - packed)), written = {0};
        NEED(packed_slices < job->slices, "more packed slice headers than slices");
        struct hevc_slice wanted = said(s, job, job->slice[packed_slices++]);
        hevc_write_slice(&written, &s->to, &wanted);
        bool equal = own.count == written.count && !memcmp(own.data, written.data, own.count / 8);
        bits_free(&own);
        bits_free(&written);
        NEED(equal, "the packed slice header is not what the parameters say");
    }
    NEED(!packed_slices || packed_slices == job->slices, "%u packed headers for %u slices", packed_slices, job->slices);
    struct bits b = unescape(nal, size), made = {0};
    if (!hevc_read_slice(&b, &s->from, &from) || from.type != to.type || (from.type == 1 && from.merge != to.merge) ||
        from.sao_luma != to.sao_luma) {
        bits_free(&b);
        return violation(d, VA_STATUS_ERROR_ENCODING_ERROR, "the stand-in itself: x265's slice is of another kind: type %u, merge %u, SAO %d", from.type, from.merge, from.sao_luma);
    }
    to.qp_delta = (int32_t)s->from.init_qp + from.qp_delta - (int32_t)s->to.init_qp;
    hevc_write_slice(&made, &s->to, &to);
    while (b.at < b.count) put(&made, get(&b, 8), 8);
    append_nal(out, &made);
    bits_free(&made);
    bits_free(&b);
    return VA_STATUS_SUCCESS;
}

static VAStatus run(struct driver *d, struct object *c, struct state *s, const struct job *job, struct bytes *out) {
    struct object *in = find(d, c->target, SURFACE);
    uint32_t w = c->width, h = c->height;
    if (!s->i420) s->i420 = malloc((size_t)w * h * 3 / 2);
    for (uint32_t y = 0; y < h; y++) memcpy(s->i420 + (size_t)y * w, in->data + (size_t)y * in->pitch, w);
    uint8_t *u = s->i420 + (size_t)w * h, *v = u + (size_t)w * h / 4;
    for (uint32_t y = 0; y < h / 2; y++)
        for (uint32_t x = 0; x < w / 2; x++) {
            *u++ = chroma_of(in)[(size_t)y * in->pitch + x * 2];
            *v++ = chroma_of(in)[(size_t)y * in->pitch + x * 2 + 1];
        }
    bool idr = job->picture->pic_fields.bits.idr_pic_flag;
    x265_picture source, result;
    x265_picture_init(s->param, &source);
    x265_picture_init(s->param, &result);
    source.planes[0] = s->i420;
    source.planes[1] = s->i420 + (size_t)w * h;
    source.planes[2] = s->i420 + (size_t)w * h * 5 / 4;
    source.stride[0] = (int)w;
    source.stride[1] = source.stride[2] = (int)w / 2;
    source.sliceType = idr ? X265_TYPE_IDR : X265_TYPE_P;
    source.pts = (int64_t)s->made;
    source.forceqp = (int)s->qp + 1;
    x265_nal *nals;
    uint32_t count = 0;
    if (x265_encoder_encode(s->codec, &nals, &count, &source, &result) != 1) return VA_STATUS_ERROR_ENCODING_ERROR;
    if (idr) append(out, s->packed_sets.data, s->packed_sets.size);
    unsigned slices = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = nals[i].payload, *nal;
        size_t size = 0;
        nal = next_nal(&at, at + nals[i].sizeBytes, &size);
        unsigned type = nal[0] >> 1 & 63;
        struct bits b = unescape(nal, size);
        bool sound = type == 33 ? hevc_read_sps(&b, &s->from) : type == 34 ? hevc_read_pps(&b, &s->from) : true;
        bits_free(&b);
        NEED(sound, "the stand-in itself: x265's parameter set %u is unknown", type);
        if (type >= 32) continue;
        struct hevc_sets from = s->from, to = s->to;
        NEED(from.ctb == to.ctb && from.min_cb == to.min_cb && from.max_tb == to.max_tb && from.min_tb == to.min_tb && from.depth_inter == to.depth_inter &&
                 from.depth_intra == to.depth_intra && from.amp == to.amp && from.sao == to.sao && from.tmvp == to.tmvp && from.strong == to.strong &&
                 from.sign_hiding == to.sign_hiding && from.transform_skip == to.transform_skip && from.qp_delta == to.qp_delta && from.qp_delta_depth == to.qp_delta_depth,
             "the stand-in itself: x265 uses other tools");
        NEED(!slices++, "the stand-in itself: x265 made several slices");
        VAStatus status = one_slice(d, s, job, nal, size, out);
        if (status != VA_STATUS_SUCCESS) return status;
    }
    /* x265 takes no other rate while it runs, so that the quantiser follows the rate here. */
    size_t wanted = s->bitrate / 8 / (s->fps ? s->fps : 30);
    if (out->size > wanted + wanted / 8 && s->qp < (s->max_qp ? s->max_qp : 51)) s->qp += 1 + (out->size > 2 * wanted);
    if (out->size < wanted - wanted / 8 && s->qp > s->min_qp) s->qp--;
    return slices ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_ENCODING_ERROR;
}

VAStatus encode_hevc(struct driver *d, struct object *c) {
    if (!c->codec) {
        c->codec = calloc(1, sizeof(struct state));
        c->free_codec = free_state;
    }
    struct state *s = c->codec;
    struct job job;
    struct bytes out = {0};
    struct object *coded = NULL;
    VAStatus status = collect(d, c, s, &job);
    if (status != VA_STATUS_SUCCESS) return status;
    bool idr = job.picture->pic_fields.bits.idr_pic_flag;
    NEED(idr ? job.sequence != NULL : s->started, "a keyframe without sequence parameters, or no keyframe first");
    if (job.sequence && (status = check_sequence(d, c, job.sequence)) != VA_STATUS_SUCCESS) return status;
    if (job.sequence) s->sequence = *job.sequence;
    uint32_t poc_bits = s->to.poc_bits;
    s->to = described(&s->sequence, job.picture);
    if (!idr) s->to.poc_bits = poc_bits;
    if ((status = check_picture(d, c, s, &job)) != VA_STATUS_SUCCESS || (idr && (status = read_packed(d, c, s, &job)) != VA_STATUS_SUCCESS) ||
        (status = check_coded(d, job.picture->coded_buf, &coded, c->width, c->height)) != VA_STATUS_SUCCESS ||
        (status = start(d, s, &job)) != VA_STATUS_SUCCESS)
        return status;
    status = run(d, c, s, &job, &out);
    if (status == VA_STATUS_SUCCESS) {
        s->started = true;
        s->poc = job.picture->decoded_curr_pic.pic_order_cnt;
        find(d, job.picture->decoded_curr_pic.picture_id, SURFACE)->picture = ++s->made;
        coded->pending = true;
        coded->awaits = c->target;
        status = fill_coded(d, coded, &out);
    }
    free(out.data);
    return status;
}
