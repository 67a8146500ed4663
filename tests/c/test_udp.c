/* sources: c/net/ c/crypto/ libs: -lsodium */
/* The receiving side: order and contents under load with two threads, a full ring, cut datagrams, addresses of both families,
 * ICMP errors, and sockets that cannot be opened. Loss is ruled out by a window, not by luck. */
#include "loop.h"

/* The window fits the receive buffer that an ordinary user is granted. */
enum { LOAD = 40000, WINDOW = 128, SMALL_RING = 8 };

static atomic_uint taken; /* by the owner, so that the sender never gets further ahead than the kernel's buffer holds */

static void *send_load(void *argument) {
    uint16_t own;
    uint32_t port = *(uint32_t *)argument;
    int fd = plain_socket(&own, 4096);
    uint32_t words[300];
    for (uint32_t i = 0; i < LOAD; i++) {
        while (i - atomic_load_explicit(&taken, memory_order_acquire) >= WINDOW) sched_yield();
        uint32_t count = 1 + i % 300;
        for (uint32_t k = 0; k < count; k++) words[k] = i + k;
        send_plain(fd, port, words, count * 4);
    }
    close(fd);
    return NULL;
}

static void check_loaded(const struct pb_datagram *d, uint32_t number) {
    const uint32_t *words = (const uint32_t *)(const void *)(d + 1);
    CHECK(d->size == (1 + number % 300) * 4 && d->flags == 0 && d->family == 4);
    for (uint32_t k = 0; k < d->size / 4; k++) CHECK(words[k] == number + k);
}

/* 100 slots, no power of two, gone round hundreds of times. */
static void load(void) {
    struct pb_udp *udp = open_loop("127.0.0.1", 1000);
    uint32_t port = pb_udp_port(udp), next = 0, first;
    pthread_t sender;
    uint64_t before_us = pb_monotonic_us();
    CHECK(pthread_create(&sender, NULL, send_load, &port) == 0);
    while (next < LOAD) {
        wait_for_wake();
        pb_udp_rearm(udp);
        uint32_t count = pb_udp_ready(udp, &first);
        for (uint32_t i = 0; i < count; i++, next++) {
            const struct pb_datagram *d = slot(udp, (first + i) % 1000);
            check_loaded(d, next);
            CHECK(d->received_us >= before_us && d->received_us <= pb_monotonic_us());
            if (next % 7 == 0) { /* give back in uneven parts */
                pb_udp_release(udp, i + 1);
                count -= i + 1;
                first = (first + i + 1) % 1000;
                i = UINT32_MAX;
            }
            atomic_store_explicit(&taken, next + 1, memory_order_release);
        }
        pb_udp_release(udp, count);
    }
    pthread_join(sender, NULL);
    struct pb_udp_stats stats;
    pb_udp_stats(udp, &stats);
    CHECK(stats.received == LOAD && stats.dropped_ring_full == 0 && stats.dropped_kernel == 0);
    pb_udp_close(udp);
}

static void full_ring(void) {
    struct pb_udp *udp = open_loop("127.0.0.1", SMALL_RING);
    struct pb_udp_stats stats;
    uint16_t own;
    int fd = plain_socket(&own, 4096);
    uint32_t first;
    for (uint32_t i = 0; i < 100; i++) send_plain(fd, pb_udp_port(udp), &i, sizeof i);
    do pb_udp_stats(udp, &stats);
    while (stats.received + stats.dropped_ring_full < 100);
    CHECK(stats.received == SMALL_RING && stats.dropped_ring_full == 100 - SMALL_RING);
    CHECK(pb_udp_ready(udp, &first) == SMALL_RING && first == 0);
    for (uint32_t i = 0; i < SMALL_RING; i++) CHECK(*(const uint32_t *)(const void *)(slot(udp, i) + 1) == i);
    pb_udp_release(udp, 3);
    for (uint32_t i = 200; i < 203; i++) send_plain(fd, pb_udp_port(udp), &i, sizeof i);
    while (pb_udp_ready(udp, &first) < SMALL_RING) sched_yield();
    CHECK(first == 3);
    for (uint32_t i = 0; i < 3; i++) CHECK(*(const uint32_t *)(const void *)(slot(udp, i) + 1) == 200 + i);
    pb_udp_release(udp, 1000000); /* more than there is */
    CHECK(pb_udp_ready(udp, &first) == 0 && first == 3);
    close(fd);
    pb_udp_close(udp);
}

static const struct pb_datagram *next_datagram(struct pb_udp *udp) {
    uint32_t first;
    while (!pb_udp_ready(udp, &first)) sched_yield();
    pb_udp_release(udp, 1); /* it stays in place: nothing else is sent meanwhile */
    return slot(udp, first);
}

