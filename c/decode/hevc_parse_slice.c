/* Reads slice headers of HEVC (ITU-T H.265, 7.3.6). */
#include "hevc_parse.h"

#include <string.h>

enum { IRAP_FIRST = 16, IDR_FIRST = 19, IDR_LAST = 20, IRAP_LAST = 23, B_SLICE = 0, P_SLICE = 1, I_SLICE = 2 };

static uint32_t bits_for(uint32_t count) {
    uint32_t bits = 0;
    while (bits < 31 && 1u << bits < count) bits++;
    return bits;
}

static bool read_references(struct pb_bit_reader *r, const struct pb_hevc_sps *q, struct pb_hevc_slice *s) {
    s->poc_lsb = pb_read(r, q->poc_bits);
    if (pb_read_flag(r)) {
        uint32_t index = q->sets > 1 ? pb_read(r, bits_for(q->sets)) : 0;
        if (index >= q->sets) return false;
        s->set = q->set[index];
    } else {
        uint32_t begin = r->at;
        if (!pb_hevc_read_set(r, q->set, q->sets, q->sets, &s->set)) return false;
        s->set_bits = r->at - begin;
    }
    if (q->tmvp) s->tmvp = pb_read_flag(r);
    return true;
}

static void read_weights(struct pb_bit_reader *r, struct pb_hevc_slice *s) {
    bool luma[16] = {false}, chroma[16] = {false};
    s->luma_denominator = pb_read_ue_max(r, 7);
    s->chroma_denominator_delta = pb_read_se(r, -7, 7);
    int32_t denominator = (int32_t)s->luma_denominator + s->chroma_denominator_delta;
    if (denominator < 0 || denominator > 7) {
        r->over = true;
        return;
    }
    for (uint32_t i = 0; i < s->references; i++) luma[i] = pb_read_flag(r);
    for (uint32_t i = 0; i < s->references; i++) chroma[i] = pb_read_flag(r);
    for (uint32_t i = 0; i < s->references; i++) {
        if (luma[i]) {
            s->luma_weight[i] = (int8_t)pb_read_se(r, -128, 127);
            s->luma_offset[i] = (int8_t)pb_read_se(r, -128, 127);
        }
        for (unsigned k = 0; chroma[i] && k < 2; k++) {
            s->chroma_weight[i][k] = (int8_t)pb_read_se(r, -128, 127);
            int32_t weight = (1 << denominator) + s->chroma_weight[i][k];
            int32_t offset = pb_read_se(r, -512, 511) + 128 - ((128 * weight) >> denominator);
            s->chroma_offset[i][k] = (int8_t)(offset < -128 ? -128 : offset > 127 ? 127 : offset);
        }
    }
}

static void read_prediction(struct pb_bit_reader *r, const struct pb_hevc_pps *p, struct pb_hevc_slice *s) {
    uint32_t current = 0;
    for (uint32_t i = 0; i < s->set.count; i++) current += s->set.used[i];
    s->override = pb_read_flag(r);
    if (s->override) s->references = pb_read_ue_max(r, 14) + 1;
    if (p->lists && current > 1) {
        s->modified = pb_read_flag(r);
        for (uint32_t i = 0; s->modified && i < s->references; i++) {
            uint32_t entry = pb_read(r, bits_for(current));
            if (entry >= current) r->over = true;
            s->entry[i] = (uint8_t)entry;
        }
    }
    if (p->cabac_init) s->cabac_init = pb_read_flag(r);
    if (s->tmvp && s->references > 1) s->collocated = pb_read_ue_max(r, s->references - 1);
    if (p->weighted) read_weights(r, s);
    s->merge = pb_read_ue_max(r, 4);
}

static void read_filters(struct pb_bit_reader *r, const struct pb_hevc_pps *p, struct pb_hevc_slice *s) {
    s->qp_delta = pb_read_se(r, -77, 77);
    if (p->slice_chroma_offsets) {
        s->cb_offset = pb_read_se(r, -12, 12);
        s->cr_offset = pb_read_se(r, -12, 12);
    }
    s->deblock_off = p->deblock_off;
    s->beta = p->beta;
    s->tc = p->tc;
    if (p->deblock_override && pb_read_flag(r)) {
        s->deblock_off = pb_read_flag(r);
        if (!s->deblock_off) {
            s->beta = pb_read_se(r, -6, 6);
            s->tc = pb_read_se(r, -6, 6);
        }
    }
    s->across = p->across_slices;
    if (p->across_slices && (s->sao_luma || s->sao_chroma || !s->deblock_off)) s->across = pb_read_flag(r);
}

