/* Opus at 48 kHz stereo: the encoder with its two ways of working, and what packets say of themselves. */
#ifndef PB_OPUS_CODEC_H
#define PB_OPUS_CODEC_H
#include "../shim.h"

#include <opus/opus.h>

enum { PB_OPUS_PACKET_MAX = 1275, PB_OPUS_FRAMES_MAX = 5760 /* 120 ms */ };

struct pb_opus_encoder {
    OpusEncoder *opus;
    uint32_t frame;          /* frames of a packet */
    uint32_t bitrate_bps;
    uint32_t loss_percent;   /* as told; 0 works for the lowest delay */
    bool fec;                /* packets carry the one before in small */
    uint32_t lookahead;      /* frames by which decoded sound lags behind */
};

/* `frame` is 960, 480, 240 or 120. */
bool pb_opus_open(struct pb_opus_encoder *e, uint32_t frame, uint32_t bitrate_bps);
void pb_opus_close(struct pb_opus_encoder *e);
void pb_opus_set_bitrate(struct pb_opus_encoder *e, uint32_t bitrate_bps);
void pb_opus_set_loss(struct pb_opus_encoder *e, uint32_t percent);
/* Forgets the sound so far, after a gap. */
void pb_opus_reset(struct pb_opus_encoder *e);
/* Returns the packet's size, or a negative number of libopus. */
int pb_opus_encode(struct pb_opus_encoder *e, const int16_t *frames, uint8_t *packet);

/* Frames that a packet decodes to, or 0 for what is no packet. */
uint32_t pb_opus_frames(const uint8_t *packet, uint32_t size);
/* Does it carry the packet before it in small (LBRR, RFC 6716 section 2.1.7)? */
bool pb_opus_has_fec(const uint8_t *packet, uint32_t size);
#endif
