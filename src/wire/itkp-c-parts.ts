/** The parts of c/include/patchbay_itkp.h that are the same for every message; itkp-c.ts puts the rest between them. */

export const cValues = `
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
`;

export const cHelpers = `
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
`;

export const cFunctions = `
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
`;
