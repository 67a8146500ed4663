/* For the socket tests: a UDP socket on loopback with a waker that a test can wait for, and plain sockets as its peers. */
#ifndef PB_TESTS_LOOP_H
#define PB_TESTS_LOOP_H
#include <arpa/inet.h>
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../c/net/net.h"
#include "check.h"

static sem_t woken;

__attribute__((unused)) static void wake(void) { sem_post(&woken); }

__attribute__((unused)) static struct pb_udp *open_loop(const char *address, uint32_t slots) {
    char error[256] = "";
    struct pb_udp *udp = pb_udp_open(address, 0, 8 * 1024 * 1024, slots, wake, error, sizeof error);
    if (!udp) fprintf(stderr, "%s\n", error);
    CHECK(udp && pb_udp_port(udp));
    return udp;
}

__attribute__((unused)) static void wait_for_wake(void) {
    while (sem_wait(&woken) != 0) CHECK(errno == EINTR);
}

__attribute__((unused)) static const struct pb_datagram *slot(struct pb_udp *udp, uint32_t index) {
    return (const struct pb_datagram *)(const void *)((uint8_t *)pb_udp_ring(udp) + (size_t)index * PB_UDP_SLOT_BYTES);
}

/* A plain IPv4 socket on loopback; its port comes back in `port`. Receiving waits for at most 10 s. */
__attribute__((unused)) static int plain_socket(uint16_t *port, int receive_buffer) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof name;
    struct timeval patience = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&name, &size) == 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    *port = ntohs(name.sin_port);
    return fd;
}

__attribute__((unused)) static struct pb_address loopback(uint32_t port) {
    struct pb_address to;
    CHECK(pb_address_parse("127.0.0.1", port, &to));
    return to;
}

__attribute__((unused)) static void send_plain(int fd, uint32_t port, const void *data, size_t size) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    CHECK(sendto(fd, data, size, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)size);
}

#endif
