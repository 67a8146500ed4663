/* sources: c/ipc/ring.c */
/* The ring alone: bytes as the spec lays them, wrap-around, eviction by bytes and by count, two threads with eviction and without,
 * and a peer that writes nonsense into every shared word. */
#include "check.h"

#include "ipc/ring.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

static struct xs_segment segment;
static struct xs_producer out;
static struct xs_consumer in;
static uint8_t buffer[2 * 65536];
static struct xs_entry entries[256];

static void fresh(void) {
    xs_ring_reset(&segment.a, 2);
    xs_producer_start(&out, &segment.a, segment.a_data, false);
    xs_consumer_start(&in, &segment.a, segment.a_data, false);
}

static int put(const void *data, uint32_t size, bool overwrite, uint32_t *dropped) {
    int code = xs_producer_put(&out, data, size, overwrite, dropped);
    xs_producer_publish(&out);
    return code;
}

static int take(uint32_t room, uint32_t most) {
    bool emptied;
    return xs_consumer_take(&in, buffer, room, entries, most, &emptied);
}

static void layout(void) {
    uint32_t dropped = 0;
    const uint8_t *bytes = segment.a_data;
    fresh();
    CHECK(take(sizeof buffer, 1) == 0 && take(sizeof buffer, 0) == 0);
    CHECK(put("abcde", 5, true, &dropped) == XS_OK && put("xy", 2, true, &dropped) == XS_OK && dropped == 0);
    CHECK(memcmp(bytes, "\5\0\0\0abcde\2\0\0\0xy", 15) == 0); /* length, flags 0, payload, no alignment */
    CHECK(segment.a.write_position == 15 && segment.a.read_position == 0 && segment.a.message_count == 2);
    CHECK(take(4, 1) == XS_TOO_SMALL && entries[0].size == 5 && segment.a.read_position == 0);
    CHECK(take(5, 9) == 1 && entries[0].at == 0 && entries[0].size == 5 && memcmp(buffer, "abcde", 5) == 0);
    CHECK(segment.a.read_position == 9 && segment.a.message_count == 1);
    CHECK(take(sizeof buffer, 9) == 1 && memcmp(buffer, "xy", 2) == 0 && segment.a.message_count == 0);
    CHECK(put("a", 1, true, &dropped) == XS_BAD_PARAM && put(buffer, 65536, true, &dropped) == XS_BAD_PARAM);
}

/* While the consumer looked away, exactly 4 GiB passed by: what it knows of its position is what is written. */
static void gone_round(void) {
    uint32_t dropped = 0;
    fresh();
    CHECK(put("abc", 3, true, &dropped) == XS_OK && xs_consumer_pending(&in));
    in.read = segment.a.write_position;
    CHECK(xs_consumer_waiting(&in) == 0 && xs_consumer_pending(&in));
    CHECK(take(sizeof buffer, 1) == 1 && memcmp(buffer, "abc", 3) == 0 && !xs_consumer_pending(&in));
    /* Somebody took everything away and counted nothing. */
    CHECK(put("abc", 3, true, &dropped) == XS_OK);
    segment.a.read_position = segment.a.write_position;
    CHECK(xs_consumer_pending(&in) && take(sizeof buffer, 1) == 0 && !xs_consumer_pending(&in));
}

static void eviction(void) {
    uint32_t dropped = 0, number;
    fresh();
    for (uint32_t i = 0; i < 250; i++) CHECK(put(&i, 4, true, &dropped) == XS_OK);
    number = 250;
    CHECK(dropped == 0 && put(&number, 4, false, &dropped) == XS_FULL && put(&number, 4, true, &dropped) == XS_OK);
    CHECK(dropped == 1 && segment.a.drop_count == 1 && segment.a.message_count == 250);
    CHECK(take(sizeof buffer, 256) == 250);
    for (uint32_t i = 0; i < 250; i++) {
        memcpy(&number, buffer + entries[i].at, 4);
        CHECK(entries[i].at % 8 == 0 && number == i + 1);
    }
    fresh();
    dropped = 0;
    memset(buffer, 3, sizeof buffer);
    for (uint32_t i = 0; i < 31; i++) CHECK(put(buffer, 65535, true, &dropped) == XS_OK);
    CHECK(dropped == 0 && put(buffer, 65535, true, &dropped) == XS_OK && dropped == 1); /* 32 x 65539 are more than 2 MiB */
}

/* All sizes at all alignments over the ring's end, and over the end of the 32-bit positions. */
static void wrapping(void) {
    uint32_t dropped = 0, at = 0xFFFFFFFFu - 3 * XS_RING_BYTES;
    static uint8_t sent[65536];
    fresh();
    segment.a.write_position = segment.a.read_position = at;
    out.write = out.read_seen = out.shown = at;
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t size = i % 3 == 0 ? 65535 - i % 97 : 2 + i % 61;
        for (uint32_t n = 0; n < size; n++) sent[n] = (uint8_t)(n * 7 + i);
        CHECK(put(sent, size, false, &dropped) == XS_OK && take(sizeof buffer, 4) == 1);
        CHECK(entries[0].size == size && memcmp(buffer, sent, size) == 0);
    }
}

