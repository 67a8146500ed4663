/* sources: c/net/ c/crypto/ libs: -lsodium */
/* The sending side: every packet of a frame opened and compared, at once and paced, with and without the kernel's help, for
 * several receivers at a time, and with a queue that is full. */
#include "../../c/gen/wire.h"
#include "loop.h"

enum { CHUNK = PB_WIRE_LIMIT_CHUNK_DATA, BIG = 3 * 1024 * 1024, BUFFER = 16 * 1024 * 1024 };

static uint8_t key[32], frame[BIG];

static uint32_t packets_of(uint32_t size) { return (size + CHUNK - 1) / CHUNK; }

/* Takes the next packet from a plain socket and holds it against what frame `id` of `size` bytes must have there. */
static void check_packet(int fd, uint32_t id, uint32_t size, uint32_t index, uint64_t counter) {
    uint8_t packet[2048];
    const ssize_t got = recv(fd, packet, sizeof packet, 0);
    const uint8_t *chunk = packet + PB_WIRE_HEADER_BYTES;
    const uint32_t offset = index * CHUNK, data = size - offset < CHUNK ? size - offset : CHUNK;
    CHECK(got == PB_WIRE_HEADER_BYTES + PB_WIRE_CHUNK_BYTES + (ssize_t)data + PB_WIRE_TAG_BYTES);
    CHECK(pb_wire_load_u32(packet) == PB_WIRE_MAGIC && packet[4] == 2 && packet[5] == PB_WIRE_TYPE_VIDEO);
    CHECK(packet[6] == 0 && packet[7] == 0);
    CHECK(pb_wire_header_counter(packet) == counter + index);
    CHECK(pb_wire_header_payload_size(packet) == PB_WIRE_CHUNK_BYTES + data);
    CHECK(pb_aead_open(key, counter + index, packet, PB_WIRE_HEADER_BYTES, chunk, PB_WIRE_CHUNK_BYTES + data + 16,
                       packet + PB_WIRE_HEADER_BYTES) == (int32_t)(PB_WIRE_CHUNK_BYTES + data));
    CHECK(pb_wire_chunk_frame_id(chunk) == id && pb_wire_chunk_total_size(chunk) == size);
    CHECK(pb_wire_chunk_offset(chunk) == offset && pb_wire_chunk_chunk_size(chunk) == data);
    const bool last = offset + data == size;
    CHECK(pb_wire_chunk_flags(chunk) == (0x20 | PB_WIRE_CHUNK_FLAG_KEYFRAME | (last ? PB_WIRE_CHUNK_FLAG_LAST : 0)));
    CHECK(pb_wire_chunk_timestamp_us(chunk) == 0x123456789abcu + id);
    CHECK(memcmp(chunk + PB_WIRE_CHUNK_BYTES, frame + offset, data) == 0);
}

/* Full packets that surely fit the socket's receive buffer, which an ordinary user is not granted in any size. */
static uint32_t room(int fd) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &size) == 0);
    return (uint32_t)bytes / 3072;
}

static void check_frame(int fd, uint32_t id, uint32_t size, uint64_t counter) {
    for (uint32_t i = 0; i < packets_of(size); i++) check_packet(fd, id, size, i, counter);
}

static int32_t send_frame(struct pb_udp *udp, uint16_t port, uint32_t id, uint32_t size, uint64_t counter, uint32_t spread_us) {
    struct pb_address to = loopback(port);
    return pb_udp_send_frame(udp, &to, key, counter, frame, size, id, 0x20 | PB_WIRE_CHUNK_FLAG_KEYFRAME, 0x123456789abcu + id,
                             spread_us);
}

static void sizes(struct pb_udp *udp, uint32_t spread_us) {
    static const uint32_t edges[] = {1, CHUNK - 1, CHUNK, CHUNK + 1, 32 * CHUNK, 32 * CHUNK + 1, 45 * CHUNK, 300001};
    uint16_t port;
    int fd = plain_socket(&port, BUFFER);
    uint64_t counter = ((uint64_t)1 << 32) - 50;
    for (uint32_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        if (packets_of(edges[i]) > room(fd)) continue;
        CHECK(send_frame(udp, port, i, edges[i], counter, spread_us) == (int32_t)packets_of(edges[i]));
        check_frame(fd, i, edges[i], counter);
        counter += packets_of(edges[i]);
    }
    close(fd);
}

/* Frames queue behind one another in order, however they are spread; the queue's memory is gone round many times. */
static void order(struct pb_udp *udp) {
    uint16_t port;
    int fd = plain_socket(&port, BUFFER);
    uint64_t counter = 0;
    const uint32_t largest = room(fd) / 12 < 150 ? room(fd) / 12 * CHUNK : 200000;
    for (uint32_t round = 0; round < 30; round++) {
        const uint64_t start = counter;
        for (uint32_t i = 0; i < 12; i++) {
            const uint32_t size = 1 + (round * 12 + i) * 977 % largest;
            CHECK(send_frame(udp, port, i, size, counter, i % 3 * 700) > 0);
            counter += packets_of(size);
        }
        counter = start;
        for (uint32_t i = 0; i < 12; i++) {
            const uint32_t size = 1 + (round * 12 + i) * 977 % largest;
            check_frame(fd, i, size, counter);
            counter += packets_of(size);
        }
    }
    close(fd);
}

