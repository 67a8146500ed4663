/* Reads parameter sets of HEVC. Each number is held to the range that the standard gives it. */
#include "hevc_parse.h"

#include "../shim.h"

#include <string.h>

static void skip_bits(struct pb_bit_reader *r, uint32_t bits) {
    for (; bits > 32; bits -= 32) pb_read(r, 32);
    pb_read(r, bits);
}

static bool skip_profile(struct pb_bit_reader *r, uint32_t sub_layers_minus1) {
    pb_read(r, 3);
    uint32_t profile = pb_read(r, 5), compatible = pb_read(r, 32);
    skip_bits(r, 48 + 8);
    uint32_t present = pb_read(r, sub_layers_minus1 ? 16 : 0);
    for (uint32_t i = 0; i < sub_layers_minus1; i++) {
        if (present >> (15 - 2 * i) & 1) skip_bits(r, 88);
        if (present >> (14 - 2 * i) & 1) skip_bits(r, 8);
    }
    return profile == 1 || compatible >> 30 & 1;
}

static void keep(struct pb_hevc_set *s, int32_t distance, bool used, bool *fits) {
    if (s->count == 16 || distance < INT16_MIN || distance > INT16_MAX) {
        *fits = false;
        return;
    }
    s->distance[s->count] = distance;
    s->used[s->count++] = used;
}

/* 7.3.7 and 7.4.8: a set, told by itself or by its difference to an earlier one. */
bool pb_hevc_read_set(struct pb_bit_reader *r, const struct pb_hevc_set *sets, uint32_t index, uint32_t count, struct pb_hevc_set *out) {
    bool fits = true;
    memset(out, 0, sizeof *out);
    if (index && pb_read_flag(r)) {
        uint32_t back = index == count ? pb_read_ue_max(r, index - 1) + 1 : 1;
        bool negative = pb_read_flag(r);
        int32_t shift = (int32_t)pb_read_ue_max(r, 32767) + 1;
        if (r->over) return false;
        if (negative) shift = -shift;
        const struct pb_hevc_set *from = &sets[index - back];
        bool used[17], kept[17];
        for (uint32_t i = 0; i <= from->count; i++) {
            used[i] = pb_read_flag(r);
            kept[i] = used[i] || pb_read_flag(r);
        }
        /* Earlier pictures nearest first, then later ones nearest first. The picture of `from` itself comes last in it. */
        for (uint32_t i = from->count; i-- > from->before;)
            if (from->distance[i] + shift < 0 && kept[i]) keep(out, from->distance[i] + shift, used[i], &fits);
        if (shift < 0 && kept[from->count]) keep(out, shift, used[from->count], &fits);
        for (uint32_t i = 0; i < from->before; i++)
            if (from->distance[i] + shift < 0 && kept[i]) keep(out, from->distance[i] + shift, used[i], &fits);
        out->before = out->count;
        for (uint32_t i = from->before; i-- > 0;)
            if (from->distance[i] + shift > 0 && kept[i]) keep(out, from->distance[i] + shift, used[i], &fits);
        if (shift > 0 && kept[from->count]) keep(out, shift, used[from->count], &fits);
        for (uint32_t i = from->before; i < from->count; i++)
            if (from->distance[i] + shift > 0 && kept[i]) keep(out, from->distance[i] + shift, used[i], &fits);
        return fits && !r->over;
    }
    uint32_t before = pb_read_ue_max(r, 16), after = pb_read_ue_max(r, 16);
    for (uint32_t part = 0; part < 2; part++) {
        int32_t distance = 0;
        for (uint32_t i = 0; i < (part ? after : before) && fits && !r->over; i++) {
            distance += ((int32_t)pb_read_ue_max(r, 32767) + 1) * (part ? 1 : -1);
            keep(out, distance, pb_read_flag(r), &fits);
        }
        if (!part) out->before = out->count;
    }
    return fits && !r->over;
}

static enum pb_parsed read_tools(struct pb_bit_reader *r, struct pb_hevc_sps *s) {
    if (pb_read_flag(r)) return PB_PARSED_UNKNOWN; /* scaling lists */
    s->amp = pb_read_flag(r);
    s->sao = pb_read_flag(r);
    s->pcm = pb_read_flag(r);
    if (s->pcm) {
        s->pcm_luma = pb_read(r, 4);
        s->pcm_chroma = pb_read(r, 4);
        s->log2_min_pcm = pb_read_ue_max(r, 2) + 3;
        s->log2_diff_pcm = pb_read_ue_max(r, 2);
        s->pcm_loop_off = pb_read_flag(r);
    }
    s->sets = pb_read_ue_max(r, PB_HEVC_SETS);
    for (uint32_t i = 0; i < s->sets; i++)
        if (!pb_hevc_read_set(r, s->set, i, s->sets, &s->set[i])) return PB_PARSED_DAMAGED;
    if (pb_read_flag(r)) return PB_PARSED_UNKNOWN; /* long-term references */
    s->tmvp = pb_read_flag(r);
    s->strong_intra = pb_read_flag(r);
    /* What follows tells how to show pictures, and of extensions that the main profile has not. */
    return PB_PARSED;
}

