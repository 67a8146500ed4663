/* sources: c/audio/jitter.c c/audio/stretch.c c/audio/playout.c c/audio/opus_codec.c libs: -lopus */
/* Sound over a simulated network, seeded: it stays in step with the capture whatever the jitter, the clocks' drift and the order of
 * packets, plays a tone without breaks while nothing is lost, repairs what is, and survives what is no packet. */
#include "check.h"
#include "tone.h"

#include "audio/distance.h"
#include "audio/playout.h"

enum { HZ = 1000, CHUNK = 240, CHUNK_US = 5000, DEVICE_US = 25000, MAX_SECONDS = 25, FLIGHT = 256 };

struct network {
    double delay_us, jitter_us, drift; /* drift: the sender's clock runs that much faster */
    unsigned loss, duplicates;         /* per thousand packets */
    double spike_every_us, spike_us;   /* everything waits that long now and then */
};

struct flight {
    double arrives_us, capture_us;
    int size;
    uint8_t bytes[PB_OPUS_PACKET_MAX];
};

static struct flight flying[FLIGHT];
static unsigned in_flight;
static int16_t out[MAX_SECONDS * 48000 * 2];
static unsigned made;
static struct pb_playout p;
static uint32_t seed;

static double chance(void) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) / 16777216.0;
}

struct sender {
    struct pb_opus_encoder encoder;
    uint64_t packets;
    double phase;
    bool stopped, lively; /* lively: SILK takes an even tone for silence, of which it repeats nothing */
};

/* The sender's clock at our time, and back. It is hours away from ours. */
static const double far_us = 3.6e9;
static double theirs(const struct network *n, double us) { return us * (1 + n->drift) + far_us; }

static void send_until(struct sender *s, const struct network *n, double now_us) {
    for (;;) {
        double length = s->encoder.frame * 1000.0 / 48, begin = s->packets * length; /* on their clock, from its start */
        double leaves = (begin + length) / (1 + n->drift) + 500;
        if (leaves > now_us) return;
        int16_t frames[960 * 2];
        for (uint32_t i = 0; i < s->encoder.frame; i++) {
            frames[2 * i] = frames[2 * i + 1] = (int16_t)(9000 * sin(s->phase) + (s->lively ? chance() * 1024 - 512 : 0));
            s->phase += 2 * M_PI * (s->lively ? 300 + 200 * (s->packets / 3 % 7) : HZ) / 48000;
        }
        struct flight f = {.capture_us = begin + far_us - s->encoder.lookahead * 1000.0 / 48};
        f.size = pb_opus_encode(&s->encoder, frames, f.bytes);
        s->packets++;
        double held = 0;
        if (n->spike_every_us > 0) {
            double into = fmod(leaves, n->spike_every_us);
            if (into < n->spike_us) held = n->spike_us - into;
        }
        f.arrives_us = leaves + n->delay_us + chance() * n->jitter_us + held;
        if (s->stopped || chance() * 1000 < n->loss) continue;
        CHECK(in_flight + 2 < FLIGHT);
        flying[in_flight++] = f;
        if (chance() * 1000 < n->duplicates) {
            f.arrives_us += chance() * 40000;
            flying[in_flight++] = f;
        }
    }
}

static void deliver(double now_us) {
    for (unsigned i = 0; i < in_flight;) {
        if (flying[i].arrives_us > now_us) {
            i++;
            continue;
        }
        CHECK(!pb_playout_push(&p, flying[i].bytes, (uint32_t)flying[i].size, floor(flying[i].capture_us), (uint64_t)flying[i].arrives_us));
        flying[i] = flying[--in_flight];
    }
}

/* Largest distance between when sound was heard and when it should have been, after `settle_s`. */
static double run(struct sender *s, const struct network *n, double from_s, double seconds, double settle_s) {
    double worst = 0;
    for (double at = from_s * 1e6; at < (from_s + seconds) * 1e6; at += CHUNK_US) {
        double now = at;
        send_until(s, n, now);
        deliver(now);
        CHECK(made + CHUNK <= sizeof out / sizeof out[0] / 2);
        pb_playout_pull(&p, out + 2 * made, CHUNK, (uint64_t)now, (uint64_t)(now + DEVICE_US - CHUNK_US));
        made += CHUNK;
        struct pb_audio_sink_stats stats;
        pb_playout_stats(&p, &stats, (uint64_t)now);
        double off = fabs((double)stats.delay_us - (double)stats.wanted_delay_us);
        if (at > (from_s + settle_s) * 1e6 && off > worst) worst = off;
        /* The clocks are told apart as well as src/sync can: exactly. */
        p.wishes.clock_offset_us = now - theirs(n, now);
    }
    return worst;
}

