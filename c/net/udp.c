/* The UDP socket as a whole: opening it with buffers large enough for video bursts, its statistics, its end.
 * It decides nothing about peers: every datagram comes up, every send goes out. */
#include <errno.h>
#include <linux/sock_diag.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../crypto/crypto.h"
#include "net.h"

/* Room for the bursts of several clients; much more would only hide a slow network. */
enum { SEND_BUFFER_BYTES = 1024 * 1024 };

bool pb_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(thread, NULL, run, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) pthread_setname_np(*thread, name);
    return started;
}

static void enlarge(int fd, int forced, int usual, uint32_t bytes) {
    const int wanted = bytes > INT32_MAX ? INT32_MAX : (int)bytes;
    /* The forced one needs CAP_NET_ADMIN; the usual one is cut to net.core.rmem_max without a word. */
    if (setsockopt(fd, SOL_SOCKET, forced, &wanted, sizeof wanted) == 0) return;
    setsockopt(fd, SOL_SOCKET, usual, &wanted, sizeof wanted);
}

static uint32_t granted_bytes(int fd) {
    int doubled = 0;
    socklen_t size = sizeof doubled;
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &doubled, &size);
    return (uint32_t)doubled / 2; /* the kernel reports twice what it was asked for, for its own book-keeping */
}

static uint32_t bound_port(int fd) {
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    struct pb_datagram address;
    if (getsockname(fd, (struct sockaddr *)&name, &size) != 0) return 0;
    pb_address_from_system(&name, &address);
    return address.port;
}

static void explain_bind(int cause, const char *address, uint32_t port, char *error, uint32_t error_size) {
    if (cause == EADDRINUSE)
        pb_error(error, error_size, "UDP port %u is in use by another program on this machine", port);
    else if (cause == EACCES || cause == EPERM)
        pb_error(error, error_size, "this user may not listen on UDP port %u; ports from 1024 up are free for everyone", port);
    else if (cause == EADDRNOTAVAIL || cause == ENODEV)
        pb_error(error, error_size, "%s is not an address of this machine", address);
    else
        pb_error(error, error_size, "cannot listen on %s, UDP port %u: %s", address, port, strerror(cause));
}

/* Opens and binds the socket. False: `error` says why. */
static bool listen_on(struct pb_udp *udp, const char *address, uint32_t port, char *error, uint32_t error_size) {
    struct pb_address parsed;
    struct pb_sockaddr name;
    if (port > UINT16_MAX || !pb_address_parse(address, port, &parsed)) {
        pb_error(error, error_size, "\"%s\" port %u is not an IP address and port of this machine", address, port);
        return false;
    }
    udp->family = parsed.family == 4 ? AF_INET : AF_INET6;
    udp->fd = socket(udp->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (udp->fd < 0) {
        if (errno == EAFNOSUPPORT)
            pb_error(error, error_size, "this system has no IPv6: listen on an IPv4 address such as 0.0.0.0");
        else
            pb_error(error, error_size, "cannot open a UDP socket: %s", strerror(errno));
        return false;
    }
    const int off = 0;
    if (udp->family == AF_INET6) setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    pb_address_to_system(&parsed, udp->family, &name);
    if (bind(udp->fd, (struct sockaddr *)&name.bytes, name.size) == 0) return true;
    explain_bind(errno, address, port, error, error_size);
    return false;
}

struct pb_udp *pb_udp_open(const char *address, uint32_t port, uint32_t buffer_bytes, uint32_t slots, pb_wake_fn wake,
                           char *error, uint32_t error_size) {
    if (!slots || slots > PB_UDP_MAX_SLOTS) {
        pb_error(error, error_size, "a datagram ring has 1 to %u slots, not %u", PB_UDP_MAX_SLOTS, slots);
        return NULL;
    }
    struct pb_udp *udp = aligned_alloc(64, sizeof *udp);
    if (!udp) {
        pb_error(error, error_size, "out of memory");
        return NULL;
    }
    memset(udp, 0, sizeof *udp);
    udp->fd = udp->stop_fd = -1;
    udp->slots = slots;
    udp->waker.fn = wake;
    if (!pb_sender_start(udp) || !pb_crypto_ready()) {
        pb_error(error, error_size, "cannot start a thread to send with: %s", strerror(errno));
        goto fail;
    }
    if (!listen_on(udp, address, port, error, error_size)) goto fail;
    enlarge(udp->fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer_bytes);
    enlarge(udp->fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_BYTES);
    udp->port = bound_port(udp->fd);
    udp->buffer_bytes = granted_bytes(udp->fd);
    pb_crypto_random(udp->hash_key, sizeof udp->hash_key);
    udp->ring = mmap(NULL, (size_t)slots * PB_UDP_SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (udp->ring == MAP_FAILED) udp->ring = NULL;
    udp->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (!udp->ring || udp->stop_fd < 0 || !pb_receiver_start(udp)) {
        pb_error(error, error_size, "cannot start a thread to receive with: %s", strerror(errno));
        goto fail;
    }
    return udp;
fail:
    pb_udp_close(udp);
    return NULL;
}

uint32_t pb_udp_port(struct pb_udp *udp) { return udp->port; }

uint32_t pb_udp_buffer_bytes(struct pb_udp *udp) { return udp->buffer_bytes; }

int32_t pb_udp_address(struct pb_udp *udp, const char *host, uint32_t port, struct pb_datagram *out) {
    struct pb_address parsed;
    struct pb_sockaddr name;
    if (!pb_address_parse(host, port, &parsed)) return -1;
    if (!pb_address_to_system(&parsed, udp->family, &name)) return -2;
    pb_address_from_system(&name.bytes, out);
    out->address_key = pb_address_key(udp->hash_key, out);
    return 0;
}

/* Datagrams that found the socket's buffer full. Asked for, not told with each datagram (SO_RXQ_OVFL), so that the number is
 * right even when no datagram follows the lost ones. */
static uint64_t dropped_by_kernel(int fd) {
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof info;
    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

void pb_udp_stats(struct pb_udp *udp, struct pb_udp_stats *out) {
    *out = (struct pb_udp_stats){
        .received = atomic_load_explicit(&udp->received, memory_order_relaxed),
        .received_bytes = atomic_load_explicit(&udp->received_bytes, memory_order_relaxed),
        .sent = atomic_load_explicit(&udp->sent, memory_order_relaxed),
        .sent_bytes = atomic_load_explicit(&udp->sent_bytes, memory_order_relaxed),
        .dropped_ring_full = atomic_load_explicit(&udp->dropped_ring_full, memory_order_relaxed),
        .dropped_kernel = dropped_by_kernel(udp->fd),
        .dropped_send_full = atomic_load_explicit(&udp->dropped_send_full, memory_order_relaxed),
        .send_errors = atomic_load_explicit(&udp->send_errors, memory_order_relaxed),
        .send_batches = atomic_load_explicit(&udp->send_batches, memory_order_relaxed),
    };
}

void pb_udp_close(struct pb_udp *udp) {
    if (!udp) return;
    pb_sender_stop(udp);
    pb_receiver_stop(udp);
    if (udp->stop_fd >= 0) close(udp->stop_fd);
    if (udp->fd >= 0) close(udp->fd);
    if (udp->ring) munmap(udp->ring, (size_t)udp->slots * PB_UDP_SLOT_BYTES);
    free(udp);
}
