/* Encodes H.264 for the VA stand-in by openh264. Of what openh264 writes only the macroblocks are kept: each slice gets a header
 * made from the parameters, and the parameter sets are the application's packed ones, or made from the parameters where it
 * sends none. A packed slice header must be what the parameters say, to the bit. */
#include "va_encode_h264.h"

static void free_state(void *codec) {
    struct h264_state *s = codec;
    if (s->codec) {
        (*s->codec)->Uninitialize(s->codec);
        WelsDestroySVCEncoder(s->codec);
    }
    free(s->packed_sets.data);
    free(s->i420);
    free(s);
}

static VAStatus collect(struct driver *d, struct object *c, struct h264_state *s, struct h264_job *job) {
    memset(job, 0, sizeof *job);
    const VAEncPackedHeaderParameterBuffer *about = NULL;
    for (unsigned i = 0; i < c->rendered_count; i++) {
        struct object *b = find(d, c->rendered[i], BUFFER);
        NEED(b, "a buffer is gone");
        NEED(!about || b->type == VAEncPackedHeaderDataBufferType, "a packed header without its bytes");
        if (b->type == VAEncSequenceParameterBufferType) job->sequence = (const void *)b->data;
        if (b->type == VAEncPictureParameterBufferType) {
            NEED(!job->picture, "two pictures");
            job->picture = (const void *)b->data;
        }
        if (b->type == VAEncSliceParameterBufferType) {
            NEED(job->picture && job->slices < SLICES, "a slice before its picture, or too many");
            job->slice[job->slices++] = (const void *)b->data;
        }
        if (b->type == VAEncPackedHeaderParameterBufferType) about = (const void *)b->data;
        if (b->type == VAEncPackedHeaderDataBufferType) {
            NEED(about && about->bit_length && (about->bit_length + 7) / 8 <= b->size && job->headers < HEADERS, "bytes of a header of %u bits in %zu bytes",
                 about ? about->bit_length : 0, b->size);
            job->header[job->headers].about = about;
            job->header[job->headers].data = b->data;
            job->header[job->headers].size = b->size;
            job->header[job->headers++].before = job->slices;
            about = NULL;
        }
        if (b->type == VAEncMiscParameterBufferType) {
            VAStatus status = check_misc(d, b, &s->bitrate, &s->fps, &s->min_qp, &s->max_qp);
            if (status != VA_STATUS_SUCCESS) return status;
        }
    }
    NEED(job->picture && job->slices && !about, "no picture or no slice");
    return VA_STATUS_SUCCESS;
}

