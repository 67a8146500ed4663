/* sources: c/audio/ libs: -lopus */
/* Sound through a real PulseAudio with a null sink, which keeps time: sound is heard when its capture time and the wanted delay say,
 * to 20 ms; a server that dies and comes back is noticed and used again; a microphone for other programs exists as long as its sink;
 * nothing is left open. */
#include "check.h"
#include "tone.h"

#include "audio/opus_codec.h"
#include "gen/abi.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HZ = 1000, FRAME = 960, FRAME_US = 20000, DELAY_US = 300000, HEARD = 48000 * 20 };

/* libpulse is not built for ThreadSanitizer, which therefore cannot see how its lists of free memory are shared. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "race:libpulse\nmutex:libpulse\nsignal:libpulse\n"; }

static char folder[] = "/tmp/patchbay-pulse-XXXXXX", address[64];
static pid_t server;

static void start_server(void) {
    char socket[160];
    snprintf(socket, sizeof socket, "module-native-protocol-unix socket=%s/S auth-anonymous=1", folder);
    fflush(NULL);
    server = fork();
    if (!server) {
        /* Whatever ends this test ends the server too, and nobody waits for what it might print. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        FILE *quiet = freopen("/dev/null", "w", stderr);
        quiet = freopen("/dev/null", "w", stdout);
        (void)quiet;
        execlp("pulseaudio", "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-L",
               "module-null-sink sink_name=t rate=48000", "-L", socket, (char *)NULL);
        _exit(127);
    }
}

static void stop_server(void) {
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    server = 0;
}

static void clean_up(void) {
    char command[128];
    stop_server();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    int status = system(command);
    (void)status;
}

static unsigned open_files(void) {
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

/* Sound on its way: what is pushed is captured now, a tone from `tone_from_us` on; what the source hears is decoded. */
static struct pb_opus_encoder encoder;
static OpusDecoder *decoder;
static double phase;
static uint64_t pushed_until_us, tone_from_us, onset_us, packets, lost, back;
static int16_t heard[HEARD * 2 + 960 * 2];
static unsigned heard_count;

static void step(struct pb_audio_sink *sink, struct pb_audio_source *source) {
    usleep(3000);
    uint64_t now = pb_monotonic_us();
    if (!pushed_until_us) pushed_until_us = now;
    for (; sink && pushed_until_us + FRAME_US <= now; pushed_until_us += FRAME_US) {
        int16_t frames[FRAME * 2];
        uint8_t packet[PB_OPUS_PACKET_MAX];
        for (int i = 0; i < FRAME; i++) {
            bool sounds = tone_from_us && pushed_until_us + (uint64_t)i * 1000 / 48 >= tone_from_us;
            frames[2 * i] = frames[2 * i + 1] = sounds ? (int16_t)(9000 * sin(phase)) : 0;
            if (sounds) phase += 2 * M_PI * HZ / 48000;
        }
        int size = pb_opus_encode(&encoder, frames, packet);
        pb_audio_sink_push(sink, packet, (uint32_t)size, (double)(pushed_until_us - encoder.lookahead * 1000 / 48));
    }
    struct pb_audio_packet p;
    while (source && pb_audio_source_take(source, &p)) {
        if (p.kind == PB_AUDIO_LOST) lost++;
        if (p.kind == PB_AUDIO_BACK) back++;
        if (p.kind != PB_AUDIO_PACKET) continue;
        int16_t frames[PB_OPUS_FRAMES_MAX * 2];
        int n = opus_decode(decoder, (const uint8_t *)(uintptr_t)p.data, (int)p.size, frames, PB_OPUS_FRAMES_MAX, 0);
        CHECK(n > 0 && (uint32_t)n == p.samples);
        packets++;
        for (int i = 0; i < n; i++) {
            if (!onset_us && abs(frames[2 * i]) > 2000) onset_us = p.capture_us + (uint64_t)i * 1000 / 48;
            if (!onset_us || heard_count >= HEARD) continue;
            memcpy(heard + 2 * heard_count++, frames + 2 * i, 4);
        }
    }
}