static void skip_rest(struct pb_bit_reader *r, const struct pb_hevc_pps *p, uint32_t blocks, struct pb_hevc_slice *s) {
    if (p->sync) {
        s->entry_points = pb_read_ue_max(r, blocks);
        uint32_t width = s->entry_points ? pb_read_ue_max(r, 31) + 1 : 0;
        for (uint32_t i = 0; i < s->entry_points && !r->over; i++) pb_read(r, width);
    }
    if (p->extension) {
        uint32_t bytes = pb_read_ue_max(r, 256);
        for (uint32_t i = 0; i < bytes; i++) pb_read(r, 8);
    }
    if (!pb_read_flag(r)) r->over = true;
    while (r->at % 8 && !r->over)
        if (pb_read_flag(r)) r->over = true;
}

enum pb_parsed pb_hevc_read_slice(struct pb_bit_reader *r, unsigned type, const struct pb_hevc_sps sps[PB_HEVC_SPS],
                                  const struct pb_hevc_pps pps[PB_HEVC_PPS], const struct pb_hevc_sps *active, struct pb_hevc_slice *s) {
    memset(s, 0, sizeof *s);
    s->first = pb_read_flag(r);
    s->irap = type >= IRAP_FIRST && type <= IRAP_LAST;
    s->idr = type >= IDR_FIRST && type <= IDR_LAST;
    if (s->irap) pb_read_flag(r);
    s->pps = pb_read_ue_max(r, PB_HEVC_PPS - 1);
    if (r->over || !pps[s->pps].valid) return PB_PARSED_DAMAGED;
    const struct pb_hevc_pps *p = &pps[s->pps];
    const struct pb_hevc_sps *q = active ? active : &sps[p->sps];
    if (!q->valid) return PB_PARSED_DAMAGED;
    uint32_t ctb = q->log2_min_cb + q->log2_diff_cb, size = 1u << ctb;
    uint32_t blocks = ((q->width + size - 1) >> ctb) * ((q->height + size - 1) >> ctb);
    if (!s->first) {
        if (p->dependent && pb_read_flag(r)) return r->over ? PB_PARSED_DAMAGED : PB_PARSED_UNKNOWN;
        s->address = pb_read(r, bits_for(blocks));
        if (!s->address || s->address >= blocks) return PB_PARSED_DAMAGED;
    }
    pb_read(r, p->extra_bits);
    s->type = pb_read_ue_max(r, I_SLICE);
    if (r->over) return PB_PARSED_DAMAGED;
    if (s->type == B_SLICE) return PB_PARSED_UNKNOWN;
    s->intra = s->type == I_SLICE;
    if (s->irap && !s->intra) return PB_PARSED_DAMAGED;
    if (p->output_flag && !pb_read_flag(r)) return r->over ? PB_PARSED_DAMAGED : PB_PARSED_UNKNOWN; /* not to be shown */
    if (!s->idr && !read_references(r, q, s)) return PB_PARSED_DAMAGED;
    if (q->sao) {
        s->sao_luma = pb_read_flag(r);
        s->sao_chroma = pb_read_flag(r);
    }
    s->references = p->references;
    if (!s->intra) read_prediction(r, p, s);
    read_filters(r, p, s);
    skip_rest(r, p, blocks, s);
    int32_t qp = 26 + p->init_qp + s->qp_delta;
    if (r->over || qp < 0 || qp > 51) return PB_PARSED_DAMAGED;
    s->data_byte = r->at / 8 + 2;
    for (uint32_t i = 0; i < r->removals && i < 64; i++) s->emulation += r->removed[i] < r->at / 8;
    return r->removals > 64 && s->emulation == 64 ? PB_PARSED_DAMAGED : PB_PARSED;
}
