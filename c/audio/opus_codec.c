/* See opus_codec.h. Restricted low delay is CELT alone, which has no in-band FEC: that exists in SILK and hybrid packets of 10 ms
 * and more (RFC 6716 section 2.1.7). So the encoder works for the lowest delay while nothing is lost, and as hybrid with FEC, 4 ms
 * later, once loss is reported. What SILK takes for silence, an even tone for instance, it does not repeat.
 * tests/c/test_audio_opus.c holds both to what they must keep of a tone. */
#include "opus_codec.h"

enum {
    /* Below this libopus 1.3 would not choose the hybrid mode for music. */
    LOSS_FOR_HYBRID = 10,
    COMPLEXITY = 5,
    /* SILK is the dearer half: so both ways of working stay under 1 % of a core (npm run bench -- audio), and what FEC rebuilds
     * is as good. */
    COMPLEXITY_FEC = 0
};

static void configure(struct pb_opus_encoder *e) {
    opus_encoder_ctl(e->opus, OPUS_RESET_STATE);
    /* The way of working may only change while nothing has been encoded. */
    opus_encoder_ctl(e->opus, OPUS_SET_APPLICATION(e->fec ? OPUS_APPLICATION_AUDIO : OPUS_APPLICATION_RESTRICTED_LOWDELAY));
    opus_encoder_ctl(e->opus, OPUS_SET_BITRATE((opus_int32)e->bitrate_bps));
    opus_encoder_ctl(e->opus, OPUS_SET_COMPLEXITY(e->fec ? COMPLEXITY_FEC : COMPLEXITY));
    opus_encoder_ctl(e->opus, OPUS_SET_INBAND_FEC(e->fec));
    uint32_t loss = e->loss_percent;
    if (e->fec && loss < LOSS_FOR_HYBRID) loss = LOSS_FOR_HYBRID;
    opus_encoder_ctl(e->opus, OPUS_SET_PACKET_LOSS_PERC((opus_int32)loss));
    opus_int32 lookahead = 0;
    opus_encoder_ctl(e->opus, OPUS_GET_LOOKAHEAD(&lookahead));
    e->lookahead = lookahead > 0 ? (uint32_t)lookahead : 0;
}

bool pb_opus_open(struct pb_opus_encoder *e, uint32_t frame, uint32_t bitrate_bps) {
    int fault;
    *e = (struct pb_opus_encoder){.frame = frame, .bitrate_bps = bitrate_bps};
    e->opus = opus_encoder_create(48000, 2, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &fault);
    if (!e->opus) return false;
    configure(e);
    return true;
}

void pb_opus_close(struct pb_opus_encoder *e) {
    if (e->opus) opus_encoder_destroy(e->opus);
    e->opus = NULL;
}

void pb_opus_set_bitrate(struct pb_opus_encoder *e, uint32_t bitrate_bps) {
    e->bitrate_bps = bitrate_bps;
    opus_encoder_ctl(e->opus, OPUS_SET_BITRATE((opus_int32)bitrate_bps));
}

void pb_opus_set_loss(struct pb_opus_encoder *e, uint32_t percent) {
    bool fec = percent > 0 && e->frame >= 480;
    e->loss_percent = percent;
    if (fec != e->fec) {
        e->fec = fec;
        configure(e);
        return;
    }
    if (fec && percent < LOSS_FOR_HYBRID) percent = LOSS_FOR_HYBRID;
    opus_encoder_ctl(e->opus, OPUS_SET_PACKET_LOSS_PERC((opus_int32)percent));
}

void pb_opus_reset(struct pb_opus_encoder *e) { opus_encoder_ctl(e->opus, OPUS_RESET_STATE); }

int pb_opus_encode(struct pb_opus_encoder *e, const int16_t *frames, uint8_t *packet) {
    return opus_encode(e->opus, frames, (int)e->frame, packet, PB_OPUS_PACKET_MAX);
}

uint32_t pb_opus_frames(const uint8_t *packet, uint32_t size) {
    if (!packet || !size || size > PB_OPUS_PACKET_MAX) return 0;
    const unsigned char *parts[48];
    opus_int16 sizes[48];
    if (opus_packet_parse(packet, (opus_int32)size, NULL, parts, sizes, NULL) < 1) return 0;
    int frames = opus_packet_get_nb_samples(packet, (opus_int32)size, 48000);
    return frames > 0 && frames <= PB_OPUS_FRAMES_MAX ? (uint32_t)frames : 0;
}

bool pb_opus_has_fec(const uint8_t *packet, uint32_t size) {
    const unsigned char *parts[48];
    opus_int16 sizes[48];
    if (size < 2 || packet[0] & 0x80) return false; /* CELT alone */
    if (opus_packet_parse(packet, (opus_int32)size, NULL, parts, sizes, NULL) < 1 || sizes[0] == 0) return false;
    /* The SILK part opens with plain bits for each channel: activity of each 20 ms, then LBRR. */
    int each = opus_packet_get_samples_per_frame(packet, 48000) / 960;
    if (each < 1) each = 1;
    bool mid = parts[0][0] >> (7 - each) & 1;
    bool side = packet[0] & 4 && parts[0][0] >> (6 - 2 * each) & 1;
    return mid || side;
}
