/* Made from ffi/abi.ts by `bun ffi/generate.ts`. Do not edit. */
#ifndef PB_GEN_ABI_H
#define PB_GEN_ABI_H
#include "../shim.h"

enum { PB_ABI_VERSION = 1 };
enum { PB_ENCODED_FRAME = 0, PB_ENCODED_RESIZED = 1, PB_ENCODED_LOST = 2 };
enum { PB_ENCODED_FLAG_KEYFRAME = 1 };
enum { PB_GRABBER_KEY_FPS = 1, PB_GRABBER_KEY_BITRATE_BPS = 2, PB_GRABBER_KEY_KEYFRAME = 3, PB_GRABBER_KEY_PAUSED = 4, PB_GRABBER_KEY_QUALITY = 5, PB_GRABBER_KEY_KEYFRAME_INTERVAL = 6 };
enum { PB_PLAYER_SHOWN = 0, PB_PLAYER_SKIPPED = 1, PB_PLAYER_DECODE_ERROR = 2, PB_PLAYER_INPUT = 3, PB_PLAYER_FOCUS_LOST = 4, PB_PLAYER_CLOSED = 5, PB_PLAYER_RESIZED = 6, PB_PLAYER_LOST = 7 };
enum { PB_PLAYER_FLAG_FULLSCREEN = 1, PB_PLAYER_FLAG_READ_TIMECODE = 2 };
enum { PB_PLAYER_KEY_GRAB_POINTER = 1, PB_PLAYER_KEY_FULLSCREEN = 2 };
enum { PB_DATAGRAM_FLAG_CUT = 1 };

struct pb_encoded {
    uint64_t data;
    uint64_t damage_us;
    uint64_t capture_us;
    uint64_t captured_us;
    uint64_t converted_us;
    uint64_t encoded_us;
    uint32_t size;
    uint32_t kind;
    uint32_t flags;
    uint32_t width;
    uint32_t height;
    uint32_t sequence;
};
_Static_assert(offsetof(struct pb_encoded, data) == 0, "pb_encoded.data");
_Static_assert(offsetof(struct pb_encoded, damage_us) == 8, "pb_encoded.damage_us");
_Static_assert(offsetof(struct pb_encoded, capture_us) == 16, "pb_encoded.capture_us");
_Static_assert(offsetof(struct pb_encoded, captured_us) == 24, "pb_encoded.captured_us");
_Static_assert(offsetof(struct pb_encoded, converted_us) == 32, "pb_encoded.converted_us");
_Static_assert(offsetof(struct pb_encoded, encoded_us) == 40, "pb_encoded.encoded_us");
_Static_assert(offsetof(struct pb_encoded, size) == 48, "pb_encoded.size");
_Static_assert(offsetof(struct pb_encoded, kind) == 52, "pb_encoded.kind");
_Static_assert(offsetof(struct pb_encoded, flags) == 56, "pb_encoded.flags");
_Static_assert(offsetof(struct pb_encoded, width) == 60, "pb_encoded.width");
_Static_assert(offsetof(struct pb_encoded, height) == 64, "pb_encoded.height");
_Static_assert(offsetof(struct pb_encoded, sequence) == 68, "pb_encoded.sequence");
_Static_assert(sizeof(struct pb_encoded) == 72, "pb_encoded");

struct pb_grabber_stats {
    uint64_t captured;
    uint64_t encoded;
    uint64_t keyframes;
    uint64_t skipped_busy;
    uint64_t skipped_full;
    uint64_t skipped_encoder;
    uint64_t encoded_bytes;
    uint64_t wakeups;
};
_Static_assert(offsetof(struct pb_grabber_stats, captured) == 0, "pb_grabber_stats.captured");
_Static_assert(offsetof(struct pb_grabber_stats, encoded) == 8, "pb_grabber_stats.encoded");
_Static_assert(offsetof(struct pb_grabber_stats, keyframes) == 16, "pb_grabber_stats.keyframes");
_Static_assert(offsetof(struct pb_grabber_stats, skipped_busy) == 24, "pb_grabber_stats.skipped_busy");
_Static_assert(offsetof(struct pb_grabber_stats, skipped_full) == 32, "pb_grabber_stats.skipped_full");
_Static_assert(offsetof(struct pb_grabber_stats, skipped_encoder) == 40, "pb_grabber_stats.skipped_encoder");
_Static_assert(offsetof(struct pb_grabber_stats, encoded_bytes) == 48, "pb_grabber_stats.encoded_bytes");
_Static_assert(offsetof(struct pb_grabber_stats, wakeups) == 56, "pb_grabber_stats.wakeups");
_Static_assert(sizeof(struct pb_grabber_stats) == 64, "pb_grabber_stats");

