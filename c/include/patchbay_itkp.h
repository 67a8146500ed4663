/* Made from src/wire/itkp-layouts.ts by `bun src/wire/generate.ts`. Do not edit.
 * ITKP messages version 2 with Patchbay's payload encoding, for C11 and C++17. It allocates nothing, keeps nothing, calls
 * nothing but memcpy, memset, memcmp and strlen, and reads no byte that a message does not have, whatever a peer sends. */
#ifndef PATCHBAY_ITKP_H
#define PATCHBAY_ITKP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PB_ITKP_MAGIC 1347114057u
#define PB_ITKP_HEADER_BYTES 20u
#define PB_ITKP_VERSION 2u
#define PB_ITKP_TAG_BYTES 4u
#define PB_ITKP_PAYLOAD_LIMIT 1048576u
#define PB_ITKP_STRING_LIMIT 256u
#define PB_ITKP_DATA_LIMIT 65536u
#define PB_ITKP_ENCODING 1u
#define PB_ITKP_MESSAGE_LIMIT 1048596u
#define PB_ITKP_U64_LIMIT 9007199254740991ull
#define PB_ITKP_TAG "\x50\x42\x4b\x01"
#define PB_ITKP_REASON_SHORT "is cut short"
#define PB_ITKP_REASON_TAG "is not Patchbay's encoding"
#define PB_ITKP_REASON_ENCODING "is an encoding of another version"
#define PB_ITKP_REASON_BOOL "is neither 0 nor 1"
#define PB_ITKP_REASON_UTF8 "is not UTF-8"
#define PB_ITKP_REASON_BIG "is above 2^53 - 1"
#define PB_ITKP_REASON_NUMBER "does not fit its type"
#define PB_ITKP_REASON_FINITE "is not a finite number"
#define PB_ITKP_REASON_STRING "is longer than 256 bytes"
#define PB_ITKP_REASON_DATA "is longer than 65536 bytes"
#define PB_ITKP_REASON_LOW "is below its range"
#define PB_ITKP_REASON_HIGH "is above its range"

enum pb_itkp_type {
    PB_ITKP_TYPE_PING = 0,
    PB_ITKP_TYPE_PONG = 1,
    PB_ITKP_TYPE_SCREEN_RECT = 10,
    PB_ITKP_TYPE_WINDOW_STATE = 11,
    PB_ITKP_TYPE_OVERLAY_UPDATE = 12,
    PB_ITKP_TYPE_STATE_SNAPSHOT = 20,
    PB_ITKP_TYPE_STATE_EVENT = 21,
    PB_ITKP_TYPE_STATE_QUERY = 22,
    PB_ITKP_TYPE_STATE_RESPONSE = 23,
    PB_ITKP_TYPE_SYNC_STATE = 30,
    PB_ITKP_TYPE_CLOCK_PING = 31,
    PB_ITKP_TYPE_CLOCK_PONG = 32,
    PB_ITKP_TYPE_VIDEO_LOAD = 40,
    PB_ITKP_TYPE_VIDEO_PLAY = 41,
    PB_ITKP_TYPE_VIDEO_PAUSE = 42,
    PB_ITKP_TYPE_VIDEO_SEEK = 43,
    PB_ITKP_TYPE_VIDEO_STATE = 44,
    PB_ITKP_TYPE_VIDEO_METADATA = 45,
    PB_ITKP_TYPE_VIDEO_ERROR = 46,
    PB_ITKP_TYPE_ERROR = 255
};
enum pb_itkp_video_error_code {
    PB_ITKP_VIDEO_UNKNOWN = 0,
    PB_ITKP_VIDEO_OPEN_FAILED = 1,
    PB_ITKP_VIDEO_NO_VIDEO_STREAM = 2,
    PB_ITKP_VIDEO_CODEC_UNSUPPORTED = 3,
    PB_ITKP_VIDEO_DECODE = 4,
    PB_ITKP_VIDEO_NETWORK = 5,
    PB_ITKP_VIDEO_AUTHENTICATION_NEEDED = 6,
    PB_ITKP_VIDEO_REGION_BLOCKED = 7,
    PB_ITKP_VIDEO_YOUTUBE_EXTRACTION_FAILED = 8,
    PB_ITKP_VIDEO_YOUTUBE_NOT_ENABLED = 9
};
enum pb_itkp_status {
    PB_ITKP_OK,
    PB_ITKP_INVALID_MAGIC,
    PB_ITKP_UNSUPPORTED_VERSION,
    PB_ITKP_PAYLOAD_TOO_LARGE,
    PB_ITKP_CRC_MISMATCH,
    PB_ITKP_UNKNOWN_MESSAGE_TYPE,
    PB_ITKP_SERIALIZATION,
    PB_ITKP_INCOMPLETE_HEADER,
    PB_ITKP_INCOMPLETE_PAYLOAD,
    PB_ITKP_VALIDATION_FAILED,
    PB_ITKP_NO_ROOM
};

/* Text lies in the message that was decoded, or wherever the one who encodes has it. It is UTF-8 without a NUL at its end. */
struct pb_itkp_text {
    const char *data;
    uint32_t size; /* bytes */
};

/* Why something was refused. For incomplete messages expected and got are the bytes needed and there; for a payload that is
 * too large, the limit and its size; for PB_ITKP_NO_ROOM, the bytes needed and given. */
struct pb_itkp_fault {
    enum pb_itkp_status status;
    uint64_t expected;
    uint64_t got;
    const char *field;  /* of PB_ITKP_SERIALIZATION and PB_ITKP_VALIDATION_FAILED, else NULL */
    const char *reason; /* the same */
};

struct pb_itkp_header {
    uint32_t type;
    uint32_t payload_size; /* bytes */
    uint32_t crc;
};

/* Where something stands in a window. */
struct pb_itkp_screen_rect {
    float x; /* left edge, window pixels */
    float y; /* upper edge, window pixels */
    float width; /* window pixels */
    float height; /* window pixels */
    float rotation; /* radians */
    bool visible; /* to be shown */
};

/* A window and its screen. */
struct pb_itkp_window_state {
    int32_t x; /* left edge, screen pixels */
    int32_t y; /* upper edge, screen pixels */
    uint32_t width; /* screen pixels */
    uint32_t height; /* screen pixels */
    float dpi_scale; /* 1 is 96 dots an inch */
    bool is_fullscreen; /* fills the screen */
    bool is_borderless; /* has no frame */
    bool is_focused; /* has the keyboard */
};

/* Both at one time. */
struct pb_itkp_overlay_update {
    struct pb_itkp_screen_rect rect; /* where the overlay stands */
    struct pb_itkp_window_state window; /* the window below it */
    uint64_t timestamp_ms; /* monotonic clock, ms */
};

/* All of a program's state. */
struct pb_itkp_state_snapshot {
    struct pb_itkp_text app_id; /* who the state is of */
    uint64_t timestamp_ms; /* monotonic clock, ms */
    struct pb_itkp_text data; /* the state, JSON */
};

/* Something happened. */
struct pb_itkp_state_event {
    struct pb_itkp_text app_id; /* who the state is of */
    struct pb_itkp_text event_type; /* what happened */
    uint64_t timestamp_ms; /* monotonic clock, ms */
    struct pb_itkp_text data; /* more about it, JSON */
};

/* A question about state. */
struct pb_itkp_state_query {
    struct pb_itkp_text app_id; /* who the state is of */
    struct pb_itkp_text query_type; /* what is asked */
    struct pb_itkp_text params; /* more about it, JSON */
};

