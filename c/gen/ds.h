/* Made from src/wire/ds-layouts.ts by `bun src/wire/generate.ts`. Do not edit.
 * ds-stream frames, little-endian. The put functions write constants by themselves and check nothing. */
#ifndef PB_GEN_DS_H
#define PB_GEN_DS_H
#include "wire.h"

enum {
    PB_DS_FLAG_INPUT = 1,
    PB_DS_FLAG_KEYFRAME = 2,
    PB_DS_FLAG_COMPRESSED = 4
};
enum {
    PB_DS_TYPE_PIXELS = 1,
    PB_DS_TYPE_COMPRESSED_PIXELS = 2,
    PB_DS_TYPE_DELTA_PIXELS = 3,
    PB_DS_TYPE_AUDIO_PCM = 16,
    PB_DS_TYPE_AUDIO_COMPRESSED = 17,
    PB_DS_TYPE_HAPTIC = 32,
    PB_DS_TYPE_ACTUATOR = 33,
    PB_DS_TYPE_LED_MATRIX = 34,
    PB_DS_TYPE_SIGNAL_SYNC = 48,
    PB_DS_TYPE_SIGNAL_DIFF = 49,
    PB_DS_TYPE_SCHEMA_ANNOUNCE = 50,
    PB_DS_TYPE_NEURAL_FRAME = 64,
    PB_DS_TYPE_NEURAL_AUDIO = 65,
    PB_DS_TYPE_NEURAL_ACTUATOR = 66,
    PB_DS_TYPE_NEURAL_LATENT = 67,
    PB_DS_TYPE_KEYFRAME = 240,
    PB_DS_TYPE_AUDIENCE = 253,
    PB_DS_TYPE_PING = 254,
    PB_DS_TYPE_STREAM_END = 255
};
enum {
    PB_DS_INPUT_POINTER = 1,
    PB_DS_INPUT_POINTER_DOWN = 2,
    PB_DS_INPUT_POINTER_UP = 3,
    PB_DS_INPUT_KEY_DOWN = 16,
    PB_DS_INPUT_KEY_UP = 17,
    PB_DS_INPUT_TOUCH = 32,
    PB_DS_INPUT_TOUCH_END = 33,
    PB_DS_INPUT_GAMEPAD_AXIS = 48,
    PB_DS_INPUT_GAMEPAD_BUTTON = 49,
    PB_DS_INPUT_MIDI = 64,
    PB_DS_INPUT_SCROLL = 80,
    PB_DS_INPUT_RESIZE = 96,
    PB_DS_INPUT_VOICE = 112,
    PB_DS_INPUT_CAMERA = 113,
    PB_DS_INPUT_SENSOR = 128,
    PB_DS_INPUT_BCI = 144
};
enum {
    PB_DS_PICTURE_FORMAT_RGBA = 0,
    PB_DS_PICTURE_FORMAT_PNG = 1,
    PB_DS_PICTURE_FORMAT_WEBP = 2,
    PB_DS_PICTURE_FORMAT_JPEG = 3,
    PB_DS_PICTURE_FORMAT_H264 = 4,
    PB_DS_PICTURE_FORMAT_HEVC = 5,
    PB_DS_PICTURE_FORMAT_VP8 = 6,
    PB_DS_PICTURE_FORMAT_VP9 = 7,
    PB_DS_PICTURE_FORMAT_AV1 = 8,
    PB_DS_PICTURE_FORMAT_QOI = 9,
    PB_DS_PICTURE_FORMAT_ZSTD = 10,
    PB_DS_PICTURE_FORMAT_HYBRID = 11
};
enum {
    PB_DS_PCM_FORMAT_S16LE = 1,
    PB_DS_PCM_FORMAT_F32LE = 2
};
enum {
    PB_DS_AUDIO_CODEC_OPUS = 1
};
enum {
    PB_DS_BUTTON_LEFT = 1,
    PB_DS_BUTTON_RIGHT = 2,
    PB_DS_BUTTON_MIDDLE = 4,
    PB_DS_BUTTON_BACK = 8,
    PB_DS_BUTTON_FORWARD = 16
};
enum {
    PB_DS_POINTER_MODE_ABSOLUTE = 0,
    PB_DS_POINTER_MODE_RELATIVE = 1
};
enum {
    PB_DS_MODIFIER_SHIFT = 1,
    PB_DS_MODIFIER_CONTROL = 2,
    PB_DS_MODIFIER_ALT = 4,
    PB_DS_MODIFIER_META = 8,
    PB_DS_MODIFIER_CAPS_LOCK = 16,
    PB_DS_MODIFIER_NUM_LOCK = 32
};
enum {
    PB_DS_TOUCH_ENDING_LIFTED = 0,
    PB_DS_TOUCH_ENDING_CANCELLED = 1
};

