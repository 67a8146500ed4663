/* See playout.h. Follows no specification; RFC 6716 says how concealment and FEC are asked of the decoder. */
#include "playout.h"

#include <math.h>
#include <string.h>

enum {
    CONCEAL_MAX_FRAMES = 9600,    /* 200 ms in a row; then silence until packets come */
    RESTART_AHEAD_US = 250000,    /* playing that much too early pauses, */
    RESTART_BEHIND_US = 1000000,  /* that much too late skips */
    CORRECT_FROM_US = 5000, CORRECT_TO_US = 500,
    SPLICE_FROM_US = 8000, SPLICE_STEP_US = 5000,
    SPLICE_EVERY_FRAMES = 4800,
    REPAIR_FOR_US = 10000000,
    WAIT_FROM_US = 1500,          /* too early by that much, a packet that is not there is waited for */
    MARGIN_US = 1000,
    GAIN_FRAMES = 480,            /* of a fade */
};

/* Resampling stays within this: 7 cents. */
static const double step_max = 0.004;

static double frames_us(double frames) { return frames * 1000.0 / 48; }

bool pb_playout_open(struct pb_playout *p) {
    int fault;
    pthread_mutex_init(&p->lock, NULL);
    pb_jitter_init(&p->jitter);
    pb_stretch_init(&p->line);
    p->wishes.volume = p->gain = 1;
    p->packet_frames = 960;
    p->opus = opus_decoder_create(PB_AUDIO_RATE, PB_AUDIO_CHANNELS, &fault);
    return p->opus != NULL;
}

void pb_playout_close(struct pb_playout *p) {
    if (p->opus) opus_decoder_destroy(p->opus);
    p->opus = NULL;
    pthread_mutex_destroy(&p->lock);
}

int pb_playout_push(struct pb_playout *p, const void *data, uint32_t size, double capture_us, uint64_t now_us) {
    bool sane = capture_us >= 0 && capture_us < 9007199254740992.0; /* false for NaN */
    pthread_mutex_lock(&p->lock);
    p->stats.pushed++;
    enum pb_jitter_verdict v =
        sane ? pb_jitter_push(&p->jitter, data, size, (int64_t)capture_us, (int64_t)now_us) : PB_JITTER_INVALID;
    switch (v) {
    case PB_JITTER_KEPT: break;
    case PB_JITTER_RESTARTED: p->restarted = true; break;
    case PB_JITTER_LATE: p->stats.late++; break;
    case PB_JITTER_DUPLICATE: p->stats.duplicate++; break;
    case PB_JITTER_INVALID: p->stats.invalid++; break;
    case PB_JITTER_FULL: p->stats.refused_full++; break;
    }
    pthread_mutex_unlock(&p->lock);
    return v == PB_JITTER_INVALID || v == PB_JITTER_FULL ? -1 : 0;
}

/* Capture time of the frame that the line plays next. */
static double position_us(const struct pb_playout *p) { return p->next_us - frames_us(pb_stretch_waiting(&p->line)); }

static void stop(struct pb_playout *p) {
    pb_stretch_clear(&p->line);
    p->playing = p->correcting = false;
    p->concealed_run = p->missing_run = 0;
}

/* Decodes into the line: a packet, with `fec` the one before it, or for NULL what is made up. */
static void decode(struct pb_playout *p, const struct pb_jitter_packet *packet, bool fec, uint32_t frames) {
    float *room = pb_stretch_room(&p->line, frames);
    if (!room) return;
    int made = packet ? opus_decode_float(p->opus, packet->bytes, (opus_int32)packet->size, room, (int)frames, fec)
                      : opus_decode_float(p->opus, NULL, 0, room, (int)frames, 0);
    if (made < 0 && packet) {
        p->stats.decode_errors++;
        made = opus_decode_float(p->opus, NULL, 0, room, (int)frames, 0);
    }
    if (made < 0) {
        memset(room, 0, frames * 2 * sizeof room[0]);
        made = (int)frames;
    }
    /* Damaged packets may decode to anything, not a number included. */
    for (int i = 0; i < made * 2; i++)
        if (!(room[i] > -4 && room[i] < 4)) room[i] = 0;
    pb_stretch_added(&p->line, (uint32_t)made);
}

static void take_first(struct pb_playout *p) {
    p->packet = *pb_jitter_first(&p->jitter);
    pb_jitter_drop_first(&p->jitter);
}

/* What the next packet would begin with is late from now on when it begins before this. */
static void publish_floor(struct pb_playout *p) { pb_jitter_played(&p->jitter, (int64_t)p->next_us); }

