/* A connection to a PulseAudio server, driven by the thread that waits for it; seen only by pulse*.c. */
#ifndef PB_AUDIO_PULSE_H
#define PB_AUDIO_PULSE_H
#include "audio.h"
#include "pulse_library.h"

enum { PB_PULSE_FRAME_BYTES = 4, PB_PULSE_ANSWER_US = 3000000 };

struct pb_audio_device {
    const struct pb_pulse *pa;
    pa_mainloop *loop;
    pa_context *context;
    pa_stream *stream;
    pa_io_event *wake_event;
    int wake_fd;
    bool capture, woken, overflowed, underflowed, wrote;
    uint32_t period;
    uint32_t skip;          /* bytes of the present fragment that were read already */
    uint64_t position;      /* frames read or written */
    bool anchored;          /* frame anchor_position was recorded or will be heard at anchor_us */
    int64_t anchor_us;
    uint64_t anchor_position;
    pa_operation *asking;   /* for the next anchor */
    uint64_t asked_us;
    uint32_t answers;
    uint32_t modules[2];    /* of a virtual microphone, or PA_INVALID_INDEX */
    char fault[256];
};

/* One turn of the loop, at most `timeout_us` long. False when the loop is broken. */
bool pulse_turn(struct pb_audio_device *d, int64_t timeout_us);
/* Waits for an answer of the server and lets go of the operation. False without one. */
bool pulse_answered(struct pb_audio_device *d, pa_operation *operation);
/* Writes "CALL: what libpulse says" and a remedy. */
void pulse_fault(struct pb_audio_device *d, const char *call, const char *remedy);
/* Makes a microphone called `name` that plays what is written to the sink whose name it returns in `sink`. */
bool pulse_add_microphone(struct pb_audio_device *d, const char *name, char *sink, size_t sink_size);
void pulse_remove_microphone(struct pb_audio_device *d);
#endif
