/* Made from src/wire/root-layouts.ts by `bun src/wire/generate.ts`. Do not edit.
 * RootStream protocol version 2, little-endian. The put functions write constants by themselves and check nothing. */
#ifndef PB_GEN_WIRE_H
#define PB_GEN_WIRE_H
#include <stdint.h>
#include <string.h>

#define PB_WIRE_MAGIC 0x524F4F54u
enum { PB_WIRE_VERSION = 2, PB_WIRE_TAG_BYTES = 16, PB_WIRE_CODEC_SHIFT = 4 };
enum {
    PB_WIRE_LIMIT_PACKET = 1400,
    PB_WIRE_LIMIT_PAYLOAD = 1366,
    PB_WIRE_LIMIT_CHUNK_DATA = 1342,
    PB_WIRE_LIMIT_HANDSHAKE = 1024,
    PB_WIRE_LIMIT_INPUT_EVENTS = 100,
    PB_WIRE_LIMIT_ABSOLUTE = 65535
};
enum {
    PB_WIRE_TYPE_HANDSHAKE = 1,
    PB_WIRE_TYPE_VIDEO = 2,
    PB_WIRE_TYPE_AUDIO = 3,
    PB_WIRE_TYPE_INPUT = 4,
    PB_WIRE_TYPE_CONTROL = 5,
    PB_WIRE_TYPE_PING = 6,
    PB_WIRE_TYPE_PONG = 7,
    PB_WIRE_TYPE_RELIABLE = 8,
    PB_WIRE_TYPE_ACK = 9,
    PB_WIRE_TYPE_DEVICE_INPUT = 10,
    PB_WIRE_TYPE_RUMBLE = 11
};
enum {
    PB_WIRE_CHUNK_FLAG_KEYFRAME = 1,
    PB_WIRE_CHUNK_FLAG_LAST = 2
};
enum {
    PB_WIRE_CODEC_H264 = 0,
    PB_WIRE_CODEC_HEVC = 1,
    PB_WIRE_CODEC_AV1 = 2,
    PB_WIRE_CODEC_MJPEG = 3
};
enum {
    PB_WIRE_INPUT_TYPE_KEY = 1,
    PB_WIRE_INPUT_TYPE_RELATIVE = 2,
    PB_WIRE_INPUT_TYPE_ABSOLUTE = 3
};
enum {
    PB_WIRE_COMMAND_PAUSE = 1,
    PB_WIRE_COMMAND_RESUME = 2,
    PB_WIRE_COMMAND_SET_BITRATE = 3,
    PB_WIRE_COMMAND_SET_FPS = 4,
    PB_WIRE_COMMAND_REQUEST_KEYFRAME = 5,
    PB_WIRE_COMMAND_SET_QUALITY = 6,
    PB_WIRE_COMMAND_DISCONNECT = 7,
    PB_WIRE_COMMAND_ADMIT = 8,
    PB_WIRE_COMMAND_RELEASE_KEYS = 9,
    PB_WIRE_COMMAND_LISTEN = 10,
    PB_WIRE_COMMAND_SOUND_LOSS = 11,
    PB_WIRE_COMMAND_DEVICE_STATE = 12,
    PB_WIRE_COMMAND_LOCK_KEYS = 13
};
enum {
    PB_WIRE_PERMISSION_VIEW = 1,
    PB_WIRE_PERMISSION_SOUND = 2,
    PB_WIRE_PERMISSION_INPUT = 4,
    PB_WIRE_PERMISSION_CLIPBOARD = 8,
    PB_WIRE_PERMISSION_MICROPHONE = 16
};
enum {
    PB_WIRE_STEP_HELLO = 1,
    PB_WIRE_STEP_ANSWER = 2,
    PB_WIRE_STEP_FINISH = 3,
    PB_WIRE_STEP_COOKIE = 4,
    PB_WIRE_STEP_REFUSED = 5
};
enum {
    PB_WIRE_REFUSAL_VERSION = 1,
    PB_WIRE_REFUSAL_FULL = 2,
    PB_WIRE_REFUSAL_REVOKED = 3,
    PB_WIRE_REFUSAL_BUSY = 4
};

