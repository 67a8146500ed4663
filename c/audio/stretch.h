/* A line of decoded sound that can be played a little faster or slower: by resampling while the deviation is small, by leaving
 * out or repeating one period of the sound where it is larger. Pure. */
#ifndef PB_STRETCH_H
#define PB_STRETCH_H
#include "audio.h"

enum {
    PB_STRETCH_HISTORY = 1024,  /* frames kept behind the one that is played next */
    PB_STRETCH_ROOM = 16384,    /* frames in all */
    PB_STRETCH_TAPS = 16,
    PB_STRETCH_PHASES = 64,
    PB_STRETCH_AHEAD = PB_STRETCH_TAPS / 2 + 1, /* frames beyond the played one that it needs */
    PB_STRETCH_FADE = 240,      /* frames of a cross-fade */
    PB_STRETCH_LAG_MIN = 120,
    PB_STRETCH_LAG_MAX = 720    /* longest piece left out or repeated: 15 ms */
};

struct pb_stretch {
    float frames[PB_STRETCH_ROOM * 2];
    float taps[PB_STRETCH_PHASES + 1][PB_STRETCH_TAPS];
    uint32_t count, at; /* frames in the line; the one that is played next */
    double phase;       /* 0 to 1, beyond it */
    double step;        /* frames that one output frame advances */
};

void pb_stretch_init(struct pb_stretch *s);
/* Forgets all sound. */
void pb_stretch_clear(struct pb_stretch *s);
/* Where the next `frames` frames are to be written, at most 5760; pb_stretch_added tells that they are. */
float *pb_stretch_room(struct pb_stretch *s, uint32_t frames);
void pb_stretch_added(struct pb_stretch *s, uint32_t frames);
/* Frames that wait, less the fraction that was played already. */
static inline double pb_stretch_waiting(const struct pb_stretch *s) { return s->count - s->at - s->phase; }
/* True when another output frame can be made. */
static inline bool pb_stretch_ready(const struct pb_stretch *s) { return s->at + PB_STRETCH_AHEAD < s->count; }
/* One output frame. Only when ready. */
void pb_stretch_next(struct pb_stretch *s, float out[2]);
/* Leaves out (frames > 0) or repeats (frames < 0) one piece of about that length where the sound is most alike. Returns how many
 * frames were left out, negative for repeated ones, or 0 when too little sound is there. */
int pb_stretch_splice(struct pb_stretch *s, int frames);
#endif