static void play_packet(struct pb_playout *p, int64_t now_us) {
    p->packet_frames = p->packet.frames;
    p->next_us = (double)p->packet.capture_us + frames_us(p->packet.frames);
    if (p->missing_run && pb_opus_has_fec(p->packet.bytes, p->packet.size)) {
        p->repairs = true;
        p->repairs_until_us = now_us + REPAIR_FOR_US;
    }
    p->stats.lost += p->missing_run;
    p->missing_run = p->concealed_run = 0;
    p->stats.played += p->packet.frames;
    decode(p, &p->packet, false, p->packet.frames);
}

/* One frame in place of a missing packet. `advance` is false to gain time: then playing gets later by a frame. */
static void conceal(struct pb_playout *p, bool advance) {
    uint32_t frames = p->packet_frames;
    decode(p, NULL, false, frames);
    p->stats.concealed++;
    p->concealed_run += frames;
    if (advance) {
        p->next_us += frames_us(frames);
        p->missing_run++;
    } else {
        p->error_us += frames_us(frames);
        p->stats.stretched += frames;
    }
}

/* Puts more sound into the line: the next packet, or what stands in for it. False when playing has come to an end. Holds the lock:
 * decoding takes a fraction of a millisecond, and push() can wait for that. */
static bool produce(struct pb_playout *p, uint64_t now_us) {
    const struct pb_jitter_packet *first;
    while ((first = pb_jitter_first(&p->jitter)) && (double)first->capture_us < p->next_us - frames_us(first->frames) / 2) {
        p->stats.late++;
        pb_jitter_drop_first(&p->jitter);
    }
    if (!first) {
        if (p->concealed_run >= CONCEAL_MAX_FRAMES) return false;
        conceal(p, p->error_us > -WAIT_FROM_US);
    } else {
        double gap_us = (double)first->capture_us - p->next_us, length_us = frames_us(first->frames);
        if (gap_us <= length_us / 2) {
            take_first(p);
            play_packet(p, (int64_t)now_us);
        } else {
            bool fec = pb_opus_has_fec(first->bytes, first->size);
            if (frames_us(p->concealed_run) + gap_us > frames_us(CONCEAL_MAX_FRAMES)) return false;
            if (gap_us < length_us * 1.5 && fec) {
                decode(p, first, true, first->frames);
                p->next_us += length_us;
                p->missing_run++;
                p->stats.fec_recovered++;
            } else {
                conceal(p, true);
            }
        }
    }
    publish_floor(p);
    return true;
}

/* Begins with the packet whose time it is. Returns how many frames of silence come before it, at most `frames`. */
static uint32_t begin(struct pb_playout *p, uint32_t frames, uint64_t now_us, double wanted_us) {
    const struct pb_jitter_packet *first;
    while ((first = pb_jitter_first(&p->jitter)) && (double)first->capture_us + frames_us(first->frames) < wanted_us) {
        p->stats.late++;
        p->next_us = (double)first->capture_us + frames_us(first->frames);
        publish_floor(p);
        pb_jitter_drop_first(&p->jitter);
    }
    if (!first) return frames;
    double wait = ((double)first->capture_us - wanted_us) * 48 / 1000;
    if (wait >= frames) return frames;
    opus_decoder_ctl(p->opus, OPUS_RESET_STATE);
    pb_stretch_clear(&p->line);
    take_first(p);
    p->missing_run = 0;
    play_packet(p, (int64_t)now_us);
    publish_floor(p);
    p->playing = true;
    p->error_us = p->fade = 0;
    p->since_splice = 0;
    if (wait >= 0) return (uint32_t)wait;
    /* Already in its middle: plays from there. */
    uint32_t skip = (uint32_t)-wait;
    p->line.at += skip < p->packet.frames ? skip : p->packet.frames;
    return 0;
}

static void choose_delay(struct pb_playout *p, uint32_t frames, uint64_t now_us, uint64_t heard_us) {
    double device = (double)heard_us - (double)now_us + frames_us(frames);
    if (device < 0) device = 0;
    double fall = frames / (frames + 240000.0); /* over five seconds */
    p->device_us = device > p->device_us ? device : p->device_us + (device - p->device_us) * fall;
    double need = (double)p->jitter.travel_us + p->device_us + MARGIN_US;
    if (p->repairs && (int64_t)now_us < p->repairs_until_us) need += frames_us(p->packet_frames);
    const struct pb_playout_wishes *w = &p->wishes;
    int64_t wish = w->target_delay_us > w->min_delay_us ? w->target_delay_us : w->min_delay_us;
    p->delay_us = need;
    if (wish > 0 && w->clock_offset_us + (double)wish > need) p->delay_us = w->clock_offset_us + (double)wish;
    if (p->delay_us > need + PB_PLAYOUT_DELAY_MAX_US) p->delay_us = need + PB_PLAYOUT_DELAY_MAX_US;
}

