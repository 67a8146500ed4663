/* See jitter.h. Follows no specification. */
#include "jitter.h"

#include <stdlib.h>
#include <string.h>

void pb_jitter_init(struct pb_jitter *j) {
    memset(j, 0, sizeof *j);
    for (unsigned i = 0; i < PB_JITTER_PACKETS; i++) j->order[i] = (uint16_t)i;
}

static int64_t end_of(const struct pb_jitter_packet *p) { return p->capture_us + p->frames * 1000 / 48; }

static void restart(struct pb_jitter *j) {
    j->waiting = 0;
    j->has_floor = j->started = j->block_open = false;
    j->block_count = j->block_at = j->seen_count = 0;
}

/* qsort may allocate. */
static void sort(int64_t *values, uint32_t n) {
    static const uint32_t gaps[] = {132, 57, 23, 10, 4, 1};
    for (unsigned g = 0; g < sizeof gaps / sizeof gaps[0]; g++)
        for (uint32_t i = gaps[g]; i < n; i++) {
            int64_t value = values[i];
            uint32_t at = i;
            for (; at >= gaps[g] && values[at - gaps[g]] > value; at -= gaps[g]) values[at] = values[at - gaps[g]];
            values[at] = value;
        }
}

/* A block of 20 ms counts once, however many packets it had, so that all packet sizes are judged over the same ten seconds. */
static void note_travel(struct pb_jitter *j, int64_t travel_us, int64_t arrived_us) {
    if (j->block_open && arrived_us - j->block_start_us < PB_JITTER_BLOCK_US) {
        int64_t *open = &j->blocks[j->block_at];
        if (travel_us <= *open) return;
        *open = travel_us;
    } else {
        if (j->block_open) j->block_at = (j->block_at + 1) % PB_JITTER_BLOCKS;
        if (j->block_count < PB_JITTER_BLOCKS) j->block_count++;
        j->block_open = true;
        j->block_start_us = arrived_us;
        j->blocks[j->block_at] = travel_us;
    }
    uint32_t n = j->block_count;
    memcpy(j->scratch, j->blocks, n * sizeof j->blocks[0]);
    sort(j->scratch, n);
    /* One odd block is left out early on: what had piled up before the start says nothing. */
    uint32_t left_out = n < 8 ? 0 : n < 200 ? 1 : n / 100;
    j->travel_us = j->scratch[n - 1 - left_out];
    j->jitter_us = j->travel_us - j->scratch[n / 2];
}

/* Where a packet of this time goes, counted from the earliest. */
static uint32_t place_of(const struct pb_jitter *j, int64_t capture_us) {
    uint32_t at = j->waiting;
    while (at > 0 && j->packets[j->order[at - 1]].capture_us > capture_us) at--;
    return at;
}

/* Two packets are the same when less than half of one lies between them: a sender's times are not exact to the microsecond. */
static bool same(int64_t a_us, int64_t b_us, uint32_t frames) { return llabs(a_us - b_us) * 48 < (int64_t)frames * 500; }

static bool seen(const struct pb_jitter *j, uint32_t at, int64_t capture_us, uint32_t frames) {
    if (at < j->waiting && same(j->packets[j->order[at]].capture_us, capture_us, frames)) return true;
    if (at > 0 && same(j->packets[j->order[at - 1]].capture_us, capture_us, frames)) return true;
    for (uint32_t i = 0; i < PB_JITTER_SEEN && i < j->seen_count; i++)
        if (same(j->seen[i], capture_us, frames)) return true;
    return false;
}

enum pb_jitter_verdict pb_jitter_push(struct pb_jitter *j, const uint8_t *data, uint32_t size, int64_t capture_us,
                                      int64_t arrived_us) {
    uint32_t frames = pb_opus_frames(data, size);
    if (!frames || capture_us < 0) return PB_JITTER_INVALID;
    bool restarted = false;
    /* After a pause capture times jump as the clock went on; when the time underway jumps, the sender has another clock. */
    int64_t travel_us = arrived_us - capture_us;
    if (j->started && llabs(travel_us - j->last_travel_us) > PB_JITTER_JUMP_US) {
        bool agreed = j->has_suspect && llabs(travel_us - j->suspect_us) <= PB_JITTER_AGREE_US;
        j->suspect_us = travel_us;
        j->has_suspect = true;
        if (!agreed) return PB_JITTER_INVALID;
        restart(j);
        restarted = true;
    }
    j->has_suspect = false;
    j->last_travel_us = travel_us;
    uint32_t at = place_of(j, capture_us);
    if (seen(j, at, capture_us, frames)) return PB_JITTER_DUPLICATE;
    j->seen[j->seen_count++ % PB_JITTER_SEEN] = capture_us;
    /* A repeated packet says nothing about how long the first one travelled, so it is judged before its time is noted. */
    note_travel(j, travel_us, arrived_us);
    if (j->has_floor && capture_us + frames * 500 / 48 <= j->floor_us) return PB_JITTER_LATE;
    if (j->waiting == PB_JITTER_PACKETS) return PB_JITTER_FULL;
    uint16_t slot = j->order[j->waiting];
    memmove(&j->order[at + 1], &j->order[at], (j->waiting - at) * sizeof j->order[0]);
    j->order[at] = slot;
    j->waiting++;
    struct pb_jitter_packet *p = &j->packets[slot];
    p->capture_us = capture_us;
    p->frames = frames;
    p->size = size;
    memcpy(p->bytes, data, size);
    j->started = true;
    return restarted ? PB_JITTER_RESTARTED : PB_JITTER_KEPT;
}

const struct pb_jitter_packet *pb_jitter_first(const struct pb_jitter *j) { return j->waiting ? &j->packets[j->order[0]] : NULL; }

void pb_jitter_drop_first(struct pb_jitter *j) {
    if (!j->waiting) return;
    uint16_t slot = j->order[0];
    j->waiting--;
    memmove(&j->order[0], &j->order[1], j->waiting * sizeof j->order[0]);
    j->order[j->waiting] = slot;
}

void pb_jitter_played(struct pb_jitter *j, int64_t until_us) {
    j->floor_us = until_us;
    j->has_floor = true;
}

int64_t pb_jitter_buffered_us(const struct pb_jitter *j) {
    if (!j->waiting) return 0;
    return end_of(&j->packets[j->order[j->waiting - 1]]) - j->packets[j->order[0]].capture_us;
}
