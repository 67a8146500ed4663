/* The listening socket: literal addresses of both families, and a sentence for a person when it cannot be had. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ws.h"

enum { BACKLOG = 1024 };

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
