/* Reads parameter sets and slice headers of H.264. Each number is held to the range that the standard gives it. */
#include "h264_parse.h"

#include "../shim.h"

#include <string.h>

enum { BASELINE = 66, MAIN = 77, EXTENDED = 88, HIGH = 100 };

enum pb_parsed pb_h264_read_sps(struct pb_bit_reader *r, struct pb_h264_sps sets[PB_H264_SPS]) {
    struct pb_h264_sps s = {.valid = true};
    s.profile = pb_read(r, 8);
    pb_read(r, 8);
    s.level = pb_read(r, 8);
    uint32_t id = pb_read_ue_max(r, PB_H264_SPS - 1);
    if (r->over) return PB_PARSED_DAMAGED;
    if (s.profile != BASELINE && s.profile != MAIN && s.profile != EXTENDED && s.profile != HIGH) return PB_PARSED_UNKNOWN;
    if (s.profile == HIGH) {
        /* 4:2:0, 8 bits each, no bypass, no scaling lists */
        if (pb_read_ue(r) != 1 || pb_read_ue(r) || pb_read_ue(r) || pb_read(r, 2)) return PB_PARSED_UNKNOWN;
    }
    s.frame_num_bits = pb_read_ue_max(r, 12) + 4;
    s.poc_type = pb_read_ue_max(r, 2);
    if (s.poc_type == 0) s.poc_bits = pb_read_ue_max(r, 12) + 4;
    if (s.poc_type == 1) return PB_PARSED_UNKNOWN;
    s.references = pb_read_ue_max(r, PB_H264_REFERENCES);
    s.gaps = pb_read_flag(r);
    s.wide = pb_read_ue_max(r, PB_MAX_WIDTH / 16 - 1) + 1;
    s.high = pb_read_ue_max(r, PB_MAX_HEIGHT / 16 - 1) + 1;
    if (!pb_read_flag(r)) return r->over ? PB_PARSED_DAMAGED : PB_PARSED_UNKNOWN; /* fields */
    s.direct_8x8 = pb_read_flag(r);
    if (pb_read_flag(r)) {
        s.left = 2 * pb_read_ue_max(r, s.wide * 8 - 1);
        s.right = 2 * pb_read_ue_max(r, s.wide * 8 - 1);
        s.top = 2 * pb_read_ue_max(r, s.high * 8 - 1);
        s.bottom = 2 * pb_read_ue_max(r, s.high * 8 - 1);
    }
    if (r->over || s.left + s.right >= s.wide * 16 || s.top + s.bottom >= s.high * 16) return PB_PARSED_DAMAGED;
    sets[id] = s;
    return PB_PARSED;
}

enum pb_parsed pb_h264_read_pps(struct pb_bit_reader *r, struct pb_h264_pps sets[PB_H264_PPS]) {
    struct pb_h264_pps p = {.valid = true};
    uint32_t id = pb_read_ue(r);
    p.sps = pb_read_ue_max(r, PB_H264_SPS - 1);
    if (r->over || id > 255) return PB_PARSED_DAMAGED;
    if (id >= PB_H264_PPS) return PB_PARSED_UNKNOWN;
    p.cabac = pb_read_flag(r);
    p.bottom_order = pb_read_flag(r);
    if (pb_read_ue(r)) return r->over ? PB_PARSED_DAMAGED : PB_PARSED_UNKNOWN; /* slice groups */
    p.references = pb_read_ue_max(r, 31) + 1;
    pb_read_ue_max(r, 31);
    p.weighted = pb_read_flag(r);
    p.weighted_bi = pb_read(r, 2);
    p.init_qp = pb_read_se(r, -26, 25);
    p.init_qs = pb_read_se(r, -26, 25);
    p.chroma_offset = p.second_chroma_offset = pb_read_se(r, -12, 12);
    p.loop_control = pb_read_flag(r);
    p.constrained_intra = pb_read_flag(r);
    p.redundant = pb_read_flag(r);
    if (r->over) return PB_PARSED_DAMAGED;
    if (pb_read_more(r)) {
        p.transform_8x8 = pb_read_flag(r);
        if (pb_read_flag(r)) return PB_PARSED_UNKNOWN; /* scaling lists */
        p.second_chroma_offset = pb_read_se(r, -12, 12);
    }
    if (r->over) return PB_PARSED_DAMAGED;
    sets[id] = p;
    return PB_PARSED;
}

static void read_modifications(struct pb_bit_reader *r, struct pb_h264_slice *s) {
    if (!pb_read_flag(r)) return;
    for (;;) {
        uint32_t op = pb_read_ue_max(r, 3);
        if (op == 3 || r->over) return;
        uint32_t value = pb_read_ue_max(r, 1u << 17);
        if (s->modifications > 32) r->over = true;
        else s->modification[s->modifications++] = (struct pb_h264_operation){op, value, 0};
    }
}