static void sizes(void) {
    static const uint8_t long_one[PB_UDP_SLOT_DATA + 100];
    struct pb_udp *udp = open_loop("127.0.0.1", SMALL_RING);
    struct pb_address to = loopback(pb_udp_port(udp));
    CHECK(pb_udp_send(udp, &to, long_one, sizeof long_one) == 0);
    const struct pb_datagram *d = next_datagram(udp);
    CHECK(d->size == PB_UDP_SLOT_DATA && d->flags == PB_DATAGRAM_FLAG_CUT);
    CHECK(pb_udp_send(udp, &to, long_one, PB_UDP_SLOT_DATA) == 0);
    d = next_datagram(udp);
    CHECK(d->size == PB_UDP_SLOT_DATA && d->flags == 0);
    CHECK(pb_udp_send(udp, &to, long_one, 0) == 0);
    d = next_datagram(udp);
    CHECK(d->size == 0 && d->flags == 0);
    CHECK(pb_udp_send(udp, &to, long_one, 70000) == -1);
    pb_udp_close(udp);
}

static void keys_and_families(void) {
    char error[256] = "";
    struct pb_udp *udp = pb_udp_open("::", 0, 65536, SMALL_RING, wake, error, sizeof error);
    if (!udp) {
        CHECK(strstr(error, "this system has no IPv6"));
        return;
    }
    struct pb_datagram v4 = {0}, v6 = {0}, other = {0};
    struct pb_address to;
    const double two48 = 281474976710656.0, two52 = 4503599627370496.0;
    const uint32_t port = pb_udp_port(udp);
    CHECK(pb_udp_address(udp, "127.0.0.1", port, &v4) == 0 && v4.family == 4);
    CHECK(v4.address_key == 2130706433.0 * 65536 + port && v4.address_key < two48);
    CHECK(pb_udp_address(udp, "::ffff:127.0.0.1", port, &other) == 0 && other.address_key == v4.address_key);
    CHECK(pb_udp_address(udp, "::1", port, &v6) == 0 && v6.family == 6);
    CHECK(v6.address_key >= two52 && v6.address_key < 2 * two52);
    CHECK(pb_udp_address(udp, "::2", port, &other) == 0 && other.address_key != v6.address_key);
    CHECK(pb_udp_address(udp, "::1", port + 1, &other) == 0 && other.address_key != v6.address_key);
    CHECK(pb_udp_address(udp, "localhost", port, &other) == -1);
    CHECK(pb_udp_address(udp, "127.0.0.1", 65536, &other) == -1);
    CHECK(pb_udp_address(udp, "fe80::1%no-such-interface", port, &other) == -1);

    memcpy(&to, &v4, sizeof to);
    CHECK(pb_udp_send(udp, &to, "4", 1) == 0);
    const struct pb_datagram *d = next_datagram(udp);
    CHECK(d->address_key == v4.address_key && memcmp(d, &v4, sizeof to) == 0);
    memcpy(&to, &v6, sizeof to);
    /* Some machines know IPv6 but have no IPv6 loopback. */
    struct pb_udp *loopback6 = pb_udp_open("::1", 0, 65536, SMALL_RING, wake, NULL, 0);
    if (loopback6) {
        CHECK(pb_udp_send(udp, &to, "6", 1) == 0);
        d = next_datagram(udp);
        CHECK(d->address_key == v6.address_key && memcmp(d, &v6, sizeof to) == 0);
    }
    pb_udp_close(loopback6);
    pb_udp_close(udp);

    udp = open_loop("127.0.0.1", SMALL_RING);
    CHECK(pb_udp_address(udp, "::1", port, &other) == -2);
    CHECK(pb_udp_send(udp, &to, "6", 1) == -1);
    pb_udp_close(udp);
}

/* Nobody listens there any more: the answer is an ICMP error, and the socket goes on. */
static void dead_receiver(void) {
    struct pb_udp *udp = open_loop("127.0.0.1", SMALL_RING);
    uint16_t port;
    int fd = plain_socket(&port, 4096);
    close(fd);
    struct pb_address nobody = loopback(port), self = loopback(pb_udp_port(udp));
    for (int i = 0; i < 50; i++) pb_udp_send(udp, &nobody, "x", 1);
    CHECK(pb_udp_send(udp, &self, "y", 1) == 0);
    const struct pb_datagram *d = next_datagram(udp);
    CHECK(d->size == 1 && *(const char *)(d + 1) == 'y');
    pb_udp_close(udp);
}

static void not_opened(void) {
    char error[256] = "";
    struct pb_udp *udp = open_loop("127.0.0.1", SMALL_RING);
    CHECK(!pb_udp_open("127.0.0.1", pb_udp_port(udp), 65536, 8, wake, error, sizeof error));
    CHECK(strstr(error, "in use by another program"));
    CHECK(!pb_udp_open("192.0.2.1", 0, 65536, 8, wake, error, sizeof error) && strstr(error, "not an address of this machine"));
    CHECK(!pb_udp_open("example", 0, 65536, 8, wake, error, sizeof error) && strstr(error, "example"));
    CHECK(!pb_udp_open("127.0.0.1", 65536, 65536, 8, wake, error, sizeof error));
    CHECK(!pb_udp_open("127.0.0.1", 0, 65536, 0, wake, error, sizeof error) && strstr(error, "slots"));
    pb_udp_close(udp);
    pb_udp_close(NULL);
}

int main(void) {
    sem_init(&woken, 0, 0);
    load();
    full_ring();
    sizes();
    keys_and_families();
    dead_receiver();
    not_opened();
    return 0;
}
