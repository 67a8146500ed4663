/* sources: libs: -lasound */
/* A player and a recorder for the lab, by libasound alone, with buffers that an emulated machine keeps filled:
 *   sound_card play DEVICE HZ SECONDS      a tone, then 100 ms of silence
 *   sound_card record DEVICE SECONDS FILE  raw s16le, 48 kHz, stereo
 * Prints one line when it has begun; ends with status 1 on any fault that is no overrun. Knows nothing of Patchbay. */
#include <alsa/asoundlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATE = 48000, PART = 960 };

static void check(int status, const char *call) {
    if (status >= 0) return;
    fprintf(stderr, "sound_card: %s: %s\n", call, snd_strerror(status));
    exit(1);
}

int main(int argc, char **argv) {
    int playing = argc == 5 && !strcmp(argv[1], "play");
    if (!playing && (argc != 5 || strcmp(argv[1], "record"))) return 2;
    snd_pcm_t *pcm;
    check(snd_pcm_open(&pcm, argv[2], playing ? SND_PCM_STREAM_PLAYBACK : SND_PCM_STREAM_CAPTURE, 0), argv[2]);
    check(snd_pcm_set_params(pcm, SND_PCM_FORMAT_S16_LE, SND_PCM_ACCESS_RW_INTERLEAVED, 2, RATE, 0, 400000), "snd_pcm_set_params");
    double hz = playing ? atof(argv[3]) : 0;
    long frames = (long)(atof(argv[playing ? 4 : 3]) * RATE);
    FILE *file = playing ? NULL : fopen(argv[4], "wb");
    if (!playing && !file) return 1;
    if (!playing) check(snd_pcm_start(pcm), "snd_pcm_start");
    puts("begun");
    fflush(stdout);
    int16_t part[PART * 2];
    for (long at = 0; at < frames; at += PART) {
        for (int i = 0; playing && i < PART; i++) {
            double on = at + PART < frames - RATE / 10 ? 12000 : 0;
            part[2 * i] = part[2 * i + 1] = (int16_t)(on * sin(2 * M_PI * hz * (double)(at + i) / RATE));
        }
        snd_pcm_sframes_t moved = playing ? snd_pcm_writei(pcm, part, PART) : snd_pcm_readi(pcm, part, PART);
        if (moved < 0) {
            check(snd_pcm_recover(pcm, (int)moved, 1), playing ? "snd_pcm_writei" : "snd_pcm_readi");
            if (!playing) check(snd_pcm_start(pcm), "snd_pcm_start");
            continue;
        }
        if (file && fwrite(part, 4, (size_t)moved, file) != (size_t)moved) return 1;
    }
    if (playing) snd_pcm_drain(pcm);
    snd_pcm_close(pcm);
    if (file && fclose(file)) return 1;
    return 0;
}