static inline void pb_wire_store_u8(uint8_t *to, uint8_t value) {
    for (unsigned i = 0; i < 1u; i++) to[i] = (uint8_t)((uint64_t)value >> (8u * i));
}
static inline uint8_t pb_wire_load_u8(const uint8_t *from) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 1u; i++) value |= (uint64_t)from[i] << (8u * i);
    return (uint8_t)value;
}
static inline void pb_wire_store_u16(uint8_t *to, uint16_t value) {
    for (unsigned i = 0; i < 2u; i++) to[i] = (uint8_t)((uint64_t)value >> (8u * i));
}
static inline uint16_t pb_wire_load_u16(const uint8_t *from) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 2u; i++) value |= (uint64_t)from[i] << (8u * i);
    return (uint16_t)value;
}
static inline void pb_wire_store_u32(uint8_t *to, uint32_t value) {
    for (unsigned i = 0; i < 4u; i++) to[i] = (uint8_t)((uint64_t)value >> (8u * i));
}
static inline uint32_t pb_wire_load_u32(const uint8_t *from) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 4u; i++) value |= (uint64_t)from[i] << (8u * i);
    return (uint32_t)value;
}
static inline void pb_wire_store_u64(uint8_t *to, uint64_t value) {
    for (unsigned i = 0; i < 8u; i++) to[i] = (uint8_t)((uint64_t)value >> (8u * i));
}
static inline uint64_t pb_wire_load_u64(const uint8_t *from) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8u; i++) value |= (uint64_t)from[i] << (8u * i);
    return (uint64_t)value;
}

/* Plaintext head of every datagram and associated data of its seal. */
enum {
    PB_WIRE_HEADER_MAGIC_OFFSET = 0, /* "ROOT"; on the wire 54 4F 4F 52 */
    PB_WIRE_HEADER_VERSION_OFFSET = 4, /* protocol version */
    PB_WIRE_HEADER_TYPE_OFFSET = 5, /* packet type; unknown ones are skipped and counted */
    PB_WIRE_HEADER_FLAGS_OFFSET = 6, /* reserved, 0 */
    PB_WIRE_HEADER_COUNTER_OFFSET = 8, /* send counter, below 2^53; the seal's nonce; 0 in a handshake */
    PB_WIRE_HEADER_PAYLOAD_SIZE_OFFSET = 16, /* payload bytes without the MAC */
    PB_WIRE_HEADER_BYTES = 18
};
static inline void pb_wire_put_header(uint8_t *to, uint8_t type, uint64_t counter, uint16_t payload_size) {
    pb_wire_store_u32(to + PB_WIRE_HEADER_MAGIC_OFFSET, 1380929364u);
    pb_wire_store_u8(to + PB_WIRE_HEADER_VERSION_OFFSET, 2u);
    pb_wire_store_u8(to + PB_WIRE_HEADER_TYPE_OFFSET, type);
    pb_wire_store_u16(to + PB_WIRE_HEADER_FLAGS_OFFSET, 0u);
    pb_wire_store_u64(to + PB_WIRE_HEADER_COUNTER_OFFSET, counter);
    pb_wire_store_u16(to + PB_WIRE_HEADER_PAYLOAD_SIZE_OFFSET, payload_size);
}
static inline uint8_t pb_wire_header_type(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_HEADER_TYPE_OFFSET);
}
static inline uint64_t pb_wire_header_counter(const uint8_t *from) {
    return pb_wire_load_u64(from + PB_WIRE_HEADER_COUNTER_OFFSET);
}
static inline uint16_t pb_wire_header_payload_size(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_HEADER_PAYLOAD_SIZE_OFFSET);
}

/* Handshake body. */
enum {
    PB_WIRE_HANDSHAKE_STEP_OFFSET = 0, /* step */
    PB_WIRE_HANDSHAKE_REASON_OFFSET = 1, /* why refused: version 1, full 2, revoked 3, busy 4; else 0 */
    PB_WIRE_HANDSHAKE_RESERVED_OFFSET = 2, /* reserved, 0 */
    PB_WIRE_HANDSHAKE_CONNECTION_ID_OFFSET = 4, /* chosen by the client, echoed by the host */
    PB_WIRE_HANDSHAKE_COOKIE_OFFSET = 8, /* given by the host under load, else zeros */
    PB_WIRE_HANDSHAKE_BYTES = 24
};
static inline void pb_wire_put_handshake(uint8_t *to, uint8_t step, uint8_t reason, uint32_t connection_id, const uint8_t cookie[16]) {
    pb_wire_store_u8(to + PB_WIRE_HANDSHAKE_STEP_OFFSET, step);
    pb_wire_store_u8(to + PB_WIRE_HANDSHAKE_REASON_OFFSET, reason);
    pb_wire_store_u16(to + PB_WIRE_HANDSHAKE_RESERVED_OFFSET, 0u);
    pb_wire_store_u32(to + PB_WIRE_HANDSHAKE_CONNECTION_ID_OFFSET, connection_id);
    memcpy(to + PB_WIRE_HANDSHAKE_COOKIE_OFFSET, cookie, 16);
}
static inline uint8_t pb_wire_handshake_step(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_HANDSHAKE_STEP_OFFSET);
}
static inline uint8_t pb_wire_handshake_reason(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_HANDSHAKE_REASON_OFFSET);
}
static inline uint32_t pb_wire_handshake_connection_id(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_HANDSHAKE_CONNECTION_ID_OFFSET);
}

