/* sources: c/audio/ libs: -lopus -ldl */
/* What sound costs of one core: encoding, and jitter buffer with decoding and steering, over a minute of music-like sound for each
 * packet size, with and without FEC, on a quiet network and on one with jitter and loss; then, with arguments, a source and a sink on
 * real devices for some seconds: audio BACKEND SOURCE SINK SECONDS. Prints one JSON line a row. */
#include "audio/playout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SECONDS = 60, CHUNK = 240, PACKETS = SECONDS * 400 };

static int16_t music[48000 * 2];
static struct { uint8_t bytes[PB_OPUS_PACKET_MAX]; int size; } packets[PACKETS];
static struct pb_playout playout;

static double used_s(int who) {
    struct rusage u;
    getrusage(who, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void report(const char *what, double frame_ms, double share) {
    printf("{\"what\": \"%s\", \"frameMs\": %.1f, \"percent\": %.3f}\n", what, frame_ms, share * 100);
    fflush(stdout);
}

static uint32_t seed = 1;
static double chance(void) { return ((seed = seed * 1664525 + 1013904223) >> 8) / 16777216.0; }

static void play(uint32_t frame, const char *what, double jitter_us, double loss) {
    unsigned count = SECONDS * 48000 / frame;
    if (!pb_playout_open(&playout)) exit(1);
    double began = used_s(RUSAGE_THREAD);
    unsigned next = 0;
    for (uint64_t now = 0; now < (uint64_t)SECONDS * 1000000; now += 5000) {
        int16_t out[CHUNK * 2];
        for (; next < count && (double)(next + 1) * frame * 1000 / 48 <= (double)now; next++)
            if (chance() >= loss)
                pb_playout_push(&playout, packets[next].bytes, (uint32_t)packets[next].size, next * (frame * 1000.0 / 48),
                                now + (uint64_t)(chance() * jitter_us));
        pb_playout_pull(&playout, out, CHUNK, now, now + 20000);
    }
    report(what, frame / 48.0, (used_s(RUSAGE_THREAD) - began) / SECONDS);
    pb_playout_close(&playout);
    memset(&playout, 0, sizeof playout);
}

static void codec(uint32_t frame, bool fec) {
    struct pb_opus_encoder e;
    if (!pb_opus_open(&e, frame, 128000)) exit(1);
    if (fec) pb_opus_set_loss(&e, 10);
    double began = used_s(RUSAGE_THREAD);
    for (unsigned i = 0; i < SECONDS * 48000 / frame; i++)
        packets[i].size = pb_opus_encode(&e, music + 2 * (i * frame % 48000), packets[i].bytes);
    report(fec ? "encode with FEC" : "encode", frame / 48.0, (used_s(RUSAGE_THREAD) - began) / SECONDS);
    pb_opus_close(&e);
    play(frame, fec ? "decode with FEC, 5 % lost" : "decode, quiet network", 0, fec ? 0.05 : 0);
    if (!fec) play(frame, "decode, 20 ms of jitter", 20000, 0);
}

static int devices(char **argv) {
    char error[800] = "";
    double seconds = atof(argv[4]);
    struct pb_audio_sink *sink = pb_audio_sink_open(argv[1], argv[3], 0, 0, error, sizeof error);
    struct pb_audio_source *source = sink ? pb_audio_source_open(argv[1], argv[2], 0, 20000, 128000, NULL, error, sizeof error) : NULL;
    if (!source) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    double began = used_s(RUSAGE_SELF);
    for (uint64_t end = pb_monotonic_us() + (uint64_t)(seconds * 1e6); pb_monotonic_us() < end; usleep(20000)) {
        struct pb_audio_packet p;
        while (pb_audio_source_take(source, &p))
            if (p.kind == PB_AUDIO_PACKET) pb_audio_sink_push(sink, (void *)(uintptr_t)p.data, p.size, (double)p.capture_us);
    }
    char what[64];
    snprintf(what, sizeof what, "%s, capture to playback, all threads", argv[1]);
    report(what, 20, (used_s(RUSAGE_SELF) - began) / seconds);
    pb_audio_source_close(source);
    pb_audio_sink_close(sink);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 5) return devices(argv);
    for (int i = 0; i < 48000; i++) {
        double t = i / 48000.0;
        music[2 * i] = (int16_t)(6000 * sin(2 * M_PI * 220 * t) + 3000 * sin(2 * M_PI * 1330 * t * (1 + 0.2 * sin(9 * t))) + chance() * 1500);
        music[2 * i + 1] = (int16_t)(5000 * sin(2 * M_PI * 330 * t) + 2500 * sin(2 * M_PI * 2210 * t) + chance() * 1500);
    }
    for (uint32_t frame = 960; frame >= 120; frame /= 2) {
        codec(frame, false);
        if (frame >= 480) codec(frame, true);
    }
    return 0;
}
