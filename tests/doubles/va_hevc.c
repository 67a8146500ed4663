/* Reads and writes HEVC headers for the VA stand-in (ITU-T H.265, 7.3). */
#include "va_hevc.h"

static void skip_profile(struct bits *b, struct hevc_sets *s) {
    get(b, 32);
    get(b, 32);
    get(b, 24);
    s->level = get(b, 8);
}

bool hevc_read_sps(struct bits *b, struct hevc_sets *s) {
    get(b, 16);
    get(b, 8);
    skip_profile(b, s);
    if (get_ue(b) || get_ue(b) != 1) return false;
    s->wide = get_ue(b);
    s->high = get_ue(b);
    if (get(b, 1))
        for (int i = 0; i < 4; i++) get_ue(b);
    if (get_ue(b) || get_ue(b)) return false;
    s->poc_bits = get_ue(b) + 4;
    get(b, 1);
    get_ue(b);
    if (get_ue(b)) return false; /* reordering */
    get_ue(b);
    s->min_cb = get_ue(b) + 3;
    s->ctb = get_ue(b) + s->min_cb;
    s->min_tb = get_ue(b) + 2;
    s->max_tb = get_ue(b) + s->min_tb;
    s->depth_inter = get_ue(b);
    s->depth_intra = get_ue(b);
    if (get(b, 1)) return false;
    s->amp = get(b, 1);
    s->sao = get(b, 1);
    if (get(b, 1)) return false;
    s->st_sets = get_ue(b);
    s->long_term = get(b, 1);
    s->tmvp = get(b, 1);
    s->strong = get(b, 1);
    uint32_t size = 1u << s->ctb;
    s->blocks = ((s->wide + size - 1) / size) * ((s->high + size - 1) / size);
    return !b->ended && !s->st_sets && !s->long_term;
}

bool hevc_read_pps(struct bits *b, struct hevc_sets *s) {
    get(b, 16);
    if (get_ue(b) || get_ue(b)) return false;
    s->dependent = get(b, 1);
    s->output_flag = get(b, 1);
    s->extra_bits = get(b, 3);
    s->sign_hiding = get(b, 1);
    s->cabac_init = get(b, 1);
    s->default_l0 = get_ue(b);
    get_ue(b);
    s->init_qp = (uint32_t)(26 + get_se(b));
    get(b, 1);
    s->transform_skip = get(b, 1);
    s->qp_delta = get(b, 1);
    if (s->qp_delta) s->qp_delta_depth = get_ue(b);
    get_se(b);
    get_se(b);
    s->chroma_offsets = get(b, 1);
    s->weighted = get(b, 1);
    get(b, 2);
    s->tiles = get(b, 1);
    s->sync = get(b, 1);
    s->across = get(b, 1);
    s->deblock_control = get(b, 1);
    if (s->deblock_control) {
        s->deblock_override = get(b, 1);
        if (!get(b, 1)) get_se(b), get_se(b);
    }
    if (get(b, 1)) return false;
    s->lists = get(b, 1);
    get_ue(b);
    s->extension = get(b, 1);
    return !b->ended && !s->tiles && !s->sync && !s->lists && !s->weighted && !s->dependent;
}

static unsigned address_bits(uint32_t blocks) {
    unsigned bits = 0;
    while (1u << bits < blocks) bits++;
    return bits;
}

bool hevc_read_slice(struct bits *b, const struct hevc_sets *q, struct hevc_slice *s) {
    memset(s, 0, sizeof *s);
    s->nal = get(b, 16) >> 9 & 63;
    s->idr = s->nal == 19 || s->nal == 20;
    bool first = get(b, 1);
    if (s->nal >= 16 && s->nal <= 23) get(b, 1);
    if (get_ue(b)) return false;
    if (!first) s->address = get(b, address_bits(q->blocks));
    get(b, q->extra_bits);
    s->type = get_ue(b);
    if (s->type == 0) return false;
    if (q->output_flag) get(b, 1);
    if (!s->idr) {
        s->poc = get(b, q->poc_bits);
        if (get(b, 1)) return false;
        s->references = get_ue(b);
        uint32_t later = get_ue(b);
        for (uint32_t i = 0; i < s->references + later && !b->ended; i++) {
            if (get_ue(b)) return false; /* only the picture just before */
            get(b, 1);
        }
        if (q->tmvp) s->tmvp = get(b, 1);
    }
    if (q->sao) {
        s->sao_luma = get(b, 1);
        s->sao_chroma = get(b, 1);
    }
    s->l0 = q->default_l0;
    if (s->type == 1) {
        s->override = get(b, 1);
        if (s->override) s->l0 = get_ue(b);
        if (q->cabac_init && get(b, 1)) return false;
        if (s->tmvp && s->l0) get_ue(b);
        s->merge = 5 - get_ue(b);
    }
    s->qp_delta = get_se(b);
    if (q->chroma_offsets) get_se(b), get_se(b);
    if (q->deblock_override && get(b, 1)) return false;
    if (q->across) s->across = get(b, 1);
    if (q->extension) return false;
    if (!get(b, 1)) return false;
    while (b->at % 8) get(b, 1);
    return !b->ended;
}

void hevc_write_slice(struct bits *b, const struct hevc_sets *q, const struct hevc_slice *s) {
    put(b, s->nal << 9 | 1, 16);
    put(b, s->address == 0, 1);
    if (s->nal >= 16 && s->nal <= 23) put(b, 0, 1);
    put_ue(b, 0);
    if (s->address) put(b, s->address, address_bits(q->blocks));
    put_ue(b, s->type);
    if (!s->idr) {
        put(b, s->poc, q->poc_bits);
        put(b, 0, 1);
        put_ue(b, s->type == 1);
        put_ue(b, 0);
        if (s->type == 1) {
            put_ue(b, 0);
            put(b, 1, 1);
        }
        if (q->tmvp) put(b, s->tmvp, 1);
    }
    if (q->sao) {
        put(b, s->sao_luma, 1);
        put(b, s->sao_chroma, 1);
    }
    if (s->type == 1) {
        put(b, s->override, 1);
        if (s->override) put_ue(b, s->l0);
        put_ue(b, 5 - s->merge);
    }
    put_se(b, s->qp_delta);
    if (q->across) put(b, s->across, 1);
    put_stop(b);
}