/* Header of every message; one WebSocket binary message is one frame. */
enum {
    PB_DS_FRAME_TYPE_OFFSET = 0, /* frame type; with the flag INPUT an input type */
    PB_DS_FRAME_FLAGS_OFFSET = 1, /* 1 INPUT, 2 KEYFRAME, 4 COMPRESSED (RLE) */
    PB_DS_FRAME_SEQUENCE_OFFSET = 2, /* counting up, wrapping */
    PB_DS_FRAME_TIMESTAMP_MS_OFFSET = 4, /* milliseconds since the stream's start */
    PB_DS_FRAME_WIDTH_OFFSET = 8, /* pixels; of pictures 1 to 8192, else 0 */
    PB_DS_FRAME_HEIGHT_OFFSET = 10, /* pixels; of pictures 1 to 8192, else 0 */
    PB_DS_FRAME_PAYLOAD_SIZE_OFFSET = 12, /* bytes that follow */
    PB_DS_FRAME_BYTES = 16
};
static inline void pb_ds_put_frame(uint8_t *to, uint8_t type, uint8_t flags, uint16_t sequence, uint32_t timestamp_ms, uint16_t width, uint16_t height, uint32_t payload_size) {
    pb_wire_store_u8(to + PB_DS_FRAME_TYPE_OFFSET, type);
    pb_wire_store_u8(to + PB_DS_FRAME_FLAGS_OFFSET, flags);
    pb_wire_store_u16(to + PB_DS_FRAME_SEQUENCE_OFFSET, sequence);
    pb_wire_store_u32(to + PB_DS_FRAME_TIMESTAMP_MS_OFFSET, timestamp_ms);
    pb_wire_store_u16(to + PB_DS_FRAME_WIDTH_OFFSET, width);
    pb_wire_store_u16(to + PB_DS_FRAME_HEIGHT_OFFSET, height);
    pb_wire_store_u32(to + PB_DS_FRAME_PAYLOAD_SIZE_OFFSET, payload_size);
}
static inline uint8_t pb_ds_frame_type(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_FRAME_TYPE_OFFSET);
}
static inline uint8_t pb_ds_frame_flags(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_FRAME_FLAGS_OFFSET);
}
static inline uint16_t pb_ds_frame_sequence(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_FRAME_SEQUENCE_OFFSET);
}
static inline uint32_t pb_ds_frame_timestamp_ms(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_DS_FRAME_TIMESTAMP_MS_OFFSET);
}
static inline uint16_t pb_ds_frame_width(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_FRAME_WIDTH_OFFSET);
}
static inline uint16_t pb_ds_frame_height(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_FRAME_HEIGHT_OFFSET);
}
static inline uint32_t pb_ds_frame_payload_size(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_DS_FRAME_PAYLOAD_SIZE_OFFSET);
}

/* Encoded picture; H.264 and HEVC as Annex B with parameter sets in every keyframe. */
enum {
    PB_DS_COMPRESSED_PIXELS_FORMAT_OFFSET = 0, /* format; 11 is Patchbay's own, see hybrid */
    PB_DS_COMPRESSED_PIXELS_BYTES = 1
};
static inline void pb_ds_put_compressed_pixels(uint8_t *to, uint8_t format) {
    pb_wire_store_u8(to + PB_DS_COMPRESSED_PIXELS_FORMAT_OFFSET, format);
}
static inline uint8_t pb_ds_compressed_pixels_format(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_COMPRESSED_PIXELS_FORMAT_OFFSET);
}

