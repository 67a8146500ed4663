/* What is left of a sine tone in samples: how loud, which frequency, how pure, and where it broke off. */
#ifndef PB_TEST_TONE_H
#define PB_TEST_TONE_H
#include <math.h>
#include <stdint.h>
#include <string.h>

struct tone {
    double hz;         /* by phase from block to block */
    double amplitude;  /* median of blocks, full scale 1 */
    unsigned blocks, broken; /* of 10 ms; those whose amplitude or phase is off: drop-outs, clicks, repeats */
    double snr_db;     /* of blocks that are not broken, mean */
};

static void tone_block(const int16_t *frames, unsigned n, double hz, double *re, double *im, double *power) {
    *re = *im = *power = 0;
    for (unsigned i = 0; i < n; i++) {
        double x = frames[2 * i] / 32768.0, a = 2 * M_PI * hz * i / 48000;
        *re += x * cos(a);
        *im += x * sin(a);
        *power += x * x;
    }
    *re *= 2.0 / n;
    *im *= 2.0 / n;
    *power /= n;
}

/* `hz` must be a multiple of 100, so that 10 ms are whole periods. `stretch`: by how much the rate may be off. */
static inline struct tone tone_measure(const int16_t *frames, unsigned count, double hz, double stretch) {
    enum { BLOCK = 480 };
    struct tone t = {.blocks = count / BLOCK};
    double turned = 0, last = 0, noise = 0, amplitude = 0;
    unsigned pure = 0;
    for (unsigned b = 0; b < t.blocks; b++) {
        double re, im, power;
        tone_block(frames + 2 * b * BLOCK, BLOCK, hz, &re, &im, &power);
        double a = sqrt(re * re + im * im), phase = atan2(-im, re), turn = b ? phase - last : 0;
        while (turn > M_PI) turn -= 2 * M_PI;
        while (turn < -M_PI) turn += 2 * M_PI;
        double rest = power - a * a / 2;
        int odd = a < 0.1 || fabs(turn) > 2 * M_PI * hz * 0.01 * stretch + 0.06 || rest > a * a / 2 * 0.05;
        if (odd) t.broken++;
        else {
            turned += turn;
            amplitude += a;
            noise += 10 * log10(a * a / 2 / (rest > 1e-12 ? rest : 1e-12));
            pure++;
        }
        last = phase;
    }
    if (pure) {
        t.hz = hz + turned / pure / (2 * M_PI * 0.01);
        t.amplitude = amplitude / pure;
        t.snr_db = noise / pure;
    }
    return t;
}
#endif
