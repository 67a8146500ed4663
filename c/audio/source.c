/* The sound source at the boundary; see ffi/abi-audio.ts. */
#include "../gen/abi.h"
struct pb_audio_source *pb_audio_source_open(const char *backend, const char *device, uint32_t flags, uint32_t frame_us,
                                             uint32_t bitrate_bps, pb_wake_fn wake, char *error, uint32_t error_size) {
    (void)backend, (void)device, (void)flags, (void)frame_us, (void)bitrate_bps, (void)wake;
    pb_error(error, error_size, "sound cannot be captured yet");
    return NULL;
}
uint32_t pb_audio_source_describe(struct pb_audio_source *s, char *out, uint32_t size) { (void)s, (void)out, (void)size; return 0; }
int32_t pb_audio_source_set(struct pb_audio_source *s, uint32_t key, uint32_t value) { (void)s, (void)key, (void)value; return -1; }
void pb_audio_source_rearm(struct pb_audio_source *s) { (void)s; }
int32_t pb_audio_source_take(struct pb_audio_source *s, struct pb_audio_packet *out) { (void)s, (void)out; return 0; }
void pb_audio_source_release(struct pb_audio_source *s) { (void)s; }
void pb_audio_source_stats(struct pb_audio_source *s, struct pb_audio_source_stats *out) { (void)s, (void)out; }
void pb_audio_source_close(struct pb_audio_source *s) { (void)s; }
