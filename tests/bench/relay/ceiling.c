/* sources: libs: */
/* What one thread can do: bytes of one source for N receivers, with epoll and writev, and nothing else. No frames, no checks,
 * no late joiners. Bytes lie in one ring and go to each receiver from there; a receiver a whole ring behind is cut off.
 * usage: ceiling    prints its port on 127.0.0.1; a connection says R (receives) or S (sends), and is answered K. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { RING = 1 << 23, READ_BYTES = 1 << 18, MOST = 4096 };

static uint8_t *ring;
static uint64_t written;         /* bytes that ever came */
static uint64_t reached[MOST];   /* by descriptor: bytes that left */
static bool receives[MOST], blocked[MOST];
static int fds[MOST];
static uint32_t count;
static int epoll;

static void interest(int fd, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll, how, fd, &event) != 0) perror("ceiling: epoll"), exit(1);
}

static void cut(int fd) {
    for (uint32_t i = 0; i < count; i++)
        if (fds[i] == fd) fds[i--] = fds[--count];
    receives[fd] = blocked[fd] = false;
    close(fd);
}

/* False when the receiver was cut off. */
static bool push(int fd) {
    while (reached[fd] < written) {
        const uint64_t from = reached[fd] & (RING - 1), waiting = written - reached[fd];
        const uint64_t first = waiting < RING - from ? waiting : RING - from;
        const struct iovec parts[2] = {{ring + from, first}, {ring, waiting - first}};
        const ssize_t sent = writev(fd, parts, first < waiting ? 2 : 1);
        if (sent < 0 && errno == EINTR) continue;
        if ((sent < 0 && errno != EAGAIN) || waiting > RING - READ_BYTES) {
            cut(fd);
            return false;
        }
        if (sent > 0) reached[fd] += (uint64_t)sent;
        if (sent < 0 || (uint64_t)sent < waiting) {
            if (!blocked[fd]) interest(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            blocked[fd] = true;
            return true;
        }
    }
    if (blocked[fd]) interest(fd, EPOLLIN, EPOLL_CTL_MOD);
    blocked[fd] = false;
    return true;
}

static void fan_out(int source) {
    const uint64_t at = written & (RING - 1), room = RING - at;
    const ssize_t got = recv(source, ring + at, room < READ_BYTES ? room : READ_BYTES, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) cut(source);
        return;
    }
    written += (uint64_t)got;
    for (uint32_t i = 0; i < count;) {
        const int fd = fds[i];
        const bool far = written - reached[fd] > RING - READ_BYTES;
        if ((blocked[fd] && !far) || push(fd)) i++;
    }
}

static void welcome(int listener) {
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
    char role = 0;
    if (fd < 0) return;
    if (fd >= MOST || count == MOST || read(fd, &role, 1) != 1 || write(fd, "K", 1) != 1) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    receives[fd] = role == 'R';
    reached[fd] = written;
    if (receives[fd]) fds[count++] = fd;
    interest(fd, EPOLLIN, EPOLL_CTL_ADD);
}

int main(void) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    ring = malloc(RING);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!ring || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1024) != 0) {
        perror("ceiling");
        return 1;
    }
    getsockname(listener, (struct sockaddr *)&at, &size);
    interest(listener, EPOLLIN, EPOLL_CTL_ADD);
    printf("%u\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        const int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            const int fd = events[i].data.fd;
            if (fd == listener) welcome(fd);
            else if (!receives[fd]) fan_out(fd);
            else if (events[i].events & (EPOLLERR | EPOLLHUP | EPOLLIN)) cut(fd);
            else if (blocked[fd]) push(fd);
        }
    }
}
