/* What the tests of the WebSocket server share: opening one, and a client that speaks the protocol by hand. */
#ifndef PB_TEST_WS_CLIENT_H
#define PB_TEST_WS_CLIENT_H
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../c/ws/ws.h"
#include "check.h"

enum { EVENTS = 64, MAX_MESSAGE = 100000 };

static inline void wake(void) {}

static inline struct pb_ws *open_server(struct pb_ws_settings settings) {
    char error[256] = "";
    struct pb_ws *s = pb_ws_open("127.0.0.1", 0, &settings, wake, error, sizeof error);
    if (!s) fprintf(stderr, "%s\n", error);
    CHECK(s && pb_ws_port(s));
    return s;
}

/* ---- a client ---- */

static inline int dial(struct pb_ws *s) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)pb_ws_port(s)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval patience = {.tv_sec = 20};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static inline void put(int fd, const void *data, size_t size) {
    for (size_t at = 0; at < size;) {
        const ssize_t sent = send(fd, (const uint8_t *)data + at, size - at, MSG_NOSIGNAL);
        if (sent < 0) return; /* the server may have hung up by now; the test sees what it said */
        at += (size_t)sent;
    }
}

static inline void ask(int fd, const char *path) {
    char text[512];
    const int size = snprintf(text, sizeof text,
                              "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                              path);
    put(fd, text, (size_t)size);
}

static inline bool get(int fd, void *data, size_t size) {
    for (size_t at = 0; at < size;) {
        const ssize_t got = recv(fd, (uint8_t *)data + at, size - at, 0);
        if (got <= 0) return false;
        at += (size_t)got;
    }
    return true;
}

static inline void skip_head(int fd) {
    uint32_t last = 0;
    uint8_t byte;
    while (last != 0x0d0a0d0a) {
        CHECK(get(fd, &byte, 1));
        last = last << 8 | byte;
    }
}

/* Opcode of the next frame, or -1 at the end; its payload in `out`. */
static inline int next_frame(int fd, uint8_t *out, uint64_t *size) {
    uint8_t head[8];
    if (!get(fd, head, 2)) return -1;
    CHECK((head[0] & 0xf0) == 0x80 && !(head[1] & 0x80));
    const int opcode = head[0] & 0x0f;
    *size = head[1];
    if (*size >= 126) {
        const uint32_t more = *size == 126 ? 2 : 8;
        CHECK(get(fd, head, more));
        *size = 0;
        for (uint32_t i = 0; i < more; i++) *size = *size << 8 | head[i];
    }
    CHECK(*size <= 1 << 20 && get(fd, out, *size));
    return opcode;
}

static inline size_t frame(uint8_t *to, uint8_t first, const uint8_t *data, size_t size) {
    static const uint8_t mask[4] = {0x9a, 0x01, 0x7f, 0xc3};
    size_t at = 0;
    to[at++] = first;
    if (size < 126) {
        to[at++] = (uint8_t)(0x80 | size);
    } else if (size < 65536) {
        to[at++] = 0xfe;
        to[at++] = (uint8_t)(size >> 8);
        to[at++] = (uint8_t)size;
    } else {
        to[at++] = 0xff;
        for (int i = 7; i >= 0; i--) to[at++] = (uint8_t)((uint64_t)size >> 8 * i);
    }
    memcpy(to + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < size; i++) to[at + i] = data[i] ^ mask[i & 3];
    return at + size;
}

static inline bool readable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

#endif