/* Answer to StateQuery. */
struct pb_itkp_state_response {
    bool success; /* it was answered */
    bool has_data;
    struct pb_itkp_text data; /* the answer on success, JSON */
    bool has_error;
    struct pb_itkp_text error; /* why not, on failure */
};

/* Where playback stands, as a reference point. */
struct pb_itkp_sync_state {
    struct pb_itkp_text content_id; /* what is played */
    uint64_t position_at_ref_ms; /* position at the reference time, ms */
    uint64_t ref_wallclock_ms; /* reference time, Unix ms */
    bool is_playing; /* not paused */
    double playback_rate; /* speed; 1 is normal */
};

/* Clock question. */
struct pb_itkp_clock_ping {
    uint64_t sender_time_ms; /* asker's clock, ms */
};

/* Answer to ClockPing. */
struct pb_itkp_clock_pong {
    uint64_t sender_time_ms; /* copied from the question */
    uint64_t receiver_time_ms; /* answerer's clock, ms */
};

/* Open a video. */
struct pb_itkp_video_load {
    struct pb_itkp_text source; /* file or URL */
    uint64_t start_position_ms; /* where to begin, ms */
    bool autoplay; /* play at once */
};

/* Play. */
struct pb_itkp_video_play {
    bool has_from_position_ms;
    uint64_t from_position_ms; /* from here, ms; absent: from where it stands */
};

/* Go to a position. */
struct pb_itkp_video_seek {
    uint64_t position_ms; /* position, ms */
};

/* What the player does. */
struct pb_itkp_video_state {
    struct pb_itkp_text content_id; /* what is played */
    uint64_t position_ms; /* position, ms */
    uint64_t duration_ms; /* whole length, ms; 0 is unknown or live */
    bool is_playing; /* not paused */
    bool is_buffering; /* waiting for data */
    double playback_rate; /* speed; 1 is normal */
    float volume; /* 0 is silent, 1 is full */
};

/* What the player plays. */
struct pb_itkp_video_metadata {
    struct pb_itkp_text content_id; /* what is played */
    uint32_t width; /* pixels */
    uint32_t height; /* pixels */
    uint64_t duration_ms; /* whole length, ms; 0 is unknown or live */
    float fps; /* pictures a second; 0 is unknown */
    struct pb_itkp_text codec; /* the video codec's name */
    bool is_live; /* has no end */
    bool has_title;
    struct pb_itkp_text title; /* for people */
};

/* The player failed. */
struct pb_itkp_video_error {
    uint32_t code; /* a video error code; unknown ones are passed on */
    struct pb_itkp_text message; /* for people */
    bool is_recoverable; /* trying again may help */
};

/* A request failed. */
struct pb_itkp_error {
    uint32_t code; /* the answerer's own number */
    struct pb_itkp_text message; /* for people */
};

/* A message without fields is its type alone. */
struct pb_itkp_message {
    uint32_t type; /* enum pb_itkp_type; says which of these it is */
    union {
        struct pb_itkp_screen_rect screen_rect;
        struct pb_itkp_window_state window_state;
        struct pb_itkp_overlay_update overlay_update;
        struct pb_itkp_state_snapshot state_snapshot;
        struct pb_itkp_state_event state_event;
        struct pb_itkp_state_query state_query;
        struct pb_itkp_state_response state_response;
        struct pb_itkp_sync_state sync_state;
        struct pb_itkp_clock_ping clock_ping;
        struct pb_itkp_clock_pong clock_pong;
        struct pb_itkp_video_load video_load;
        struct pb_itkp_video_play video_play;
        struct pb_itkp_video_seek video_seek;
        struct pb_itkp_video_state video_state;
        struct pb_itkp_video_metadata video_metadata;
        struct pb_itkp_video_error video_error;
        struct pb_itkp_error error;
    } as;
};

/* NULL for an unknown type. */
static inline const char *pb_itkp_type_name(uint32_t type) {
    switch (type) {
    case PB_ITKP_TYPE_PING: return "Ping";
    case PB_ITKP_TYPE_PONG: return "Pong";
    case PB_ITKP_TYPE_SCREEN_RECT: return "ScreenRect";
    case PB_ITKP_TYPE_WINDOW_STATE: return "WindowState";
    case PB_ITKP_TYPE_OVERLAY_UPDATE: return "OverlayUpdate";
    case PB_ITKP_TYPE_STATE_SNAPSHOT: return "StateSnapshot";
    case PB_ITKP_TYPE_STATE_EVENT: return "StateEvent";
    case PB_ITKP_TYPE_STATE_QUERY: return "StateQuery";
    case PB_ITKP_TYPE_STATE_RESPONSE: return "StateResponse";
    case PB_ITKP_TYPE_SYNC_STATE: return "SyncState";
    case PB_ITKP_TYPE_CLOCK_PING: return "ClockPing";
    case PB_ITKP_TYPE_CLOCK_PONG: return "ClockPong";
    case PB_ITKP_TYPE_VIDEO_LOAD: return "VideoLoad";
    case PB_ITKP_TYPE_VIDEO_PLAY: return "VideoPlay";
    case PB_ITKP_TYPE_VIDEO_PAUSE: return "VideoPause";
    case PB_ITKP_TYPE_VIDEO_SEEK: return "VideoSeek";
    case PB_ITKP_TYPE_VIDEO_STATE: return "VideoState";
    case PB_ITKP_TYPE_VIDEO_METADATA: return "VideoMetadata";
    case PB_ITKP_TYPE_VIDEO_ERROR: return "VideoError";
    case PB_ITKP_TYPE_ERROR: return "Error";
    default: return NULL;
    }
}

static inline const char *pb_itkp_status_name(enum pb_itkp_status status) {
    static const char *const names[] = {
        "Ok",
        "InvalidMagic",
        "UnsupportedVersion",
        "PayloadTooLarge",
        "CrcMismatch",
        "UnknownMessageType",
        "Serialization",
        "IncompleteHeader",
        "IncompletePayload",
        "ValidationFailed",
        "NoRoom"};
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "";
}

/* What follows up to the next comment of this kind is for this header alone. */
struct pb_itkp_wrong {
    const char *field;
    const char *reason;
};
struct pb_itkp_reader {
    const uint8_t *at;
    size_t left;
    struct pb_itkp_wrong wrong;
};
struct pb_itkp_writer {
    uint8_t *to;
    size_t room;
    uint64_t size; /* goes on counting when there is no room */
    uint32_t crc;  /* of what was put so far, inverted */
    struct pb_itkp_wrong wrong;
};

/* The first objection stays. */
static inline void pb_itkp_require(struct pb_itkp_wrong *wrong, bool holds, const char *field, const char *reason) {
    if (holds || wrong->reason) return;
    wrong->field = field;
    wrong->reason = reason;
}

static inline enum pb_itkp_status pb_itkp_refuse(struct pb_itkp_fault *fault, enum pb_itkp_status status,
                                                 uint64_t expected, uint64_t got) {
    if (!fault) return status;
    fault->status = status;
    fault->expected = expected;
    fault->got = got;
    fault->field = NULL;
    fault->reason = NULL;
    return status;
}

static inline enum pb_itkp_status pb_itkp_judge(struct pb_itkp_fault *fault, enum pb_itkp_status status,
                                                const struct pb_itkp_wrong *wrong) {
    if (!wrong->reason) return pb_itkp_refuse(fault, PB_ITKP_OK, 0, 0);
    pb_itkp_refuse(fault, status, 0, 0);
    if (fault) {
        fault->field = wrong->field;
        fault->reason = wrong->reason;
    }
    return status;
}

static inline uint64_t pb_itkp_load(const uint8_t *from, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)from[i] << (8u * i);
    return value;
}