/* The codec is set up anew at a keyframe when what cannot change has changed. */
static VAStatus start(struct driver *d, struct object *c, struct h264_state *s, const struct h264_job *job) {
    bool same = s->codec && s->slice_count == job->slices;
    for (unsigned i = 0; same && i < job->slices; i++) same = s->mbs[i] == job->slice[i]->num_macroblocks;
    if (!same) {
        NEED(job->picture->pic_fields.bits.idr_pic_flag, "other slices without a keyframe");
        if (s->codec) {
            (*s->codec)->Uninitialize(s->codec);
            WelsDestroySVCEncoder(s->codec);
            s->codec = NULL;
        }
        if (WelsCreateSVCEncoder(&s->codec)) return VA_STATUS_ERROR_ALLOCATION_FAILED;
        int silent = WELS_LOG_QUIET;
        (*s->codec)->SetOption(s->codec, ENCODER_OPTION_TRACE_LEVEL, &silent);
        SEncParamExt p;
        (*s->codec)->GetDefaultParams(s->codec, &p);
        bool cqp = c->config->rate_control == VA_RC_CQP;
        p.iUsageType = CAMERA_VIDEO_REAL_TIME;
        p.iPicWidth = (int)c->width;
        p.iPicHeight = (int)c->height;
        p.iTargetBitrate = (int)(s->bitrate ? s->bitrate : s->sequence.bits_per_second);
        p.iMaxBitrate = UNSPECIFIED_BIT_RATE;
        p.iRCMode = cqp ? RC_OFF_MODE : RC_BITRATE_MODE;
        p.fMaxFrameRate = s->fps ? (float)(s->fps > 60 ? 60 : s->fps) : 30;
        p.iNumRefFrame = 1;
        p.bPrefixNalAddingCtrl = false;
        p.bEnableFrameSkip = false;
        p.iMinQp = (int)s->min_qp;
        p.iMaxQp = s->max_qp ? (int)s->max_qp : 51;
        p.iMultipleThreadIdc = 1;
        p.bEnableBackgroundDetection = p.bEnableAdaptiveQuant = p.bEnableSceneChangeDetect = p.bEnableDenoise = false;
        p.iEntropyCodingModeFlag = job->picture->pic_fields.bits.entropy_coding_mode_flag;
        p.iLoopFilterDisableIdc = job->slice[0]->disable_deblocking_filter_idc;
        p.iLoopFilterAlphaC0Offset = job->slice[0]->slice_alpha_c0_offset_div2;
        p.iLoopFilterBetaOffset = job->slice[0]->slice_beta_offset_div2;
        SSpatialLayerConfig *l = &p.sSpatialLayers[0];
        l->iVideoWidth = p.iPicWidth;
        l->iVideoHeight = p.iPicHeight;
        l->fFrameRate = p.fMaxFrameRate;
        l->iSpatialBitrate = p.iTargetBitrate;
        l->iMaxSpatialBitrate = UNSPECIFIED_BIT_RATE;
        l->uiProfileIdc = p.iEntropyCodingModeFlag ? PRO_MAIN : PRO_BASELINE;
        l->iDLayerQp = job->picture->pic_init_qp;
        l->sSliceArgument.uiSliceMode = job->slices > 1 ? SM_RASTER_SLICE : SM_SINGLE_SLICE;
        l->sSliceArgument.uiSliceNum = job->slices;
        for (unsigned i = 0; i < job->slices; i++) l->sSliceArgument.uiSliceMbNum[i] = s->mbs[i] = job->slice[i]->num_macroblocks;
        s->slice_count = job->slices;
        if ((*s->codec)->InitializeExt(s->codec, &p)) return VA_STATUS_ERROR_ENCODING_ERROR;
    } else if (s->bitrate != s->running_bitrate || s->fps != s->running_fps) {
        float fps = s->fps > 60 ? 60 : (float)s->fps;
        SBitrateInfo rate = {.iLayer = SPATIAL_LAYER_ALL, .iBitrate = (int)s->bitrate};
        (*s->codec)->SetOption(s->codec, ENCODER_OPTION_FRAME_RATE, &fps);
        (*s->codec)->SetOption(s->codec, ENCODER_OPTION_BITRATE, &rate);
    }
    s->running_bitrate = s->bitrate;
    s->running_fps = s->fps;
    return VA_STATUS_SUCCESS;
}

/* What the parameters say of the stream, for the headers. Packed parameter sets are read instead and must agree. */
static VAStatus headers(struct driver *d, struct object *c, struct h264_state *s, const struct h264_job *job) {
    const VAEncPictureParameterBufferH264 *p = job->picture;
    const VAEncSequenceParameterBufferH264 *q = &s->sequence;
    struct sps sps = {.profile = c->config->profile == VAProfileH264ConstrainedBaseline ? 66 : 77,
                      .level = q->level_idc,
                      .frame_num_bits = q->seq_fields.bits.log2_max_frame_num_minus4 + 4u,
                      .poc_type = q->seq_fields.bits.pic_order_cnt_type,
                      .poc_bits = q->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4u,
                      .references = q->max_num_ref_frames,
                      .wide = q->picture_width_in_mbs,
                      .high = q->picture_height_in_mbs};
    struct pps pps = {.cabac = p->pic_fields.bits.entropy_coding_mode_flag,
                      .loop_control = p->pic_fields.bits.deblocking_filter_control_present_flag,
                      .default_l0 = p->num_ref_idx_l0_active_minus1,
                      .qp = p->pic_init_qp};
    if (sps.poc_type) sps.poc_bits = 0;
    s->to_sps = sps;
    s->to_pps = pps;
    if (!p->pic_fields.bits.idr_pic_flag) return VA_STATUS_SUCCESS;
    s->packed_sets.size = 0;
    unsigned seen = 0;
    for (unsigned i = 0; i < job->headers; i++) {
        if (job->header[i].about->type == VAEncPackedHeaderSlice) continue;
        NEED(job->header[i].about->type == VAEncPackedHeaderSequence || job->header[i].about->type == VAEncPackedHeaderPicture || job->header[i].about->type == VAEncPackedHeaderRawData,
             "a packed header of type %u", job->header[i].about->type);
        NEED(job->header[i].about->bit_length % 8 == 0 && job->header[i].about->has_emulation_bytes, "a packed parameter set that is no whole NAL unit");
        const uint8_t *at = job->header[i].data, *end = at + job->header[i].about->bit_length / 8, *nal;
        append(&s->packed_sets, at, (size_t)(end - at));
        for (size_t size; (nal = next_nal(&at, end, &size));) {
            struct bits b = unescape(nal + 1, size - 1);
            struct sps got;
            struct pps gotten;
            if ((nal[0] & 31) == 7) {
                bool read = read_sps(&b, &got);
                uint32_t constraints = got.constraints;
                got.constraints = 0;
                bits_free(&b);
                NEED(read && !memcmp(&got, &sps, sizeof sps), "the packed SPS (profile %u, constraints %#x, level %u, %u references) is not what the parameters say",
                     got.profile, constraints, got.level, got.references);
                seen |= 1;
            } else if ((nal[0] & 31) == 8) {
                bool read = read_pps(&b, &gotten);
                bits_free(&b);
                NEED(read && !memcmp(&gotten, &pps, sizeof pps), "the packed PPS is not what the parameters say");
                seen |= 2;
            } else {
                bits_free(&b);
            }
        }
    }
    uint32_t wanted = (c->config->packed & VA_ENC_PACKED_HEADER_SEQUENCE ? 1 : 0) | (c->config->packed & VA_ENC_PACKED_HEADER_PICTURE ? 2 : 0);
    NEED(!wanted || seen == 3, "packed headers were agreed on and are not all there");
    NEED(c->config->packed || !seen, "packed headers were not agreed on");
    return VA_STATUS_SUCCESS;
}