static struct sender begin(uint32_t frame, int64_t target_us) {
    struct sender s = {.packets = 0};
    CHECK(pb_opus_open(&s.encoder, frame, frame == 120 ? 256000 : 128000));
    CHECK(pb_playout_open(&p));
    p.wishes.target_delay_us = target_us;
    /* Before the first packet the offset is known: a client talks first. */
    p.wishes.clock_offset_us = -far_us;
    seed = 42;
    in_flight = made = 0;
    memset(out, 0, sizeof out);
    return s;
}

static struct pb_audio_sink_stats end(struct sender *s, const char *name, double worst) {
    struct pb_audio_sink_stats t;
    pb_playout_stats(&p, &t, 0);
    printf("%s: off by %.1f ms at worst, delay %.1f ms, jitter %.1f ms; %llu pushed, %llu late, %llu lost, %llu by FEC, %llu concealed, %llu stretched\n", name,
           worst / 1000, t.delay_us / 1000.0, t.jitter_us / 1000.0, (unsigned long long)t.pushed, (unsigned long long)t.late,
           (unsigned long long)t.lost, (unsigned long long)t.fec_recovered, (unsigned long long)t.concealed, (unsigned long long)t.stretched);
    pb_playout_close(&p);
    memset(&p, 0, sizeof p);
    pb_opus_close(&s->encoder);
    return t;
}

static struct tone heard(double from_s, double to_s, double stretch) {
    return tone_measure(out + 2 * (unsigned)(from_s * 48000), (unsigned)((to_s - from_s) * 48000), HZ, stretch);
}

static void quiet_network(uint32_t frame) {
    struct network n = {.delay_us = 5000};
    struct sender s = begin(frame, 0);
    double worst = run(&s, &n, 0, 2, 0.5);
    struct tone t = heard(0.5, 2, 0.005);
    struct pb_audio_sink_stats stats = end(&s, "quiet", worst);
    printf("  %.2f Hz, %.1f dB, %u broken\n", t.hz, t.snr_db, t.broken);
    CHECK(worst < 4000 && t.broken == 0 && fabs(t.hz - HZ) < 0.5 && stats.lost == 0 && stats.concealed == 0 && stats.late == 0);
    /* No later than its parts: packet and lookahead, way, device, a little. */
    CHECK(stats.delay_us < frame * 1000 / 48 + 2500 + 5500 + DEVICE_US + 6000);
}

static void jittery_and_reordered(void) {
    struct network n = {.delay_us = 20000, .jitter_us = 60000, .duplicates = 100};
    struct sender s = begin(960, 0);
    double worst = run(&s, &n, 0, 14, 7);
    struct tone t = heard(7, 14, 0.005);
    struct pb_audio_sink_stats stats = end(&s, "jitter of 60 ms", worst);
    printf("  %.2f Hz, %.1f dB, %u of %u broken\n", t.hz, t.snr_db, t.broken, t.blocks);
    CHECK(worst < 12000 && stats.jitter_us > 10000 && stats.jitter_us < 60000);
    CHECK(stats.late < stats.pushed / 50 && stats.duplicate > 20 && t.broken < t.blocks / 20);
}

static void drifting(double drift) {
    struct network n = {.delay_us = 10000, .jitter_us = 3000, .drift = drift};
    struct sender s = begin(480, 100000);
    double worst = run(&s, &n, 0, 20, 2);
    struct tone t = heard(2, 20, 0.006);
    struct pb_audio_sink_stats stats = end(&s, drift > 0 ? "sender faster" : "sender slower", worst);
    printf("  %.3f Hz, %.1f dB, %u broken\n", t.hz, t.snr_db, t.broken);
    CHECK(worst < 7000 && t.broken == 0 && stats.concealed == 0 && stats.late == 0);
    CHECK(fabs(t.hz - HZ * (1 + drift)) < 0.5 && stats.stretched > 0 && stats.stretched < 20 * 48000 * 0.005);
}

