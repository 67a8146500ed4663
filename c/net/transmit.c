/* Handing packets to the kernel: several in one call by UDP_SEGMENT where kernel and path allow it, else by sendmmsg, and
 * single datagrams. Never waits: a full socket buffer is reported, any other refusal is counted and the packets are gone. */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "../gen/wire.h"
#include "net.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* Segments of one call: the kernel takes 64 and, all together, what an IP packet can hold. */
enum { SEGMENTS = 45 };

static void count_sent(struct pb_udp *udp, uint64_t packets, uint64_t bytes) {
    pb_count(&udp->sent, packets);
    pb_count(&udp->sent_bytes, bytes);
    pb_count(&udp->send_batches, 1);
}

static bool is_full(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

/* The kernel, the path's MTU or the network device does not take segments: EIO, EINVAL, EMSGSIZE, EOPNOTSUPP, ENOPROTOOPT. */
static bool refuses_segments(int error) {
    return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP || error == ENOPROTOOPT;
}

static int send_segments(struct pb_udp *udp, const struct pb_sockaddr *to, uint8_t *packets, size_t bytes) {
    union {
        char space[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec part = {packets, bytes};
    struct msghdr message = {.msg_name = (void *)(uintptr_t)&to->bytes, .msg_namelen = to->size, .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    const uint16_t segment = PB_WIRE_LIMIT_PACKET;
    head->cmsg_level = SOL_UDP;
    head->cmsg_type = UDP_SEGMENT;
    head->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(head), &segment, sizeof segment);
    return sendmsg(udp->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Returns how many the kernel took, or -1 with errno. */
static int send_each(struct pb_udp *udp, const struct pb_sockaddr *to, uint8_t *packets, uint32_t count, uint32_t last_bytes) {
    struct mmsghdr messages[PB_UDP_BATCH];
    struct iovec parts[PB_UDP_BATCH];
    memset(messages, 0, sizeof messages[0] * count);
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = (struct iovec){packets + (size_t)i * PB_WIRE_LIMIT_PACKET,
                                  i + 1 == count ? last_bytes : PB_WIRE_LIMIT_PACKET};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = (void *)(uintptr_t)&to->bytes, .msg_namelen = to->size, .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    return sendmmsg(udp->fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* One piece of at most SEGMENTS packets. Returns how many are dealt with. */
static uint32_t send_piece(struct pb_udp *udp, const struct pb_sockaddr *to, uint8_t *packets, uint32_t count,
                           uint32_t last_bytes) {
    const size_t all = (size_t)(count - 1) * PB_WIRE_LIMIT_PACKET + last_bytes;
    if (count > 1 && atomic_load_explicit(&udp->sender.segmenting, memory_order_relaxed)) {
        if (send_segments(udp, to, packets, all) == 0) {
            count_sent(udp, count, all);
            return count;
        }
        if (is_full(errno)) return 0;
        if (refuses_segments(errno)) atomic_store_explicit(&udp->sender.segmenting, false, memory_order_relaxed);
    }
    int sent = send_each(udp, to, packets, count, last_bytes);
    /* An ICMP answer to an earlier packet is reported once, by the next call, which then has sent nothing. */
    if (sent < 0 && (errno == ECONNREFUSED || errno == EINTR)) sent = send_each(udp, to, packets, count, last_bytes);
    if (sent > 0) {
        const uint32_t took = (uint32_t)sent;
        count_sent(udp, took, took == count ? all : (size_t)took * PB_WIRE_LIMIT_PACKET);
        return took;
    }
    if (is_full(errno)) return 0;
    pb_count(&udp->send_errors, count);
    return count;
}

uint32_t pb_transmit(struct pb_udp *udp, const struct pb_sockaddr *to, uint8_t *packets, uint32_t count, uint32_t last_bytes) {
    uint32_t done = 0;
    while (done < count) {
        const uint32_t left = count - done, piece = left < SEGMENTS ? left : SEGMENTS;
        const uint32_t took = send_piece(udp, to, packets + (size_t)done * PB_WIRE_LIMIT_PACKET, piece,
                                         piece == left ? last_bytes : PB_WIRE_LIMIT_PACKET);
        if (!took) break;
        done += took;
    }
    return done;
}

int32_t pb_udp_send(struct pb_udp *udp, const struct pb_address *to, const void *data, uint32_t size) {
    struct pb_sockaddr name;
    if (!pb_address_to_system(to, udp->family, &name)) goto refused;
    for (int attempt = 0; attempt < 2; attempt++) {
        if (sendto(udp->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&name.bytes, name.size) >= 0) {
            count_sent(udp, 1, size);
            return 0;
        }
        if (errno != ECONNREFUSED && errno != EINTR) break;
    }
refused:
    pb_count(&udp->send_errors, 1);
    return -1;
}