static void own_sets(struct h264_state *s, struct bytes *out) {
    const VAEncSequenceParameterBufferH264 *q = &s->sequence;
    struct bits b = {0};
    put(&b, 0x67, 8);
    put(&b, s->to_sps.profile, 8);
    put(&b, s->to_sps.profile == 66 ? 0xc0 : 0x40, 8);
    put(&b, q->level_idc, 8);
    put_ue(&b, 0);
    put_ue(&b, s->to_sps.frame_num_bits - 4);
    put_ue(&b, s->to_sps.poc_type);
    if (!s->to_sps.poc_type) put_ue(&b, s->to_sps.poc_bits - 4);
    put_ue(&b, 1);
    put(&b, 0, 1);
    put_ue(&b, s->to_sps.wide - 1);
    put_ue(&b, s->to_sps.high - 1);
    put(&b, 3, 2);
    put(&b, q->frame_cropping_flag, 1);
    if (q->frame_cropping_flag) {
        put_ue(&b, q->frame_crop_left_offset);
        put_ue(&b, q->frame_crop_right_offset);
        put_ue(&b, q->frame_crop_top_offset);
        put_ue(&b, q->frame_crop_bottom_offset);
    }
    put(&b, 0, 1);
    put_stop(&b);
    append_nal(out, &b);
    bits_free(&b);
    put(&b, 0x68, 8);
    put(&b, 3, 2);
    put(&b, s->to_pps.cabac, 1);
    put(&b, 0, 1);
    put(&b, 7, 3);
    put(&b, 0, 3);
    put_se(&b, s->to_pps.qp - 26);
    put(&b, 3, 2);
    put(&b, s->to_pps.loop_control, 1);
    put(&b, 0, 2);
    put_stop(&b);
    append_nal(out, &b);
    bits_free(&b);
}

