/* From packets to sound: decides which sample belongs to the moment that the device asks about, decodes, conceals, and keeps in
 * step with the capture. Sound captured at c (sender's clock) is heard at c + delay; the delay is the largest of what is wished
 * for and what network and device need. One thread pushes, another pulls; times are given, no clock is read. */
#ifndef PB_PLAYOUT_H
#define PB_PLAYOUT_H
#include "../gen/abi.h"
#include "jitter.h"
#include "stretch.h"

#include <pthread.h>

enum { PB_PLAYOUT_DELAY_MAX_US = 2000000 };

struct pb_playout_wishes {
    double clock_offset_us; /* capture time to our clock */
    int64_t target_delay_us, min_delay_us;
    float volume; /* amplitude, 0 to 1 */
    bool muted;
};

struct pb_playout {
    pthread_mutex_t lock; /* guards jitter, wishes, stats, and what is said of the playing position */
    struct pb_jitter jitter;
    struct pb_playout_wishes wishes;
    struct pb_audio_sink_stats stats;
    bool restarted;   /* the stream began anew */
    bool torn;        /* the device ran dry: what follows may as well begin where it belongs */
    double heard_capture_us, heard_at_us; /* where playing was at the last pull */

    /* Only for the thread that pulls: */
    OpusDecoder *opus;
    struct pb_stretch line;
    struct pb_jitter_packet packet; /* a copy of the one in work */
    bool playing;
    double next_us;         /* capture time of what the next packet should begin with */
    uint32_t packet_frames; /* of the last packet */
    uint32_t concealed_run, missing_run; /* frames concealed in a row; packets that were missing, not yet known to be lost */
    double delay_us;        /* heard minus captured, as wanted */
    double device_us;       /* from pull to ear, a peak that falls slowly */
    double error_us;        /* smoothed: positive when playing is behind */
    bool correcting, repairs; /* resampling; packets with FEC are coming and some are lost */
    int64_t repairs_until_us;
    uint64_t since_splice;  /* frames */
    double stretched_part;  /* of a frame, not yet counted */
    float gain, fade;       /* as of the last frame; fade-in after silence */
};

bool pb_playout_open(struct pb_playout *p);
void pb_playout_close(struct pb_playout *p);
/* Returns 0, or -1 when the packet is refused and counted. */
int pb_playout_push(struct pb_playout *p, const void *data, uint32_t size, double capture_us, uint64_t now_us);
/* Makes `frames` frames, the first of which will be heard at `heard_us`; at most 5760. */
void pb_playout_pull(struct pb_playout *p, int16_t *out, uint32_t frames, uint64_t now_us, uint64_t heard_us);
/* The device ran dry. */
void pb_playout_torn(struct pb_playout *p);
void pb_playout_stats(struct pb_playout *p, struct pb_audio_sink_stats *out, uint64_t now_us);
#endif