static void lip_sync(void) {
    struct network n = {.delay_us = 10000, .jitter_us = 5000};
    struct sender s = begin(960, 0);
    run(&s, &n, 0, 3, 3);
    /* Pictures are older than sound is: it waits for them, step by step, and is in step soon. */
    p.wishes.target_delay_us = 150000;
    double worst = run(&s, &n, 3, 6, 3);
    CHECK(fabs((double)p.delay_us - p.wishes.clock_offset_us - 150000) < 1);
    p.wishes.target_delay_us = 90000;
    double again = run(&s, &n, 9, 6, 3);
    struct tone t = heard(2, 15, 0.006);
    struct pb_audio_sink_stats stats = end(&s, "lip sync", worst > again ? worst : again);
    printf("  %u of %u broken\n", t.broken, t.blocks);
    CHECK(worst < 10000 && again < 10000 && stats.late <= 5 && t.broken < 12);
}

static void lossy(void) {
    struct network n = {.delay_us = 10000, .jitter_us = 3000, .loss = 100};
    struct sender s = begin(960, 120000);
    s.lively = true;
    double worst = run(&s, &n, 0, 6, 5);
    struct pb_audio_sink_stats without = p.stats;
    pb_opus_set_loss(&s.encoder, 10);
    run(&s, &n, 6, 12, 5);
    struct pb_audio_sink_stats with = end(&s, "every tenth lost", worst);
    uint64_t lost = with.lost - without.lost, rebuilt = with.fec_recovered - without.fec_recovered;
    CHECK(without.fec_recovered == 0 && without.lost > 15 && without.concealed >= without.lost);
    CHECK(worst < 5000 && lost > 40 && rebuilt * 10 > lost * 8);
}

static void pauses_and_spikes(void) {
    struct network n = {.delay_us = 5000, .jitter_us = 2000, .spike_every_us = 3e6, .spike_us = 150000};
    struct sender s = begin(960, 0);
    run(&s, &n, 0, 7, 5);
    s.stopped = true; /* a muted or paused sender is no loss */
    uint64_t lost = p.stats.lost;
    run(&s, &n, 7, 3, 3);
    CHECK(!p.playing && p.stats.lost == lost);
    for (unsigned i = made - 48000; i < made; i++) CHECK(out[2 * i] == 0);
    s.stopped = false;
    n.spike_every_us = 0;
    double worst = run(&s, &n, 10, 14, 12);
    struct tone t = heard(22, 24, 0.006);
    end(&s, "spikes", worst);
    CHECK(worst < 12000 && t.broken <= 6);
}

static void volume(void) {
    struct network n = {.delay_us = 5000};
    struct sender s = begin(960, 0);
    p.wishes.volume = 0.5f;
    run(&s, &n, 0, 2, 1);
    struct tone half = heard(1, 2, 0.005);
    p.wishes.muted = true;
    run(&s, &n, 2, 1, 1);
    for (unsigned i = made - 24000; i < made; i++) CHECK(out[2 * i] == 0);
    end(&s, "volume", 0);
    CHECK(fabs(half.amplitude - 4500 / 32768.0) < 0.01 && half.broken == 0);
}

