/* Which pictures an H.264 stream keeps as references, how they are numbered and in which order slices name them. */
#include "vaapi_h264.h"

#include <string.h>

static void drop_at(struct pb_h264_frames *f, uint32_t at) {
    memmove(&f->frame[at], &f->frame[at + 1], (f->count - at - 1) * sizeof f->frame[0]);
    f->count--;
}

void pb_h264_number(struct pb_h264_frames *f, const struct pb_h264_sps *sps, uint32_t frame_num) {
    for (uint32_t i = 0; i < f->count; i++) {
        struct pb_h264_frame *r = &f->frame[i];
        int32_t wrap = r->frame_num > frame_num ? (int32_t)(1u << sps->frame_num_bits) : 0;
        r->number = r->long_term ? (int32_t)r->long_index : (int32_t)r->frame_num - wrap;
    }
}

/* The oldest short-term reference makes room. */
static void slide(struct pb_h264_frames *f, const struct pb_h264_sps *sps) {
    uint32_t most = sps->references ? sps->references : 1;
    while (f->count >= most) {
        uint32_t oldest = f->count;
        for (uint32_t i = 0; i < f->count; i++)
            if (!f->frame[i].long_term && (oldest == f->count || f->frame[i].number < f->frame[oldest].number)) oldest = i;
        /* Only long-term ones, and too many of them: the stream breaks the rules. */
        drop_at(f, oldest == f->count ? 0 : oldest);
    }
}

bool pb_h264_fill_gap(struct pb_h264_frames *f, const struct pb_h264_sps *sps, const struct pb_h264_slice *s) {
    uint32_t most = 1u << sps->frame_num_bits;
    if (s->idr || s->frame_num == f->previous_num || s->frame_num == (f->previous_num + 1) % most) return true;
    if (!sps->gaps) return false;
    uint32_t missing = (s->frame_num + most - f->previous_num - 1) % most;
    for (uint32_t i = missing < PB_H264_REFERENCES ? missing : PB_H264_REFERENCES; i; i--) {
        uint32_t number = (s->frame_num + most - i) % most;
        pb_h264_number(f, sps, number);
        slide(f, sps);
        f->frame[f->count++] = (struct pb_h264_frame){.surface = VA_INVALID_SURFACE, .frame_num = number};
        if (number < f->previous_num) f->offset += most;
        f->previous_num = number;
    }
    return true;
}

int32_t pb_h264_order(struct pb_h264_frames *f, const struct pb_h264_sps *sps, const struct pb_h264_slice *s) {
    if (sps->poc_type == 2) {
        if (s->idr) f->offset = 0;
        else if (s->frame_num < f->previous_num) f->offset += 1u << sps->frame_num_bits;
        return s->idr ? 0 : (int32_t)(2 * ((f->offset + s->frame_num) & 0x3fffffff)) - !s->nal_ref;
    }
    int32_t most = 1 << sps->poc_bits, low = (int32_t)s->poc_lsb;
    if (s->idr) f->poc_high = f->poc_low = 0;
    int64_t high = f->poc_high;
    if (low < f->poc_low && f->poc_low - low >= most / 2) high += most;
    else if (low > f->poc_low && low - f->poc_low > most / 2) high -= most;
    if (high > INT32_MAX / 2 || high < INT32_MIN / 2) high = 0;
    if (s->nal_ref) {
        f->poc_high = (int32_t)high;
        f->poc_low = low;
    }
    return (int32_t)high + low;
}

/* Before `b` in the order that a list begins with: short-term ones, latest first, then long-term ones by their index. */
static bool comes_first(const struct pb_h264_frame *a, const struct pb_h264_frame *b) {
    if (a->long_term != b->long_term) return !a->long_term;
    return a->long_term ? a->number < b->number : a->number > b->number;
}