/* Uncompressed sound. */
enum {
    PB_DS_AUDIO_PCM_SAMPLE_RATE_OFFSET = 0, /* samples a second of each channel */
    PB_DS_AUDIO_PCM_CHANNELS_OFFSET = 4, /* channels */
    PB_DS_AUDIO_PCM_FORMAT_OFFSET = 5, /* sample format */
    PB_DS_AUDIO_PCM_RESERVED_OFFSET = 6, /* reserved, 0 */
    PB_DS_AUDIO_PCM_BYTES = 8
};
static inline void pb_ds_put_audio_pcm(uint8_t *to, uint32_t sample_rate, uint8_t channels, uint8_t format) {
    pb_wire_store_u32(to + PB_DS_AUDIO_PCM_SAMPLE_RATE_OFFSET, sample_rate);
    pb_wire_store_u8(to + PB_DS_AUDIO_PCM_CHANNELS_OFFSET, channels);
    pb_wire_store_u8(to + PB_DS_AUDIO_PCM_FORMAT_OFFSET, format);
    pb_wire_store_u16(to + PB_DS_AUDIO_PCM_RESERVED_OFFSET, 0u);
}
static inline uint32_t pb_ds_audio_pcm_sample_rate(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_DS_AUDIO_PCM_SAMPLE_RATE_OFFSET);
}
static inline uint8_t pb_ds_audio_pcm_channels(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_AUDIO_PCM_CHANNELS_OFFSET);
}
static inline uint8_t pb_ds_audio_pcm_format(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_AUDIO_PCM_FORMAT_OFFSET);
}

/* Compressed sound. */
enum {
    PB_DS_AUDIO_COMPRESSED_CODEC_OFFSET = 0, /* codec */
    PB_DS_AUDIO_COMPRESSED_CHANNELS_OFFSET = 1, /* channels */
    PB_DS_AUDIO_COMPRESSED_SAMPLES_OFFSET = 2, /* samples of each channel */
    PB_DS_AUDIO_COMPRESSED_SAMPLE_RATE_OFFSET = 4, /* samples a second of each channel */
    PB_DS_AUDIO_COMPRESSED_BYTES = 8
};
static inline void pb_ds_put_audio_compressed(uint8_t *to, uint8_t codec, uint8_t channels, uint16_t samples, uint32_t sample_rate) {
    pb_wire_store_u8(to + PB_DS_AUDIO_COMPRESSED_CODEC_OFFSET, codec);
    pb_wire_store_u8(to + PB_DS_AUDIO_COMPRESSED_CHANNELS_OFFSET, channels);
    pb_wire_store_u16(to + PB_DS_AUDIO_COMPRESSED_SAMPLES_OFFSET, samples);
    pb_wire_store_u32(to + PB_DS_AUDIO_COMPRESSED_SAMPLE_RATE_OFFSET, sample_rate);
}
static inline uint8_t pb_ds_audio_compressed_codec(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_AUDIO_COMPRESSED_CODEC_OFFSET);
}
static inline uint8_t pb_ds_audio_compressed_channels(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_AUDIO_COMPRESSED_CHANNELS_OFFSET);
}
static inline uint16_t pb_ds_audio_compressed_samples(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_AUDIO_COMPRESSED_SAMPLES_OFFSET);
}
static inline uint32_t pb_ds_audio_compressed_sample_rate(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_DS_AUDIO_COMPRESSED_SAMPLE_RATE_OFFSET);
}

/* Full picture state, always cached. */
enum {
    PB_DS_KEYFRAME_FORMAT_OFFSET = 0, /* format; 0 is RGBA */
    PB_DS_KEYFRAME_BYTES = 1
};
static inline void pb_ds_put_keyframe(uint8_t *to, uint8_t format) {
    pb_wire_store_u8(to + PB_DS_KEYFRAME_FORMAT_OFFSET, format);
}
static inline uint8_t pb_ds_keyframe_format(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_KEYFRAME_FORMAT_OFFSET);
}

