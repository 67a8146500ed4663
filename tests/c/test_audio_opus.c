/* sources: c/audio/opus_codec.c libs: -lopus */
/* Opus as it is used here: a tone comes back pure in packets of every size, at the time that the lookahead says; a lost packet is
 * rebuilt from the next one's FEC where there is one, which is better than concealment; garbage is refused or survived. */
#include "check.h"
#include "tone.h"

#include "audio/opus_codec.h"

enum { HZ = 1000, PACKETS_MAX = 800, TOTAL = 48000 * 2 };

static int16_t in[TOTAL * 2], out[(TOTAL + 5760) * 2];
static uint8_t packets[PACKETS_MAX][PB_OPUS_PACKET_MAX];
static int sizes[PACKETS_MAX];


static void make_sound(void) {
    for (int i = 0; i < TOTAL; i++) {
        double t = i / 48000.0;
        in[2 * i] = in[2 * i + 1] = (int16_t)(9000 * sin(2 * M_PI * HZ * t));
    }
}

static unsigned encode_all(struct pb_opus_encoder *e) {
    unsigned n = TOTAL / e->frame;
    for (unsigned i = 0; i < n; i++) {
        sizes[i] = pb_opus_encode(e, in + 2 * i * e->frame, packets[i]);
        CHECK(sizes[i] > 0 && pb_opus_frames(packets[i], (uint32_t)sizes[i]) == e->frame);
    }
    return n;
}

/* Decodes with every tenth packet lost, replaced by FEC or by concealment. Returns how far the result is from the lossless one. */
static double decode_with_loss(struct pb_opus_encoder *e, unsigned n, bool fec, bool whole) {
    static int16_t reference[(TOTAL + 5760) * 2];
    int fault;
    OpusDecoder *d = opus_decoder_create(48000, 2, &fault);
    for (int pass = 0; pass < 2; pass++) {
        opus_decoder_ctl(d, OPUS_RESET_STATE);
        for (unsigned i = 0; i < n; i++) {
            int16_t *to = (pass ? out : reference) + 2 * i * e->frame;
            bool lost = pass && !whole && i % 10 == 5 && i + 1 < n;
            int made = lost && fec ? opus_decode(d, packets[i + 1], sizes[i + 1], to, (int)e->frame, 1)
                       : lost      ? opus_decode(d, NULL, 0, to, (int)e->frame, 0)
                                   : opus_decode(d, packets[i], sizes[i], to, (int)e->frame, 0);
            CHECK(made == (int)e->frame);
        }
    }
    opus_decoder_destroy(d);
    double error = 0, power = 1e-9;
    for (unsigned i = 48000; i < n * e->frame; i++) {
        double x = reference[2 * i] - out[2 * i];
        error += x * x;
        power += (double)reference[2 * i] * reference[2 * i];
    }
    return 10 * log10(error / power + 1e-12);
}

static void pure_tone(uint32_t frame) {
    struct pb_opus_encoder e;
    CHECK(pb_opus_open(&e, frame, frame == 120 ? 256000 : 128000) && e.lookahead == 120);
    unsigned n = encode_all(&e);
    decode_with_loss(&e, n, false, true);
    struct tone t = tone_measure(out + 2 * 9600, TOTAL - 9600, HZ, 0.0001);
    printf("%u frames: %.3f Hz, %.1f dB pure, %u of %u blocks broken\n", frame, t.hz, t.snr_db, t.broken, t.blocks);
    CHECK(t.broken == 0 && fabs(t.hz - HZ) < 0.05 && t.snr_db > 25 && fabs(t.amplitude - 9000 / 32768.0) < 0.01);
    /* The lookahead is the lag: shifted by it, what comes out is what went in. */
    double error = 0, power = 0;
    for (unsigned i = 9600; i < TOTAL - 9600; i++) {
        double x = out[2 * (i + e.lookahead)] - in[2 * i];
        error += x * x;
        power += (double)in[2 * i] * in[2 * i];
    }
    CHECK(error < power * 0.01);
    pb_opus_close(&e);
}