/* Steps until `*counter` is at least `least`. */
static void until(struct pb_audio_sink *sink, struct pb_audio_source *source, const uint64_t *counter, uint64_t least, const char *what) {
    uint64_t end = pb_monotonic_us() + 20000000;
    while (*counter < least) {
        step(sink, source);
        if (pb_monotonic_us() > end) {
            char text[800] = "";
            if (sink) pb_audio_sink_describe(sink, text, sizeof text);
            fprintf(stderr, "waited in vain for %s: %s\n", what, text);
            exit(1);
        }
    }
}

static void until_tone_ends_at(struct pb_audio_sink *sink, struct pb_audio_source *source, unsigned frames, const char *what) {
    uint64_t count = 0;
    onset_us = heard_count = 0;
    for (unsigned i = 0; i < 8000 && heard_count < frames; i++) step(sink, source);
    count = heard_count;
    until(sink, source, &count, frames, what);
}

static struct pb_audio_sink *open_sink(const char *device, uint32_t flags) {
    char error[800] = "";
    struct pb_audio_sink *sink = pb_audio_sink_open("pulse", device, flags, 0, error, sizeof error);
    if (!sink) fprintf(stderr, "%s\n", error);
    return sink;
}

static struct pb_audio_source *open_source(const char *device, uint32_t flags) {
    char error[800] = "";
    struct pb_audio_source *source = pb_audio_source_open("pulse", device, flags, 10000, 128000, NULL, error, sizeof error);
    if (!source) fprintf(stderr, "%s\n", error);
    return source;
}

static bool is_up(void) {
    char error[800] = "";
    struct pb_audio_sink *probe = pb_audio_sink_open("pulse", "t", 0, 0, error, sizeof error);
    if (probe) pb_audio_sink_close(probe);
    return probe;
}

static void in_step(struct pb_audio_sink *sink, struct pb_audio_source *source) {
    CHECK(!pb_audio_sink_set(sink, PB_AUDIO_SINK_KEY_TARGET_DELAY_US, DELAY_US));
    until(sink, source, &packets, 100, "a second of silence");
    tone_from_us = pushed_until_us;
    uint64_t wanted = tone_from_us + DELAY_US;
    until_tone_ends_at(sink, source, 72000, "a tone");
    struct tone t = tone_measure(heard + 2 * 9600, 60000, HZ, 0.005);
    double off = ((double)onset_us - (double)wanted) / 1000;
    printf("heard %.1f ms off its time; %.2f Hz, %.1f dB pure, %u of %u blocks broken\n", off, t.hz, t.snr_db, t.broken, t.blocks);
    CHECK(fabs(off) < 20 && fabs(t.hz - HZ) < 6 && t.broken < t.blocks / 4);
    struct pb_audio_sink_stats s;
    pb_audio_sink_stats(sink, &s);
    CHECK(fabs((double)s.delay_us - DELAY_US) < 20000 && s.wanted_delay_us == DELAY_US);
    CHECK(s.played_capture_us + DELAY_US < s.played_at_us + 20000 && s.played_capture_us + DELAY_US + 20000 > s.played_at_us);
}

static void dies_and_returns(struct pb_audio_sink *sink, struct pb_audio_source *source) {
    stop_server();
    until(sink, source, &lost, 1, "the notice that the device is gone");
    char text[800];
    pb_audio_source_describe(source, text, sizeof text);
    CHECK(strstr(text, "PULSE_SERVER"));
    start_server();
    until(sink, source, &back, 1, "the notice that it is back");
    until_tone_ends_at(sink, source, 24000, "the tone after that");
    struct pb_audio_source_stats in;
    struct pb_audio_sink_stats out;
    pb_audio_source_stats(source, &in);
    pb_audio_sink_stats(sink, &out);
    CHECK(in.device_lost == 1 && in.reopened == 1 && out.device_lost == 1 && out.reopened == 1 && lost == 1);
}

static void pauses(struct pb_audio_sink *sink, struct pb_audio_source *source) {
    CHECK(!pb_audio_source_set(source, PB_AUDIO_SOURCE_KEY_PAUSED, 1));
    for (int i = 0; i < 50; i++) step(sink, source);
    uint64_t before = packets;
    for (int i = 0; i < 50; i++) step(sink, source);
    CHECK(packets == before);
    CHECK(!pb_audio_source_set(source, PB_AUDIO_SOURCE_KEY_PAUSED, 0));
    until(sink, source, &packets, before + 20, "sound after a pause");
    CHECK(lost == 1 && back == 1);
}