struct pb_player_event {
    uint64_t capture_us;
    uint64_t pushed_us;
    uint64_t decode_begin_us;
    uint64_t decoded_us;
    uint64_t shown_us;
    uint64_t timecode_us;
    uint32_t kind;
    uint32_t frame_id;
    uint32_t type;
    uint32_t code;
    int32_t value;
    uint32_t width;
    uint32_t height;
    uint32_t reserved;
};
_Static_assert(offsetof(struct pb_player_event, capture_us) == 0, "pb_player_event.capture_us");
_Static_assert(offsetof(struct pb_player_event, pushed_us) == 8, "pb_player_event.pushed_us");
_Static_assert(offsetof(struct pb_player_event, decode_begin_us) == 16, "pb_player_event.decode_begin_us");
_Static_assert(offsetof(struct pb_player_event, decoded_us) == 24, "pb_player_event.decoded_us");
_Static_assert(offsetof(struct pb_player_event, shown_us) == 32, "pb_player_event.shown_us");
_Static_assert(offsetof(struct pb_player_event, timecode_us) == 40, "pb_player_event.timecode_us");
_Static_assert(offsetof(struct pb_player_event, kind) == 48, "pb_player_event.kind");
_Static_assert(offsetof(struct pb_player_event, frame_id) == 52, "pb_player_event.frame_id");
_Static_assert(offsetof(struct pb_player_event, type) == 56, "pb_player_event.type");
_Static_assert(offsetof(struct pb_player_event, code) == 60, "pb_player_event.code");
_Static_assert(offsetof(struct pb_player_event, value) == 64, "pb_player_event.value");
_Static_assert(offsetof(struct pb_player_event, width) == 68, "pb_player_event.width");
_Static_assert(offsetof(struct pb_player_event, height) == 72, "pb_player_event.height");
_Static_assert(offsetof(struct pb_player_event, reserved) == 76, "pb_player_event.reserved");
_Static_assert(sizeof(struct pb_player_event) == 80, "pb_player_event");

struct pb_player_stats {
    uint64_t pushed;
    uint64_t decoded;
    uint64_t shown;
    uint64_t skipped_late;
    uint64_t refused_full;
    uint64_t decode_errors;
};
_Static_assert(offsetof(struct pb_player_stats, pushed) == 0, "pb_player_stats.pushed");
_Static_assert(offsetof(struct pb_player_stats, decoded) == 8, "pb_player_stats.decoded");
_Static_assert(offsetof(struct pb_player_stats, shown) == 16, "pb_player_stats.shown");
_Static_assert(offsetof(struct pb_player_stats, skipped_late) == 24, "pb_player_stats.skipped_late");
_Static_assert(offsetof(struct pb_player_stats, refused_full) == 32, "pb_player_stats.refused_full");
_Static_assert(offsetof(struct pb_player_stats, decode_errors) == 40, "pb_player_stats.decode_errors");
_Static_assert(sizeof(struct pb_player_stats) == 48, "pb_player_stats");

struct pb_address {
    uint8_t ip[16];
    uint16_t family;
    uint16_t port;
    uint32_t scope;
};
_Static_assert(offsetof(struct pb_address, ip) == 0, "pb_address.ip");
_Static_assert(offsetof(struct pb_address, family) == 16, "pb_address.family");
_Static_assert(offsetof(struct pb_address, port) == 18, "pb_address.port");
_Static_assert(offsetof(struct pb_address, scope) == 20, "pb_address.scope");
_Static_assert(sizeof(struct pb_address) == 24, "pb_address");

