/* The UDP socket's parts as they see each other; TypeScript sees only gen/abi.h.
 * Threads: the owner (the one thread that calls pb_udp_*), the receiver (receive.c), the pacer (send.c).
 * Nothing here is encrypted or checked on the way in; frames are sealed on the way out. */
#ifndef PB_NET_H
#define PB_NET_H
#include <netinet/in.h>
#include <pthread.h>

#include "../gen/abi.h"

enum {
    PB_UDP_SLOT_BYTES = 2048,
    PB_UDP_SLOT_DATA = PB_UDP_SLOT_BYTES - (int)sizeof(struct pb_datagram),
    PB_UDP_MAX_SLOTS = 65536,
    PB_UDP_BATCH = 64,
    /* Frames in the send queue; each client has one or two there. */
    PB_SEND_JOBS = 256
};

struct pb_sockaddr {
    struct sockaddr_storage bytes;
    socklen_t size;
};

/* One frame's packets in the send queue. */
struct pb_send_job {
    struct pb_address to;
    struct pb_sockaddr name;
    uint64_t first; /* position in the queue's memory, counting up */
    uint32_t count; /* packets */
    uint32_t sent;
    uint32_t last_bytes; /* size of the last packet; the others are full */
    uint32_t burst;      /* packets a burst */
    uint32_t interval_us;
    uint64_t next_us; /* when the next burst is due */
};

struct pb_sender {
    pthread_t thread;
    bool running;
    uint8_t *memory; /* full packets side by side */
    pthread_mutex_t lock; /* for all that follows */
    pthread_cond_t changed;
    struct pb_send_job jobs[PB_SEND_JOBS]; /* a ring, oldest first; a job done out of turn stays until it is the oldest */
    uint32_t first_job, job_count;
    uint64_t head, tail; /* memory in use, in packets */
    uint32_t waiting;    /* packets not yet sent, those of a frame being sealed included */
    bool stopping;
    atomic_bool segmenting; /* the kernel takes several packets in one call (UDP_SEGMENT) */
};

struct pb_udp {
    int fd, stop_fd;
    int family; /* AF_INET, or AF_INET6 for both families */
    uint32_t port, buffer_bytes;
    uint8_t hash_key[16];
    struct pb_waker waker;
    pthread_t receiver;
    bool receiving;

    uint8_t *ring;
    uint32_t slots;
    /* Slots ever filled (receiver) and given back (owner); each on its own cache line. */
    _Alignas(64) atomic_uint_least64_t filled;
    _Alignas(64) atomic_uint_least64_t released;

    _Alignas(64) atomic_uint_least64_t received, received_bytes, dropped_ring_full;
    _Alignas(64) atomic_uint_least64_t sent, sent_bytes, dropped_send_full, send_errors, send_batches;
    struct pb_sender sender;
};

/* Statistics carry no other data, so no order is needed. */
static inline void pb_count(atomic_uint_least64_t *counter, uint64_t more) {
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* address.c: false for text that is no address, or one that this socket's family cannot reach. */
bool pb_address_parse(const char *text, uint32_t port, struct pb_address *out);
bool pb_address_to_system(const struct pb_address *address, int family, struct pb_sockaddr *out);
void pb_address_from_system(const struct sockaddr_storage *from, struct pb_datagram *out);
double pb_address_key(const uint8_t hash_key[16], const struct pb_datagram *address);

/* receive.c */
bool pb_receiver_start(struct pb_udp *udp);
void pb_receiver_stop(struct pb_udp *udp);

/* send.c: starts and stops the pacer; stopping throws away what is still queued. */
bool pb_sender_start(struct pb_udp *udp);
void pb_sender_stop(struct pb_udp *udp);

/* transmit.c: sends packets that lie side by side, all but the last full. Returns how many are dealt with (sent, or refused
 * for good and counted); fewer than `count` means that the socket's buffer is full. */
uint32_t pb_transmit(struct pb_udp *udp, const struct pb_sockaddr *to, uint8_t *packets, uint32_t count, uint32_t last_bytes);

/* For the threads of this module: a name for debuggers, no signals. Returns false when the thread cannot be started. */
bool pb_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);

#endif