/* Payload of Noise messages 2 and 3. */
enum {
    PB_WIRE_IDENTITY_PUBLIC_KEY_OFFSET = 0, /* Ed25519 identity key */
    PB_WIRE_IDENTITY_SIGNATURE_OFFSET = 32, /* Ed25519 signature over the Noise static key */
    PB_WIRE_IDENTITY_FEATURES_OFFSET = 96, /* feature bits: 1 decodes HEVC; unknown ones are skipped */
    PB_WIRE_IDENTITY_NAME_SIZE_OFFSET = 100, /* bytes of the name */
    PB_WIRE_IDENTITY_BYTES = 101
};
static inline void pb_wire_put_identity(uint8_t *to, const uint8_t public_key[32], const uint8_t signature[64], uint32_t features, uint8_t name_size) {
    memcpy(to + PB_WIRE_IDENTITY_PUBLIC_KEY_OFFSET, public_key, 32);
    memcpy(to + PB_WIRE_IDENTITY_SIGNATURE_OFFSET, signature, 64);
    pb_wire_store_u32(to + PB_WIRE_IDENTITY_FEATURES_OFFSET, features);
    pb_wire_store_u8(to + PB_WIRE_IDENTITY_NAME_SIZE_OFFSET, name_size);
}
static inline uint32_t pb_wire_identity_features(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_IDENTITY_FEATURES_OFFSET);
}
static inline uint8_t pb_wire_identity_name_size(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_IDENTITY_NAME_SIZE_OFFSET);
}

/* Head of a video chunk. */
enum {
    PB_WIRE_CHUNK_FRAME_ID_OFFSET = 0, /* frame number, counting up, wrapping */
    PB_WIRE_CHUNK_TOTAL_SIZE_OFFSET = 4, /* bytes of the whole encoded frame */
    PB_WIRE_CHUNK_OFFSET_OFFSET = 8, /* where this chunk lies in the frame */
    PB_WIRE_CHUNK_CHUNK_SIZE_OFFSET = 12, /* bytes of this chunk */
    PB_WIRE_CHUNK_FLAGS_OFFSET = 14, /* bit 0 keyframe, bit 1 last chunk, bits 4-7 codec */
    PB_WIRE_CHUNK_TIMESTAMP_US_OFFSET = 16, /* capture time, microseconds of the host's monotonic clock */
    PB_WIRE_CHUNK_BYTES = 24
};
static inline void pb_wire_put_chunk(uint8_t *to, uint32_t frame_id, uint32_t total_size, uint32_t offset, uint16_t chunk_size, uint16_t flags, uint64_t timestamp_us) {
    pb_wire_store_u32(to + PB_WIRE_CHUNK_FRAME_ID_OFFSET, frame_id);
    pb_wire_store_u32(to + PB_WIRE_CHUNK_TOTAL_SIZE_OFFSET, total_size);
    pb_wire_store_u32(to + PB_WIRE_CHUNK_OFFSET_OFFSET, offset);
    pb_wire_store_u16(to + PB_WIRE_CHUNK_CHUNK_SIZE_OFFSET, chunk_size);
    pb_wire_store_u16(to + PB_WIRE_CHUNK_FLAGS_OFFSET, flags);
    pb_wire_store_u64(to + PB_WIRE_CHUNK_TIMESTAMP_US_OFFSET, timestamp_us);
}
static inline uint32_t pb_wire_chunk_frame_id(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_CHUNK_FRAME_ID_OFFSET);
}
static inline uint32_t pb_wire_chunk_total_size(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_CHUNK_TOTAL_SIZE_OFFSET);
}
static inline uint32_t pb_wire_chunk_offset(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_CHUNK_OFFSET_OFFSET);
}
static inline uint16_t pb_wire_chunk_chunk_size(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_CHUNK_CHUNK_SIZE_OFFSET);
}
static inline uint16_t pb_wire_chunk_flags(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_CHUNK_FLAGS_OFFSET);
}
static inline uint64_t pb_wire_chunk_timestamp_us(const uint8_t *from) {
    return pb_wire_load_u64(from + PB_WIRE_CHUNK_TIMESTAMP_US_OFFSET);
}