/* Keeps in step. `heard_us` is of the frame that the line plays next. */
static void steer(struct pb_playout *p, uint32_t frames, uint64_t now_us, double heard_us) {
    double error = heard_us - p->delay_us - position_us(p);
    bool torn = p->torn && fabs(error) > SPLICE_FROM_US;
    p->torn = false;
    if (torn || error < -RESTART_AHEAD_US || error > RESTART_BEHIND_US) {
        stop(p);
        return;
    }
    p->error_us += (error - p->error_us) * (frames / (frames + 24000.0)); /* positions of devices are rough */
    p->since_splice += frames;
    double off = fabs(p->error_us);
    bool both = off > SPLICE_FROM_US && fabs(error) > SPLICE_STEP_US && (error > 0) == (p->error_us > 0);
    if (both && p->since_splice >= SPLICE_EVERY_FRAMES) {
        /* A piece is left out ahead of the present, so that much has to be decoded already. */
        while (error > 0 && p->line.count - p->line.at < PB_STRETCH_LAG_MAX + PB_STRETCH_FADE + PB_STRETCH_AHEAD) {
            const struct pb_jitter_packet *first = pb_jitter_first(&p->jitter);
            if (!first || (double)first->capture_us - p->next_us > frames_us(first->frames) / 2 || !produce(p, now_us)) break;
        }
        int spliced = pb_stretch_splice(&p->line, (int)(error * 48 / 1000));
        if (spliced) {
            p->error_us -= frames_us(spliced);
            p->stats.stretched += (uint64_t)(spliced < 0 ? -spliced : spliced);
            p->since_splice = 0;
        }
    }
    off = fabs(p->error_us);
    p->correcting = off > CORRECT_FROM_US || (p->correcting && off > CORRECT_TO_US);
    double step = p->error_us / 3e6; /* in three seconds it would be gone */
    p->line.step = p->correcting ? 1 + fmax(-step_max, fmin(step_max, step)) : 1;
}

static int16_t to_sample(float value) {
    float scaled = value * 32768;
    return (int16_t)(scaled > 32767 ? 32767 : scaled < -32768 ? -32768 : lrintf(scaled));
}

void pb_playout_pull(struct pb_playout *p, int16_t *out, uint32_t frames, uint64_t now_us, uint64_t heard_us) {
    pthread_mutex_lock(&p->lock);
    if (p->restarted) stop(p);
    p->restarted = false;
    choose_delay(p, frames, now_us, heard_us);
    if (p->playing) steer(p, frames, now_us, (double)heard_us);
    float goal = p->wishes.muted ? 0 : p->wishes.volume;
    uint32_t i = 0;
    if (!p->playing) i = begin(p, frames, now_us, (double)heard_us - p->delay_us);
    memset(out, 0, i * 2 * sizeof *out);
    for (; i < frames; i++) {
        while (p->playing && !pb_stretch_ready(&p->line))
            if (!produce(p, now_us)) stop(p);
        float frame[2] = {0, 0};
        if (p->playing) pb_stretch_next(&p->line, frame);
        p->stretched_part += fabs(p->line.step - 1);
        if (p->gain < goal) p->gain = fminf(goal, p->gain + 1.0f / GAIN_FRAMES);
        if (p->gain > goal) p->gain = fmaxf(goal, p->gain - 1.0f / GAIN_FRAMES);
        if (p->fade < 1) p->fade = fminf(1, p->fade + 1.0f / GAIN_FRAMES);
        out[2 * i] = to_sample(frame[0] * p->gain * p->fade);
        out[2 * i + 1] = to_sample(frame[1] * p->gain * p->fade);
    }
    p->stats.stretched += (uint64_t)p->stretched_part;
    p->stretched_part -= floor(p->stretched_part);
    if (p->playing) {
        p->heard_capture_us = position_us(p);
        p->heard_at_us = (double)heard_us + frames_us(frames);
    }
    pthread_mutex_unlock(&p->lock);
}

void pb_playout_torn(struct pb_playout *p) {
    pthread_mutex_lock(&p->lock);
    p->torn = true;
    pthread_mutex_unlock(&p->lock);
}

static uint64_t positive(double value) { return value > 0 ? (uint64_t)value : 0; }

void pb_playout_stats(struct pb_playout *p, struct pb_audio_sink_stats *out, uint64_t now_us) {
    pthread_mutex_lock(&p->lock);
    double offset = p->wishes.clock_offset_us;
    *out = p->stats;
    out->jitter_us = (uint64_t)p->jitter.jitter_us;
    out->device_us = positive(p->device_us);
    out->wanted_delay_us = positive(p->delay_us - offset);
    if (p->heard_at_us > 0) {
        out->delay_us = positive(p->heard_at_us - p->heard_capture_us - offset);
        out->played_capture_us = positive(p->heard_capture_us - (p->heard_at_us - (double)now_us));
        out->played_at_us = now_us;
    }
    out->buffered_us = (uint64_t)pb_jitter_buffered_us(&p->jitter);
    if (p->playing) out->buffered_us += positive(frames_us(pb_stretch_waiting(&p->line)));
    pthread_mutex_unlock(&p->lock);
}
