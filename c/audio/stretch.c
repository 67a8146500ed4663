/* See stretch.h. Resampling is by a windowed sinc, linear between its phases: its faults stay 80 dB below a tone of 1 kHz. */
#include "stretch.h"

#include <math.h>
#include <string.h>

static double bessel(double x) {
    double sum = 1, term = 1;
    for (int k = 1; k < 30; k++) sum += term *= x / (2 * k) * (x / (2 * k));
    return sum;
}

void pb_stretch_init(struct pb_stretch *s) {
    const double pi = 3.14159265358979323846, beta = 7;
    for (int p = 0; p <= PB_STRETCH_PHASES; p++) {
        double sum = 0, made[PB_STRETCH_TAPS];
        for (int t = 0; t < PB_STRETCH_TAPS; t++) {
            double x = t - (PB_STRETCH_TAPS / 2 - 1) - (double)p / PB_STRETCH_PHASES;
            double w = x / (PB_STRETCH_TAPS / 2);
            double window = fabs(w) < 1 ? bessel(beta * sqrt(1 - w * w)) / bessel(beta) : 0;
            made[t] = (fabs(x) < 1e-9 ? 1 : sin(pi * x) / (pi * x)) * window;
            sum += made[t];
        }
        for (int t = 0; t < PB_STRETCH_TAPS; t++) s->taps[p][t] = (float)(made[t] / sum);
    }
    pb_stretch_clear(s);
}

void pb_stretch_clear(struct pb_stretch *s) {
    memset(s->frames, 0, PB_STRETCH_HISTORY * 2 * sizeof s->frames[0]);
    s->count = s->at = PB_STRETCH_HISTORY;
    s->phase = 0;
    s->step = 1;
}

float *pb_stretch_room(struct pb_stretch *s, uint32_t frames) {
    if (s->count + frames > PB_STRETCH_ROOM) {
        uint32_t gone = s->at - PB_STRETCH_HISTORY;
        memmove(s->frames, s->frames + 2 * gone, (s->count - gone) * 2 * sizeof s->frames[0]);
        s->count -= gone;
        s->at -= gone;
    }
    return s->count + frames > PB_STRETCH_ROOM ? NULL : s->frames + 2 * s->count;
}

void pb_stretch_added(struct pb_stretch *s, uint32_t frames) { s->count += frames; }

void pb_stretch_next(struct pb_stretch *s, float out[2]) {
    const float *in = s->frames + 2 * (s->at - (PB_STRETCH_TAPS / 2 - 1));
    if (s->phase == 0) {
        memcpy(out, s->frames + 2 * s->at, 2 * sizeof out[0]);
    } else {
        double place = s->phase * PB_STRETCH_PHASES;
        int p = (int)place;
        float part = (float)(place - p), left = 0, right = 0;
        const float *a = s->taps[p], *b = s->taps[p + 1];
        for (int t = 0; t < PB_STRETCH_TAPS; t++) {
            float tap = a[t] + (b[t] - a[t]) * part;
            left += in[2 * t] * tap;
            right += in[2 * t + 1] * tap;
        }
        out[0] = left;
        out[1] = right;
    }
    double next = s->phase + s->step;
    uint32_t whole = (uint32_t)next;
    s->at += whole;
    s->phase = next - whole;
}

/* How alike two pieces are, -1 to 1, both channels as one, every fourth frame. Silence is like everything. */
static double likeness(const float *a, const float *b) {
    double product = 0, aa = 1e-9, bb = 1e-9;
    for (int i = 0; i < PB_STRETCH_FADE; i += 4) {
        double x = a[2 * i] + a[2 * i + 1], y = b[2 * i] + b[2 * i + 1];
        product += x * y;
        aa += x * x;
        bb += y * y;
    }
    if (aa < 1e-6 && bb < 1e-6) return 1;
    return product / sqrt(aa * bb);
}

int pb_stretch_splice(struct pb_stretch *s, int frames) {
    bool leave_out = frames > 0;
    uint32_t most = (uint32_t)(leave_out ? frames : -frames);
    if (most > PB_STRETCH_LAG_MAX) most = PB_STRETCH_LAG_MAX;
    if (most < PB_STRETCH_LAG_MIN) return 0;
    uint32_t ahead = PB_STRETCH_FADE + PB_STRETCH_AHEAD + (leave_out ? most : 0);
    if (s->at + ahead > s->count) return 0;
    float *here = s->frames + 2 * s->at;
    uint32_t best = most;
    double found = -2;
    /* Among equals the longest, which brings more. */
    for (uint32_t lag = most; lag >= PB_STRETCH_LAG_MIN; lag -= 2) {
        double like = likeness(here, leave_out ? here + 2 * lag : here - 2 * lag);
        if (like > found + 0.001) {
            found = like;
            best = lag;
        }
    }
    /* Fades from one place into the other; the result lies where playing goes on. */
    float *to = leave_out ? here + 2 * best : here - 2 * best;
    float joined[PB_STRETCH_FADE * 2];
    for (int i = 0; i < PB_STRETCH_FADE; i++) {
        float part = (float)(i + 1) / (PB_STRETCH_FADE + 1);
        for (int c = 0; c < 2; c++) joined[2 * i + c] = here[2 * i + c] * (1 - part) + to[2 * i + c] * part;
    }
    if (leave_out) {
        memcpy(to, joined, sizeof joined);
        s->at += best;
        return (int)best;
    }
    /* A repeated piece must not change what was played: what comes after the fade is the past once more. */
    uint32_t rest = s->count - s->at;
    if (s->count + best > PB_STRETCH_ROOM) return 0;
    memmove(here + 2 * best, here, rest * 2 * sizeof here[0]);
    memcpy(here, here - 2 * best, best * 2 * sizeof here[0]);
    memcpy(here, joined, sizeof joined);
    s->count += best;
    return -(int)best;
}