static void hostile(void) {
    struct network n = {.delay_us = 5000};
    struct sender s = begin(960, 0);
    run(&s, &n, 0, 2, 1);
    uint8_t junk[1400];
    double now = 3e6;
    for (int round = 0; round < 4000; round++) {
        for (unsigned i = 0; i < sizeof junk; i++) junk[i] = (uint8_t)(chance() * 256);
        uint32_t size = (uint32_t)(chance() * 1400);
        double at = round % 4 == 0 ? chance() * 1e16 : round % 4 == 1 ? far_us + now + chance() * 4e6 - 2e6 : far_us + now - chance() * 3e4;
        if (round % 50 == 0) at = round % 100 ? NAN : -1;
        pb_playout_push(&p, size ? junk : NULL, size, at, (uint64_t)now);
        if (round % 4 == 0) {
            int16_t frames[CHUNK * 2];
            pb_playout_pull(&p, frames, CHUNK, (uint64_t)now, (uint64_t)(now + chance() * 1e5));
            now += CHUNK_US;
        }
    }
    CHECK(p.stats.invalid > 500 && p.stats.pushed > p.stats.invalid);
    /* One packet of another age changes nothing, two that agree are a sender that started again. */
    struct pb_opus_encoder e = s.encoder;
    int16_t silence[960 * 2] = {0};
    uint8_t packet[PB_OPUS_PACKET_MAX];
    uint32_t size = (uint32_t)pb_opus_encode(&e, silence, packet);
    double new_age = 1e12;
    CHECK(pb_playout_push(&p, packet, size, new_age, (uint64_t)now) == -1);
    CHECK(pb_playout_push(&p, packet, size, new_age + 20000, (uint64_t)now) == 0);
    CHECK(p.jitter.waiting == 1 && p.restarted);
    for (int i = 0; i < PB_JITTER_PACKETS + 5; i++) pb_playout_push(&p, packet, size, new_age + 40000 + i * 2400, (uint64_t)now);
    CHECK(p.jitter.waiting <= PB_JITTER_PACKETS);
    end(&s, "hostile", 0);
}

/* A device that is served every 5 ms, but for stalls of `stall_us` each `every_us`, until `until_us`: it runs dry where a stall is longer
 * than what lies in it. Returns how often it did. */
static unsigned served(struct pb_distance *d, double *now_us, double until_us, double every_us, double stall_us) {
    unsigned dry = 0;
    for (; *now_us < until_us; *now_us += CHUNK_US) {
        bool stalls = every_us > 0 && fmod(*now_us, every_us) < CHUNK_US;
        if (stalls && stall_us >= d->target_us) {
            dry++;
            pb_distance_ran_dry(d, (uint64_t)*now_us);
        } else {
            pb_distance_served(d, (uint64_t)*now_us);
        }
    }
    return dry;
}

static void distance(void) {
    struct pb_distance d;
    double now = 1e6;
    pb_distance_begin(&d, 10000, (uint64_t)now);
    CHECK(served(&d, &now, 60e6, 0, 0) == 0 && d.target_us == 10000);
    /* One by itself changes nothing; where they come often it is soon long enough, and no longer than it must be. */
    CHECK(served(&d, &now, 90e6, 61e6, 30000) == 1 && d.target_us == 10000);
    unsigned dry = served(&d, &now, 110e6, 1e6, 42000);
    printf("distance: %.1f ms after %u underruns\n", d.target_us / 1000.0, dry);
    CHECK(dry == 4 && d.target_us == 45000);
    /* Calm takes it back step by step, one in 30 s, to where it began. */
    uint32_t was = d.target_us;
    unsigned steps = 0;
    for (double end = now + 400e6; now < end; steps += d.target_us != was, was = d.target_us) {
        CHECK(served(&d, &now, now + 29e6, 0, 0) == 0 && d.target_us <= was && d.target_us >= was - was / 5);
    }
    CHECK(steps == 7 && d.target_us == 10000);
    /* Stalls that never end are tried ever more seldom: in two hours less often than once in five minutes. */
    dry = served(&d, &now, now + 7200e6, 3e6, 26000);
    printf("distance: %.1f ms, %u underruns in two hours\n", d.target_us / 1000.0, dry);
    CHECK(dry < 24 && d.target_us > 26000 * 4 / 5 && d.target_us <= 30000);
    for (unsigned i = 0; i < 20; i++) pb_distance_ran_dry(&d, (uint64_t)(now += CHUNK_US));
    CHECK(d.target_us == PB_DISTANCE_MOST_US);
    pb_distance_begin(&d, 1000000, 0);
    CHECK(d.target_us == PB_DISTANCE_MOST_US && served(&d, &now, now + 100e6, 0, 0) == 0 && d.target_us == PB_DISTANCE_MOST_US);
}

int main(void) {
    distance();
    quiet_network(960);
    quiet_network(480);
    quiet_network(240);
    quiet_network(120);
    jittery_and_reordered();
    drifting(0.0006);
    drifting(-0.0006);
    lip_sync();
    lossy();
    pauses_and_spikes();
    volume();
    hostile();
    return 0;
}