/* How many receivers a source's channel has, on all relays; to a source that asked by ?audience=1. */
enum {
    PB_DS_AUDIENCE_RECEIVERS_OFFSET = 0, /* receivers now */
    PB_DS_AUDIENCE_BYTES = 4
};
static inline void pb_ds_put_audience(uint8_t *to, uint32_t receivers) {
    pb_wire_store_u32(to + PB_DS_AUDIENCE_RECEIVERS_OFFSET, receivers);
}
static inline uint32_t pb_ds_audience_receivers(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_DS_AUDIENCE_RECEIVERS_OFFSET);
}

/* Pointer moved, button pressed or released. */
enum {
    PB_DS_POINTER_X_OFFSET = 0, /* 0 to 65535 across the picture; relative: signed motion */
    PB_DS_POINTER_Y_OFFSET = 2, /* 0 to 65535 down the picture; relative: signed motion */
    PB_DS_POINTER_BUTTONS_OFFSET = 4, /* of a move: held; else: pressed or released now */
    PB_DS_POINTER_MODE_OFFSET = 5, /* how x and y count */
    PB_DS_POINTER_BYTES = 6
};
static inline void pb_ds_put_pointer(uint8_t *to, uint16_t x, uint16_t y, uint8_t buttons, uint8_t mode) {
    pb_wire_store_u16(to + PB_DS_POINTER_X_OFFSET, x);
    pb_wire_store_u16(to + PB_DS_POINTER_Y_OFFSET, y);
    pb_wire_store_u8(to + PB_DS_POINTER_BUTTONS_OFFSET, buttons);
    pb_wire_store_u8(to + PB_DS_POINTER_MODE_OFFSET, mode);
}
static inline uint16_t pb_ds_pointer_x(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_POINTER_X_OFFSET);
}
static inline uint16_t pb_ds_pointer_y(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_POINTER_Y_OFFSET);
}
static inline uint8_t pb_ds_pointer_buttons(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_POINTER_BUTTONS_OFFSET);
}
static inline uint8_t pb_ds_pointer_mode(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_POINTER_MODE_OFFSET);
}

/* Key pressed or released. */
enum {
    PB_DS_KEY_CODE_OFFSET = 0, /* Linux key code (KEY_...) */
    PB_DS_KEY_MODIFIERS_OFFSET = 2, /* modifiers held */
    PB_DS_KEY_REPEAT_OFFSET = 3, /* 1 when the keyboard repeats a held key */
    PB_DS_KEY_BYTES = 4
};
static inline void pb_ds_put_key(uint8_t *to, uint16_t code, uint8_t modifiers, uint8_t repeat) {
    pb_wire_store_u16(to + PB_DS_KEY_CODE_OFFSET, code);
    pb_wire_store_u8(to + PB_DS_KEY_MODIFIERS_OFFSET, modifiers);
    pb_wire_store_u8(to + PB_DS_KEY_REPEAT_OFFSET, repeat);
}
static inline uint16_t pb_ds_key_code(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_KEY_CODE_OFFSET);
}
static inline uint8_t pb_ds_key_modifiers(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_KEY_MODIFIERS_OFFSET);
}
static inline uint8_t pb_ds_key_repeat(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_KEY_REPEAT_OFFSET);
}