/* Under ThreadSanitizer everything is ten times as slow, and what one thread does alone is the other build's matter. */
#ifdef __SANITIZE_THREAD__
enum { STREAM = 60000, NONSENSE = 10000 };
#else
enum { STREAM = 300000, NONSENSE = 200000 };
#endif
static bool may_evict;
static uint32_t evicted;
static _Atomic bool ended;

static uint32_t stream_size(uint32_t number) { return 4 + number * 2654435761u % (number % 50 == 0 ? 20000u : 90u); }

static void *produce(void *unused) {
    static uint8_t message[20100];
    for (uint32_t i = 0; i < STREAM;) {
        uint32_t size = stream_size(i);
        memset(message, (int)(i & 255), size);
        memcpy(message, &i, 4);
        int code = put(message, size, may_evict, &evicted);
        CHECK(code == XS_OK || (code == XS_FULL && !may_evict));
        if (code == XS_OK) i++;
        else sched_yield();
    }
    ended = true;
    return unused;
}

/* Whole messages in order, each at most once; with nothing evicted, all of them. */
static void stream(bool evict) {
    pthread_t thread;
    uint32_t expected = 0, got = 0, number;
    fresh();
    may_evict = evict;
    evicted = 0;
    ended = false;
    CHECK(!pthread_create(&thread, NULL, produce, NULL));
    for (bool last = false;;) {
        last = ended;
        int taken = take(sizeof buffer, 1 + got % 40);
        CHECK(taken >= 0 || taken == XS_NOT_READY);
        if (taken == 0 && last) break;
        for (int i = 0; i < taken; i++, got++) {
            const uint8_t *message = buffer + entries[i].at;
            memcpy(&number, message, 4);
            CHECK(number >= expected && number < STREAM && (evict || number == expected));
            CHECK(entries[i].size == stream_size(number));
            for (uint32_t n = 4; n < entries[i].size; n++) CHECK(message[n] == (number & 255));
            expected = number + 1;
        }
    }
    pthread_join(thread, NULL);
    CHECK(got + evicted == STREAM && segment.a.drop_count == evicted);
}

static uint64_t seed = 88172645463325252u;
static uint32_t chance(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

/* Whatever is in the shared words, calls end with a code and stay inside. Some nonsense is near the truth, some is not. */
static void nonsense(uint32_t rounds) {
    _Atomic uint32_t *words = (_Atomic uint32_t *)&segment.a;
    static const int expected[] = {XS_OK, XS_FULL, XS_PROTOCOL, XS_NOT_READY, XS_TOO_SMALL};
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t dropped = 0;
        if (round % 16 == 0) fresh();
        for (uint32_t i = chance() % 4; i; i--) {
            uint32_t at = chance() % 16, how = chance() % 4;
            words[at] = how == 0 ? chance() : how == 1 ? words[at] + chance() % 9 - 4 : how == 2 ? chance() % 3 - 1u : words[0];
        }
        if (chance() % 2) segment.a_data[chance() % (chance() % 2 ? XS_RING_BYTES : 512)] = (uint8_t)chance();
        int code = put(buffer, 2 + chance() % (chance() % 8 ? 100 : 65534), chance() % 2, &dropped);
        CHECK(dropped <= 250 && (code == XS_OK || code == XS_FULL || code == XS_PROTOCOL));
        bool known = (code = take(chance() % sizeof buffer, 1 + chance() % 250)) > 0;
        for (uint32_t i = 0; i < 5; i++) known |= code == expected[i];
        CHECK(known);
        uint32_t end = 0;
        for (int i = 0; i < code; i++) {
            CHECK(entries[i].at >= end && entries[i].size >= 2 && entries[i].at + entries[i].size <= sizeof buffer);
            end = entries[i].at + entries[i].size;
        }
    }
}

static void *scribble(void *unused) {
    _Atomic uint32_t *words = (_Atomic uint32_t *)&segment.a;
    uint32_t value = 1;
    while (!ended) {
        value = value * 1664525u + 1013904223u;
        words[value % 4] = value >> value % 32;
        __atomic_store_n(&segment.a_data[value % XS_RING_BYTES], (uint8_t)(value >> 7), __ATOMIC_RELAXED);
    }
    return unused;
}

/* The same with the nonsense written at the same moment. */
static void under_fire(uint32_t rounds) {
    pthread_t thread;
    ended = false;
    CHECK(!pthread_create(&thread, NULL, scribble, NULL));
    for (uint32_t i = 0; i < rounds; i++) {
        uint32_t dropped = 0;
        if (i % 64 == 0) xs_producer_start(&out, &segment.a, segment.a_data, false);
        put(buffer, 2 + i % 999, i % 2, &dropped);
        take(sizeof buffer, 1 + i % 250);
    }
    ended = true;
    pthread_join(thread, NULL);
}

/* usage: test_ipc_ring [SEED ROUNDS]: with arguments only the nonsense */
int main(int argc, char **argv) {
    if (argc > 2) {
        seed = strtoull(argv[1], NULL, 10) * 2654435761u + 1;
        nonsense((uint32_t)strtoul(argv[2], NULL, 10));
        under_fire((uint32_t)strtoul(argv[2], NULL, 10) / 16);
        return 0;
    }
    layout();
    gone_round();
    eviction();
    wrapping();
    stream(false);
    stream(true);
    nonsense(NONSENSE);
    under_fire(20000);
    return 0;
}