static inline void pb_itkp_store(uint8_t *to, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) to[i] = (uint8_t)(value >> (8u * i));
}

/* Begins with and returns the inverted checksum. */
static inline uint32_t pb_itkp_crc32_add(uint32_t crc, const uint8_t *bytes, size_t size) {
    static const uint32_t nibble[16] = {0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u,
                                        0x4db26158u, 0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
                                        0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu};
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = nibble[crc & 15u] ^ (crc >> 4);
        crc = nibble[crc & 15u] ^ (crc >> 4);
    }
    return crc;
}

/* Neither overlong forms nor surrogates nor anything above U+10FFFF. */
static inline bool pb_itkp_is_utf8(const uint8_t *s, size_t size) {
    size_t i = 0;
    while (i < size) {
        uint8_t lead = s[i++];
        unsigned more = lead < 0x80 ? 0u : lead >= 0xc2 && lead < 0xe0 ? 1u : (lead & 0xf0) == 0xe0 ? 2u : 3u;
        if (lead >= 0x80 && (lead < 0xc2 || lead > 0xf4)) return false;
        if (size - i < more) return false;
        for (unsigned k = 0; k < more; k++) {
            uint8_t low = 0x80, high = 0xbf;
            if (k == 0 && lead == 0xe0) low = 0xa0;
            if (k == 0 && lead == 0xed) high = 0x9f;
            if (k == 0 && lead == 0xf0) low = 0x90;
            if (k == 0 && lead == 0xf4) high = 0x8f;
            if (s[i] < low || s[i] > high) return false;
            i++;
        }
    }
    return true;
}

static inline float pb_itkp_float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline double pb_itkp_double_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline uint32_t pb_itkp_float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
static inline uint64_t pb_itkp_double_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
/* By their bits, because compilers may be told that all floats are finite. */
static inline bool pb_itkp_is_finite_f32(float value) {
    return (pb_itkp_float_bits(value) & 0x7f800000u) != 0x7f800000u;
}
static inline bool pb_itkp_is_finite_f64(double value) {
    return (pb_itkp_double_bits(value) >> 52 & 0x7ffu) != 0x7ffu;
}

static inline const uint8_t *pb_itkp_take(struct pb_itkp_reader *r, const char *field, size_t size) {
    pb_itkp_require(&r->wrong, r->left >= size, field, PB_ITKP_REASON_SHORT);
    if (r->wrong.reason) return NULL;
    const uint8_t *from = r->at;
    r->at += size;
    r->left -= size;
    return from;
}
static inline uint64_t pb_itkp_take_bits(struct pb_itkp_reader *r, const char *field, unsigned bytes) {
    const uint8_t *from = pb_itkp_take(r, field, bytes);
    return from ? pb_itkp_load(from, bytes) : 0;
}
static inline bool pb_itkp_take_bool(struct pb_itkp_reader *r, const char *field) {
    uint64_t value = pb_itkp_take_bits(r, field, 1);
    pb_itkp_require(&r->wrong, value <= 1, field, PB_ITKP_REASON_BOOL);
    return value == 1;
}
/* Whether an optional field is there. A payload that ends before it says that it is not. */
static inline bool pb_itkp_take_has(struct pb_itkp_reader *r, const char *field) {
    return r->left > 0 && pb_itkp_take_bool(r, field);
}
static inline uint32_t pb_itkp_take_u32(struct pb_itkp_reader *r, const char *field) {
    return (uint32_t)pb_itkp_take_bits(r, field, 4);
}
static inline int32_t pb_itkp_take_i32(struct pb_itkp_reader *r, const char *field) {
    return (int32_t)pb_itkp_take_u32(r, field);
}
static inline uint64_t pb_itkp_take_u64(struct pb_itkp_reader *r, const char *field) {
    uint64_t value = pb_itkp_take_bits(r, field, 8);
    pb_itkp_require(&r->wrong, value <= PB_ITKP_U64_LIMIT, field, PB_ITKP_REASON_BIG);
    return value;
}
static inline float pb_itkp_take_f32(struct pb_itkp_reader *r, const char *field) {
    return pb_itkp_float_of(pb_itkp_take_u32(r, field));
}
static inline double pb_itkp_take_f64(struct pb_itkp_reader *r, const char *field) {
    return pb_itkp_double_of(pb_itkp_take_bits(r, field, 8));
}
static inline struct pb_itkp_text pb_itkp_take_text(struct pb_itkp_reader *r, const char *field, unsigned size_bytes) {
    struct pb_itkp_text text;
    text.size = (uint32_t)pb_itkp_take_bits(r, field, size_bytes);
    text.data = (const char *)pb_itkp_take(r, field, text.size);
    if (!text.data) text.size = 0;
    pb_itkp_require(&r->wrong, pb_itkp_is_utf8((const uint8_t *)text.data, text.size), field, PB_ITKP_REASON_UTF8);
    return text;
}
static inline struct pb_itkp_text pb_itkp_take_str(struct pb_itkp_reader *r, const char *field) {
    return pb_itkp_take_text(r, field, 2);
}
static inline struct pb_itkp_text pb_itkp_take_data(struct pb_itkp_reader *r, const char *field) {
    return pb_itkp_take_text(r, field, 4);
}

static inline void pb_itkp_put(struct pb_itkp_writer *w, const void *bytes, size_t size) {
    if (size > 0 && w->size + size <= w->room) memcpy(w->to + w->size, bytes, size);
    w->crc = pb_itkp_crc32_add(w->crc, (const uint8_t *)bytes, size);
    w->size += size;
}
static inline void pb_itkp_put_bits(struct pb_itkp_writer *w, uint64_t value, unsigned bytes) {
    uint8_t made[8];
    pb_itkp_store(made, value, bytes);
    pb_itkp_put(w, made, bytes);
}
static inline void pb_itkp_put_bool(struct pb_itkp_writer *w, const char *field, bool value) {
    (void)field;
    pb_itkp_put_bits(w, value ? 1u : 0u, 1);
}
static inline void pb_itkp_put_u32(struct pb_itkp_writer *w, const char *field, uint32_t value) {
    (void)field;
    pb_itkp_put_bits(w, value, 4);
}
static inline void pb_itkp_put_i32(struct pb_itkp_writer *w, const char *field, int32_t value) {
    pb_itkp_put_u32(w, field, (uint32_t)value);
}
static inline void pb_itkp_put_u64(struct pb_itkp_writer *w, const char *field, uint64_t value) {
    pb_itkp_require(&w->wrong, value <= PB_ITKP_U64_LIMIT, field, PB_ITKP_REASON_BIG);
    pb_itkp_put_bits(w, value, 8);
}
static inline void pb_itkp_put_f32(struct pb_itkp_writer *w, const char *field, float value) {
    pb_itkp_put_u32(w, field, pb_itkp_float_bits(value));
}
static inline void pb_itkp_put_f64(struct pb_itkp_writer *w, const char *field, double value) {
    (void)field;
    pb_itkp_put_bits(w, pb_itkp_double_bits(value), 8);
}
static inline void pb_itkp_put_text(struct pb_itkp_writer *w, const char *field, struct pb_itkp_text value,
                                    unsigned size_bytes) {
    pb_itkp_require(&w->wrong, value.size == 0 || value.data, field, PB_ITKP_REASON_NUMBER);
    if (w->wrong.reason) return;
    pb_itkp_require(&w->wrong, pb_itkp_is_utf8((const uint8_t *)value.data, value.size), field, PB_ITKP_REASON_UTF8);
    pb_itkp_require(&w->wrong, size_bytes == 4 || value.size <= 0xffffu, field, PB_ITKP_REASON_NUMBER);
    pb_itkp_put_bits(w, value.size, size_bytes);
    pb_itkp_put(w, value.data, value.size);
}
static inline void pb_itkp_put_str(struct pb_itkp_writer *w, const char *field, struct pb_itkp_text value) {
    pb_itkp_put_text(w, field, value, 2);
}
static inline void pb_itkp_put_data(struct pb_itkp_writer *w, const char *field, struct pb_itkp_text value) {
    pb_itkp_put_text(w, field, value, 4);
}