/* Finger down or moved. */
enum {
    PB_DS_TOUCH_ID_OFFSET = 0, /* finger, until its TouchEnd */
    PB_DS_TOUCH_PRESSURE_OFFSET = 1, /* 0 unknown, else 1 to 255 */
    PB_DS_TOUCH_X_OFFSET = 2, /* 0 to 65535 across the picture */
    PB_DS_TOUCH_Y_OFFSET = 4, /* 0 to 65535 down the picture */
    PB_DS_TOUCH_BYTES = 6
};
static inline void pb_ds_put_touch(uint8_t *to, uint8_t id, uint8_t pressure, uint16_t x, uint16_t y) {
    pb_wire_store_u8(to + PB_DS_TOUCH_ID_OFFSET, id);
    pb_wire_store_u8(to + PB_DS_TOUCH_PRESSURE_OFFSET, pressure);
    pb_wire_store_u16(to + PB_DS_TOUCH_X_OFFSET, x);
    pb_wire_store_u16(to + PB_DS_TOUCH_Y_OFFSET, y);
}
static inline uint8_t pb_ds_touch_id(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_TOUCH_ID_OFFSET);
}
static inline uint8_t pb_ds_touch_pressure(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_TOUCH_PRESSURE_OFFSET);
}
static inline uint16_t pb_ds_touch_x(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_TOUCH_X_OFFSET);
}
static inline uint16_t pb_ds_touch_y(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_TOUCH_Y_OFFSET);
}

/* Finger gone. */
enum {
    PB_DS_TOUCH_END_ID_OFFSET = 0, /* finger */
    PB_DS_TOUCH_END_ENDING_OFFSET = 1, /* how */
    PB_DS_TOUCH_END_BYTES = 2
};
static inline void pb_ds_put_touch_end(uint8_t *to, uint8_t id, uint8_t ending) {
    pb_wire_store_u8(to + PB_DS_TOUCH_END_ID_OFFSET, id);
    pb_wire_store_u8(to + PB_DS_TOUCH_END_ENDING_OFFSET, ending);
}
static inline uint8_t pb_ds_touch_end_id(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_TOUCH_END_ID_OFFSET);
}
static inline uint8_t pb_ds_touch_end_ending(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_TOUCH_END_ENDING_OFFSET);
}

/* Stick or trigger moved. */
enum {
    PB_DS_GAMEPAD_AXIS_PAD_OFFSET = 0, /* gamepad */
    PB_DS_GAMEPAD_AXIS_AXIS_OFFSET = 1, /* axis in the standard mapping of browsers */
    PB_DS_GAMEPAD_AXIS_VALUE_OFFSET = 2, /* -32767 left or up, 32767 right or down */
    PB_DS_GAMEPAD_AXIS_BYTES = 4
};
static inline void pb_ds_put_gamepad_axis(uint8_t *to, uint8_t pad, uint8_t axis, int16_t value) {
    pb_wire_store_u8(to + PB_DS_GAMEPAD_AXIS_PAD_OFFSET, pad);
    pb_wire_store_u8(to + PB_DS_GAMEPAD_AXIS_AXIS_OFFSET, axis);
    pb_wire_store_u16(to + PB_DS_GAMEPAD_AXIS_VALUE_OFFSET, (uint16_t)value);
}
static inline uint8_t pb_ds_gamepad_axis_pad(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_GAMEPAD_AXIS_PAD_OFFSET);
}
static inline uint8_t pb_ds_gamepad_axis_axis(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_GAMEPAD_AXIS_AXIS_OFFSET);
}
static inline int16_t pb_ds_gamepad_axis_value(const uint8_t *from) {
    return (int16_t)pb_wire_load_u16(from + PB_DS_GAMEPAD_AXIS_VALUE_OFFSET);
}

/* Gamepad button changed. */
enum {
    PB_DS_GAMEPAD_BUTTON_PAD_OFFSET = 0, /* gamepad */
    PB_DS_GAMEPAD_BUTTON_BUTTON_OFFSET = 1, /* button in the standard mapping of browsers */
    PB_DS_GAMEPAD_BUTTON_VALUE_OFFSET = 2, /* 0 released, 65535 pressed, between for analog ones */
    PB_DS_GAMEPAD_BUTTON_BYTES = 4
};
static inline void pb_ds_put_gamepad_button(uint8_t *to, uint8_t pad, uint8_t button, uint16_t value) {
    pb_wire_store_u8(to + PB_DS_GAMEPAD_BUTTON_PAD_OFFSET, pad);
    pb_wire_store_u8(to + PB_DS_GAMEPAD_BUTTON_BUTTON_OFFSET, button);
    pb_wire_store_u16(to + PB_DS_GAMEPAD_BUTTON_VALUE_OFFSET, value);
}
static inline uint8_t pb_ds_gamepad_button_pad(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_GAMEPAD_BUTTON_PAD_OFFSET);
}
static inline uint8_t pb_ds_gamepad_button_button(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_GAMEPAD_BUTTON_BUTTON_OFFSET);
}
static inline uint16_t pb_ds_gamepad_button_value(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_GAMEPAD_BUTTON_VALUE_OFFSET);
}