static void read_weights(struct pb_bit_reader *r, struct pb_h264_slice *s) {
    s->luma_denominator = pb_read_ue_max(r, 7);
    s->chroma_denominator = pb_read_ue_max(r, 7);
    for (uint32_t i = 0; i < s->references; i++) {
        s->luma_weight[i] = (int16_t)(1 << s->luma_denominator);
        s->chroma_weight[i][0] = s->chroma_weight[i][1] = (int16_t)(1 << s->chroma_denominator);
        if (pb_read_flag(r)) {
            s->luma_weights = true;
            s->luma_weight[i] = (int16_t)pb_read_se(r, -128, 127);
            s->luma_offset[i] = (int16_t)pb_read_se(r, -128, 127);
        }
        if (pb_read_flag(r)) {
            s->chroma_weights = true;
            for (unsigned k = 0; k < 2; k++) {
                s->chroma_weight[i][k] = (int16_t)pb_read_se(r, -128, 127);
                s->chroma_offset[i][k] = (int16_t)pb_read_se(r, -128, 127);
            }
        }
    }
}

static void read_markings(struct pb_bit_reader *r, struct pb_h264_slice *s) {
    if (s->idr) {
        pb_read_flag(r);
        s->long_term_reference = pb_read_flag(r);
        return;
    }
    s->adaptive = pb_read_flag(r);
    while (s->adaptive && !r->over) {
        struct pb_h264_operation o = {.op = pb_read_ue_max(r, 6)};
        if (!o.op) return;
        if (o.op != 5) o.value = pb_read_ue_max(r, 1u << 17);
        if (o.op == 3) o.second = pb_read_ue_max(r, 15);
        if (s->markings == PB_H264_OPERATIONS) r->over = true;
        else s->marking[s->markings++] = o;
    }
}

enum pb_parsed pb_h264_read_slice(struct pb_bit_reader *r, uint8_t nal, const struct pb_h264_sps sps[PB_H264_SPS],
                                  const struct pb_h264_pps pps[PB_H264_PPS], const struct pb_h264_sps *active,
                                  struct pb_h264_slice *s) {
    memset(s, 0, sizeof *s);
    s->nal_ref = nal >> 5 & 3;
    s->idr = (nal & 31) == 5;
    s->first = pb_read_ue_max(r, PB_MAX_WIDTH / 16 * (PB_MAX_HEIGHT / 16));
    uint32_t type = pb_read_ue_max(r, 9) % 5;
    s->pps = pb_read_ue_max(r, 255);
    if (r->over || s->pps >= PB_H264_PPS || !pps[s->pps].valid || (s->idr && !s->nal_ref)) return PB_PARSED_DAMAGED;
    const struct pb_h264_pps *p = &pps[s->pps];
    const struct pb_h264_sps *q = active ? active : &sps[p->sps];
    if (!q->valid) return PB_PARSED_DAMAGED;
    if (type != 0 && type != 2) return PB_PARSED_UNKNOWN;
    s->intra = type == 2;
    if (s->idr && !s->intra) return PB_PARSED_DAMAGED;
    s->frame_num = pb_read(r, q->frame_num_bits);
    if (s->idr) s->idr_id = pb_read_ue_max(r, 65535);
    if (q->poc_type == 0) {
        s->poc_lsb = pb_read(r, q->poc_bits);
        if (p->bottom_order) s->delta_bottom = pb_read_se(r, INT16_MIN, INT16_MAX);
    }
    if (p->redundant && pb_read_ue_max(r, 127)) return r->over ? PB_PARSED_DAMAGED : PB_PARSED_UNKNOWN;
    s->references = p->references;
    if (!s->intra) {
        s->override = pb_read_flag(r);
        if (s->override) s->references = pb_read_ue_max(r, 31) + 1;
        read_modifications(r, s);
        if (p->weighted) read_weights(r, s);
    }
    if (s->nal_ref) read_markings(r, s);
    if (p->cabac && !s->intra) s->cabac_init = pb_read_ue_max(r, 2);
    s->qp_delta = pb_read_se(r, -77, 77);
    if (p->loop_control) {
        s->loop = pb_read_ue_max(r, 2);
        if (s->loop != 1) {
            s->alpha = pb_read_se(r, -6, 6);
            s->beta = pb_read_se(r, -6, 6);
        }
    }
    int32_t qp = 26 + p->init_qp + s->qp_delta;
    if (r->over || qp < 0 || qp > 51 || s->first >= q->wide * q->high) return PB_PARSED_DAMAGED;
    s->data_bit = r->at + 8;
    return PB_PARSED;
}
