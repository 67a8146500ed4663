/* The part of libasound that is used, opened at run time. Types come from its headers. */
#ifndef PB_ALSA_LIBRARY_H
#define PB_ALSA_LIBRARY_H
#include "../shim.h"

#include <alsa/asoundlib.h>

#define PB_ALSA_FUNCTIONS(F) \
    F(lib_error_set_handler) F(strerror) \
    F(pcm_open) F(pcm_close) F(pcm_start) F(pcm_prepare) F(pcm_resume) F(pcm_state) F(pcm_delay) F(pcm_avail) \
    F(pcm_avail_delay) F(pcm_readi) F(pcm_writei) \
    F(pcm_poll_descriptors_count) F(pcm_poll_descriptors) F(pcm_poll_descriptors_revents) \
    F(pcm_hw_params_malloc) F(pcm_hw_params_free) F(pcm_hw_params_any) F(pcm_hw_params_set_access) F(pcm_hw_params_set_format) \
    F(pcm_hw_params_set_channels) F(pcm_hw_params_set_rate) F(pcm_hw_params_set_period_size_near) \
    F(pcm_hw_params_set_buffer_size_near) F(pcm_hw_params) \
    F(pcm_sw_params_malloc) F(pcm_sw_params_free) F(pcm_sw_params_current) F(pcm_sw_params_set_avail_min) \
    F(pcm_sw_params_set_start_threshold) F(pcm_sw_params)

struct pb_alsa {
#define PB_ALSA_POINTER(name) __typeof__(snd_##name) *name;
    PB_ALSA_FUNCTIONS(PB_ALSA_POINTER)
#undef PB_ALSA_POINTER
};

/* The functions, or NULL with the reason and the remedy. */
const struct pb_alsa *pb_alsa_library(char *error, size_t error_size);

/* What to do about a failed call on a device: who holds it, which group is missing, what else there is. Never empty. */
void pb_alsa_remedy(int error, char *out, size_t size);
#endif