static VAStatus one_slice(struct driver *d, struct h264_state *s, const struct h264_job *job, unsigned index, const uint8_t *nal, size_t size, struct bytes *out) {
    const VAEncSliceParameterBufferH264 *p = job->slice[index];
    struct slice from, to = {.type = p->slice_type, .nal_ref = 3, .first = p->macroblock_address, .pps = p->pic_parameter_set_id,
                             .frame_num = job->picture->frame_num, .idr_id = p->idr_pic_id, .poc_lsb = p->pic_order_cnt_lsb,
                             .idr = job->picture->pic_fields.bits.idr_pic_flag, .override = p->num_ref_idx_active_override_flag,
                             .l0 = p->num_ref_idx_l0_active_minus1, .cabac_init = p->cabac_init_idc, .qp_delta = p->slice_qp_delta,
                             .loop = p->disable_deblocking_filter_idc, .alpha = p->slice_alpha_c0_offset_div2, .beta = p->slice_beta_offset_div2};
    for (unsigned i = 0; i < job->headers; i++) {
        if (job->header[i].before != index || job->header[i].about->type != VAEncPackedHeaderSlice) continue;
        /* The application's own header must be the same bits. Its nal_ref_idc may be any but 0. */
        const uint8_t *data = job->header[i].data;
        uint32_t length = job->header[i].about->bit_length;
        unsigned start = data[2] == 1 ? 3 : 4;
        NEED(!data[0] && !data[1] && data[start - 1] == 1, "a packed slice header without start code");
        struct bits packed = unescape(data + start, job->header[i].size - start), written = {0};
        size_t removed = (job->header[i].size - start) * 8 - packed.count;
        to.nal_ref = data[start] >> 5;
        /* The same kind of slice may be written by either of two numbers, and of marking the parameters say nothing. */
        struct slice said;
        packed.at = 8;
        if (read_slice(&packed, data[start], &s->to_sps, &s->to_pps, &said) && said.type % 5 == to.type % 5u) {
            to.type = said.type;
            to.marking = said.marking;
            to.operations = said.operations;
            memcpy(to.operation, said.operation, sizeof to.operation);
        }
        write_slice(&written, &s->to_sps, &s->to_pps, &to);
        /* Some add the ones up to the whole byte at which CABAC begins. */
        while (s->to_pps.cabac && (length - start * 8) % 8 == 0 && written.count % 8) put(&written, 1, 1);
        bool equal = to.nal_ref && written.count == length - start * 8 - removed;
        for (size_t k = 0; equal && k < written.count; k++) equal = !((written.data[k / 8] ^ packed.data[k / 8]) >> (7 - k % 8) & 1);
        bits_free(&packed);
        bits_free(&written);
        NEED(equal, "the packed header of slice %u is not what the parameters say", index);
    }
    struct bits b = unescape(nal + 1, size - 1), made = {0};
    if (!read_slice(&b, nal[0], &s->from_sps, &s->from_pps, &from) || from.first != to.first || from.cabac_init != to.cabac_init || from.loop != to.loop ||
        from.alpha != to.alpha || from.beta != to.beta) {
        bits_free(&b);
        return violation(d, VA_STATUS_ERROR_ENCODING_ERROR, "the stand-in itself: openh264's slice %u is of another kind", index);
    }
    to.qp_delta = s->from_pps.qp + from.qp_delta - s->to_pps.qp;
    write_slice(&made, &s->to_sps, &s->to_pps, &to);
    if (s->to_pps.cabac) {
        while (made.count % 8) put(&made, 1, 1);
        b.at = (b.at + 7) & ~(size_t)7;
    }
    /* Up to the stop bit, and then one of our own. */
    size_t last = b.count;
    while (last > b.at && !(b.data[(last - 1) / 8] >> (7 - (last - 1) % 8) & 1)) last--;
    for (b.count = last - 1; b.at < b.count;) put(&made, get(&b, 1), 1);
    put_stop(&made);
    append_nal(out, &made);
    bits_free(&made);
    bits_free(&b);
    return VA_STATUS_SUCCESS;
}

static VAStatus run(struct driver *d, struct object *c, struct h264_state *s, const struct h264_job *job, struct bytes *out) {
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
    SSourcePicture source = {.iColorFormat = videoFormatI420, .iPicWidth = (int)w, .iPicHeight = (int)h, .iStride = {(int)w, (int)w / 2, (int)w / 2},
                             .pData = {s->i420, s->i420 + (size_t)w * h, s->i420 + (size_t)w * h * 5 / 4}, .uiTimeStamp = (long long)s->made * 33};
    bool idr = job->picture->pic_fields.bits.idr_pic_flag;
    if (idr && !told(d, "ignore-idr")) (*s->codec)->ForceIntraFrame(s->codec, true);
    SFrameBSInfo info;
    memset(&info, 0, sizeof info);
    if ((*s->codec)->EncodeFrame(s->codec, &source, &info)) return VA_STATUS_ERROR_ENCODING_ERROR;
    if (idr) append(out, s->packed_sets.data ? s->packed_sets.data : (uint8_t *)"", s->packed_sets.size);
    if (idr && !s->packed_sets.size && !told(d, "no-sets")) own_sets(s, out);
    unsigned index = 0;
    for (int l = 0; l < info.iLayerNum; l++) {
        const uint8_t *at = info.sLayerInfo[l].pBsBuf, *nal;
        size_t size = 0, all = 0;
        for (int n = 0; n < info.sLayerInfo[l].iNalCount; n++) all += (size_t)info.sLayerInfo[l].pNalLengthInByte[n];
        for (const uint8_t *end = at + all; (nal = next_nal(&at, end, &size));) {
            unsigned type = nal[0] & 31;
            struct bits b = unescape(nal + 1, size - 1);
            if (type == 7) read_sps(&b, &s->from_sps);
            if (type == 8) read_pps(&b, &s->from_pps);
            bits_free(&b);
            if (type != 1 && type != 5) continue;
            if (index >= job->slices || (type == 5) != idr)
                return violation(d, VA_STATUS_ERROR_ENCODING_ERROR, "the stand-in itself: openh264 made slice %u of type %u", index, type);
            VAStatus status = one_slice(d, s, job, index++, nal, size, out);
            if (status != VA_STATUS_SUCCESS) return status;
        }
    }
    NEED(index == job->slices, "the stand-in itself: openh264 made %u slices of %u", index, job->slices);
    return VA_STATUS_SUCCESS;
}