/* Head of an audio packet. */
enum {
    PB_WIRE_AUDIO_TIMESTAMP_US_OFFSET = 0, /* capture time, microseconds of the sender's monotonic clock */
    PB_WIRE_AUDIO_SAMPLE_RATE_OFFSET = 8, /* samples a second */
    PB_WIRE_AUDIO_CHANNELS_OFFSET = 12, /* channels */
    PB_WIRE_AUDIO_SAMPLES_OFFSET = 14, /* samples per channel */
    PB_WIRE_AUDIO_BYTES = 16
};
static inline void pb_wire_put_audio(uint8_t *to, uint64_t timestamp_us, uint32_t sample_rate, uint16_t channels, uint16_t samples) {
    pb_wire_store_u64(to + PB_WIRE_AUDIO_TIMESTAMP_US_OFFSET, timestamp_us);
    pb_wire_store_u32(to + PB_WIRE_AUDIO_SAMPLE_RATE_OFFSET, sample_rate);
    pb_wire_store_u16(to + PB_WIRE_AUDIO_CHANNELS_OFFSET, channels);
    pb_wire_store_u16(to + PB_WIRE_AUDIO_SAMPLES_OFFSET, samples);
}
static inline uint64_t pb_wire_audio_timestamp_us(const uint8_t *from) {
    return pb_wire_load_u64(from + PB_WIRE_AUDIO_TIMESTAMP_US_OFFSET);
}
static inline uint32_t pb_wire_audio_sample_rate(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_AUDIO_SAMPLE_RATE_OFFSET);
}
static inline uint16_t pb_wire_audio_channels(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_AUDIO_CHANNELS_OFFSET);
}
static inline uint16_t pb_wire_audio_samples(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_AUDIO_SAMPLES_OFFSET);
}

/* One input event; an INPUT payload is 1 to 100 of them back to back. */
enum {
    PB_WIRE_INPUT_TYPE_OFFSET = 0, /* Linux event type: EV_KEY 1, EV_REL 2, EV_ABS 3 */
    PB_WIRE_INPUT_CODE_OFFSET = 1, /* Linux event code: key or button, or axis */
    PB_WIRE_INPUT_VALUE_OFFSET = 3, /* key: 0 up, 1 down, 2 repeat; relative: delta; absolute: 0-65535 across the picture */
    PB_WIRE_INPUT_BYTES = 7
};
static inline void pb_wire_put_input(uint8_t *to, uint8_t type, uint16_t code, int32_t value) {
    pb_wire_store_u8(to + PB_WIRE_INPUT_TYPE_OFFSET, type);
    pb_wire_store_u16(to + PB_WIRE_INPUT_CODE_OFFSET, code);
    pb_wire_store_u32(to + PB_WIRE_INPUT_VALUE_OFFSET, (uint32_t)value);
}
static inline uint8_t pb_wire_input_type(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_INPUT_TYPE_OFFSET);
}
static inline uint16_t pb_wire_input_code(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_INPUT_CODE_OFFSET);
}
static inline int32_t pb_wire_input_value(const uint8_t *from) {
    return (int32_t)pb_wire_load_u32(from + PB_WIRE_INPUT_VALUE_OFFSET);
}

/* A command. */
enum {
    PB_WIRE_CONTROL_COMMAND_OFFSET = 0, /* command */
    PB_WIRE_CONTROL_VALUE_OFFSET = 1, /* set bitrate: bit/s; set fps: frames/s; set quality: 0-100; admit: permission bits; listen: 1 asks for sound, 0 for none; sound loss: percent of the sound that did not arrive lately; device state: device in the low byte, above it ready 1, full 2, unavailable 3; lock keys: num 1, caps 2, scroll 4; else 0 */
    PB_WIRE_CONTROL_BYTES = 5
};
static inline void pb_wire_put_control(uint8_t *to, uint8_t command, uint32_t value) {
    pb_wire_store_u8(to + PB_WIRE_CONTROL_COMMAND_OFFSET, command);
    pb_wire_store_u32(to + PB_WIRE_CONTROL_VALUE_OFFSET, value);
}
static inline uint8_t pb_wire_control_command(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_CONTROL_COMMAND_OFFSET);
}
static inline uint32_t pb_wire_control_value(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_CONTROL_VALUE_OFFSET);
}

