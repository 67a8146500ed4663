/* The sound sink at the boundary; see ffi/abi-audio.ts. */
#include "../gen/abi.h"
struct pb_audio_sink *pb_audio_sink_open(const char *backend, const char *device, uint32_t flags, uint32_t min_delay_us, char *error,
                                         uint32_t error_size) {
    (void)backend, (void)device, (void)flags, (void)min_delay_us;
    pb_error(error, error_size, "sound cannot be played yet");
    return NULL;
}
uint32_t pb_audio_sink_describe(struct pb_audio_sink *s, char *out, uint32_t size) { (void)s, (void)out, (void)size; return 0; }
int32_t pb_audio_sink_push(struct pb_audio_sink *s, const void *d, uint32_t n, double t) { (void)s, (void)d, (void)n, (void)t; return -1; }
void pb_audio_sink_clock(struct pb_audio_sink *s, double offset_us) { (void)s, (void)offset_us; }
int32_t pb_audio_sink_set(struct pb_audio_sink *s, uint32_t key, uint32_t value) { (void)s, (void)key, (void)value; return -1; }
void pb_audio_sink_stats(struct pb_audio_sink *s, struct pb_audio_sink_stats *out) { (void)s, (void)out; }
void pb_audio_sink_close(struct pb_audio_sink *s) { (void)s; }
