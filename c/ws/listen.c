/* The listening socket: literal addresses of both families, a sentence for a person when it cannot be had, and who comes: a place
 * for each, or 503. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ws.h"

enum { BACKLOG = 1024, ACCEPTS = 64 };

union name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

/* Returns the size of the name, 0 for text that is no address. */
static socklen_t parse(const char *text, uint32_t port, union name *out) {
    char plain[64];
    memset(out, 0, sizeof *out);
    if (port > UINT16_MAX || strlen(text) >= sizeof plain) return 0;
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        return sizeof out->v4;
    }
    strcpy(plain, text);
    char *scope = strchr(plain, '%');
    if (scope) *scope++ = 0;
    if (inet_pton(AF_INET6, plain, &out->v6.sin6_addr) != 1) return 0;
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)port);
    if (!scope) return sizeof out->v6;
    out->v6.sin6_scope_id = if_nametoindex(scope);
    return out->v6.sin6_scope_id ? sizeof out->v6 : 0;
}

static void explain(int cause, const char *address, uint32_t port, char *error, uint32_t error_size) {
    if (cause == EADDRINUSE)
        pb_error(error, error_size, "TCP port %u is in use by another program on this machine", port);
    else if (cause == EACCES || cause == EPERM)
        pb_error(error, error_size, "this user may not listen on TCP port %u; ports from 1024 up are free for everyone", port);
    else if (cause == EADDRNOTAVAIL || cause == ENODEV)
        pb_error(error, error_size, "%s is not an address of this machine", address);
    else if (cause == EAFNOSUPPORT)
        pb_error(error, error_size, "this system has no IPv6: listen on an IPv4 address such as 0.0.0.0");
    else
        pb_error(error, error_size, "cannot listen on %s, TCP port %u: %s", address, port, strerror(cause));
}

bool ws_listen(struct pb_ws *s, const char *address, uint32_t port, char *error, uint32_t error_size) {
    union name name;
    const socklen_t size = parse(address, port, &name);
    if (!size) {
        pb_error(error, error_size, "\"%s\" port %u is not an IP address and port of this machine", address, port);
        return false;
    }
    s->listener = socket(name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1, off = 0;
    if (s->listener >= 0) {
        setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (name.any.sa_family == AF_INET6) setsockopt(s->listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (s->listener < 0 || bind(s->listener, &name.any, size) != 0 || listen(s->listener, BACKLOG) != 0) {
        explain(errno, address, port, error, error_size);
        return false;
    }
    socklen_t got = sizeof name;
    getsockname(s->listener, &name.any, &got);
    s->port = ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
    return true;
}

void ws_remote_text(const void *from, char out[48]) {
    const union name *name = from;
    if (name->any.sa_family == AF_INET) inet_ntop(AF_INET, &name->v4.sin_addr, out, 48);
    else if (IN6_IS_ADDR_V4MAPPED(&name->v6.sin6_addr)) inet_ntop(AF_INET, name->v6.sin6_addr.s6_addr + 12, out, 48);
    else inet_ntop(AF_INET6, &name->v6.sin6_addr, out, 48);
}

static void turn_away(struct pb_ws *s, int fd) {
    static const char answer[] =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 59\r\nconnection: close\r\n\r\n"
        "{ \"error\": \"503\", \"message\": \"no room for more connections\" }";
    (void)!send(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
    ws_lock(s);
    ws_count_refusal(s, 503);
    ws_unlock(s);
}

/* A slot for the socket, or NULL when there is none. With the lock held. */
static struct ws_conn *admit(struct pb_ws *s, int fd, const struct sockaddr_storage *from) {
    if (s->stopping || s->free_count == 0) return NULL;
    const uint32_t slot = s->free_slots[--s->free_count];
    struct ws_conn *c = &s->conns[slot];
    const uint64_t id = c->id == 0 ? (uint64_t)WS_MAX_CONNECTIONS | slot : c->id + WS_MAX_CONNECTIONS;
    memset(c, 0, sizeof *c);
    c->id = id;
    c->slot = slot;
    c->server = s;
    c->fd = fd;
    c->io = &s->io[s->io_next++ % s->settings.threads];
    c->phase = WS_HEAD;
    c->deadline_ms = ws_now_ms() + s->settings.head_timeout_ms;
    c->interest = EPOLLIN;
    if (slot >= s->high_slot) s->high_slot = slot + 1;
    ws_remote_text(from, c->remote);
    s->stats.connections++;
    s->stats.accepted++;
    /* The one that has taken longest over its request makes room. */
    if (s->pending >= s->settings.pending) {
        ws_count_refusal(s, 503);
        ws_conn_over(s->pending_oldest, 1006, false);
    }
    ws_conn_pend(c, true);
    return c;
}

static void take_one(struct pb_ws *s, int fd, const struct sockaddr_storage *from) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (s->settings.send_buffer_bytes > 1) {
        const int bytes = (int)s->settings.send_buffer_bytes;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    ws_lock(s);
    struct ws_conn *c = admit(s, fd, from);
    if (c) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = c->id};
        if (epoll_ctl(c->io->epoll, EPOLL_CTL_ADD, fd, &event) != 0) ws_conn_over(c, 1006, false);
    }
    ws_unlock(s);
    if (!c) turn_away(s, fd);
}

void ws_accept_some(struct pb_ws *s) {
    for (uint32_t i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        const int fd = accept4(s->listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_one(s, fd, &from);
        } else if ((errno == EMFILE || errno == ENFILE) && s->spare_fd >= 0) {
            /* Out of descriptors: the spare one serves to turn the caller away, who would else wait for ever. */
            close(s->spare_fd);
            const int refused = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (refused >= 0) turn_away(s, refused);
            s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}
