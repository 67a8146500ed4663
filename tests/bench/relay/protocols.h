/* How the load client speaks to each kind of server: how a connection is opened for its role, what stands before and behind a
 * message in either direction, and what else a server may say. Pure but for proto_open, which blocks. RFC 6455; RESP 2; the
 * NATS client protocol; `plain` is ceiling.c's own: four bytes of length, little end first. */
#ifndef PB_BENCH_PROTOCOLS_H
#define PB_BENCH_PROTOCOLS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { PROTO_TEXT = 512, PROTO_HEAD_MAX = 64, PROTO_BROKEN = UINT32_MAX };
enum proto_kind { PROTO_WS, PROTO_REDIS, PROTO_NATS, PROTO_PLAIN };

struct proto {
    enum proto_kind kind;
    uint32_t size;                                    /* of every message's payload */
    char in_head[PROTO_HEAD_MAX], out_head[PROTO_HEAD_MAX]; /* what stands before it: from the server, to the server */
    uint32_t in_head_size, out_head_size;
    const char *tail; /* behind it, both ways */
    uint32_t tail_size;
    uint8_t mask[4]; /* of what goes out; zeros where there is none */
};

static inline bool proto_set(struct proto *p, const char *name, uint32_t size) {
    static const char *const names[] = {"ws", "redis", "nats", "plain"};
    int kind = 0;
    while (kind < 4 && strcmp(name, names[kind]) != 0) kind++;
    if (kind == 4) return false;
    *p = (struct proto){.kind = (enum proto_kind)kind, .size = size, .tail = ""};
    int in = 0, out = 0;
    if (p->kind == PROTO_WS) {
        uint8_t *to = (uint8_t *)p->out_head;
        to[out++] = 0x82;
        if (size < 126) {
            to[out++] = (uint8_t)(0x80 | size);
        } else if (size < 65536) {
            to[out++] = 0x80 | 126;
            to[out++] = (uint8_t)(size >> 8);
            to[out++] = (uint8_t)size;
        } else {
            to[out++] = 0x80 | 127;
            for (int i = 7; i >= 0; i--) to[out++] = i < 4 ? (uint8_t)(size >> 8 * i) : 0;
        }
        /* The mask is fixed, so that masking costs the source little; it is not zero, which some servers skip. */
        memcpy(p->mask, "\x37\xfa\x21\x3d", 4);
        memcpy(p->in_head, p->out_head, (size_t)out);
        p->in_head[1] &= 0x7f;
        in = out;
        memcpy(to + out, p->mask, 4);
        out += 4;
    } else if (p->kind == PROTO_REDIS) {
        in = snprintf(p->in_head, PROTO_HEAD_MAX, "*3\r\n$7\r\nmessage\r\n$5\r\nbench\r\n$%u\r\n", size);
        out = snprintf(p->out_head, PROTO_HEAD_MAX, "*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n$%u\r\n", size);
        p->tail = "\r\n";
    } else if (p->kind == PROTO_NATS) {
        in = snprintf(p->in_head, PROTO_HEAD_MAX, "MSG bench 1 %u\r\n", size);
        out = snprintf(p->out_head, PROTO_HEAD_MAX, "PUB bench %u\r\n", size);
        p->tail = "\r\n";
    } else {
        in = out = 4;
        memcpy(p->in_head, &size, 4);
        memcpy(p->out_head, &size, 4);
    }
    p->in_head_size = (uint32_t)in;
    p->out_head_size = (uint32_t)out;
    p->tail_size = (uint32_t)strlen(p->tail);
    return true;
}

/* Looks at the first `have` bytes of what a server sent. Returns how many bytes it must see: with as many there, `*payload` is
 * the size of what follows (its tail included) and `*counts` whether it is a message of the bench. PROTO_BROKEN: neither. */
static inline uint32_t proto_head(const struct proto *p, const uint8_t *head, uint32_t have, uint64_t *payload, bool *counts) {
    *counts = true;
    *payload = p->size + p->tail_size;
    if (have == 0) return 1;
    if (head[0] == (uint8_t)p->in_head[0] && p->kind != PROTO_WS) {
        if (have < p->in_head_size) return p->in_head_size;
        return memcmp(head, p->in_head, p->in_head_size) == 0 ? p->in_head_size : PROTO_BROKEN;
    }
    *counts = false;
    *payload = 0;
    if (p->kind == PROTO_NATS) return head[0] == 'P' ? 6 : PROTO_BROKEN; /* PING and a line's end */
    if (p->kind != PROTO_WS) return PROTO_BROKEN;
    if (have < 2) return 2;
    const uint32_t length = head[1], whole = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (length > 127 || (head[0] & 0x70)) return PROTO_BROKEN;
    if (have < whole) return whole;
    *payload = length;
    if (length >= 126) {
        *payload = 0;
        for (uint32_t i = 2; i < whole; i++) *payload = *payload << 8 | head[i];
    }
    *counts = head[0] == 0x82 && *payload == p->size;
    return whole;
}

/* What is the same in all messages to a server, the payload as zeros. */
static inline void proto_frame(const struct proto *p, uint8_t *to) {
    memcpy(to, p->out_head, p->out_head_size);
    to += p->out_head_size;
    for (uint32_t at = 0; at < p->size; at++) to[at] = p->mask[at & 3];
    memcpy(to + p->size, p->tail, p->tail_size);
}

/* Writes into such a payload. */
static inline void proto_put(const struct proto *p, uint8_t *payload, uint32_t at, const void *value, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) payload[at + i] = ((const uint8_t *)value)[i] ^ p->mask[(at + i) & 3];
}

static inline bool proto_say(int fd, const char *text, const char *until) {
    char answer[8192];
    size_t have = 0;
    const size_t size = strlen(text), end = strlen(until);
    if (write(fd, text, size) != (ssize_t)size) return false;
    while (have < end || memcmp(answer + have - end, until, end) != 0)
        if (have == sizeof answer || read(fd, answer + have++, 1) != 1) return false;
    return true;
}

/* On a connected socket that blocks: takes the role, and returns when the server has said that it is so. */
static inline bool proto_open(const struct proto *p, int fd, const char *host, const char *path, bool receives) {
    char text[PROTO_TEXT];
    switch (p->kind) {
    case PROTO_REDIS: return proto_say(fd, receives ? "SUBSCRIBE bench\r\n" : "PING\r\n", receives ? ":1\r\n" : "+PONG\r\n");
    case PROTO_NATS:
        return proto_say(fd, "", "}") && proto_say(fd, "", "\r\n") &&
               proto_say(fd, receives ? "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB bench 1\r\nPING\r\n"
                                      : "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n",
                         "PONG\r\n");
    case PROTO_PLAIN: return proto_say(fd, receives ? "R" : "S", "K");
    default: break;
    }
    snprintf(text, sizeof text,
             "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
             path, host);
    return proto_say(fd, text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") && proto_say(fd, "", "\r\n\r\n");
}
#endif