static inline void pb_itkp_read_screen_rect(struct pb_itkp_reader *r, struct pb_itkp_screen_rect *out) {
    out->x = pb_itkp_take_f32(r, "x");
    out->y = pb_itkp_take_f32(r, "y");
    out->width = pb_itkp_take_f32(r, "width");
    out->height = pb_itkp_take_f32(r, "height");
    out->rotation = pb_itkp_take_f32(r, "rotation");
    out->visible = pb_itkp_take_bool(r, "visible");
}
static inline void pb_itkp_write_screen_rect(struct pb_itkp_writer *w, const struct pb_itkp_screen_rect *in) {
    pb_itkp_put_f32(w, "x", in->x);
    pb_itkp_put_f32(w, "y", in->y);
    pb_itkp_put_f32(w, "width", in->width);
    pb_itkp_put_f32(w, "height", in->height);
    pb_itkp_put_f32(w, "rotation", in->rotation);
    pb_itkp_put_bool(w, "visible", in->visible);
}
static inline void pb_itkp_check_screen_rect(struct pb_itkp_wrong *wrong, const struct pb_itkp_screen_rect *in) {
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->x), "x", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->y), "y", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->width), "width", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->height), "height", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->rotation), "rotation", PB_ITKP_REASON_FINITE);
}
static inline void pb_itkp_read_window_state(struct pb_itkp_reader *r, struct pb_itkp_window_state *out) {
    out->x = pb_itkp_take_i32(r, "x");
    out->y = pb_itkp_take_i32(r, "y");
    out->width = pb_itkp_take_u32(r, "width");
    out->height = pb_itkp_take_u32(r, "height");
    out->dpi_scale = pb_itkp_take_f32(r, "dpi_scale");
    out->is_fullscreen = pb_itkp_take_bool(r, "is_fullscreen");
    out->is_borderless = pb_itkp_take_bool(r, "is_borderless");
    out->is_focused = pb_itkp_take_bool(r, "is_focused");
}
static inline void pb_itkp_write_window_state(struct pb_itkp_writer *w, const struct pb_itkp_window_state *in) {
    pb_itkp_put_i32(w, "x", in->x);
    pb_itkp_put_i32(w, "y", in->y);
    pb_itkp_put_u32(w, "width", in->width);
    pb_itkp_put_u32(w, "height", in->height);
    pb_itkp_put_f32(w, "dpi_scale", in->dpi_scale);
    pb_itkp_put_bool(w, "is_fullscreen", in->is_fullscreen);
    pb_itkp_put_bool(w, "is_borderless", in->is_borderless);
    pb_itkp_put_bool(w, "is_focused", in->is_focused);
}
static inline void pb_itkp_check_window_state(struct pb_itkp_wrong *wrong, const struct pb_itkp_window_state *in) {
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->dpi_scale), "dpi_scale", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, in->dpi_scale >= 0.1f, "dpi_scale", PB_ITKP_REASON_LOW);
    pb_itkp_require(wrong, in->dpi_scale <= 10.0f, "dpi_scale", PB_ITKP_REASON_HIGH);
}
static inline void pb_itkp_read_overlay_update(struct pb_itkp_reader *r, struct pb_itkp_overlay_update *out) {
    out->rect.x = pb_itkp_take_f32(r, "rect.x");
    out->rect.y = pb_itkp_take_f32(r, "rect.y");
    out->rect.width = pb_itkp_take_f32(r, "rect.width");
    out->rect.height = pb_itkp_take_f32(r, "rect.height");
    out->rect.rotation = pb_itkp_take_f32(r, "rect.rotation");
    out->rect.visible = pb_itkp_take_bool(r, "rect.visible");
    out->window.x = pb_itkp_take_i32(r, "window.x");
    out->window.y = pb_itkp_take_i32(r, "window.y");
    out->window.width = pb_itkp_take_u32(r, "window.width");
    out->window.height = pb_itkp_take_u32(r, "window.height");
    out->window.dpi_scale = pb_itkp_take_f32(r, "window.dpi_scale");
    out->window.is_fullscreen = pb_itkp_take_bool(r, "window.is_fullscreen");
    out->window.is_borderless = pb_itkp_take_bool(r, "window.is_borderless");
    out->window.is_focused = pb_itkp_take_bool(r, "window.is_focused");
    out->timestamp_ms = pb_itkp_take_u64(r, "timestamp_ms");
}
static inline void pb_itkp_write_overlay_update(struct pb_itkp_writer *w, const struct pb_itkp_overlay_update *in) {
    pb_itkp_put_f32(w, "rect.x", in->rect.x);
    pb_itkp_put_f32(w, "rect.y", in->rect.y);
    pb_itkp_put_f32(w, "rect.width", in->rect.width);
    pb_itkp_put_f32(w, "rect.height", in->rect.height);
    pb_itkp_put_f32(w, "rect.rotation", in->rect.rotation);
    pb_itkp_put_bool(w, "rect.visible", in->rect.visible);
    pb_itkp_put_i32(w, "window.x", in->window.x);
    pb_itkp_put_i32(w, "window.y", in->window.y);
    pb_itkp_put_u32(w, "window.width", in->window.width);
    pb_itkp_put_u32(w, "window.height", in->window.height);
    pb_itkp_put_f32(w, "window.dpi_scale", in->window.dpi_scale);
    pb_itkp_put_bool(w, "window.is_fullscreen", in->window.is_fullscreen);
    pb_itkp_put_bool(w, "window.is_borderless", in->window.is_borderless);
    pb_itkp_put_bool(w, "window.is_focused", in->window.is_focused);
    pb_itkp_put_u64(w, "timestamp_ms", in->timestamp_ms);
}
static inline void pb_itkp_check_overlay_update(struct pb_itkp_wrong *wrong, const struct pb_itkp_overlay_update *in) {
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->rect.x), "rect.x", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->rect.y), "rect.y", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->rect.width), "rect.width", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->rect.height), "rect.height", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->rect.rotation), "rect.rotation", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->window.dpi_scale), "window.dpi_scale", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, in->window.dpi_scale >= 0.1f, "window.dpi_scale", PB_ITKP_REASON_LOW);
    pb_itkp_require(wrong, in->window.dpi_scale <= 10.0f, "window.dpi_scale", PB_ITKP_REASON_HIGH);
}
static inline void pb_itkp_read_state_snapshot(struct pb_itkp_reader *r, struct pb_itkp_state_snapshot *out) {
    out->app_id = pb_itkp_take_str(r, "app_id");
    out->timestamp_ms = pb_itkp_take_u64(r, "timestamp_ms");
    out->data = pb_itkp_take_data(r, "data");
}
static inline void pb_itkp_write_state_snapshot(struct pb_itkp_writer *w, const struct pb_itkp_state_snapshot *in) {
    pb_itkp_put_str(w, "app_id", in->app_id);
    pb_itkp_put_u64(w, "timestamp_ms", in->timestamp_ms);
    pb_itkp_put_data(w, "data", in->data);
}
static inline void pb_itkp_check_state_snapshot(struct pb_itkp_wrong *wrong, const struct pb_itkp_state_snapshot *in) {
    pb_itkp_require(wrong, in->app_id.size <= PB_ITKP_STRING_LIMIT, "app_id", PB_ITKP_REASON_STRING);
    pb_itkp_require(wrong, in->data.size <= PB_ITKP_DATA_LIMIT, "data", PB_ITKP_REASON_DATA);
}
static inline void pb_itkp_read_state_event(struct pb_itkp_reader *r, struct pb_itkp_state_event *out) {
    out->app_id = pb_itkp_take_str(r, "app_id");
    out->event_type = pb_itkp_take_str(r, "event_type");
    out->timestamp_ms = pb_itkp_take_u64(r, "timestamp_ms");
    out->data = pb_itkp_take_data(r, "data");
}
static inline void pb_itkp_write_state_event(struct pb_itkp_writer *w, const struct pb_itkp_state_event *in) {
    pb_itkp_put_str(w, "app_id", in->app_id);
    pb_itkp_put_str(w, "event_type", in->event_type);
    pb_itkp_put_u64(w, "timestamp_ms", in->timestamp_ms);
    pb_itkp_put_data(w, "data", in->data);
}
static inline void pb_itkp_check_state_event(struct pb_itkp_wrong *wrong, const struct pb_itkp_state_event *in) {
    pb_itkp_require(wrong, in->app_id.size <= PB_ITKP_STRING_LIMIT, "app_id", PB_ITKP_REASON_STRING);
    pb_itkp_require(wrong, in->event_type.size <= PB_ITKP_STRING_LIMIT, "event_type", PB_ITKP_REASON_STRING);
    pb_itkp_require(wrong, in->data.size <= PB_ITKP_DATA_LIMIT, "data", PB_ITKP_REASON_DATA);
}
static inline void pb_itkp_read_state_query(struct pb_itkp_reader *r, struct pb_itkp_state_query *out) {
    out->app_id = pb_itkp_take_str(r, "app_id");
    out->query_type = pb_itkp_take_str(r, "query_type");
    out->params = pb_itkp_take_data(r, "params");
}
static inline void pb_itkp_write_state_query(struct pb_itkp_writer *w, const struct pb_itkp_state_query *in) {
    pb_itkp_put_str(w, "app_id", in->app_id);
    pb_itkp_put_str(w, "query_type", in->query_type);
    pb_itkp_put_data(w, "params", in->params);
}
static inline void pb_itkp_check_state_query(struct pb_itkp_wrong *wrong, const struct pb_itkp_state_query *in) {
    pb_itkp_require(wrong, in->app_id.size <= PB_ITKP_STRING_LIMIT, "app_id", PB_ITKP_REASON_STRING);
    pb_itkp_require(wrong, in->query_type.size <= PB_ITKP_STRING_LIMIT, "query_type", PB_ITKP_REASON_STRING);
    pb_itkp_require(wrong, in->params.size <= PB_ITKP_DATA_LIMIT, "params", PB_ITKP_REASON_DATA);
}
static inline void pb_itkp_read_state_response(struct pb_itkp_reader *r, struct pb_itkp_state_response *out) {
    out->success = pb_itkp_take_bool(r, "success");
    out->has_data = pb_itkp_take_has(r, "data");
    if (out->has_data) out->data = pb_itkp_take_data(r, "data");
    out->has_error = pb_itkp_take_has(r, "error");
    if (out->has_error) out->error = pb_itkp_take_str(r, "error");
}
static inline void pb_itkp_write_state_response(struct pb_itkp_writer *w, const struct pb_itkp_state_response *in) {
    pb_itkp_put_bool(w, "success", in->success);
    pb_itkp_put_bool(w, "data", in->has_data);
    if (in->has_data) pb_itkp_put_data(w, "data", in->data);
    pb_itkp_put_bool(w, "error", in->has_error);
    if (in->has_error) pb_itkp_put_str(w, "error", in->error);
}
static inline void pb_itkp_check_state_response(struct pb_itkp_wrong *wrong, const struct pb_itkp_state_response *in) {
    pb_itkp_require(wrong, !in->has_data || in->data.size <= PB_ITKP_DATA_LIMIT, "data", PB_ITKP_REASON_DATA);
    pb_itkp_require(wrong, !in->has_error || in->error.size <= PB_ITKP_STRING_LIMIT, "error", PB_ITKP_REASON_STRING);
}
static inline void pb_itkp_read_sync_state(struct pb_itkp_reader *r, struct pb_itkp_sync_state *out) {
    out->content_id = pb_itkp_take_str(r, "content_id");
    out->position_at_ref_ms = pb_itkp_take_u64(r, "position_at_ref_ms");
    out->ref_wallclock_ms = pb_itkp_take_u64(r, "ref_wallclock_ms");
    out->is_playing = pb_itkp_take_bool(r, "is_playing");
    out->playback_rate = pb_itkp_take_f64(r, "playback_rate");
}
static inline void pb_itkp_write_sync_state(struct pb_itkp_writer *w, const struct pb_itkp_sync_state *in) {
    pb_itkp_put_str(w, "content_id", in->content_id);
    pb_itkp_put_u64(w, "position_at_ref_ms", in->position_at_ref_ms);
    pb_itkp_put_u64(w, "ref_wallclock_ms", in->ref_wallclock_ms);
    pb_itkp_put_bool(w, "is_playing", in->is_playing);
    pb_itkp_put_f64(w, "playback_rate", in->playback_rate);
}
static inline void pb_itkp_check_sync_state(struct pb_itkp_wrong *wrong, const struct pb_itkp_sync_state *in) {
    pb_itkp_require(wrong, in->content_id.size <= PB_ITKP_STRING_LIMIT, "content_id", PB_ITKP_REASON_STRING);
    pb_itkp_require(wrong, pb_itkp_is_finite_f64(in->playback_rate), "playback_rate", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, in->playback_rate > 0.0, "playback_rate", PB_ITKP_REASON_LOW);
}
static inline void pb_itkp_read_clock_ping(struct pb_itkp_reader *r, struct pb_itkp_clock_ping *out) {
    out->sender_time_ms = pb_itkp_take_u64(r, "sender_time_ms");
}
static inline void pb_itkp_write_clock_ping(struct pb_itkp_writer *w, const struct pb_itkp_clock_ping *in) {
    pb_itkp_put_u64(w, "sender_time_ms", in->sender_time_ms);
}
static inline void pb_itkp_read_clock_pong(struct pb_itkp_reader *r, struct pb_itkp_clock_pong *out) {
    out->sender_time_ms = pb_itkp_take_u64(r, "sender_time_ms");
    out->receiver_time_ms = pb_itkp_take_u64(r, "receiver_time_ms");
}
static inline void pb_itkp_write_clock_pong(struct pb_itkp_writer *w, const struct pb_itkp_clock_pong *in) {
    pb_itkp_put_u64(w, "sender_time_ms", in->sender_time_ms);
    pb_itkp_put_u64(w, "receiver_time_ms", in->receiver_time_ms);
}
static inline void pb_itkp_read_video_load(struct pb_itkp_reader *r, struct pb_itkp_video_load *out) {
    out->source = pb_itkp_take_data(r, "source");
    out->start_position_ms = pb_itkp_take_u64(r, "start_position_ms");
    out->autoplay = pb_itkp_take_bool(r, "autoplay");
}
static inline void pb_itkp_write_video_load(struct pb_itkp_writer *w, const struct pb_itkp_video_load *in) {
    pb_itkp_put_data(w, "source", in->source);
    pb_itkp_put_u64(w, "start_position_ms", in->start_position_ms);
    pb_itkp_put_bool(w, "autoplay", in->autoplay);
}
static inline void pb_itkp_check_video_load(struct pb_itkp_wrong *wrong, const struct pb_itkp_video_load *in) {
    pb_itkp_require(wrong, in->source.size <= PB_ITKP_DATA_LIMIT, "source", PB_ITKP_REASON_DATA);
}
static inline void pb_itkp_read_video_play(struct pb_itkp_reader *r, struct pb_itkp_video_play *out) {
    out->has_from_position_ms = pb_itkp_take_has(r, "from_position_ms");
    if (out->has_from_position_ms) out->from_position_ms = pb_itkp_take_u64(r, "from_position_ms");
}
static inline void pb_itkp_write_video_play(struct pb_itkp_writer *w, const struct pb_itkp_video_play *in) {
    pb_itkp_put_bool(w, "from_position_ms", in->has_from_position_ms);
    if (in->has_from_position_ms) pb_itkp_put_u64(w, "from_position_ms", in->from_position_ms);
}
static inline void pb_itkp_read_video_seek(struct pb_itkp_reader *r, struct pb_itkp_video_seek *out) {
    out->position_ms = pb_itkp_take_u64(r, "position_ms");
}
static inline void pb_itkp_write_video_seek(struct pb_itkp_writer *w, const struct pb_itkp_video_seek *in) {
    pb_itkp_put_u64(w, "position_ms", in->position_ms);
}
static inline void pb_itkp_read_video_state(struct pb_itkp_reader *r, struct pb_itkp_video_state *out) {
    out->content_id = pb_itkp_take_str(r, "content_id");
    out->position_ms = pb_itkp_take_u64(r, "position_ms");
    out->duration_ms = pb_itkp_take_u64(r, "duration_ms");
    out->is_playing = pb_itkp_take_bool(r, "is_playing");
    out->is_buffering = pb_itkp_take_bool(r, "is_buffering");
    out->playback_rate = pb_itkp_take_f64(r, "playback_rate");
    out->volume = pb_itkp_take_f32(r, "volume");
}
static inline void pb_itkp_write_video_state(struct pb_itkp_writer *w, const struct pb_itkp_video_state *in) {
    pb_itkp_put_str(w, "content_id", in->content_id);
    pb_itkp_put_u64(w, "position_ms", in->position_ms);
    pb_itkp_put_u64(w, "duration_ms", in->duration_ms);
    pb_itkp_put_bool(w, "is_playing", in->is_playing);
    pb_itkp_put_bool(w, "is_buffering", in->is_buffering);
    pb_itkp_put_f64(w, "playback_rate", in->playback_rate);
    pb_itkp_put_f32(w, "volume", in->volume);
}
static inline void pb_itkp_check_video_state(struct pb_itkp_wrong *wrong, const struct pb_itkp_video_state *in) {
    pb_itkp_require(wrong, in->content_id.size <= PB_ITKP_STRING_LIMIT, "content_id", PB_ITKP_REASON_STRING);
    pb_itkp_require(wrong, pb_itkp_is_finite_f64(in->playback_rate), "playback_rate", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, in->playback_rate > 0.0, "playback_rate", PB_ITKP_REASON_LOW);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->volume), "volume", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, in->volume >= 0.0f, "volume", PB_ITKP_REASON_LOW);
    pb_itkp_require(wrong, in->volume <= 1.0f, "volume", PB_ITKP_REASON_HIGH);
}
static inline void pb_itkp_read_video_metadata(struct pb_itkp_reader *r, struct pb_itkp_video_metadata *out) {
    out->content_id = pb_itkp_take_str(r, "content_id");
    out->width = pb_itkp_take_u32(r, "width");
    out->height = pb_itkp_take_u32(r, "height");
    out->duration_ms = pb_itkp_take_u64(r, "duration_ms");
    out->fps = pb_itkp_take_f32(r, "fps");
    out->codec = pb_itkp_take_str(r, "codec");
    out->is_live = pb_itkp_take_bool(r, "is_live");
    out->has_title = pb_itkp_take_has(r, "title");
    if (out->has_title) out->title = pb_itkp_take_str(r, "title");
}
static inline void pb_itkp_write_video_metadata(struct pb_itkp_writer *w, const struct pb_itkp_video_metadata *in) {
    pb_itkp_put_str(w, "content_id", in->content_id);
    pb_itkp_put_u32(w, "width", in->width);
    pb_itkp_put_u32(w, "height", in->height);
    pb_itkp_put_u64(w, "duration_ms", in->duration_ms);
    pb_itkp_put_f32(w, "fps", in->fps);
    pb_itkp_put_str(w, "codec", in->codec);
    pb_itkp_put_bool(w, "is_live", in->is_live);
    pb_itkp_put_bool(w, "title", in->has_title);
    if (in->has_title) pb_itkp_put_str(w, "title", in->title);
}
static inline void pb_itkp_check_video_metadata(struct pb_itkp_wrong *wrong, const struct pb_itkp_video_metadata *in) {
    pb_itkp_require(wrong, in->content_id.size <= PB_ITKP_STRING_LIMIT, "content_id", PB_ITKP_REASON_STRING);
    pb_itkp_require(wrong, pb_itkp_is_finite_f32(in->fps), "fps", PB_ITKP_REASON_FINITE);
    pb_itkp_require(wrong, in->codec.size <= PB_ITKP_STRING_LIMIT, "codec", PB_ITKP_REASON_STRING);
    pb_itkp_require(wrong, !in->has_title || in->title.size <= PB_ITKP_STRING_LIMIT, "title", PB_ITKP_REASON_STRING);
}
static inline void pb_itkp_read_video_error(struct pb_itkp_reader *r, struct pb_itkp_video_error *out) {
    out->code = pb_itkp_take_u32(r, "code");
    out->message = pb_itkp_take_str(r, "message");
    out->is_recoverable = pb_itkp_take_bool(r, "is_recoverable");
}
static inline void pb_itkp_write_video_error(struct pb_itkp_writer *w, const struct pb_itkp_video_error *in) {
    pb_itkp_put_u32(w, "code", in->code);
    pb_itkp_put_str(w, "message", in->message);
    pb_itkp_put_bool(w, "is_recoverable", in->is_recoverable);
}
static inline void pb_itkp_check_video_error(struct pb_itkp_wrong *wrong, const struct pb_itkp_video_error *in) {
    pb_itkp_require(wrong, in->message.size <= PB_ITKP_STRING_LIMIT, "message", PB_ITKP_REASON_STRING);
}
static inline void pb_itkp_read_error(struct pb_itkp_reader *r, struct pb_itkp_error *out) {
    out->code = pb_itkp_take_u32(r, "code");
    out->message = pb_itkp_take_str(r, "message");
}
static inline void pb_itkp_write_error(struct pb_itkp_writer *w, const struct pb_itkp_error *in) {
    pb_itkp_put_u32(w, "code", in->code);
    pb_itkp_put_str(w, "message", in->message);
}
static inline void pb_itkp_check_error(struct pb_itkp_wrong *wrong, const struct pb_itkp_error *in) {
    pb_itkp_require(wrong, in->message.size <= PB_ITKP_STRING_LIMIT, "message", PB_ITKP_REASON_STRING);
}
static inline bool pb_itkp_has_fields(uint32_t type) {
    return type != PB_ITKP_TYPE_PING && type != PB_ITKP_TYPE_PONG && type != PB_ITKP_TYPE_VIDEO_PAUSE;
}
static inline void pb_itkp_read_payload(struct pb_itkp_reader *r, struct pb_itkp_message *message) {
    switch (message->type) {
    case PB_ITKP_TYPE_SCREEN_RECT: pb_itkp_read_screen_rect(r, &message->as.screen_rect); break;
    case PB_ITKP_TYPE_WINDOW_STATE: pb_itkp_read_window_state(r, &message->as.window_state); break;
    case PB_ITKP_TYPE_OVERLAY_UPDATE: pb_itkp_read_overlay_update(r, &message->as.overlay_update); break;
    case PB_ITKP_TYPE_STATE_SNAPSHOT: pb_itkp_read_state_snapshot(r, &message->as.state_snapshot); break;
    case PB_ITKP_TYPE_STATE_EVENT: pb_itkp_read_state_event(r, &message->as.state_event); break;
    case PB_ITKP_TYPE_STATE_QUERY: pb_itkp_read_state_query(r, &message->as.state_query); break;
    case PB_ITKP_TYPE_STATE_RESPONSE: pb_itkp_read_state_response(r, &message->as.state_response); break;
    case PB_ITKP_TYPE_SYNC_STATE: pb_itkp_read_sync_state(r, &message->as.sync_state); break;
    case PB_ITKP_TYPE_CLOCK_PING: pb_itkp_read_clock_ping(r, &message->as.clock_ping); break;
    case PB_ITKP_TYPE_CLOCK_PONG: pb_itkp_read_clock_pong(r, &message->as.clock_pong); break;
    case PB_ITKP_TYPE_VIDEO_LOAD: pb_itkp_read_video_load(r, &message->as.video_load); break;
    case PB_ITKP_TYPE_VIDEO_PLAY: pb_itkp_read_video_play(r, &message->as.video_play); break;
    case PB_ITKP_TYPE_VIDEO_SEEK: pb_itkp_read_video_seek(r, &message->as.video_seek); break;
    case PB_ITKP_TYPE_VIDEO_STATE: pb_itkp_read_video_state(r, &message->as.video_state); break;
    case PB_ITKP_TYPE_VIDEO_METADATA: pb_itkp_read_video_metadata(r, &message->as.video_metadata); break;
    case PB_ITKP_TYPE_VIDEO_ERROR: pb_itkp_read_video_error(r, &message->as.video_error); break;
    case PB_ITKP_TYPE_ERROR: pb_itkp_read_error(r, &message->as.error); break;
    default: break;
    }
}
static inline void pb_itkp_write_payload(struct pb_itkp_writer *w, const struct pb_itkp_message *message) {
    switch (message->type) {
    case PB_ITKP_TYPE_SCREEN_RECT: pb_itkp_write_screen_rect(w, &message->as.screen_rect); break;
    case PB_ITKP_TYPE_WINDOW_STATE: pb_itkp_write_window_state(w, &message->as.window_state); break;
    case PB_ITKP_TYPE_OVERLAY_UPDATE: pb_itkp_write_overlay_update(w, &message->as.overlay_update); break;
    case PB_ITKP_TYPE_STATE_SNAPSHOT: pb_itkp_write_state_snapshot(w, &message->as.state_snapshot); break;
    case PB_ITKP_TYPE_STATE_EVENT: pb_itkp_write_state_event(w, &message->as.state_event); break;
    case PB_ITKP_TYPE_STATE_QUERY: pb_itkp_write_state_query(w, &message->as.state_query); break;
    case PB_ITKP_TYPE_STATE_RESPONSE: pb_itkp_write_state_response(w, &message->as.state_response); break;
    case PB_ITKP_TYPE_SYNC_STATE: pb_itkp_write_sync_state(w, &message->as.sync_state); break;
    case PB_ITKP_TYPE_CLOCK_PING: pb_itkp_write_clock_ping(w, &message->as.clock_ping); break;
    case PB_ITKP_TYPE_CLOCK_PONG: pb_itkp_write_clock_pong(w, &message->as.clock_pong); break;
    case PB_ITKP_TYPE_VIDEO_LOAD: pb_itkp_write_video_load(w, &message->as.video_load); break;
    case PB_ITKP_TYPE_VIDEO_PLAY: pb_itkp_write_video_play(w, &message->as.video_play); break;
    case PB_ITKP_TYPE_VIDEO_SEEK: pb_itkp_write_video_seek(w, &message->as.video_seek); break;
    case PB_ITKP_TYPE_VIDEO_STATE: pb_itkp_write_video_state(w, &message->as.video_state); break;
    case PB_ITKP_TYPE_VIDEO_METADATA: pb_itkp_write_video_metadata(w, &message->as.video_metadata); break;
    case PB_ITKP_TYPE_VIDEO_ERROR: pb_itkp_write_video_error(w, &message->as.video_error); break;
    case PB_ITKP_TYPE_ERROR: pb_itkp_write_error(w, &message->as.error); break;
    default: break;
    }
}
static inline void pb_itkp_check_payload(struct pb_itkp_wrong *wrong, const struct pb_itkp_message *message) {
    switch (message->type) {
    case PB_ITKP_TYPE_SCREEN_RECT: pb_itkp_check_screen_rect(wrong, &message->as.screen_rect); break;
    case PB_ITKP_TYPE_WINDOW_STATE: pb_itkp_check_window_state(wrong, &message->as.window_state); break;
    case PB_ITKP_TYPE_OVERLAY_UPDATE: pb_itkp_check_overlay_update(wrong, &message->as.overlay_update); break;
    case PB_ITKP_TYPE_STATE_SNAPSHOT: pb_itkp_check_state_snapshot(wrong, &message->as.state_snapshot); break;
    case PB_ITKP_TYPE_STATE_EVENT: pb_itkp_check_state_event(wrong, &message->as.state_event); break;
    case PB_ITKP_TYPE_STATE_QUERY: pb_itkp_check_state_query(wrong, &message->as.state_query); break;
    case PB_ITKP_TYPE_STATE_RESPONSE: pb_itkp_check_state_response(wrong, &message->as.state_response); break;
    case PB_ITKP_TYPE_SYNC_STATE: pb_itkp_check_sync_state(wrong, &message->as.sync_state); break;
    case PB_ITKP_TYPE_VIDEO_LOAD: pb_itkp_check_video_load(wrong, &message->as.video_load); break;
    case PB_ITKP_TYPE_VIDEO_STATE: pb_itkp_check_video_state(wrong, &message->as.video_state); break;
    case PB_ITKP_TYPE_VIDEO_METADATA: pb_itkp_check_video_metadata(wrong, &message->as.video_metadata); break;
    case PB_ITKP_TYPE_VIDEO_ERROR: pb_itkp_check_video_error(wrong, &message->as.video_error); break;
    case PB_ITKP_TYPE_ERROR: pb_itkp_check_error(wrong, &message->as.error); break;
    default: break;
    }
}

