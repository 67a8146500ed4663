/* Reads and writes H.264 headers for the VA stand-in (ITU-T H.264, 7.3). */
#include "va_h264.h"

bool read_sps(struct bits *b, struct sps *s) {
    memset(s, 0, sizeof *s);
    s->profile = get(b, 8);
    s->constraints = get(b, 8);
    s->level = get(b, 8);
    s->id = get_ue(b);
    if (s->profile == 100) {
        if (get_ue(b) != 1 || get_ue(b) || get_ue(b) || get(b, 2)) return false;
    }
    s->frame_num_bits = get_ue(b) + 4;
    s->poc_type = get_ue(b);
    if (s->poc_type == 0) s->poc_bits = get_ue(b) + 4;
    if (s->poc_type == 1) return false;
    s->references = get_ue(b);
    get(b, 1);
    s->wide = get_ue(b) + 1;
    s->high = get_ue(b) + 1;
    return get(b, 1) && !b->ended;
}

bool read_pps(struct bits *b, struct pps *p) {
    memset(p, 0, sizeof *p);
    p->id = get_ue(b);
    p->sps = get_ue(b);
    p->cabac = get(b, 1);
    p->bottom = get(b, 1);
    if (get_ue(b)) return false;
    p->default_l0 = get_ue(b);
    get_ue(b);
    p->weighted = get(b, 1);
    get(b, 2);
    p->qp = 26 + get_se(b);
    get_se(b);
    get_se(b);
    p->loop_control = get(b, 1);
    get(b, 1);
    p->redundant = get(b, 1);
    return !b->ended;
}

bool read_slice(struct bits *b, uint8_t header, const struct sps *sps, const struct pps *pps, struct slice *s) {
    memset(s, 0, sizeof *s);
    s->nal_ref = header >> 5 & 3;
    s->idr = (header & 31) == 5;
    s->first = get_ue(b);
    s->type = get_ue(b);
    s->pps = get_ue(b);
    s->frame_num = get(b, sps->frame_num_bits);
    if (s->idr) s->idr_id = get_ue(b);
    if (sps->poc_type == 0) {
        s->poc_lsb = get(b, sps->poc_bits);
        if (pps->bottom) get_se(b);
    }
    if (pps->redundant) get_ue(b);
    s->l0 = pps->default_l0;
    bool p = s->type % 5 == 0;
    if (!p && s->type % 5 != 2) return false;
    if (p) {
        s->override = get(b, 1);
        if (s->override) s->l0 = get_ue(b);
        s->modified = get(b, 1);
        if (s->modified)
            for (uint32_t op; (op = get_ue(b)) != 3 && !b->ended;) get_ue(b);
        if (pps->weighted) {
            get_ue(b);
            get_ue(b);
            for (uint32_t i = 0; i <= s->l0 && !b->ended; i++) {
                if (get(b, 1)) get_se(b), get_se(b);
                if (get(b, 1)) get_se(b), get_se(b), get_se(b), get_se(b);
            }
        }
    }
    if (s->nal_ref) {
        s->marking = s->idr ? get(b, 2) : get(b, 1);
        if (!s->idr && s->marking)
            for (uint32_t op; (op = get_ue(b)) && !b->ended;) {
                uint32_t *o = s->operation[s->operations++ & 7];
                o[0] = op;
                if (op != 5) o[1] = get_ue(b);
                if (op == 3) o[2] = get_ue(b);
            }
    }
    if (pps->cabac && p) s->cabac_init = get_ue(b);
    s->qp_delta = get_se(b);
    if (pps->loop_control) {
        s->loop = get_ue(b);
        if (s->loop != 1) {
            s->alpha = get_se(b);
            s->beta = get_se(b);
        }
    }
    return !b->ended;
}

void write_slice(struct bits *b, const struct sps *sps, const struct pps *pps, const struct slice *s) {
    bool p = s->type % 5 == 0;
    put(b, s->nal_ref << 5 | (s->idr ? 5 : 1), 8);
    put_ue(b, s->first);
    put_ue(b, s->type);
    put_ue(b, s->pps);
    put(b, s->frame_num, sps->frame_num_bits);
    if (s->idr) put_ue(b, s->idr_id);
    if (sps->poc_type == 0) put(b, s->poc_lsb, sps->poc_bits);
    if (p) {
        put(b, s->override, 1);
        if (s->override) put_ue(b, s->l0);
        put(b, 0, 1);
    }
    if (s->nal_ref) put(b, s->marking, s->idr ? 2 : 1);
    for (uint32_t i = 0; !s->idr && i < s->operations && i < 8; i++) {
        put_ue(b, s->operation[i][0]);
        if (s->operation[i][0] != 5) put_ue(b, s->operation[i][1]);
        if (s->operation[i][0] == 3) put_ue(b, s->operation[i][2]);
    }
    if (!s->idr && s->nal_ref && s->marking) put_ue(b, 0);
    if (pps->cabac && p) put_ue(b, s->cabac_init);
    put_se(b, s->qp_delta);
    if (pps->loop_control) {
        put_ue(b, s->loop);
        if (s->loop != 1) {
            put_se(b, s->alpha);
            put_se(b, s->beta);
        }
    }
}
