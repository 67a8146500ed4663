/* Rate control for the driver: the constant rate, the frame rate, a small buffer, and quality as limits of the quantiser. Sent
 * with keyframes and with the next picture after a change. Filler bytes are never asked for: a still screen costs nothing. */
#include "quality.h"
#include "vaapi.h"

#include <string.h>

/* The buffer that the rate is held over, as a part of a second: a keyframe may fill it, and the network then works it off. */
enum { BUFFER_PARTS = 4, WINDOW_MS = 250 };

static bool add(struct pb_encoder *e, VAEncMiscParameterType type, const void *data, size_t size) {
    union {
        VAEncMiscParameterBuffer head;
        uint8_t bytes[sizeof(VAEncMiscParameterBuffer) + sizeof(VAEncMiscParameterRateControl)];
    } buffer;
    memset(&buffer, 0, sizeof buffer);
    buffer.head.type = type;
    memcpy(buffer.head.data, data, size);
    return pb_va_add(e, VAEncMiscParameterBufferType, &buffer, sizeof(VAEncMiscParameterBuffer) + size, "rate control");
}

bool pb_va_add_rate(struct pb_encoder *e) {
    const struct pb_encoder_settings *s = &e->settings;
    VAEncMiscParameterRateControl rate = {
        .bits_per_second = s->bitrate_bps,
        .target_percentage = 100,
        .window_size = WINDOW_MS,
        .min_qp = (uint32_t)pb_finest_quantiser(s->quality),
        .max_qp = (uint32_t)pb_coarsest_quantiser(s->quality),
        .rc_flags.bits = {.disable_frame_skip = 1, .disable_bit_stuffing = 1},
    };
    VAEncMiscParameterFrameRate frames = {.framerate = 1u << 16 | (s->fps & 0xffff)};
    VAEncMiscParameterHRD buffer = {.buffer_size = s->bitrate_bps / BUFFER_PARTS,
                                    .initial_buffer_fullness = s->bitrate_bps / BUFFER_PARTS / 4 * 3};
    return add(e, VAEncMiscParameterTypeRateControl, &rate, sizeof rate) &&
           add(e, VAEncMiscParameterTypeFrameRate, &frames, sizeof frames) &&
           add(e, VAEncMiscParameterTypeHRD, &buffer, sizeof buffer);
}
