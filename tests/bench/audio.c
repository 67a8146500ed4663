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

/* What a host spends on capture and encoding, and what a client spends on decoding and playback, all threads of each. */
static int devices(char **argv) {
    enum { MOST = 6000 };
    static struct pb_audio_packet kept[MOST];
    char error[800] = "", what[64];
    double seconds = atof(argv[4]);
    unsigned count = 0;
    struct pb_audio_source *source = pb_audio_source_open(argv[1], argv[2], 0, 20000, 128000, NULL, error, sizeof error);
    if (!source) return fprintf(stderr, "%s\n", error), 1;
    /* A sound server takes a moment until it gives anything. */
    struct pb_audio_packet first;
    for (int i = 0; i < 500 && !pb_audio_source_take(source, &first); i++) usleep(20000);
    double began = used_s(RUSAGE_SELF);
    for (uint64_t end = pb_monotonic_us() + (uint64_t)(seconds * 1e6); pb_monotonic_us() < end; usleep(20000))
        for (struct pb_audio_packet p; pb_audio_source_take(source, &p);) {
            if (p.kind != PB_AUDIO_PACKET || count == MOST) continue;
            kept[count] = p;
            kept[count].data = (uintptr_t)memcpy(malloc(p.size), (void *)(uintptr_t)p.data, p.size);
            count++;
        }
    snprintf(what, sizeof what, "%s: capture and encode", argv[1]);
    report(what, 20, (used_s(RUSAGE_SELF) - began) / seconds);
    pb_audio_source_close(source);
    if (count < seconds * 40) return fprintf(stderr, "%u packets in %g s\n", count, seconds), 1;

    struct pb_audio_sink *sink = pb_audio_sink_open(argv[1], argv[3], 0, 0, error, sizeof error);
    if (!sink) return fprintf(stderr, "%s\n", error), 1;
    began = used_s(RUSAGE_SELF);
    uint64_t start = pb_monotonic_us();
    for (unsigned i = 0; i < count; i++) {
        uint64_t now = pb_monotonic_us(), due = start + i * 20000ull;
        if (due > now) usleep((useconds_t)(due - now));
        pb_audio_sink_push(sink, (void *)(uintptr_t)kept[i].data, kept[i].size, (double)(due));
    }
    snprintf(what, sizeof what, "%s: decode and play", argv[1]);
    report(what, 20, (used_s(RUSAGE_SELF) - began) / (count * 0.02));
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