/* MIDI message. */
enum {
    PB_DS_MIDI_STATUS_OFFSET = 0, /* status byte */
    PB_DS_MIDI_DATA1_OFFSET = 1, /* first data byte, 0 when there is none */
    PB_DS_MIDI_DATA2_OFFSET = 2, /* second data byte, 0 when there is none */
    PB_DS_MIDI_BYTES = 3
};
static inline void pb_ds_put_midi(uint8_t *to, uint8_t status, uint8_t data1, uint8_t data2) {
    pb_wire_store_u8(to + PB_DS_MIDI_STATUS_OFFSET, status);
    pb_wire_store_u8(to + PB_DS_MIDI_DATA1_OFFSET, data1);
    pb_wire_store_u8(to + PB_DS_MIDI_DATA2_OFFSET, data2);
}
static inline uint8_t pb_ds_midi_status(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_MIDI_STATUS_OFFSET);
}
static inline uint8_t pb_ds_midi_data1(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_MIDI_DATA1_OFFSET);
}
static inline uint8_t pb_ds_midi_data2(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_MIDI_DATA2_OFFSET);
}

/* Wheel turned. */
enum {
    PB_DS_SCROLL_DX_OFFSET = 0, /* 120 is one notch to the right */
    PB_DS_SCROLL_DY_OFFSET = 2, /* 120 is one notch down */
    PB_DS_SCROLL_BYTES = 4
};
static inline void pb_ds_put_scroll(uint8_t *to, int16_t dx, int16_t dy) {
    pb_wire_store_u16(to + PB_DS_SCROLL_DX_OFFSET, (uint16_t)dx);
    pb_wire_store_u16(to + PB_DS_SCROLL_DY_OFFSET, (uint16_t)dy);
}
static inline int16_t pb_ds_scroll_dx(const uint8_t *from) {
    return (int16_t)pb_wire_load_u16(from + PB_DS_SCROLL_DX_OFFSET);
}
static inline int16_t pb_ds_scroll_dy(const uint8_t *from) {
    return (int16_t)pb_wire_load_u16(from + PB_DS_SCROLL_DY_OFFSET);
}

/* Receiver's view has a new size. */
enum {
    PB_DS_RESIZE_WIDTH_OFFSET = 0, /* pixels */
    PB_DS_RESIZE_HEIGHT_OFFSET = 2, /* pixels */
    PB_DS_RESIZE_BYTES = 4
};
static inline void pb_ds_put_resize(uint8_t *to, uint16_t width, uint16_t height) {
    pb_wire_store_u16(to + PB_DS_RESIZE_WIDTH_OFFSET, width);
    pb_wire_store_u16(to + PB_DS_RESIZE_HEIGHT_OFFSET, height);
}
static inline uint16_t pb_ds_resize_width(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_RESIZE_WIDTH_OFFSET);
}
static inline uint16_t pb_ds_resize_height(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_RESIZE_HEIGHT_OFFSET);
}

