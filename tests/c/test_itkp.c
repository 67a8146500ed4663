/* sources: libs: */
/* The ITKP header for C: every sample there and back, every truncation, too little room, refusals of the encoder, and seeded
 * mutations with sizes and checksums put right, each in memory of exactly its size. */
#include "check.h"
#include "itkp_samples.h"

static uint8_t made[PB_ITKP_MESSAGE_LIMIT], back[PB_ITKP_MESSAGE_LIMIT];
static uint32_t seed = 20261121;
static uint32_t next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    return seed ^= seed << 5;
}

static void there_and_back(int which) {
    struct pb_itkp_message message, again;
    struct pb_itkp_fault fault;
    size_t size = 0, other = 0;
    itkp_sample(which, &message);
    CHECK(pb_itkp_encode(&message, made, sizeof made, &size, &fault) == PB_ITKP_OK);
    CHECK(pb_itkp_decode(made, size, &again, &fault) == PB_ITKP_OK && again.type == message.type);
    CHECK(pb_itkp_encode(&again, back, sizeof back, &other, NULL) == PB_ITKP_OK);
    CHECK(other == size && memcmp(made, back, size) == 0);
    for (size_t room = 0; room < size; room++) {
        uint8_t *tight = malloc(room ? room : 1);
        CHECK(pb_itkp_encode(&message, tight, room, &other, &fault) == PB_ITKP_NO_ROOM);
        CHECK(fault.expected == size && fault.got == room && other == size);
        free(tight);
    }
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut ? cut : 1);
        memcpy(part, made, cut);
        enum pb_itkp_status status = pb_itkp_decode(part, cut, &again, &fault);
        CHECK(status == (cut < PB_ITKP_HEADER_BYTES ? PB_ITKP_INCOMPLETE_HEADER : PB_ITKP_INCOMPLETE_PAYLOAD));
        CHECK(fault.got == cut);
        free(part);
    }
}

static unsigned taken;

static void mutation(void) {
    struct pb_itkp_message message;
    size_t size = 0, other = 0;
    itkp_sample((int)(next() % ITKP_SAMPLES), &message);
    CHECK(pb_itkp_encode(&message, made, sizeof made, &size, NULL) == PB_ITKP_OK);
    size_t end = size > PB_ITKP_HEADER_BYTES && next() % 2 ? PB_ITKP_HEADER_BYTES + next() % (size - 19) : size;
    for (uint32_t times = next() % 4; times > 0 && end > 0; times--) made[next() % end] = (uint8_t)next();
    if (end >= PB_ITKP_HEADER_BYTES && next() % 4) {
        pb_itkp_store(made, PB_ITKP_MAGIC, 4);
        pb_itkp_store(made + 4, PB_ITKP_VERSION, 4);
        pb_itkp_store(made + 12, end - PB_ITKP_HEADER_BYTES, 4);
        uint32_t crc = ~pb_itkp_crc32_add(0xffffffffu, made + PB_ITKP_HEADER_BYTES, end - PB_ITKP_HEADER_BYTES);
        pb_itkp_store(made + 16, crc, 4);
    }
    uint8_t *exact = malloc(end ? end : 1);
    memcpy(exact, made, end);
    struct pb_itkp_fault fault;
    enum pb_itkp_status status = pb_itkp_decode_unchecked(exact, end, &message, &fault);
    CHECK(status == fault.status);
    if (status == PB_ITKP_OK) {
        taken++;
        CHECK(pb_itkp_encode_unchecked(&message, back, sizeof back, &other, NULL) == PB_ITKP_OK);
        CHECK(pb_itkp_decode_unchecked(back, other, &message, NULL) == PB_ITKP_OK);
    }
    free(exact);
}

static void refusals(void) {
    struct pb_itkp_message message;
    struct pb_itkp_fault fault;
    size_t size = 4711;
    memset(&message, 0, sizeof message);
    message.type = 2;
    CHECK(pb_itkp_encode(&message, made, sizeof made, &size, &fault) == PB_ITKP_UNKNOWN_MESSAGE_TYPE && fault.got == 2);
    message.type = PB_ITKP_TYPE_SCREEN_RECT;
    message.as.screen_rect.y = pb_itkp_float_of(0x7fc00000u);
    CHECK(pb_itkp_encode(&message, made, sizeof made, &size, &fault) == PB_ITKP_VALIDATION_FAILED);
    CHECK(strcmp(fault.field, "y") == 0 && strcmp(fault.reason, PB_ITKP_REASON_FINITE) == 0);
    CHECK(pb_itkp_encode_unchecked(&message, made, sizeof made, &size, &fault) == PB_ITKP_OK);
    memset(&message, 0, sizeof message);
    message.type = PB_ITKP_TYPE_VIDEO_LOAD;
    message.as.video_load.source.size = 5; /* of nothing */
    CHECK(pb_itkp_encode(&message, made, sizeof made, &size, &fault) == PB_ITKP_VALIDATION_FAILED);
    static const char large[2 * PB_ITKP_PAYLOAD_LIMIT];
    message.as.video_load.source.data = large;
    message.as.video_load.source.size = sizeof large;
    CHECK(pb_itkp_encode(&message, made, sizeof made, &size, &fault) == PB_ITKP_PAYLOAD_TOO_LARGE);
    CHECK(fault.expected == PB_ITKP_PAYLOAD_LIMIT && fault.got == sizeof large + 17);
    message.as.video_load.source.size = PB_ITKP_DATA_LIMIT;
    CHECK(pb_itkp_encode(&message, made, sizeof made, &size, NULL) == PB_ITKP_OK);
    message.as.video_load.source.size++;
    CHECK(pb_itkp_encode(&message, made, sizeof made, &size, NULL) == PB_ITKP_VALIDATION_FAILED);
}

int main(void) {
    for (int i = 0; i < ITKP_SAMPLES; i++) there_and_back(i);
    for (int i = 0; i < 50000; i++) mutation();
    CHECK(taken > 5000);
    refusals();
    return 0;
}