/* Noise that changes from packet to packet shows what is rebuilt: concealment can only guess. */
static void repaired(uint32_t frame) {
    uint32_t seed = 1;
    for (int i = 0; i < TOTAL; i++) {
        seed = seed * 1664525 + 1013904223;
        double t = i / 48000.0, hz = 300 + 200 * (i / 2400 % 7);
        in[2 * i] = in[2 * i + 1] = (int16_t)(8000 * sin(2 * M_PI * hz * t) + (int)(seed >> 22) - 512);
    }
    struct pb_opus_encoder e;
    CHECK(pb_opus_open(&e, frame, 96000));
    unsigned n = encode_all(&e);
    for (unsigned i = 0; i < n; i++) CHECK(!pb_opus_has_fec(packets[i], (uint32_t)sizes[i]));
    double low_delay = decode_with_loss(&e, n, false, false);
    uint64_t low_bytes = 0, fec_bytes = 0;
    for (unsigned i = 0; i < n; i++) low_bytes += (uint64_t)sizes[i];
    pb_opus_set_loss(&e, 10);
    CHECK(e.fec && e.lookahead == 312);
    n = encode_all(&e);
    unsigned with = 0;
    for (unsigned i = 1; i < n; i++) with += pb_opus_has_fec(packets[i], (uint32_t)sizes[i]);
    for (unsigned i = 0; i < n; i++) fec_bytes += (uint64_t)sizes[i];
    double concealed = decode_with_loss(&e, n, false, false), rebuilt = decode_with_loss(&e, n, true, false);
    printf("%u frames, every tenth packet lost: error %.1f dB concealed (low delay), %.1f dB concealed, %.1f dB with FEC in %u of %u; %llu to %llu kbit/s\n",
           frame, low_delay, concealed, rebuilt, with, n, (unsigned long long)low_bytes * 8 / 2000, (unsigned long long)fec_bytes * 8 / 2000);
    CHECK(with * 10 > n * 8 && rebuilt < concealed - 3 && rebuilt < low_delay - 3);
    pb_opus_set_loss(&e, 0);
    CHECK(!e.fec && e.lookahead == 120 && pb_opus_encode(&e, in, packets[0]) > 0);
    pb_opus_close(&e);
}

static void short_packets_have_none(void) {
    struct pb_opus_encoder e;
    CHECK(pb_opus_open(&e, 240, 96000));
    pb_opus_set_loss(&e, 50);
    CHECK(!e.fec && pb_opus_encode(&e, in, packets[0]) > 0);
    pb_opus_close(&e);
}

static void garbage(void) {
    uint8_t bytes[1400];
    uint32_t seed = 7, taken = 0;
    int fault;
    OpusDecoder *d = opus_decoder_create(48000, 2, &fault);
    CHECK(!pb_opus_frames(NULL, 0) && !pb_opus_frames(bytes, 0) && !pb_opus_frames(bytes, PB_OPUS_PACKET_MAX + 1));
    for (int round = 0; round < 3000; round++) {
        uint32_t size = 0;
        for (int i = 0; i < 1400; i++) bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        size = seed % 1400;
        uint32_t frames = pb_opus_frames(bytes, size);
        pb_opus_has_fec(bytes, size > PB_OPUS_PACKET_MAX ? PB_OPUS_PACKET_MAX : size);
        if (!frames) continue;
        CHECK(frames <= PB_OPUS_FRAMES_MAX && size <= PB_OPUS_PACKET_MAX);
        taken++;
        CHECK(opus_decode(d, bytes, (opus_int32)size, out, (int)frames, round % 2) <= (int)frames);
    }
    CHECK(taken > 100);
    opus_decoder_destroy(d);
}

int main(void) {
    make_sound();
    pure_tone(960);
    pure_tone(480);
    pure_tone(240);
    pure_tone(120);
    repaired(960);
    repaired(480);
    short_packets_have_none();
    garbage();
    return 0;
}