static bool modify(const struct pb_h264_frames *f, const struct pb_h264_sps *sps, const struct pb_h264_slice *s, uint8_t list[33]) {
    int32_t most = 1 << sps->frame_num_bits, predicted = (int32_t)s->frame_num;
    for (uint32_t m = 0; m < s->modifications && m < s->references; m++) {
        const struct pb_h264_operation *o = &s->modification[m];
        bool long_term = o->op == 2;
        int32_t wanted = (int32_t)o->value;
        if (!long_term) {
            int32_t difference = (int32_t)o->value + 1;
            if (difference > most) return false;
            predicted = (predicted + (o->op ? difference : most - difference)) % most;
            wanted = predicted > (int32_t)s->frame_num ? predicted - most : predicted;
        }
        uint8_t found = 0xff;
        for (uint32_t i = 0; i < f->count; i++)
            if (f->frame[i].long_term == long_term && f->frame[i].number == wanted) found = (uint8_t)i;
        if (found == 0xff) return false;
        /* It goes to the front, and its other place closes. */
        memmove(&list[m + 1], &list[m], 32 - m);
        list[m] = found;
        uint32_t to = m + 1;
        for (uint32_t from = m + 1; from <= 32; from++)
            if (list[from] != found) list[to++] = list[from];
    }
    return true;
}

bool pb_h264_list(const struct pb_h264_frames *f, const struct pb_h264_sps *sps, const struct pb_h264_slice *s, uint8_t list[32]) {
    uint8_t whole[34];
    memset(whole, 0xff, sizeof whole);
    memset(list, 0xff, 32);
    if (s->intra) return true;
    for (uint32_t i = 0; i < f->count; i++) {
        uint32_t at = i;
        while (at && comes_first(&f->frame[i], &f->frame[whole[at - 1]])) whole[at] = whole[at - 1], at--;
        whole[at] = (uint8_t)i;
    }
    if (!modify(f, sps, s, whole)) return false;
    for (uint32_t i = 0; i < s->references; i++) {
        list[i] = whole[i];
        /* Encoders announce more references than there are yet; they do not use those. The first must be there. */
        if (list[i] == 0xff) list[i] = i ? list[0] : 0xff;
        if (list[i] == 0xff || f->frame[list[i]].surface == VA_INVALID_SURFACE) return false;
    }
    return true;
}

static void drop_where(struct pb_h264_frames *f, bool long_term, int32_t number) {
    for (uint32_t i = f->count; i--;)
        if (f->frame[i].long_term == long_term && f->frame[i].number == number) drop_at(f, i);
}

static void adapt(struct pb_h264_frames *f, const struct pb_h264_slice *s, struct pb_h264_frame *now, bool *reset) {
    for (uint32_t m = 0; m < s->markings; m++) {
        const struct pb_h264_operation *o = &s->marking[m];
        int32_t number = (int32_t)s->frame_num - (int32_t)o->value - 1;
        if (o->op == 1) drop_where(f, false, number);
        if (o->op == 2) drop_where(f, true, (int32_t)o->value);
        if (o->op == 3 || o->op == 6) drop_where(f, true, (int32_t)(o->op == 3 ? o->second : o->value));
        if (o->op == 3)
            for (uint32_t i = 0; i < f->count; i++)
                if (!f->frame[i].long_term && f->frame[i].number == number) {
                    f->frame[i].long_term = true;
                    f->frame[i].number = (int32_t)(f->frame[i].long_index = o->second);
                }
        if (o->op == 4)
            for (uint32_t i = f->count; i--;)
                if (f->frame[i].long_term && f->frame[i].long_index >= o->value) drop_at(f, i);
        if (o->op == 5) {
            f->count = 0;
            *reset = true;
        }
        if (o->op == 6) {
            now->long_term = true;
            now->long_index = o->value;
        }
    }
}

void pb_h264_mark(struct pb_h264_frames *f, const struct pb_h264_sps *sps, const struct pb_h264_slice *s, VASurfaceID surface,
                  int32_t poc) {
    struct pb_h264_frame now = {.surface = surface, .frame_num = s->frame_num, .poc = poc};
    bool reset = false;
    if (s->nal_ref) {
        if (s->idr) f->count = 0;
        now.long_term = s->idr && s->long_term_reference;
        pb_h264_number(f, sps, s->frame_num);
        if (s->adaptive) adapt(f, s, &now, &reset);
        slide(f, sps);
        if (reset) {
            now.frame_num = 0;
            now.poc = 0;
            f->offset = 0;
            f->poc_high = 0;
            f->poc_low = 0;
        }
        f->frame[f->count++] = now;
    }
    f->previous_num = reset ? 0 : s->frame_num;
}