/* For programs. All return a status and, when fault is not NULL, fill it. */

static inline struct pb_itkp_text pb_itkp_text_of(const char *nul_terminated) {
    struct pb_itkp_text text;
    text.data = nul_terminated;
    text.size = (uint32_t)strlen(nul_terminated);
    return text;
}

static inline enum pb_itkp_status pb_itkp_check_head(const uint8_t *from, size_t size, bool known_type,
                                                     struct pb_itkp_header *out, struct pb_itkp_fault *fault) {
    if (size < PB_ITKP_HEADER_BYTES)
        return pb_itkp_refuse(fault, PB_ITKP_INCOMPLETE_HEADER, PB_ITKP_HEADER_BYTES, size);
    uint32_t magic = (uint32_t)pb_itkp_load(from, 4), version = (uint32_t)pb_itkp_load(from + 4, 4);
    if (magic != PB_ITKP_MAGIC) return pb_itkp_refuse(fault, PB_ITKP_INVALID_MAGIC, PB_ITKP_MAGIC, magic);
    if (version != PB_ITKP_VERSION)
        return pb_itkp_refuse(fault, PB_ITKP_UNSUPPORTED_VERSION, PB_ITKP_VERSION, version);
    out->type = (uint32_t)pb_itkp_load(from + 8, 4);
    out->payload_size = (uint32_t)pb_itkp_load(from + 12, 4);
    out->crc = (uint32_t)pb_itkp_load(from + 16, 4);
    if (known_type && !pb_itkp_type_name(out->type))
        return pb_itkp_refuse(fault, PB_ITKP_UNKNOWN_MESSAGE_TYPE, 0, out->type);
    if (out->payload_size > PB_ITKP_PAYLOAD_LIMIT)
        return pb_itkp_refuse(fault, PB_ITKP_PAYLOAD_TOO_LARGE, PB_ITKP_PAYLOAD_LIMIT, out->payload_size);
    return pb_itkp_refuse(fault, PB_ITKP_OK, 0, 0);
}

