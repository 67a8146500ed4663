/* The receiver: one thread that moves datagrams from the kernel straight into the ring's slots and rings the waker once a
 * batch. It looks into no datagram. When the owner is slow and the ring is full, what arrives is read, dropped and counted:
 * the newest goes, because what lies in the ring is older and complete. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

enum { ERROR_PAUSE_MS = 10 };

struct batch {
    struct mmsghdr messages[PB_UDP_BATCH];
    struct iovec parts[PB_UDP_BATCH];
    struct sockaddr_storage names[PB_UDP_BATCH];
    uint8_t rest[64]; /* where datagrams go that have no slot */
};

static uint8_t *slot_at(const struct pb_udp *udp, uint64_t number) {
    return udp->ring + (size_t)(number % udp->slots) * PB_UDP_SLOT_BYTES;
}

static int read_batch(struct pb_udp *udp, struct batch *b, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        b->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &b->names[i], .msg_namelen = sizeof b->names[i], .msg_iov = &b->parts[i], .msg_iovlen = 1};
    return recvmmsg(udp->fd, b->messages, count, MSG_DONTWAIT, NULL);
}

/* Reads up to one batch into free slots. Returns how many datagrams, or -1 with errno. */
static int fill_slots(struct pb_udp *udp, struct batch *b, uint64_t filled, uint64_t free_slots) {
    unsigned count = free_slots < PB_UDP_BATCH ? (unsigned)free_slots : PB_UDP_BATCH;
    for (unsigned i = 0; i < count; i++)
        b->parts[i] = (struct iovec){slot_at(udp, filled + i) + sizeof(struct pb_datagram), PB_UDP_SLOT_DATA};
    int got = read_batch(udp, b, count);
    if (got <= 0) return got;
    uint64_t now_us = pb_monotonic_us(), bytes = 0;
    for (unsigned i = 0; i < (unsigned)got; i++) {
        struct pb_datagram *head = (struct pb_datagram *)(void *)slot_at(udp, filled + i);
        pb_address_from_system(&b->names[i], head);
        head->received_us = now_us;
        head->address_key = pb_address_key(udp->hash_key, head);
        head->size = b->messages[i].msg_len;
        head->flags = b->messages[i].msg_hdr.msg_flags & MSG_TRUNC ? PB_DATAGRAM_FLAG_CUT : 0;
        bytes += head->size;
    }
    /* release, paired with the acquire in pb_udp_ready: the slots are complete before they are counted. */
    atomic_store_explicit(&udp->filled, filled + (uint64_t)got, memory_order_release);
    pb_count(&udp->received, (uint64_t)got);
    pb_count(&udp->received_bytes, bytes);
    pb_waker_ring(&udp->waker);
    return got;
}

static int drop_batch(struct pb_udp *udp, struct batch *b) {
    for (unsigned i = 0; i < PB_UDP_BATCH; i++) b->parts[i] = (struct iovec){b->rest, sizeof b->rest};
    int got = read_batch(udp, b, PB_UDP_BATCH);
    if (got > 0) pb_count(&udp->dropped_ring_full, (uint64_t)got);
    return got;
}

static void *receive(void *argument) {
    struct pb_udp *udp = argument;
    struct batch b;
    struct pollfd fds[2] = {{.fd = udp->fd, .events = POLLIN}, {.fd = udp->stop_fd, .events = POLLIN}};
    int errors = 0;
    memset(&b, 0, sizeof b);
    for (;;) {
        if (poll(fds, 2, -1) < 0) continue;
        if (fds[1].revents) return NULL;
        /* Only this thread writes `filled`. acquire, paired with the release in pb_udp_release: the owner is done reading. */
        uint64_t filled = atomic_load_explicit(&udp->filled, memory_order_relaxed);
        uint64_t used = filled - atomic_load_explicit(&udp->released, memory_order_acquire);
        int got = used < udp->slots ? fill_slots(udp, &b, filled, udp->slots - used) : drop_batch(udp, &b);
        if (got >= 0 || errno == EAGAIN || errno == EINTR) {
            errors = 0;
            continue;
        }
        /* An ICMP answer to something sent, or a network that went away: the socket lives on. An error that stays must not
         * occupy a processor. */
        if (++errors > 16) poll(&fds[1], 1, ERROR_PAUSE_MS);
    }
}

bool pb_receiver_start(struct pb_udp *udp) {
    udp->receiving = pb_thread_start(&udp->receiver, "udp receive", receive, udp);
    return udp->receiving;
}

void pb_receiver_stop(struct pb_udp *udp) {
    if (!udp->receiving) return;
    uint64_t one = 1;
    while (write(udp->stop_fd, &one, sizeof one) < 0 && errno == EINTR) continue;
    pthread_join(udp->receiver, NULL);
    udp->receiving = false;
}

void *pb_udp_ring(struct pb_udp *udp) { return udp->ring; }

void pb_udp_rearm(struct pb_udp *udp) { pb_waker_arm(&udp->waker); }

uint32_t pb_udp_ready(struct pb_udp *udp, uint32_t *first) {
    uint64_t released = atomic_load_explicit(&udp->released, memory_order_relaxed);
    *first = (uint32_t)(released % udp->slots);
    return (uint32_t)(atomic_load_explicit(&udp->filled, memory_order_acquire) - released);
}

void pb_udp_release(struct pb_udp *udp, uint32_t count) {
    uint64_t released = atomic_load_explicit(&udp->released, memory_order_relaxed);
    uint64_t ready = atomic_load_explicit(&udp->filled, memory_order_relaxed) - released;
    atomic_store_explicit(&udp->released, released + (count < ready ? count : ready), memory_order_release);
}