struct pb_datagram {
    uint8_t ip[16];
    uint16_t family;
    uint16_t port;
    uint32_t scope;
    uint64_t received_us;
    double address_key;
    uint32_t size;
    uint32_t flags;
};
_Static_assert(offsetof(struct pb_datagram, ip) == 0, "pb_datagram.ip");
_Static_assert(offsetof(struct pb_datagram, family) == 16, "pb_datagram.family");
_Static_assert(offsetof(struct pb_datagram, port) == 18, "pb_datagram.port");
_Static_assert(offsetof(struct pb_datagram, scope) == 20, "pb_datagram.scope");
_Static_assert(offsetof(struct pb_datagram, received_us) == 24, "pb_datagram.received_us");
_Static_assert(offsetof(struct pb_datagram, address_key) == 32, "pb_datagram.address_key");
_Static_assert(offsetof(struct pb_datagram, size) == 40, "pb_datagram.size");
_Static_assert(offsetof(struct pb_datagram, flags) == 44, "pb_datagram.flags");
_Static_assert(sizeof(struct pb_datagram) == 48, "pb_datagram");

struct pb_udp_stats {
    uint64_t received;
    uint64_t received_bytes;
    uint64_t sent;
    uint64_t sent_bytes;
    uint64_t dropped_ring_full;
    uint64_t dropped_kernel;
    uint64_t dropped_send_full;
    uint64_t send_errors;
    uint64_t send_batches;
};
_Static_assert(offsetof(struct pb_udp_stats, received) == 0, "pb_udp_stats.received");
_Static_assert(offsetof(struct pb_udp_stats, received_bytes) == 8, "pb_udp_stats.received_bytes");
_Static_assert(offsetof(struct pb_udp_stats, sent) == 16, "pb_udp_stats.sent");
_Static_assert(offsetof(struct pb_udp_stats, sent_bytes) == 24, "pb_udp_stats.sent_bytes");
_Static_assert(offsetof(struct pb_udp_stats, dropped_ring_full) == 32, "pb_udp_stats.dropped_ring_full");
_Static_assert(offsetof(struct pb_udp_stats, dropped_kernel) == 40, "pb_udp_stats.dropped_kernel");
_Static_assert(offsetof(struct pb_udp_stats, dropped_send_full) == 48, "pb_udp_stats.dropped_send_full");
_Static_assert(offsetof(struct pb_udp_stats, send_errors) == 56, "pb_udp_stats.send_errors");
_Static_assert(offsetof(struct pb_udp_stats, send_batches) == 64, "pb_udp_stats.send_batches");
_Static_assert(sizeof(struct pb_udp_stats) == 72, "pb_udp_stats");