/* The header alone, for routing. The payload need not be there and its checksum is not compared. */
static inline enum pb_itkp_status pb_itkp_decode_header(const void *bytes, size_t size, struct pb_itkp_header *out,
                                                        struct pb_itkp_fault *fault) {
    return pb_itkp_check_head((const uint8_t *)bytes, size, true, out, fault);
}

/* How many bytes the message has that begins here, header included: what a stream is cut by. Types of later versions count. */
static inline enum pb_itkp_status pb_itkp_message_bytes(const void *bytes, size_t size, size_t *out,
                                                        struct pb_itkp_fault *fault) {
    struct pb_itkp_header header;
    enum pb_itkp_status status = pb_itkp_check_head((const uint8_t *)bytes, size, false, &header, fault);
    if (status == PB_ITKP_OK) *out = PB_ITKP_HEADER_BYTES + (size_t)header.payload_size;
    return status;
}

/* Without validation: floats may be no numbers, strings longer than allowed. Bytes behind the payload are ignored. */
static inline enum pb_itkp_status pb_itkp_decode_unchecked(const void *bytes, size_t size, struct pb_itkp_message *out,
                                                           struct pb_itkp_fault *fault) {
    const uint8_t *from = (const uint8_t *)bytes;
    struct pb_itkp_header header;
    memset(out, 0, sizeof *out);
    enum pb_itkp_status status = pb_itkp_check_head(from, size, true, &header, fault);
    if (status != PB_ITKP_OK) return status;
    size_t end = PB_ITKP_HEADER_BYTES + (size_t)header.payload_size;
    if (size < end) return pb_itkp_refuse(fault, PB_ITKP_INCOMPLETE_PAYLOAD, end, size);
    uint32_t crc = 0;
    if (header.payload_size > 0)
        crc = ~pb_itkp_crc32_add(0xffffffffu, from + PB_ITKP_HEADER_BYTES, header.payload_size);
    if (crc != header.crc) return pb_itkp_refuse(fault, PB_ITKP_CRC_MISMATCH, header.crc, crc);
    struct pb_itkp_reader r;
    memset(&r, 0, sizeof r);
    r.at = from + PB_ITKP_HEADER_BYTES;
    r.left = header.payload_size;
    out->type = header.type;
    if (pb_itkp_has_fields(header.type) || r.left > 0) {
        const uint8_t *tag = pb_itkp_take(&r, "encoding", PB_ITKP_TAG_BYTES);
        bool is_ours = tag && memcmp(tag, PB_ITKP_TAG, PB_ITKP_TAG_BYTES - 1) == 0;
        pb_itkp_require(&r.wrong, is_ours, "encoding", PB_ITKP_REASON_TAG);
        pb_itkp_require(&r.wrong, is_ours && tag[PB_ITKP_TAG_BYTES - 1] == PB_ITKP_ENCODING, "encoding",
                        PB_ITKP_REASON_ENCODING);
    }
    if (!r.wrong.reason) pb_itkp_read_payload(&r, out);
    return pb_itkp_judge(fault, PB_ITKP_SERIALIZATION, &r.wrong);
}