/* Leaves its modules in the server. */
static void killed_with_a_microphone(void) {
    int told[2];
    char byte;
    CHECK(!pipe(told));
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        dup2(told[1], 1);
        execl("/proc/self/exe", "test", "microphone", (char *)NULL); /* libpulse does not work in a forked process */
        _exit(1);
    }
    close(told[1]);
    CHECK(read(told[0], &byte, 1) == 1);
    close(told[0]);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void virtual_microphone(void) {
    CHECK(!open_source("patchbay_test", PB_AUDIO_SOURCE_FLAG_MICROPHONE));
    killed_with_a_microphone();
    struct pb_audio_sink *sink = open_sink("patchbay_test", PB_AUDIO_SINK_FLAG_VIRTUAL_SOURCE);
    CHECK(sink);
    char text[800];
    pb_audio_sink_describe(sink, text, sizeof text);
    CHECK(strstr(text, "pulse\tpatchbay_test_feed\t"));
    struct pb_audio_source *source = open_source("patchbay_test", PB_AUDIO_SOURCE_FLAG_MICROPHONE);
    CHECK(source);
    pushed_until_us = 0;
    until_tone_ends_at(sink, source, 24000, "a tone through the microphone");
    struct tone t = tone_measure(heard + 2 * 4800, 19200, HZ, 0.005);
    CHECK(fabs(t.hz - HZ) < 10);
    pb_audio_source_close(source);
    pb_audio_sink_close(sink);
    CHECK(!open_source("patchbay_test", PB_AUDIO_SOURCE_FLAG_MICROPHONE));
    /* The default source is a monitor here, and nobody may mistake that for a microphone. */
    CHECK(!open_source("", PB_AUDIO_SOURCE_FLAG_MICROPHONE));
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "microphone")) {
        bool made = open_sink("patchbay_test", PB_AUDIO_SINK_FLAG_VIRTUAL_SOURCE);
        if (made && write(1, "1", 1) == 1) pause();
        return 1;
    }
    if (system("command -v pulseaudio >/dev/null")) {
        puts("pulseaudio is not installed: apt install pulseaudio");
        return 77;
    }
    int fault;
    char error[800] = "";
    CHECK(mkdtemp(folder));
    atexit(clean_up);
    snprintf(address, sizeof address, "unix:%s/S", folder);
    setenv("HOME", folder, 1);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    setenv("PULSE_SERVER", address, 1);
    CHECK(!pb_audio_source_open("pulse", "", 0, 20000, 96000, NULL, error, sizeof error) && strstr(error, "PULSE_SERVER"));
    CHECK(!pb_audio_source_open("alsa", "", 0, 20000, 96000, NULL, error, sizeof error) && strstr(error, "snd-aloop"));
    CHECK(!pb_audio_sink_open("alsa", "hw:77", 0, 0, error, sizeof error) && strstr(error, "hw:77: snd_pcm_open"));
    CHECK(!pb_audio_sink_open("nothing", "", 0, 0, error, sizeof error) && strstr(error, "\"nothing\""));
    CHECK(!pb_audio_source_open("tone", "", 0, 12345, 96000, NULL, error, sizeof error) && strstr(error, "2500"));
    start_server();
    while (!is_up()) usleep(20000);
    CHECK(pb_opus_open(&encoder, FRAME, 128000));
    decoder = opus_decoder_create(48000, 2, &fault);
    unsigned files = open_files();
    struct pb_audio_sink *sink = open_sink("t", 0);
    struct pb_audio_source *source = open_source("t.monitor", 0);
    CHECK(sink && source && pb_audio_source_set(source, 99, 1) == -1 && pb_audio_sink_set(sink, PB_AUDIO_SINK_KEY_VOLUME, 10001) == -1);
    in_step(sink, source);
    dies_and_returns(sink, source);
    pauses(sink, source);
    pb_audio_source_close(source);
    pb_audio_sink_close(sink);
    virtual_microphone();
    CHECK(open_files() == files);
    pb_opus_close(&encoder);
    opus_decoder_destroy(decoder);
    return 0;
}