/* Data of a picture of format hybrid (11), which players of other programs refuse as unknown. */
enum {
    PB_DS_HYBRID_TILE_SIZE_OFFSET = 0, /* pixels of a tile's side; at most 128 tiles each way */
    PB_DS_HYBRID_RECTANGLES_OFFSET = 2, /* video rectangles */
    PB_DS_HYBRID_PACKED_SIZE_OFFSET = 4, /* bytes of the exact part */
    PB_DS_HYBRID_BYTES = 8
};
static inline void pb_ds_put_hybrid(uint8_t *to, uint16_t tile_size, uint16_t rectangles, uint32_t packed_size) {
    pb_wire_store_u16(to + PB_DS_HYBRID_TILE_SIZE_OFFSET, tile_size);
    pb_wire_store_u16(to + PB_DS_HYBRID_RECTANGLES_OFFSET, rectangles);
    pb_wire_store_u32(to + PB_DS_HYBRID_PACKED_SIZE_OFFSET, packed_size);
}
static inline uint16_t pb_ds_hybrid_tile_size(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_HYBRID_TILE_SIZE_OFFSET);
}
static inline uint16_t pb_ds_hybrid_rectangles(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_HYBRID_RECTANGLES_OFFSET);
}
static inline uint32_t pb_ds_hybrid_packed_size(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_DS_HYBRID_PACKED_SIZE_OFFSET);
}

/* Head of a video rectangle in a hybrid picture; its edges are those of video tiles. */
enum {
    PB_DS_HYBRID_VIDEO_X_OFFSET = 0, /* left edge in pixels */
    PB_DS_HYBRID_VIDEO_Y_OFFSET = 2, /* upper edge in pixels */
    PB_DS_HYBRID_VIDEO_WIDTH_OFFSET = 4, /* pixels */
    PB_DS_HYBRID_VIDEO_HEIGHT_OFFSET = 6, /* pixels */
    PB_DS_HYBRID_VIDEO_DATA_SIZE_OFFSET = 8, /* bytes of the encoded picture */
    PB_DS_HYBRID_VIDEO_FORMAT_OFFSET = 12, /* as in compressedPixels */
    PB_DS_HYBRID_VIDEO_IS_KEYFRAME_OFFSET = 13, /* 1 when a decoder can begin here; a new rectangle does */
    PB_DS_HYBRID_VIDEO_RESERVED_OFFSET = 14, /* reserved, 0 */
    PB_DS_HYBRID_VIDEO_BYTES = 16
};
static inline void pb_ds_put_hybrid_video(uint8_t *to, uint16_t x, uint16_t y, uint16_t width, uint16_t height, uint32_t data_size, uint8_t format, uint8_t is_keyframe) {
    pb_wire_store_u16(to + PB_DS_HYBRID_VIDEO_X_OFFSET, x);
    pb_wire_store_u16(to + PB_DS_HYBRID_VIDEO_Y_OFFSET, y);
    pb_wire_store_u16(to + PB_DS_HYBRID_VIDEO_WIDTH_OFFSET, width);
    pb_wire_store_u16(to + PB_DS_HYBRID_VIDEO_HEIGHT_OFFSET, height);
    pb_wire_store_u32(to + PB_DS_HYBRID_VIDEO_DATA_SIZE_OFFSET, data_size);
    pb_wire_store_u8(to + PB_DS_HYBRID_VIDEO_FORMAT_OFFSET, format);
    pb_wire_store_u8(to + PB_DS_HYBRID_VIDEO_IS_KEYFRAME_OFFSET, is_keyframe);
    pb_wire_store_u16(to + PB_DS_HYBRID_VIDEO_RESERVED_OFFSET, 0u);
}
static inline uint16_t pb_ds_hybrid_video_x(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_HYBRID_VIDEO_X_OFFSET);
}
static inline uint16_t pb_ds_hybrid_video_y(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_HYBRID_VIDEO_Y_OFFSET);
}
static inline uint16_t pb_ds_hybrid_video_width(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_HYBRID_VIDEO_WIDTH_OFFSET);
}
static inline uint16_t pb_ds_hybrid_video_height(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_DS_HYBRID_VIDEO_HEIGHT_OFFSET);
}
static inline uint32_t pb_ds_hybrid_video_data_size(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_DS_HYBRID_VIDEO_DATA_SIZE_OFFSET);
}
static inline uint8_t pb_ds_hybrid_video_format(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_HYBRID_VIDEO_FORMAT_OFFSET);
}
static inline uint8_t pb_ds_hybrid_video_is_keyframe(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_DS_HYBRID_VIDEO_IS_KEYFRAME_OFFSET);
}

#endif