/* Keepalive and clock question. */
enum {
    PB_WIRE_PING_TIME_US_OFFSET = 0, /* sender's monotonic clock, microseconds */
    PB_WIRE_PING_LAST_FRAME_ID_OFFSET = 8, /* last video frame sent (host), else 0 */
    PB_WIRE_PING_RESERVED_OFFSET = 12, /* reserved, 0 */
    PB_WIRE_PING_BYTES = 16
};
static inline void pb_wire_put_ping(uint8_t *to, uint64_t time_us, uint32_t last_frame_id) {
    pb_wire_store_u64(to + PB_WIRE_PING_TIME_US_OFFSET, time_us);
    pb_wire_store_u32(to + PB_WIRE_PING_LAST_FRAME_ID_OFFSET, last_frame_id);
    pb_wire_store_u32(to + PB_WIRE_PING_RESERVED_OFFSET, 0u);
}
static inline uint64_t pb_wire_ping_time_us(const uint8_t *from) {
    return pb_wire_load_u64(from + PB_WIRE_PING_TIME_US_OFFSET);
}
static inline uint32_t pb_wire_ping_last_frame_id(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_PING_LAST_FRAME_ID_OFFSET);
}

/* Answer to a ping. */
enum {
    PB_WIRE_PONG_ECHOED_US_OFFSET = 0, /* the ping's time */
    PB_WIRE_PONG_RECEIVED_US_OFFSET = 8, /* when the ping came, answerer's monotonic clock */
    PB_WIRE_PONG_SENT_US_OFFSET = 16, /* when this pong left, answerer's monotonic clock */
    PB_WIRE_PONG_BYTES = 24
};
static inline void pb_wire_put_pong(uint8_t *to, uint64_t echoed_us, uint64_t received_us, uint64_t sent_us) {
    pb_wire_store_u64(to + PB_WIRE_PONG_ECHOED_US_OFFSET, echoed_us);
    pb_wire_store_u64(to + PB_WIRE_PONG_RECEIVED_US_OFFSET, received_us);
    pb_wire_store_u64(to + PB_WIRE_PONG_SENT_US_OFFSET, sent_us);
}
static inline uint64_t pb_wire_pong_echoed_us(const uint8_t *from) {
    return pb_wire_load_u64(from + PB_WIRE_PONG_ECHOED_US_OFFSET);
}
static inline uint64_t pb_wire_pong_received_us(const uint8_t *from) {
    return pb_wire_load_u64(from + PB_WIRE_PONG_RECEIVED_US_OFFSET);
}
static inline uint64_t pb_wire_pong_sent_us(const uint8_t *from) {
    return pb_wire_load_u64(from + PB_WIRE_PONG_SENT_US_OFFSET);
}

/* An INPUT, CONTROL, DEVICE INPUT or RUMBLE payload that is sent again until acknowledged. */
enum {
    PB_WIRE_RELIABLE_SEQUENCE_OFFSET = 0, /* sequence number, from 0, wrapping */
    PB_WIRE_RELIABLE_INNER_TYPE_OFFSET = 4, /* 4, 5, 10 or 11 */
    PB_WIRE_RELIABLE_RESERVED_OFFSET = 5, /* reserved, 0 */
    PB_WIRE_RELIABLE_RESERVED2_OFFSET = 6, /* reserved, 0 */
    PB_WIRE_RELIABLE_BYTES = 8
};
static inline void pb_wire_put_reliable(uint8_t *to, uint32_t sequence, uint8_t inner_type) {
    pb_wire_store_u32(to + PB_WIRE_RELIABLE_SEQUENCE_OFFSET, sequence);
    pb_wire_store_u8(to + PB_WIRE_RELIABLE_INNER_TYPE_OFFSET, inner_type);
    pb_wire_store_u8(to + PB_WIRE_RELIABLE_RESERVED_OFFSET, 0u);
    pb_wire_store_u16(to + PB_WIRE_RELIABLE_RESERVED2_OFFSET, 0u);
}
static inline uint32_t pb_wire_reliable_sequence(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_RELIABLE_SEQUENCE_OFFSET);
}
static inline uint8_t pb_wire_reliable_inner_type(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_RELIABLE_INNER_TYPE_OFFSET);
}