VAStatus fill_coded(struct driver *d, struct object *coded, const struct bytes *out) {
    bool split = told(d, "coded=split");
    free(coded->segments);
    coded->segments = calloc(3, sizeof *coded->segments);
    if (!coded->segments) abort();
    bool fits = out->size <= coded->size;
    memcpy(coded->data, out->data, fits ? out->size : 0);
    size_t first = split ? out->size / 3 : out->size;
    coded->segments[0] = (VACodedBufferSegment){.size = (uint32_t)first, .buf = coded->data};
    if (split) {
        coded->segments[0].next = &coded->segments[1];
        coded->segments[1] = (VACodedBufferSegment){.size = (uint32_t)(out->size - first), .buf = coded->data + first};
    }
    if (!fits || told(d, "coded=overflow")) coded->segments[0].status = VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK;
    if (told(d, "coded=size")) coded->segments[0].size = 0xfffffff0u;
    if (told(d, "coded=empty")) coded->segments[0].size = 0;
    if (told(d, "coded=cycle")) coded->segments[0].size = 0, coded->segments[0].next = coded->segments;
    if (told(d, "coded=noise")) memset(coded->data, 0x55, out->size);
    d->encoded++;
    return VA_STATUS_SUCCESS;
}

VAStatus encode_h264(struct driver *d, struct object *c) {
    if (!c->codec) {
        c->codec = calloc(1, sizeof(struct h264_state));
        c->free_codec = free_state;
    }
    struct h264_state *s = c->codec;
    struct h264_job job;
    struct bytes out = {0};
    struct object *coded = NULL;
    VAStatus status = collect(d, c, s, &job);
    if (status != VA_STATUS_SUCCESS) return status;
    bool idr = job.picture->pic_fields.bits.idr_pic_flag;
    NEED(!idr || job.sequence, "a keyframe without sequence parameters");
    NEED(idr || s->started, "the first picture is no keyframe");
    if (job.sequence) s->sequence = *job.sequence;
    if ((job.sequence && (status = h264_check_sequence(d, c, job.sequence)) != VA_STATUS_SUCCESS) ||
        (status = h264_check_picture(d, c, s, &job)) != VA_STATUS_SUCCESS || (status = h264_check_slices(d, c, &job)) != VA_STATUS_SUCCESS ||
        (status = check_coded(d, job.picture->coded_buf, &coded, c->width, c->height)) != VA_STATUS_SUCCESS ||
        (status = headers(d, c, s, &job)) != VA_STATUS_SUCCESS || (status = start(d, c, s, &job)) != VA_STATUS_SUCCESS)
        return status;
    if (told(d, "ignore-idr") && idr && s->started) { /* the picture before once more, as a driver in disorder would */
        coded->pending = true;
        coded->awaits = c->target;
        static const uint8_t skip[] = {0, 0, 0, 1, 0x61, 0x9a, 0, 0, 0x80};
        append(&out, skip, sizeof skip);
        status = fill_coded(d, coded, &out);
        free(out.data);
        return status;
    }
    status = run(d, c, s, &job, &out);
    if (status == VA_STATUS_SUCCESS) {
        s->started = true;
        s->frame_num = job.picture->frame_num;
        find(d, job.picture->CurrPic.picture_id, SURFACE)->picture = ++s->made;
        coded->pending = true;
        coded->awaits = c->target;
        status = fill_coded(d, coded, &out);
    }
    free(out.data);
    return status;
}