/* A frame that takes a minute for one receiver does not hold up another receiver's. */
static void receivers_apart(struct pb_udp *udp) {
    uint16_t slow_port, quick_port;
    int slow = plain_socket(&slow_port, BUFFER), quick = plain_socket(&quick_port, BUFFER);
    CHECK(send_frame(udp, slow_port, 1, 100 * CHUNK, 0, 60 * 1000 * 1000) == 100);
    for (uint32_t id = 0; id < 200; id++) {
        CHECK(send_frame(udp, quick_port, id, 40 * CHUNK, 1000, 1000) == 40);
        check_frame(quick, id, 40 * CHUNK, 1000);
    }
    for (uint32_t i = 0; i < 32; i++) check_packet(slow, 1, 100 * CHUNK, i, 0);
    char one;
    CHECK(recv(slow, &one, 1, MSG_DONTWAIT) < 0); /* the rest waits */
    close(slow);
    close(quick);
}

static void full_queue(void) {
    struct pb_udp *udp = open_loop("127.0.0.1", 8);
    struct pb_udp_stats stats;
    uint16_t port;
    int fd = plain_socket(&port, BUFFER);
    CHECK(send_frame(udp, port, 1, BIG, 0, 60 * 1000 * 1000) == (int32_t)packets_of(BIG));
    CHECK(send_frame(udp, port, 2, BIG, 10000, 1000) == -1);
    CHECK(send_frame(udp, port, 3, 200 * CHUNK, 10000, 1000) == 200);
    pb_udp_stats(udp, &stats);
    CHECK(stats.dropped_send_full == 1 && stats.send_errors == 0 && stats.sent >= 32 && stats.sent < packets_of(BIG));
    pb_udp_close(udp); /* with a full queue */
    close(fd);
}

static void refused(void) {
    struct pb_udp *udp = open_loop("127.0.0.1", 8);
    struct pb_udp_stats stats;
    struct pb_address v6;
    CHECK(send_frame(udp, 9, 1, 0, 0, 0) == -1);
    CHECK(send_frame(udp, 9, 1, PB_MAX_FRAME_BYTES + 1, 0, 0) == -1);
    CHECK(pb_address_parse("::1", 9, &v6));
    CHECK(pb_udp_send_frame(udp, &v6, key, 0, frame, 1, 1, 0, 0, 0) == -1);
    pb_udp_stats(udp, &stats);
    CHECK(stats.send_errors == 3 && stats.sent == 0);
    pb_udp_close(udp);
}

/* A send buffer much smaller than the frame: the rest goes by the pacer, nothing is lost. */
static void small_send_buffer(void) {
    struct pb_udp *udp = open_loop("127.0.0.1", 8);
    const int small = 4096;
    uint16_t port;
    int fd = plain_socket(&port, BUFFER);
    CHECK(setsockopt(udp->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    const uint32_t count = room(fd) < 1000 ? room(fd) : 1000;
    CHECK(send_frame(udp, port, 7, count * CHUNK - 5, 3, 0) == (int32_t)count);
    check_frame(fd, 7, count * CHUNK - 5, 3);
    pb_udp_close(udp);
    close(fd);
}

/* 16 MiB is taken whole by an empty queue; the memory ends where such a frame ends. */
static void largest(void) {
    struct pb_udp *udp = open_loop("127.0.0.1", 8);
    struct pb_udp_stats stats;
    uint16_t port;
    int fd = plain_socket(&port, 4096);
    struct pb_address to = loopback(port);
    uint8_t *data = calloc(1, PB_MAX_FRAME_BYTES);
    CHECK(pb_udp_send_frame(udp, &to, key, 0, data, PB_MAX_FRAME_BYTES, 1, 0, 0, 0) == 12502);
    do pb_udp_stats(udp, &stats);
    while (stats.sent + stats.send_errors < 12502);
    CHECK(stats.send_errors == 0 && stats.sent_bytes == (uint64_t)PB_MAX_FRAME_BYTES + 12502 * 58);
    free(data);
    pb_udp_close(udp);
    close(fd);
}

int main(void) {
    sem_init(&woken, 0, 0);
    for (uint32_t i = 0; i < sizeof key; i++) key[i] = (uint8_t)(i * 7);
    for (uint32_t i = 0; i < BIG; i++) frame[i] = (uint8_t)(i * 2654435761u >> 13);
    for (int segmenting = 1; segmenting >= 0; segmenting--) {
        struct pb_udp *udp = open_loop("127.0.0.1", 8);
        if (!segmenting) atomic_store(&udp->sender.segmenting, false);
        sizes(udp, 0);
        sizes(udp, 3000);
        order(udp);
        receivers_apart(udp);
        pb_udp_close(udp);
    }
    full_queue();
    refused();
    small_send_buffer();
    largest();
    return 0;
}