/* Acknowledges every reliable message before `next`. */
enum {
    PB_WIRE_ACK_NEXT_OFFSET = 0, /* next sequence number expected */
    PB_WIRE_ACK_RESERVED_OFFSET = 4, /* reserved, 0 */
    PB_WIRE_ACK_BYTES = 8
};
static inline void pb_wire_put_ack(uint8_t *to, uint32_t next) {
    pb_wire_store_u32(to + PB_WIRE_ACK_NEXT_OFFSET, next);
    pb_wire_store_u32(to + PB_WIRE_ACK_RESERVED_OFFSET, 0u);
}
static inline uint32_t pb_wire_ack_next(const uint8_t *from) {
    return pb_wire_load_u32(from + PB_WIRE_ACK_NEXT_OFFSET);
}

/* A gamepad, touch screen or pen comes, goes, or was used. */
enum {
    PB_WIRE_DEVICE_INPUT_DEVICE_OFFSET = 0, /* gamepads 1-4, touch screen 16, pen 17 */
    PB_WIRE_DEVICE_INPUT_ACTION_OFFSET = 1, /* plug 1, unplug 2, events 3 */
    PB_WIRE_DEVICE_INPUT_CAPABILITIES_OFFSET = 2, /* plug: bit 0 rumbles; else 0 */
    PB_WIRE_DEVICE_INPUT_BYTES = 4
};
static inline void pb_wire_put_device_input(uint8_t *to, uint8_t device, uint8_t action, uint16_t capabilities) {
    pb_wire_store_u8(to + PB_WIRE_DEVICE_INPUT_DEVICE_OFFSET, device);
    pb_wire_store_u8(to + PB_WIRE_DEVICE_INPUT_ACTION_OFFSET, action);
    pb_wire_store_u16(to + PB_WIRE_DEVICE_INPUT_CAPABILITIES_OFFSET, capabilities);
}
static inline uint8_t pb_wire_device_input_device(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_DEVICE_INPUT_DEVICE_OFFSET);
}
static inline uint8_t pb_wire_device_input_action(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_DEVICE_INPUT_ACTION_OFFSET);
}
static inline uint16_t pb_wire_device_input_capabilities(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_DEVICE_INPUT_CAPABILITIES_OFFSET);
}

/* What the motors of a client's gamepad shall do from now on. */
enum {
    PB_WIRE_RUMBLE_DEVICE_OFFSET = 0, /* the client's number of the gamepad */
    PB_WIRE_RUMBLE_RESERVED_OFFSET = 1, /* reserved, 0 */
    PB_WIRE_RUMBLE_STRONG_OFFSET = 2, /* strength of the heavy motor */
    PB_WIRE_RUMBLE_WEAK_OFFSET = 4, /* strength of the light motor */
    PB_WIRE_RUMBLE_DURATION_MS_OFFSET = 6, /* milliseconds, unless the next message comes before */
    PB_WIRE_RUMBLE_BYTES = 8
};
static inline void pb_wire_put_rumble(uint8_t *to, uint8_t device, uint16_t strong, uint16_t weak, uint16_t duration_ms) {
    pb_wire_store_u8(to + PB_WIRE_RUMBLE_DEVICE_OFFSET, device);
    pb_wire_store_u8(to + PB_WIRE_RUMBLE_RESERVED_OFFSET, 0u);
    pb_wire_store_u16(to + PB_WIRE_RUMBLE_STRONG_OFFSET, strong);
    pb_wire_store_u16(to + PB_WIRE_RUMBLE_WEAK_OFFSET, weak);
    pb_wire_store_u16(to + PB_WIRE_RUMBLE_DURATION_MS_OFFSET, duration_ms);
}
static inline uint8_t pb_wire_rumble_device(const uint8_t *from) {
    return pb_wire_load_u8(from + PB_WIRE_RUMBLE_DEVICE_OFFSET);
}
static inline uint16_t pb_wire_rumble_strong(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_RUMBLE_STRONG_OFFSET);
}
static inline uint16_t pb_wire_rumble_weak(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_RUMBLE_WEAK_OFFSET);
}
static inline uint16_t pb_wire_rumble_duration_ms(const uint8_t *from) {
    return pb_wire_load_u16(from + PB_WIRE_RUMBLE_DURATION_MS_OFFSET);
}

#endif
