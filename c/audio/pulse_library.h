/* The part of libpulse that is used, opened at run time: servers are PulseAudio or PipeWire's. Types come from its headers. */
#ifndef PB_PULSE_LIBRARY_H
#define PB_PULSE_LIBRARY_H
#include "../shim.h"

#include <pulse/pulseaudio.h>

#define PB_PULSE_FUNCTIONS(F) \
    F(context_connect) F(context_disconnect) F(context_errno) F(context_get_module_info_list) F(context_get_server) \
    F(context_get_state) F(context_load_module) F(context_new) F(context_unload_module) F(context_unref) \
    F(mainloop_dispatch) F(mainloop_free) F(mainloop_get_api) F(mainloop_new) F(mainloop_poll) F(mainloop_prepare) \
    F(operation_get_state) F(operation_cancel) F(operation_unref) \
    F(stream_connect_playback) F(stream_connect_record) F(stream_disconnect) F(stream_drop) F(stream_get_device_name) \
    F(stream_get_latency) F(stream_get_state) F(stream_new) F(stream_peek) F(stream_readable_size) F(stream_set_buffer_attr) \
    F(stream_set_overflow_callback) F(stream_set_underflow_callback) F(stream_unref) \
    F(stream_update_timing_info) F(stream_writable_size) F(stream_write) \
    F(strerror)

struct pb_pulse {
#define PB_PULSE_POINTER(name) __typeof__(pa_##name) *name;
    PB_PULSE_FUNCTIONS(PB_PULSE_POINTER)
#undef PB_PULSE_POINTER
};

/* The functions, or NULL with the reason and the remedy. The library stays open, as it does not like to be closed. */
const struct pb_pulse *pb_pulse_library(char *error, size_t error_size);
#endif