PB_EXPORT uint32_t pb_abi_version(void);
PB_EXPORT double pb_now_us(void);
PB_EXPORT void pb_copy(void *to, const void *from, uint32_t size);
PB_EXPORT uint32_t pb_probe(const char *module, const char *target, char *out, uint32_t size);
PB_EXPORT struct pb_grabber *pb_grabber_open(const char *capture, const char *target, const char *encoder, uint32_t width, uint32_t height, uint32_t fps, uint32_t bitrate_bps, uint32_t keyframe_interval, pb_wake_fn wake, char *error, uint32_t error_size);
PB_EXPORT uint32_t pb_grabber_describe(struct pb_grabber *grabber, char *out, uint32_t size);
PB_EXPORT int32_t pb_grabber_set(struct pb_grabber *grabber, uint32_t key, uint32_t value);
PB_EXPORT void pb_grabber_rearm(struct pb_grabber *grabber);
PB_EXPORT int32_t pb_grabber_take(struct pb_grabber *grabber, struct pb_encoded *out);
PB_EXPORT void pb_grabber_release(struct pb_grabber *grabber);
PB_EXPORT void pb_grabber_stats(struct pb_grabber *grabber, struct pb_grabber_stats *out);
PB_EXPORT void pb_grabber_close(struct pb_grabber *grabber);
PB_EXPORT struct pb_player *pb_player_open(const char *display, const char *target, const char *decoder, const char *title, uint32_t width, uint32_t height, uint32_t flags, pb_wake_fn wake, char *error, uint32_t error_size);
PB_EXPORT uint32_t pb_player_describe(struct pb_player *player, char *out, uint32_t size);
PB_EXPORT int32_t pb_player_push(struct pb_player *player, const void *data, uint32_t size, uint32_t frame_id, uint32_t flags, uint64_t capture_us);
PB_EXPORT int32_t pb_player_set(struct pb_player *player, uint32_t key, uint32_t value);
PB_EXPORT void pb_player_rearm(struct pb_player *player);
PB_EXPORT int32_t pb_player_take(struct pb_player *player, struct pb_player_event *out);
PB_EXPORT uint32_t pb_player_snapshot(struct pb_player *player, void *out, uint32_t size);
PB_EXPORT void pb_player_stats(struct pb_player *player, struct pb_player_stats *out);
PB_EXPORT void pb_player_close(struct pb_player *player);
PB_EXPORT struct pb_input *pb_input_open(const char *backend, const char *target, char *error, uint32_t error_size);
PB_EXPORT uint32_t pb_input_describe(struct pb_input *input, char *out, uint32_t size);
PB_EXPORT int32_t pb_input_send(struct pb_input *input, uint32_t type, uint32_t code, int32_t value);
PB_EXPORT void pb_input_flush(struct pb_input *input);
PB_EXPORT uint32_t pb_input_release_all(struct pb_input *input);
PB_EXPORT void pb_input_close(struct pb_input *input);
PB_EXPORT struct pb_udp *pb_udp_open(const char *address, uint32_t port, uint32_t buffer_bytes, uint32_t slots, pb_wake_fn wake, char *error, uint32_t error_size);
PB_EXPORT uint32_t pb_udp_port(struct pb_udp *udp);
PB_EXPORT uint32_t pb_udp_buffer_bytes(struct pb_udp *udp);
PB_EXPORT void *pb_udp_ring(struct pb_udp *udp);
PB_EXPORT int32_t pb_udp_address(struct pb_udp *udp, const char *host, uint32_t port, struct pb_datagram *out);
PB_EXPORT void pb_udp_rearm(struct pb_udp *udp);
PB_EXPORT uint32_t pb_udp_ready(struct pb_udp *udp, uint32_t *first);
PB_EXPORT void pb_udp_release(struct pb_udp *udp, uint32_t count);
PB_EXPORT int32_t pb_udp_send(struct pb_udp *udp, const struct pb_address *to, const void *data, uint32_t size);
PB_EXPORT int32_t pb_udp_send_frame(struct pb_udp *udp, const struct pb_address *to, const uint8_t *key, uint64_t counter, const void *data, uint32_t size, uint32_t frame_id, uint32_t chunk_flags, uint64_t capture_us, uint32_t spread_us);
PB_EXPORT void pb_udp_stats(struct pb_udp *udp, struct pb_udp_stats *out);
PB_EXPORT void pb_udp_close(struct pb_udp *udp);
PB_EXPORT void pb_aead_seal(const uint8_t *key, uint64_t counter, const void *data_to_authenticate, uint32_t authenticate_size, const void *plain, uint32_t size, void *out);
PB_EXPORT int32_t pb_aead_open(const uint8_t *key, uint64_t counter, const void *data_to_authenticate, uint32_t authenticate_size, const void *sealed, uint32_t size, void *out);
PB_EXPORT struct pb_scene *pb_scene_open(const char *target, uint32_t width, uint32_t height, uint32_t fps, const char *mode, char *error, uint32_t error_size);
PB_EXPORT uint64_t pb_scene_painted(struct pb_scene *scene);
PB_EXPORT void pb_scene_close(struct pb_scene *scene);

#endif