/* Whether the payload is allowed. */
static inline enum pb_itkp_status pb_itkp_validate(const struct pb_itkp_message *message, struct pb_itkp_fault *fault) {
    struct pb_itkp_wrong wrong;
    memset(&wrong, 0, sizeof wrong);
    pb_itkp_check_payload(&wrong, message);
    return pb_itkp_judge(fault, PB_ITKP_VALIDATION_FAILED, &wrong);
}

/* What a program should take from another. Texts point into bytes, so they live as long as those. */
static inline enum pb_itkp_status pb_itkp_decode(const void *bytes, size_t size, struct pb_itkp_message *out,
                                                 struct pb_itkp_fault *fault) {
    enum pb_itkp_status status = pb_itkp_decode_unchecked(bytes, size, out, fault);
    return status == PB_ITKP_OK ? pb_itkp_validate(out, fault) : status;
}

static inline enum pb_itkp_status pb_itkp_encode_as(const struct pb_itkp_message *message, bool validated, void *out,
                                                    size_t room, size_t *size, struct pb_itkp_fault *fault) {
    if (!pb_itkp_type_name(message->type)) return pb_itkp_refuse(fault, PB_ITKP_UNKNOWN_MESSAGE_TYPE, 0, message->type);
    struct pb_itkp_writer w;
    memset(&w, 0, sizeof w);
    w.to = (uint8_t *)out;
    w.room = room;
    w.size = PB_ITKP_HEADER_BYTES;
    w.crc = 0xffffffffu;
    if (pb_itkp_has_fields(message->type)) pb_itkp_put(&w, PB_ITKP_TAG, PB_ITKP_TAG_BYTES);
    pb_itkp_write_payload(&w, message);
    enum pb_itkp_status status = pb_itkp_judge(fault, PB_ITKP_VALIDATION_FAILED, &w.wrong);
    if (status != PB_ITKP_OK) return status;
    uint64_t payload = w.size - PB_ITKP_HEADER_BYTES;
    if (payload > PB_ITKP_PAYLOAD_LIMIT)
        return pb_itkp_refuse(fault, PB_ITKP_PAYLOAD_TOO_LARGE, PB_ITKP_PAYLOAD_LIMIT, payload);
    if (validated) {
        status = pb_itkp_validate(message, fault);
        if (status != PB_ITKP_OK) return status;
    }
    if (w.size > room) return pb_itkp_refuse(fault, PB_ITKP_NO_ROOM, w.size, room);
    pb_itkp_store(w.to, PB_ITKP_MAGIC, 4);
    pb_itkp_store(w.to + 4, PB_ITKP_VERSION, 4);
    pb_itkp_store(w.to + 8, message->type, 4);
    pb_itkp_store(w.to + 12, payload, 4);
    pb_itkp_store(w.to + 16, ~w.crc & 0xffffffffu, 4);
    *size = (size_t)w.size;
    return PB_ITKP_OK;
}

/* Writes a message that pb_itkp_decode will take, header included; *size is then its bytes. PB_ITKP_MESSAGE_LIMIT bytes of
 * room are always enough. On a refusal *size is left alone and what is in out is undefined. */
static inline enum pb_itkp_status pb_itkp_encode(const struct pb_itkp_message *message, void *out, size_t room,
                                                 size_t *size, struct pb_itkp_fault *fault) {
    return pb_itkp_encode_as(message, true, out, room, size, fault);
}

/* The same without validation. */
static inline enum pb_itkp_status pb_itkp_encode_unchecked(const struct pb_itkp_message *message, void *out, size_t room,
                                                           size_t *size, struct pb_itkp_fault *fault) {
    return pb_itkp_encode_as(message, false, out, room, size, fault);
}

#ifdef __cplusplus
}
#endif
#endif
