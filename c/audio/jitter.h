/* Packets between network and decoder: sorted by capture time, each kept once, none that comes after its time. It also knows how
 * long packets travel. Pure: it reads no clock and takes no lock. Capture times count on the sender's clock, arrivals on ours;
 * they are only ever subtracted. */
#ifndef PB_JITTER_H
#define PB_JITTER_H
#include "opus_codec.h"

enum {
    PB_JITTER_PACKETS = 512,      /* that wait at most: 1.28 s of 2.5 ms packets */
    PB_JITTER_BLOCKS = 512,       /* of 20 ms: as long as travelling times are remembered */
    PB_JITTER_BLOCK_US = 20000,
    PB_JITTER_JUMP_US = 2000000,  /* a time underway further off than this begins a new stream, if the next packet agrees */
    PB_JITTER_AGREE_US = 200000,
    PB_JITTER_SEEN = 128          /* capture times remembered after their packets were played, to know repeated ones */
};

enum pb_jitter_verdict { PB_JITTER_KEPT, PB_JITTER_LATE, PB_JITTER_DUPLICATE, PB_JITTER_INVALID, PB_JITTER_FULL, PB_JITTER_RESTARTED };

struct pb_jitter_packet {
    int64_t capture_us; /* of its first sample */
    uint32_t frames, size;
    uint8_t bytes[PB_OPUS_PACKET_MAX + 1];
};

struct pb_jitter {
    struct pb_jitter_packet packets[PB_JITTER_PACKETS];
    uint16_t order[PB_JITTER_PACKETS]; /* those that wait, earliest capture first, then the free ones */
    uint32_t waiting;
    bool started, has_floor, has_suspect;
    int64_t last_travel_us; /* time underway of the last packet */
    int64_t floor_us;  /* what ends before this was played or given up */
    int64_t suspect_us; /* time underway of a packet refused as a jump */
    int64_t seen[PB_JITTER_SEEN];
    uint32_t seen_count;
    int64_t blocks[PB_JITTER_BLOCKS], scratch[PB_JITTER_BLOCKS]; /* longest travelling time of each 20 ms */
    uint32_t block_count, block_at;
    int64_t block_start_us;
    bool block_open;
    int64_t travel_us; /* what 99 % of blocks stay below */
    int64_t jitter_us; /* how much longer that is than the median */
};

void pb_jitter_init(struct pb_jitter *j);
/* RESTARTED: all that waited is gone, and this packet is the first of the new stream. */
enum pb_jitter_verdict pb_jitter_push(struct pb_jitter *j, const uint8_t *data, uint32_t size, int64_t capture_us, int64_t arrived_us);
/* The earliest packet, or NULL. */
const struct pb_jitter_packet *pb_jitter_first(const struct pb_jitter *j);
void pb_jitter_drop_first(struct pb_jitter *j);
/* From now on what ends at or before this time is late. */
void pb_jitter_played(struct pb_jitter *j, int64_t until_us);
int64_t pb_jitter_buffered_us(const struct pb_jitter *j);
#endif