enum pb_parsed pb_hevc_read_sps(struct pb_bit_reader *r, struct pb_hevc_sps sets[PB_HEVC_SPS]) {
    struct pb_hevc_sps s = {.valid = true};
    pb_read(r, 4);
    uint32_t sub_layers = pb_read(r, 3);
    pb_read(r, 1);
    if (sub_layers > 6) return PB_PARSED_DAMAGED;
    bool main = skip_profile(r, sub_layers);
    uint32_t id = pb_read_ue_max(r, PB_HEVC_SPS - 1);
    if (r->over) return PB_PARSED_DAMAGED;
    if (!main || pb_read_ue(r) != 1) return PB_PARSED_UNKNOWN;
    s.width = pb_read_ue_max(r, PB_MAX_WIDTH);
    s.height = pb_read_ue_max(r, PB_MAX_HEIGHT);
    if (pb_read_flag(r)) {
        s.left = 2 * pb_read_ue_max(r, PB_MAX_WIDTH / 2);
        s.right = 2 * pb_read_ue_max(r, PB_MAX_WIDTH / 2);
        s.top = 2 * pb_read_ue_max(r, PB_MAX_HEIGHT / 2);
        s.bottom = 2 * pb_read_ue_max(r, PB_MAX_HEIGHT / 2);
    }
    if (pb_read_ue(r) || pb_read_ue(r)) return PB_PARSED_UNKNOWN; /* more than 8 bits */
    s.poc_bits = pb_read_ue_max(r, 12) + 4;
    bool all = pb_read_flag(r);
    for (uint32_t i = all ? 0 : sub_layers; i <= sub_layers; i++) {
        s.buffering = pb_read_ue_max(r, 15);
        s.reordered = pb_read_ue_max(r, 15);
        pb_read_ue(r);
    }
    s.log2_min_cb = pb_read_ue_max(r, 3) + 3;
    s.log2_diff_cb = pb_read_ue_max(r, 3);
    s.log2_min_tb = pb_read_ue_max(r, 3) + 2;
    s.log2_diff_tb = pb_read_ue_max(r, 3);
    s.depth_inter = pb_read_ue_max(r, 4);
    s.depth_intra = pb_read_ue_max(r, 4);
    if (r->over) return PB_PARSED_DAMAGED;
    if (s.reordered) return PB_PARSED_UNKNOWN;
    enum pb_parsed parsed = read_tools(r, &s);
    uint32_t ctb = s.log2_min_cb + s.log2_diff_cb, mask = (1u << s.log2_min_cb) - 1;
    if (parsed == PB_PARSED_UNKNOWN && !r->over) return parsed;
    if (parsed != PB_PARSED || r->over || ctb < 4 || ctb > 6 || s.log2_min_tb >= s.log2_min_cb || s.log2_min_tb + s.log2_diff_tb > 5 ||
        s.width < 16 || s.height < 16 || s.width & mask || s.height & mask || s.left + s.right >= s.width || s.top + s.bottom >= s.height)
        return PB_PARSED_DAMAGED;
    sets[id] = s;
    return PB_PARSED;
}

enum pb_parsed pb_hevc_read_pps(struct pb_bit_reader *r, struct pb_hevc_pps sets[PB_HEVC_PPS]) {
    struct pb_hevc_pps p = {.valid = true};
    uint32_t id = pb_read_ue_max(r, PB_HEVC_PPS - 1);
    p.sps = pb_read_ue_max(r, PB_HEVC_SPS - 1);
    p.dependent = pb_read_flag(r);
    p.output_flag = pb_read_flag(r);
    p.extra_bits = pb_read(r, 3);
    p.sign_hiding = pb_read_flag(r);
    p.cabac_init = pb_read_flag(r);
    p.references = pb_read_ue_max(r, 14) + 1;
    p.references_l1 = pb_read_ue_max(r, 14) + 1;
    p.init_qp = pb_read_se(r, -26, 25);
    p.constrained_intra = pb_read_flag(r);
    p.transform_skip = pb_read_flag(r);
    p.cu_qp_delta = pb_read_flag(r);
    if (p.cu_qp_delta) p.qp_delta_depth = pb_read_ue_max(r, 3);
    p.cb_offset = pb_read_se(r, -12, 12);
    p.cr_offset = pb_read_se(r, -12, 12);
    p.slice_chroma_offsets = pb_read_flag(r);
    p.weighted = pb_read_flag(r);
    p.weighted_bi = pb_read_flag(r);
    p.bypass = pb_read_flag(r);
    if (pb_read_flag(r)) return r->over ? PB_PARSED_DAMAGED : PB_PARSED_UNKNOWN; /* tiles */
    p.sync = pb_read_flag(r);
    p.across_slices = pb_read_flag(r);
    if (pb_read_flag(r)) {
        p.deblock_override = pb_read_flag(r);
        p.deblock_off = pb_read_flag(r);
        if (!p.deblock_off) {
            p.beta = pb_read_se(r, -6, 6);
            p.tc = pb_read_se(r, -6, 6);
        }
    }
    if (pb_read_flag(r)) return r->over ? PB_PARSED_DAMAGED : PB_PARSED_UNKNOWN; /* scaling lists */
    p.lists = pb_read_flag(r);
    p.merge_level = pb_read_ue_max(r, 4);
    p.extension = pb_read_flag(r);
    if (r->over) return PB_PARSED_DAMAGED;
    sets[id] = p;
    return PB_PARSED;
}
